"""Elements whose lines tables give tenfold differently."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.simulate.conditions import Conditions, Phase
from napari_eds.simulate.expected import mixture

#: It ends below the K lines of Rh to Sn.
AXIS = eds.EnergyAxis(-0.1, 0.01, 1200)


@dataclass(frozen=True)
class DisputedM2(Conditions):
    """A microscope in which lines of M2 are so many times those of the table."""

    times: float = 1.0

    def lines(self, element, family):
        found = super().lines(element, family)
        of_m2 = np.array([name.startswith("M2-") for name in found.names], dtype=bool)
        factors = np.where(of_m2, self.times, 1.0)
        return replace(found, cross_sections_cm2=found.cross_sections_cm2 * factors)


def certain_in(phase, times):
    conditions = DisputedM2(energy=AXIS, times=times)
    one = np.ones((1, 1), int)
    weights, components = mixture(one, [phase], np.array([[30.0]]), conditions, 1.0)
    expected = (weights @ components.spectra)[0]
    counts = np.random.default_rng(1).poisson(1e6 * expected / expected.sum())
    acquisition = eds.Acquisition(
        signal_type="STEM",
        beam_energy_keV=conditions.beam_energy_keV,
        take_off_angle_deg=conditions.take_off_angle_deg,
        energy_resolution_MnKa_eV=conditions.resolution_MnKa_eV,
    )
    return {p.element for p in eds.find_elements(AXIS, counts, acquisition) if p.certain}


@pytest.mark.parametrize(
    ("element", "times"),
    # As published tables have it, as measured spectra do, and as xraylib has it.
    [("Au", 0.8), ("Au", 2.5), ("Au", 9.6), ("Pt", 1.0), ("Pt", 7.9), ("Pb", 1.0), ("Pb", 2.7)],
)
def test_no_table_of_m2_puts_other_elements_into_a_heavy_one(element, times):
    assert certain_in(Phase(element, {element: 100}, 19.3), times) - {"C", "Cu"} == {element}


@pytest.mark.parametrize("times", [1.0, 2.5, 9.6])
def test_palladium_in_gold_is_still_found(times):
    alloy = Phase("AuPd", {"Au": 95, "Pd": 5}, 19.0)
    assert certain_in(alloy, times) - {"C", "Cu"} == {"Au", "Pd"}
