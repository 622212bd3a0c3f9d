"""Elements whose hard lines a beam just above their edge hardly excites."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.simulate import Phase, simulate

AXIS = eds.EnergyAxis(-0.04, 0.01, 2048)
#: Just above the L3 edge of Bi, where La holds 1 % of the counts; Se K is as faint.
BEAM_keV = 14.15
BISMUTH_FERRITE = Phase("BiFeO3", {"Bi": 20, "Fe": 20, "O": 60}, 8.3)
BISMUTH_SELENIDE = Phase("Bi2Se3", {"Bi": 40, "Se": 60}, 7.0)


def proposals_of(phase, counts):
    simulated = simulate(
        np.ones((1, 1), int),
        (phase,),
        50.0,
        counts_per_pixel=counts,
        energy=AXIS,
        beam_energy_keV=BEAM_keV,
    )
    image = simulated.image
    return eds.find_elements(AXIS, image.total_spectrum(), image.acquisition)


@pytest.mark.parametrize(
    ("phase", "counts"), [(BISMUTH_FERRITE, 3e3), (BISMUTH_FERRITE, 3e4), (BISMUTH_SELENIDE, 3e4)]
)
def test_strong_soft_lines_speak_where_hard_ones_are_faint(phase, counts):
    """Mo and Ru had stood for Bi M, since Bi had to be seen by L lines of some tens of counts."""
    found = proposals_of(phase, counts)
    assert {p.element for p in found if p.certain} == set(phase.atomic_percent)
    assert [p.family for p in found if p.element == "Bi"] == ["M"]


def test_m_lines_prove_nothing_while_no_harder_line_is_seen():
    bismuth = {p.element: p for p in proposals_of(BISMUTH_SELENIDE, 3e3)}["Bi"]
    assert not bismuth.certain
    assert bismuth.doubt == "M lines alone are ambiguous"
