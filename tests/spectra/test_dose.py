"""Dose and geometry as files tell them."""

from dataclasses import replace

import pytest

import napari_eds as eds
from napari_eds.errors import EDSError
from napari_eds.spectra.dose import electrons_per_pixel


def test_velox_tells_current_times_rates_and_solid_angle(data_dir):
    image = eds.read(data_dir / "real/velox/EDS-STO.emd")[1]
    told, detector = image.acquisition, image.acquisition.detectors[0]
    assert told.beam_current_nA == pytest.approx(0.32021, abs=1e-5)
    assert detector.solid_angle_sr == pytest.approx(0.7, rel=0.01)
    assert detector.output_rate_per_s < detector.input_rate_per_s
    assert told.tilt_deg == pytest.approx((-1.0289, 0.7905), abs=1e-3)


def test_dose_is_current_dwell_and_frames(lfo_sto_96):
    # README of the data: 0.2 nA, 200 us, 2 frames, live for 95 % of the time.
    assert electrons_per_pixel(lfo_sto_96) == pytest.approx(0.2e-9 * 4e-4 / 1.602176634e-19)
    ratio = electrons_per_pixel(lfo_sto_96, live=True) / electrons_per_pixel(lfo_sto_96)
    assert ratio == pytest.approx(0.95, abs=1e-4)


def test_the_solid_angle_is_that_of_all_detectors_if_each_is_known(lfo_sto_96):
    told = lfo_sto_96.acquisition
    four = [replace(told.detectors[0], solid_angle_sr=angle) for angle in (0.1, 0.2, 0.15, 0.25)]
    assert replace(told, detectors=tuple(four)).solid_angle_sr() == pytest.approx(0.7)
    unknown = replace(four[0], solid_angle_sr=None)
    assert replace(told, detectors=(*four, unknown)).solid_angle_sr() is None
    assert replace(told, detectors=()).solid_angle_sr() is None


def test_a_current_of_0_was_not_measured(data_dir):
    name = "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd"
    image = eds.load(data_dir / name)
    assert image.acquisition.beam_current_nA is None
    assert image.acquisition.frames_summed == pytest.approx(10)
    with pytest.raises(EDSError, match="does not tell the beam current"):
        electrons_per_pixel(image)
    assert electrons_per_pixel(image, beam_current_nA=0.724) > 0


@pytest.mark.parametrize("has_dwell", [True, False])
def test_a_part_of_a_map_has_the_dose_of_the_whole_in_each_pixel(lfo_sto_96, has_dwell):
    """A crop takes less time, and so do fewer frames."""
    told = lfo_sto_96.acquisition
    if not has_dwell:
        told = replace(told, dwell_time_s=None, real_time_s=told.detectors[0].real_time_s)
    whole = replace(lfo_sto_96, acquisition=told)
    part = whole.crop(slice(10, 40), slice(0, 32))
    assert electrons_per_pixel(part) == pytest.approx(electrons_per_pixel(whole))
    assert part.acquisition.live_fraction() == pytest.approx(whole.acquisition.live_fraction())
    share = 30 * 32 / 96**2
    times = [image.acquisition.detectors[0].live_time_s for image in (part, whole)]
    assert times[0] == pytest.approx(share * times[1])


def test_one_frame_of_two_has_half_the_dose(data_dir, lfo_sto_96):
    one = eds.read_frames(data_dir / "simulated/LFO_STO_96.emd").frame(0)
    assert one.acquisition.frames_summed == pytest.approx(1)
    assert electrons_per_pixel(one) == pytest.approx(electrons_per_pixel(lfo_sto_96) / 2)
