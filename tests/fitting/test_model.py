"""Which families are in a model."""

import pytest

import napari_eds as eds
from napari_eds.fitting.model import build_model


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
