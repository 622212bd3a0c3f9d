"""Saved spectra: read back by this package, by HyperSpy and by pandas."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.exchange.spectra import save_spectra

AXIS = eds.EnergyAxis(-0.2513, 0.00499, 300)
STEM = eds.Acquisition(
    "STEM",
    200.0,
    take_off_angle_deg=22.5,
    energy_resolution_MnKa_eV=131.0,
    beam_current_nA=0.3,
    live_time_s=12.5,
    real_time_s=13.0,
)


@pytest.fixture
def spectra():
    return np.random.default_rng(0).integers(0, 70_000, (2, 300))


def test_a_table_holds_energies_and_counts(tmp_path, spectra):
    path = tmp_path / "spectra.csv"
    assert save_spectra(path, ["film", "sub, strate"], spectra, AXIS) == [path]
    table = pd.read_csv(path)
    assert list(table.columns) == ["energy_keV", "film", "sub, strate"]
    np.testing.assert_allclose(table["energy_keV"], AXIS.energies_keV, atol=1e-5)
    np.testing.assert_array_equal(table.iloc[:, 1:].to_numpy().T, spectra)
    assert all(kind.kind == "i" for kind in table.dtypes.iloc[1:])


def test_this_package_reads_back_what_it_saved(tmp_path, spectra):
    files = save_spectra(
        tmp_path / "map.msa", ["film", "label 2"], spectra, AXIS, acquisition=STEM
    )
    assert [file.name for file in files] == ["map-film.msa", "map-label_2.msa"]
    for file, counts in zip(files, spectra, strict=True):
        image = eds.load(file)
        np.testing.assert_array_equal(image.total_spectrum(), counts)
        assert image.energy == AXIS
        assert image.acquisition.signal_type == "STEM"
        for field in ("beam_energy_keV", "take_off_angle_deg", "energy_resolution_MnKa_eV"):
            assert getattr(image.acquisition, field) == getattr(STEM, field)
        for field in ("beam_current_nA", "live_time_s", "real_time_s"):
            assert getattr(image.acquisition, field) == getattr(STEM, field)


@pytest.mark.filterwarnings("ignore")
def test_hyperspy_reads_it_too(tmp_path, spectra):
    hs = pytest.importorskip("hyperspy.api")
    (path,) = save_spectra(tmp_path / "one.msa", ["film"], spectra[:1], AXIS, acquisition=STEM)
    signal = hs.load(path)
    axis = signal.axes_manager.signal_axes[0]
    np.testing.assert_array_equal(signal.data, spectra[0])
    assert (axis.offset, axis.scale, axis.units) == (AXIS.offset_keV, AXIS.scale_keV, "keV")
    assert signal.metadata.Signal.signal_type == "EDS_TEM"
    assert signal.metadata.Acquisition_instrument.TEM.beam_energy == 200.0
    assert signal.metadata.Acquisition_instrument.TEM.Detector.EDS.elevation_angle == 22.5


def test_a_sem_spectrum_stays_one_and_does_no_harm_to_others(tmp_path, spectra):
    sem = eds.Acquisition("SEM", 15.0, live_time_s=30.0)
    (path,) = save_spectra(tmp_path / "sem.msa", ["rock"], spectra[:1], AXIS, acquisition=sem)
    recorded = eds.load(path).acquisition
    assert (recorded.signal_type, recorded.beam_energy_keV) == ("SEM", 15.0)
    assert recorded.live_time_s == 30.0
    assert recorded.take_off_angle_deg is None
    (path,) = save_spectra(tmp_path / "tem.msa", ["foil"], spectra[:1], AXIS, acquisition=STEM)
    assert eds.load(path).acquisition.beam_energy_keV == 200.0


def test_what_is_not_known_is_not_written(tmp_path, spectra):
    (path,) = save_spectra(tmp_path / "bare.msa", ["film"], spectra[:1], AXIS)
    text = path.read_text("latin-1")
    assert "BEAMKV" not in text
    assert "LIVETIME" not in text
    assert "#XUNITS      : keV" in text
    assert "#SIGNALTYPE  : EDS" in text


def test_names_that_files_cannot_hold_do_not_collide(tmp_path, spectra):
    files = save_spectra(tmp_path / "x.msa", ["a/b", "a:b"], spectra, AXIS)
    assert [file.name for file in files] == ["x-1_a_b.msa", "x-2_a_b.msa"]
    assert all(file.exists() for file in files)


@pytest.mark.parametrize(
    ("name", "names", "axis", "message"),
    [
        ("x.txt", ["a", "b"], AXIS, r"\.csv or \.msa, not '\.txt'"),
        ("x", ["a", "b"], AXIS, "without a suffix"),
        ("x.csv", [], AXIS, "no spectrum"),
        ("x.csv", ["a"], AXIS, "1 names and 300 channels do not fit"),
        ("x.csv", ["a", "a"], AXIS, "a name of its own"),
        ("x.csv", ["a", "b"], eds.EnergyAxis.uncalibrated(300), "not calibrated"),
    ],
)
def test_what_cannot_be_saved_is_refused(tmp_path, spectra, name, names, axis, message):
    with pytest.raises(eds.EDSError, match=message):
        save_spectra(tmp_path / name, names, spectra, axis)
    assert not list(tmp_path.iterdir())


def test_rosettasciio_is_loaded_when_it_is_needed_only():
    code = "import sys, napari_eds.exchange.spectra; sys.exit('rsciio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
