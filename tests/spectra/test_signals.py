"""Images to HyperSpy and xarray and back, on measured maps, read by HyperSpy on its own."""

import sys
from dataclasses import replace

import numpy as np
import pytest

import napari_eds as eds
from napari_eds._support import hyperspy

MAPS = (
    "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd",
    "real/bruker/P45_12bit_packed_8bit.bcf",
    "real/hspy/core_shell.hdf5",
    "real/hspy/88_ES-LP_G8_selection2_cropped2.hspy",
    "real/ripple/bruker_bcf_fileformat_16x16.rpl",
)


@pytest.fixture(scope="module", params=MAPS)
def image(request, data_file, hyperspy_is_there):
    return eds.load(data_file(request.param))


def check_same(one, other):
    np.testing.assert_array_equal(one.to_array(), other.to_array())
    assert (one.shape, one.energy, one.pixel_unit, one.name) == (
        other.shape,
        other.energy,
        other.pixel_unit,
        other.name,
    )
    assert one.pixel_size == pytest.approx(other.pixel_size, rel=1e-12)
    left_out = {"vendor": None, "detectors": ()}
    assert replace(one.acquisition, **left_out) == replace(other.acquisition, **left_out)


@pytest.mark.parametrize("lazy", [False, True])
def test_there_and_back(image, lazy):
    signal = image.to_hyperspy(lazy=lazy)
    assert signal._lazy is lazy
    sem = image.acquisition.signal_type == "SEM"
    assert signal.metadata.Signal.signal_type == ("EDS_SEM" if sem else "EDS_TEM")
    check_same(eds.SpectrumImage.from_hyperspy(signal), image)


def test_a_saved_signal_is_the_same_map(image, tmp_path):
    with hyperspy.quiet():
        image.to_hyperspy().save(str(tmp_path / "map.hspy"))
    check_same(replace(eds.load(tmp_path / "map.hspy"), name=image.name), image)


def test_hyperspy_sees_energies_places_and_beam(data_dir, hyperspy_is_there):
    import hyperspy.api as hs

    path = data_dir / MAPS[0]
    with hyperspy.quiet():
        theirs = next(s for s in hs.load(str(path)) if "EDS" in s.metadata.Signal.signal_type)
    ours = eds.load(path).to_hyperspy()
    np.testing.assert_array_equal(ours.data, theirs.data)
    for one, other in zip(ours.axes_manager._axes, theirs.axes_manager._axes, strict=True):
        assert one.scale == pytest.approx(other.scale)
        assert one.units == other.units
    where = "Acquisition_instrument.TEM.beam_energy"
    assert ours.metadata.get_item(where) == theirs.metadata.get_item(where) == 200


@pytest.mark.parametrize("lazy", [False, True])
def test_a_signal_of_hyperspy_is_read_as_its_file(data_dir, hyperspy_is_there, lazy):
    import hyperspy.api as hs

    for name in ("core_shell.hdf5", "88_ES-LP_G8_selection2_cropped2.hspy"):
        path = data_dir / "real/hspy" / name
        with hyperspy.quiet():
            signal = hs.load(str(path), file_format="HSPY", lazy=lazy)
        image = eds.SpectrumImage.from_hyperspy(signal)
        check_same(replace(image, name=path.stem), eds.load(path))


def test_lines_spectra_and_ev(hyperspy_is_there):
    import hyperspy.api as hs

    signal = hs.signals.Signal1D(np.arange(20).reshape(4, 5))
    signal.axes_manager[0].scale, signal.axes_manager[0].units = 2.5, "nm"
    signal.axes_manager[1].scale, signal.axes_manager[1].units = 20.0, "eV"
    line = eds.SpectrumImage.from_hyperspy(signal)
    assert (line.shape, line.pixel_size, line.pixel_unit) == ((1, 4), (2.5, 2.5), "nm")
    assert line.energy.scale_keV == pytest.approx(0.02)
    point = eds.SpectrumImage.from_hyperspy(signal.inav[1])
    np.testing.assert_array_equal(point.to_array(), [[[5, 6, 7, 8, 9]]])


def test_what_is_no_map_of_spectra_is_refused(hyperspy_is_there):
    import hyperspy.api as hs

    with pytest.raises(eds.EDSError, match="ndarray is no signal"):
        eds.SpectrumImage.from_hyperspy(np.ones(3))
    with pytest.raises(eds.EDSError, match="up to two axes"):
        eds.SpectrumImage.from_hyperspy(hs.signals.Signal2D(np.ones((3, 4, 5))))
    with pytest.raises(eds.EDSError, match="up to two axes"):
        eds.SpectrumImage.from_hyperspy(hs.signals.Signal1D(np.ones((2, 3, 4, 5))))
    crooked = hs.signals.Signal1D(np.ones(3), axes=[{"axis": [1.0, 2.0, 4.0]}])
    with pytest.raises(eds.EDSError, match="no constant step"):
        eds.SpectrumImage.from_hyperspy(crooked)
    with pytest.raises(eds.EDSError, match="negative"):
        eds.SpectrumImage.from_hyperspy(hs.signals.Signal1D(-np.ones(3)))


def test_measured_values_that_are_also_those_of_exspy_are_kept(hyperspy_is_there):
    how = eds.Acquisition(take_off_angle_deg=35.0, energy_resolution_MnKa_eV=130.0)
    image = eds.SpectrumImage.from_array(
        np.ones((2, 3, 4)), eds.EnergyAxis(0.0, 0.01, 4), acquisition=how
    )
    again = eds.SpectrumImage.from_hyperspy(image.to_hyperspy()).acquisition
    assert (again.take_off_angle_deg, again.energy_resolution_MnKa_eV) == (35.0, 130.0)
    unknown = replace(image, acquisition=eds.Acquisition())
    again = eds.SpectrumImage.from_hyperspy(unknown.to_hyperspy()).acquisition
    assert again.take_off_angle_deg is again.energy_resolution_MnKa_eV is None


def test_the_beam_that_exspy_writes_with_a_blank_is_found(tmp_path, hyperspy_is_there):
    import exspy

    signal = exspy.signals.EDSTEMSpectrum(np.ones((2, 3, 64)))
    signal.axes_manager[-1].units = "keV"
    signal.set_microscope_parameters(beam_energy=120.0, live_time=7.0, real_time=8.0)
    assert eds.SpectrumImage.from_hyperspy(signal).acquisition.beam_energy_keV == 120
    with hyperspy.quiet():
        signal.save(str(tmp_path / "theirs.hspy"))
    read = eds.load(tmp_path / "theirs.hspy").acquisition
    assert (read.beam_energy_keV, read.live_time_s, read.real_time_s) == (120, 7, 8)


def test_a_lazy_signal_computes_as_a_dense_one(data_dir, hyperspy_is_there):
    image = eds.load(data_dir / MAPS[1])
    lazy = image.to_hyperspy(lazy=True)
    assert lazy.data.npartitions > 0
    np.testing.assert_array_equal(lazy.sum().data.compute(), image.total_spectrum())


@pytest.mark.parametrize("lazy", [False, True])
def test_xarray(image, lazy):
    xarray = pytest.importorskip("xarray")
    array = image.to_xarray(lazy=lazy)
    assert isinstance(array, xarray.DataArray)
    np.testing.assert_array_equal(array.to_numpy(), image.to_array())
    assert array.name == image.name
    assert array["x"].attrs["units"] == image.pixel_unit
    assert float(array["y"][1] - array["y"][0]) == pytest.approx(image.pixel_size[0])
    if image.energy.calibrated:
        np.testing.assert_array_equal(array["energy"], image.energy.energies_keV)
        window = array.sel(energy=slice(0.999, 1.999)).sum("energy")
        np.testing.assert_array_equal(window, image.window_map(1.0, 2.0))
    else:
        assert array.dims == ("y", "x", "channel")


def test_without_xarray_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    image = eds.SpectrumImage.from_array(np.ones(5), eds.EnergyAxis.uncalibrated(5))
    with pytest.raises(eds.EDSError, match="pip install xarray"):
        image.to_xarray()
