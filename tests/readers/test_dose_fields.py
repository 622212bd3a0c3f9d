"""Current, dwell, frames and tilt: against what the raw files say, by hand."""

import shutil

import h5py
import pytest

import napari_eds as eds
from napari_eds.spectra.dose import electrons_per_pixel, pixel_time_s


def told(path):
    return eds.read(path)[0].acquisition


def test_bruker_map_tells_dwell_frames_and_tilt(data_dir):
    # PixelTime 2 us x PixelAverage 16 x LineAverage 5; 6 s over 75 x 100 pixels; Stage Tilt 0.5.
    found = told(data_dir / "real/bruker/P45_12bit_packed_8bit.bcf")
    assert found.dwell_time_s == pytest.approx(160e-6)
    assert found.frames_summed == pytest.approx(5.0, abs=1e-9)
    assert found.tilt_deg == (0.5, 0.0)
    assert found.beam_current_nA is None


def test_bruker_map_whose_last_frame_was_stopped(data_dir):
    # 30 us x 256 x 256 pixels are 1.966 s a frame, of 141.819 s; its stage tells no tilt.
    image = eds.load(data_dir / "real/bruker/L2083-K-4-1_tilt0.bcf")
    found = image.acquisition
    assert found.dwell_time_s == pytest.approx(30e-6)
    assert found.frames_summed == pytest.approx(72.13, abs=0.01)
    assert found.tilt_deg is None
    assert pixel_time_s(image) * 256 * 256 == pytest.approx(141.81888)


def test_bruker_spectrum_tells_its_input_rate(data_dir):
    # PulseDensity 5835 /s; the name of the file says 0.5 nA and 5.9 kHz, its data no current.
    name = "Albite_ChMxd_20kV0p5nA130kHzTC_5p9kHzOCR_4ks.spx"
    found = told(data_dir / "real/bruker" / name)
    assert found.detectors[0].input_rate_per_s == 5835
    assert found.beam_current_nA is None


def test_jeol_map_tells_current_dwell_and_sweeps(data_dir):
    # AccNA 7.475, DwellTime(msec) 5.0, Sweep 50; 5 ms x 64 x 64 x 50 are its 1023.8 s.
    image = eds.load(data_dir / "real/jeol/64.pts")
    found = image.acquisition
    assert found.beam_current_nA == pytest.approx(7.475)
    assert (found.dwell_time_s, found.frames_summed) == (pytest.approx(5e-3), 50)
    assert pixel_time_s(image) * 64 * 64 == pytest.approx(found.real_time_s, rel=1e-3)
    assert electrons_per_pixel(image) == pytest.approx(7.475e-9 * 0.25 / 1.602176634e-19)


def test_frames_that_are_left_out_take_their_dose_along(data_dir):
    half = eds.load(data_dir / "real/jeol/64.pts", frames=(0, 25)).acquisition
    assert half.frames_summed == pytest.approx(25)


def test_jeol_spectrum_tells_current_and_real_time(data_dir):
    found = told(data_dir / "real/jeol/spot.eds")
    assert found.beam_current_nA == pytest.approx(7.475)
    assert (found.live_time_s, found.real_time_s) == (30.0, pytest.approx(30.84))


def test_edax_spectrum_tells_the_tilt_that_its_msa_has(data_dir):
    folder = data_dir / "real/edax"
    text = (folder / "647_leo_edax_test.msa").read_text("latin-1")
    assert "##Tilt Angle     : -1.0" in text
    found = told(folder / "647_leo_edax_test.spc")
    assert found.tilt_deg == (-1.0, 0.0)
    assert found.beam_current_nA is None
    assert found.real_time_s is None


def test_oxford_map_tells_frames_and_tilt(data_dir, tmp_path):
    source = data_dir.parent / "cases/18-h5oina/map.h5oina"
    found = told(source)
    assert found.frames_summed == 4
    assert found.tilt_deg is None
    tilted = tmp_path / "map.h5oina"
    for axis, tilt in ((0.0, (20.0, 0.0)), (1.5707964, (0.0, 20.0))):
        shutil.copy(source, tilted)
        with h5py.File(tilted, "r+") as file:
            # Radians, about X (0) or Y (pi / 2), as the published format has them.
            file["1/EDS/Header"]["Tilt Angle"] = [0.34906584]
            file["1/EDS/Header"]["Tilt Axis"] = [axis]
        assert told(tilted).tilt_deg == tilt


@pytest.mark.parametrize(
    ("file", "window"),
    [
        ("bruker/L2083-K-4-1_tilt0.bcf", "none"),  # no window
        ("bruker/P45_12bit_packed_8bit.bcf", "polymer"),  # slew AP3.3
        ("bruker/bruker_nano.spx", "polymer"),
        ("msa/NIST_K2496/Ti std.msa", "polymer"),  # SDUTW
        ("msa/NIST_K309/K309.msa", None),  # its EDSDET is empty
        ("velox/EDS-STO.emd", None),
    ],
)
def test_windows_of_detectors(data_dir, tmp_path, file, window):
    image = eds.read(data_dir / "real" / file)[0]
    assert image.acquisition.detector_window == window
    image.crop(slice(1), slice(1)).to_hyperspy().save(tmp_path / "map.hspy")
    assert told(tmp_path / "map.hspy").detector_window == window


def test_oxford_map_tells_the_window(data_dir, tmp_path):
    path = tmp_path / "map.h5oina"
    shutil.copy(data_dir.parent / "cases/18-h5oina/map.h5oina", path)
    assert told(path).detector_window is None
    with h5py.File(path, "r+") as file:
        file["1/EDS/Header"]["Window Type"] = ["SATW"]
    assert told(path).detector_window == "polymer"


def test_velox_tilt_and_shadows_make_the_take_off_angle(data_dir):
    """Segments at 18 deg and 45, 135, 225, 315 deg azimuth, tilted by -1.029 and 0.790 deg."""
    images = eds.read(data_dir / "real/velox/EDS-STO.emd")
    whole, *segments = (image.acquisition.take_off_angle_deg for image in images)
    # asin(cos 18 (cos a sin -1.029 + sin a sin 0.790) + sin 18 cos 1.029 cos 0.790), by hand.
    assert sorted(segments) == pytest.approx([16.713, 17.827, 18.164, 19.286], abs=2e-3)
    # The sum sees more through the two detectors that count more.
    assert whole == pytest.approx(17.54, abs=0.01)


def test_velox_detectors_behind_a_tilted_specimen_are_left_out(data_dir):
    name = "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd"
    found = eds.load(data_dir / name).acquisition
    assert found.tilt_deg[0] == pytest.approx(-35.34, abs=0.01)
    assert found.take_off_angle_deg == pytest.approx(43.07, abs=0.01)
