"""Pairs of X-rays counted as one are not taken for elements."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.simulate.conditions import Phase
from napari_eds.simulate.maps import simulate

#: Of all pulses.
PAIRS = 0.03
STEM = eds.Acquisition(signal_type="STEM", beam_energy_keV=200.0, take_off_angle_deg=22.0)
AXIS = eds.EnergyAxis(0.0, 0.005, 4096)


def with_pairs(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Let X-rays meet by chance: the detector counts one of both energies."""
    channels = rng.permutation(np.repeat(np.arange(counts.size), counts))
    n = int(PAIRS * channels.size)
    sums = channels[:n] + channels[n : 2 * n]
    found = np.concatenate([channels[2 * n :], sums[sums < counts.size]])
    return np.bincount(found, minlength=counts.size)


@pytest.mark.parametrize("metal", ["Hf", "Ta", "W"])
def test_pairs_of_all_lines_are_none_of_a_heavier_element(metal):
    """Ir, Pt and Au had been certain: L alpha stands where L of Hf, Ta, W meets soft X-rays."""
    phase = Phase(f"{metal}C", {metal: 50.0, "C": 50.0}, 14.0)
    simulated = simulate(
        np.ones((1, 1), int),
        [phase],
        30.0,
        counts_per_pixel=300_000,
        energy=AXIS,
        beam_energy_keV=200.0,
        stray={"Cu": 0.03},
    )
    counts = with_pairs(simulated.image.total_spectrum(), np.random.default_rng(1))
    found = {p.element for p in eds.find_elements(AXIS, counts, STEM) if p.certain}
    assert metal in found
    assert found <= {metal, "C", "Cu"}
