"""Line shapes against integrals and convolutions that were computed another way."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from napari_eds import EnergyAxis
from napari_eds.fitting.profiles import Moved, family_profiles, family_slopes
from napari_eds.fitting.response import Response
from napari_eds.physics.detector import hard_tail, silicon_escape
from napari_eds.physics.lines import XRayLine, fwhm_keV
from napari_eds.physics.radiative_auger import radiative_auger
from napari_eds.recipe.recipe import LowEnergyTail

RESOLUTION_EV = 130.0
AXIS = EnergyAxis(0.0, 0.01, 1000)
TAIL = LowEnergyTail(fraction=0.2, decay_keV=0.05)


def draw(energy_keV, axis=AXIS, *, weight=1.0, integrated=True, tail=None):
    """One line as a detector records it, (channels,)."""
    lines = [[XRayLine("Mn", "Ka", energy_keV, weight)]]
    response = Response(RESOLUTION_EV, integrated=integrated, tail=tail)
    return family_profiles(axis, lines, response)[:, 0]


def sigma_of(energy_keV):
    return fwhm_keV(energy_keV, RESOLUTION_EV) / np.sqrt(8 * np.log(2))


def test_a_line_is_as_wide_as_the_detector_resolves():
    counts = draw(5.8987, EnergyAxis(0, 0.001, 10_000))
    above = np.flatnonzero(counts >= counts.max() / 2)
    assert above[-1] - above[0] == pytest.approx(1000 * RESOLUTION_EV / 1000, abs=2)


def test_channels_hold_the_integral_of_the_line():
    energy = 0.5249
    counts = draw(energy)
    peak = norm(energy, sigma_of(energy))
    for channel in range(45, 60):
        low, high = AXIS.energies_keV[channel] + np.array([-0.5, 0.5]) * AXIS.scale_keV
        assert counts[channel] == pytest.approx(quad(peak.pdf, low, high)[0], rel=1e-9)


@pytest.mark.parametrize("weight", [1.0, 0.13])
@pytest.mark.parametrize(("tail", "cut"), [(None, 1e-9), (TAIL, 2e-6)])
def test_a_line_holds_its_weight(weight, tail, cut):
    """A tail is cut off after 12 decay lengths."""
    for energy in (0.9, 5.0, 9.0):
        assert draw(energy, weight=weight, tail=tail).sum() == pytest.approx(weight, rel=cut)


def test_without_integration_channels_hold_the_density_at_their_centre():
    energy = 4.5109
    counts = draw(energy, integrated=False)
    expected = norm(energy, sigma_of(energy)).pdf(AXIS.energies_keV) * AXIS.scale_keV
    np.testing.assert_allclose(counts, expected, rtol=1e-9, atol=1e-12)


def test_integration_lowers_the_top_of_a_line_on_broad_channels_only():
    """By (width / sigma)^2 / 24 to first order."""
    for width in (0.02, 0.002):
        axis = EnergyAxis(0.0, width, round(2 / width))
        top = draw(1.0, axis).max() / draw(1.0, axis, integrated=False).max()
        assert 1 - top == pytest.approx((width / sigma_of(1.0)) ** 2 / 24, rel=0.03)


def test_the_lines_of_a_family_add_up():
    lines = [XRayLine("Mn", "Ka", 4.5, 1.0), XRayLine("Mn", "Kb", 4.93, 0.12)]
    both = family_profiles(AXIS, [lines], Response(RESOLUTION_EV, integrated=True))
    np.testing.assert_allclose(both[:, 0], draw(4.5) + draw(4.93, weight=0.12), rtol=1e-12)


@pytest.mark.parametrize("decay_keV", [0.01, 0.05, 0.3])
def test_a_tail_is_a_line_smeared_by_an_exponential(decay_keV):
    """Against the convolution, summed step by step on a fine grid."""
    energy, fraction = 0.9, 0.2
    counts = draw(energy, tail=LowEnergyTail(fraction=fraction, decay_keV=decay_keV))
    peak = norm(energy, sigma_of(energy))
    edges = AXIS.energies_keV[40:110] + AXIS.scale_keV / 2
    lost, step = np.linspace(0, 40 * decay_keV, 40_001, retstep=True)
    lost = lost[1:] - step / 2
    share = -np.diff(np.exp(-np.append(lost - step / 2, lost[-1] + step / 2) / decay_keV))
    smeared = np.array([share @ peak.cdf(edge + lost) for edge in edges])
    cumulative = (1 - fraction) * peak.cdf(edges) + fraction * smeared
    np.testing.assert_allclose(counts[41:110], np.diff(cumulative), rtol=1e-4, atol=1e-9)


def test_a_tail_lowers_the_mean_energy_by_its_share_of_the_decay():
    counts = draw(0.9, tail=TAIL)
    mean = counts @ AXIS.energies_keV
    assert mean == pytest.approx(0.9 - TAIL.fraction * TAIL.decay_keV, abs=1e-5)


def test_hard_lines_have_no_tail():
    np.testing.assert_array_equal(draw(1.0, tail=TAIL), draw(1.0))
    assert draw(0.99, tail=TAIL)[80] > 10 * draw(0.99)[80]


@pytest.mark.parametrize("integrated", [True, False])
@pytest.mark.parametrize("tail", [None, TAIL])
@pytest.mark.parametrize(("first", "last"), [(0, 52), (52, 200), (60, 61), (200, 300)])
def test_a_line_partly_off_the_axis_is_cut_not_changed(first, last, integrated, tail):
    cut = EnergyAxis(AXIS.offset_keV + first * AXIS.scale_keV, AXIS.scale_keV, last - first)
    whole = draw(0.5249, integrated=integrated, tail=tail)
    part = draw(0.5249, cut, integrated=integrated, tail=tail)
    np.testing.assert_allclose(part, whole[first:last], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("energy_keV", [-5.0, 20.0])
def test_a_line_off_the_axis_has_no_counts(energy_keV):
    assert not draw(energy_keV, integrated=True).any()


def test_a_tail_much_shorter_than_the_line_is_finite_and_vanishes():
    counts = draw(0.9, tail=LowEnergyTail(fraction=0.9, decay_keV=1e-7))
    np.testing.assert_allclose(counts, draw(0.9), atol=1e-6)


def test_radiative_auger_emission_is_a_shoulder_below_k_alpha():
    lines = [[XRayLine("Al", "Ka", 1.4866, 1.0), XRayLine("Al", "Kb", 1.5575, 0.01)]]

    def drawn(strength, *, integrated=True):
        return family_profiles(
            AXIS, lines, Response(RESOLUTION_EV, integrated=integrated, radiative_auger=strength)
        )[:, 0]

    band = drawn(2.0) - drawn(0.0)
    assert band.sum() == pytest.approx(
        2 * sum(share for _, share in radiative_auger("Al")), rel=1e-6
    )
    centre = AXIS.energies_keV @ band / band.sum()
    assert 1.2 < centre < 1.4
    assert np.array_equal(drawn(2.0, integrated=False), drawn(0.0, integrated=False))


def test_radiative_auger_emission_below_k_beta_is_that_of_k_beta():
    lines = [[XRayLine("Ti", "Ka1", 4.5109, 1.0), XRayLine("Ti", "Kb1", 4.9318, 0.13)]]

    def drawn(strength):
        return family_profiles(
            AXIS, lines, Response(RESOLUTION_EV, integrated=True, radiative_auger_beta=strength)
        )[:, 0]

    band = drawn(1.0) - drawn(0.0)
    share = sum(share for _, share in radiative_auger("Ti", "Kb"))
    assert band.sum() == pytest.approx(0.13 * share, rel=1e-6)
    assert 4.7 < AXIS.energies_keV @ band / band.sum() < 4.9


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_a_hard_line_leaks_by_a_part_of_its_energy(share):
    lines = [[XRayLine("Ti", "Ka", 4.51, 1.0)], [XRayLine("Si", "Ka", 1.74, 1.0)]]
    drawn = family_profiles(
        AXIS, lines, Response(RESOLUTION_EV, integrated=True, hard_tail=share, escape=0)
    )
    assert drawn.sum(axis=0) == pytest.approx(1.0, abs=1e-5)
    titanium, silicon = AXIS.energies_keV @ drawn
    assert titanium == pytest.approx(4.51 * (1 - 0.02 * share), abs=1e-5)
    assert silicon == pytest.approx(1.74, abs=1e-6)


def test_hard_tails_hold_less_of_harder_lines():
    """As CaF2, Ti and Fe measured by four detectors."""
    calcium, titanium, iron = (hard_tail(energy)[0] for energy in (3.691, 4.51, 6.40))
    assert titanium == 1.0
    assert 1.2 < calcium < 1.8
    assert 0.45 < iron < 0.7


@pytest.mark.parametrize("size", [0.0, 0.5, 1.4])
def test_escape_peaks_are_as_large_as_said(size):
    lines = [[XRayLine("Ti", "Ka", 4.51, 1.0)]]
    drawn = family_profiles(AXIS, lines, Response(RESOLUTION_EV, integrated=True, escape=size))[
        :, 0
    ]
    low = AXIS.energies_keV < 3.5
    assert drawn[low].sum() == pytest.approx(size * silicon_escape(4.51), rel=1e-6)
    assert drawn.sum() == pytest.approx(1.0)


DOUBLET = [XRayLine("Ti", "Ka", 4.51, 1.0), XRayLine("Ti", "Kb", 4.93, 0.13)]
SLOPED = [DOUBLET, [XRayLine("Pt", "Ma", 2.05, 1.0)], [XRayLine("O", "Ka", 0.525, 1.0)]]
BOTH_TAILS = Response(
    RESOLUTION_EV,
    integrated=True,
    tail=LowEnergyTail(fraction=0.05, decay_keV=0.05, below_keV=None),
    hard_tail=0.02,
    radiative_auger=1.0,
    radiative_auger_beta=0.8,
)


@pytest.mark.parametrize(
    "changed",
    [
        {"resolution_MnKa_eV": 0.1},
        {"fano_eV": 0.01},
        {"hard_tail": 1e-3},
        {"escape": 0.5},
        {"radiative_auger": 0.5},
        {"radiative_auger_beta": 0.5},
    ],
)
@pytest.mark.parametrize("response", [BOTH_TAILS, Response(RESOLUTION_EV)])
def test_slopes_are_those_of_drawing_anew(response, changed):
    def drawn(part):
        moved = {name: getattr(response, name) + part * by for name, by in changed.items()}
        return family_profiles(AXIS, SLOPED, replace(response, **moved))

    (slope,) = family_slopes(AXIS, SLOPED, response, [Moved(AXIS, _a_little(response, changed))])
    np.testing.assert_allclose(1e4 * slope, (drawn(1) - drawn(-1)) / 2, rtol=1e-3, atol=3e-7)


@pytest.mark.parametrize(("name", "by"), [("fraction", 1e-3), ("decay_keV", 3e-4)])
def test_slopes_of_the_soft_tail_are_those_of_drawing_anew(name, by):
    def response(part):
        tail = BOTH_TAILS.tail
        return replace(BOTH_TAILS, tail=tail.model_copy(update={name: getattr(tail, name) + part}))

    ends = (family_profiles(AXIS, SLOPED, response(part)) for part in (by, -by))
    wanted = np.subtract(*ends) / 2
    assert np.abs(wanted).max() > 1e-6
    (slope,) = family_slopes(AXIS, SLOPED, BOTH_TAILS, [Moved(AXIS, response(1e-4 * by))])
    np.testing.assert_allclose(1e4 * slope, wanted, rtol=1e-3, atol=3e-7)


@pytest.mark.parametrize("response", [BOTH_TAILS, Response(RESOLUTION_EV)])
@pytest.mark.parametrize(
    ("offset_keV", "gain", "higher_keV"), [(1e-4, 1, 0), (0, 1 + 1e-5, 0), (0, 1, 1e-4)]
)
def test_slopes_by_axis_and_place_are_those_of_drawing_anew(
    response, offset_keV, gain, higher_keV
):
    def drawn(part):
        scale = AXIS.scale_keV * (1 + part * (gain - 1))
        axis = replace(AXIS, offset_keV=AXIS.offset_keV + part * offset_keV, scale_keV=scale)
        lines = [
            [replace(line, energy_keV=line.energy_keV + part * higher_keV) for line in family]
            for family in SLOPED
        ]
        return axis, family_profiles(axis, lines, response)

    wanted = (drawn(1)[1] - drawn(-1)[1]) / 2
    axis = drawn(1e-4)[0]
    (slope,) = family_slopes(AXIS, SLOPED, response, [Moved(axis, response, 1e-4 * higher_keV)])
    np.testing.assert_allclose(1e4 * slope, wanted, rtol=1e-3, atol=1e-6)


def test_a_tail_that_is_gone_can_come_back():
    none = replace(BOTH_TAILS, hard_tail=0.0, tail=None)
    (slope,) = family_slopes(AXIS, SLOPED, none, [Moved(AXIS, replace(none, hard_tail=1e-6))])
    wanted = family_profiles(AXIS, SLOPED, replace(none, hard_tail=1e-2))
    wanted -= family_profiles(AXIS, SLOPED, none)
    np.testing.assert_allclose(1e4 * slope, wanted, rtol=1e-6, atol=1e-7)


def _a_little(response, changed):
    moved = {name: getattr(response, name) + 1e-4 * by for name, by in changed.items()}
    return replace(response, **moved)
