"""Take-off angles: against angles computed by hand, and eXSpy's formula."""

import math

import pytest

from napari_eds._support import hyperspy
from napari_eds.physics.take_off import Direction, effective_take_off_angle_deg, take_off_sine


@pytest.mark.parametrize(
    ("elevation", "azimuth", "tilt", "by_hand"),
    [
        (22, 0, (10, 0), 32),  # facing the detector: the tilt is added
        (22, 180, (10, 0), 12),  # turned away
        (22, 90, (10, 0), 21.65),  # asin(sin 22 cos 10)
        (22, 90, (0, 10), 32),
        (18, 270, (0, 10), 8),
        (22, 45, (0, 0), 22),
        (0, 0, (30, 0), 30),
    ],
)
def test_angles_computed_by_hand(elevation, azimuth, tilt, by_hand):
    sine = take_off_sine(Direction(elevation, azimuth), tilt)
    assert math.degrees(math.asin(sine)) == pytest.approx(by_hand, abs=0.01)


def test_is_what_exspy_says():
    hyperspy.exspy()
    from exspy.utils.eds import take_off_angle

    for alpha, beta, azimuth, elevation in (
        (10, 0, 45, 22),
        (-35, 2.5, 135, 22),
        (7, -9, 300, 18),
    ):
        sine = take_off_sine(Direction(elevation, azimuth), (alpha, beta))
        theirs = take_off_angle(alpha, azimuth, elevation, beta_tilt=beta)
        assert math.degrees(math.asin(sine)) == pytest.approx(theirs, abs=1e-9)


def test_a_detector_from_below_sees_the_other_face():
    assert take_off_sine(Direction(-20, 0), (10, 0)) == pytest.approx(math.sin(math.radians(10)))
    assert take_off_sine(Direction(-20, None), (10, 0)) == pytest.approx(
        math.sin(math.radians(20))
    )


def test_one_angle_stands_for_all():
    ring = [Direction(22, azimuth) for azimuth in (45, 135, 225, 315)]
    assert effective_take_off_angle_deg(ring) == 22
    assert effective_take_off_angle_deg(ring, (0.0, 0.0)) == 22
    # By hand: sines are sin 22 cos 10 +- cos 22 cos 45 sin 10, 0.4828 and 0.2551, two of each.
    told = effective_take_off_angle_deg(ring, (10.0, 0.0))
    inverse = (1 / 0.48276 + 1 / 0.25506) / 2
    assert told == pytest.approx(math.degrees(math.asin(1 / inverse)), abs=0.01)
    # Where two of them counted nothing, the others tell the angle.
    dark = [d._replace(weight=float(d.azimuth_deg in (45, 315))) for d in ring]
    assert effective_take_off_angle_deg(dark, (10.0, 0.0)) == pytest.approx(28.866, abs=0.001)


def test_detectors_behind_the_specimen_are_left_out():
    ring = [Direction(22, azimuth) for azimuth in (45, 135, 225, 315)]
    told = effective_take_off_angle_deg(ring, (-35.0, 0.0))
    by_hand = 0.819152 * 0.374607 + 0.573576 * 0.927184 * 0.707107
    assert told == pytest.approx(math.degrees(math.asin(by_hand)), abs=1e-3)
    assert effective_take_off_angle_deg([Direction(10, 180)], (20.0, 0.0)) is None
    assert effective_take_off_angle_deg([]) is None
