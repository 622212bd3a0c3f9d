"""Which families are in a model."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.fitting.model import build_model
from napari_eds.simulate.conditions import Phase
from napari_eds.simulate.maps import simulate


@pytest.mark.parametrize(("element", "line"), [("Pb", "Ll"), ("Bi", "Ll"), ("Pt", None)])
def test_weak_lines_of_a_family_beyond_the_range_are_in_the_model(element, line):
    """Ll of Pb and Bi lies below 10 keV, L alpha above; left out, it is taken for Ir or Pt."""
    axis, microscope = eds.EnergyAxis(0.0, 0.005, 2000), eds.Acquisition(beam_energy_keV=200)
    model = build_model(axis, microscope, eds.Recipe(elements=(element,)))
    assert [str(f) for f in model.quantified] == [
        f"{element}_L" if line is None else f"{element}_M"
    ]
    if line is not None:
        (beyond,) = (f for f in model.families if f.family == "L")
        assert [found.name for found in model.lines_in_range(beyond)] == [line]
    as_hyperspy = eds.Recipe(elements=(element,), engine="linear")
    assert len(build_model(axis, microscope, as_hyperspy).families) <= len(model.families)


@pytest.mark.parametrize("first_keV", [0.98, 1.0, 1.02])
def test_a_strong_line_just_below_the_range_is_not_taken_for_another_element(first_keV):
    """Cu L of a grid, 0.93 keV, where the range begins above it; Na K lies at 1.04 keV."""
    phase = Phase("Mg2Si", {"Mg": 66.667, "Si": 33.333}, 2.0)
    simulated = simulate(
        np.ones((1, 1), int),
        [phase],
        60.0,
        counts_per_pixel=500_000,
        energy=eds.EnergyAxis(0.0, 0.005, 4096),
        stray={"Cu": 0.4},
    )
    recipe = eds.Recipe(
        elements=("Mg", "Si", "Na"), fit_only=("Cu",), energy_range_keV=(first_keV, 19.0)
    )
    row = eds.quantify(simulated.image, np.ones((1, 1), int), recipe).table.iloc[0]
    assert abs(row["Na_at_pct"]) < 2 * row["Na_at_pct_error_total"] < 1
    assert "unexplained" not in row["flag"]


def test_what_specimen_and_window_swallow_stays_out_of_the_model():
    """S L, at 0.15 keV, would be a part of the background at the low end."""
    axis, microscope = eds.EnergyAxis(0.0, 0.005, 2048), eds.Acquisition(beam_energy_keV=200)
    model = build_model(axis, microscope, eds.Recipe(elements=("S",), fit_only=("C",)))
    assert [str(f) for f in model.families] == ["S_K", "C_K"]
