"""What is uncertain of lines: which move together, and how far."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.fitting.model import build_model
from napari_eds.fitting.nuisances import nuisances_of, unresolved
from napari_eds.physics.computed_lines import computed_lines, open_3d_electrons
from napari_eds.recipe.uncertainties import Uncertainties

STEM = eds.Acquisition(beam_energy_keV=200.0, energy_resolution_MnKa_eV=130.0)


def ratios(element, family):
    """Names of lines, by the nuisances of a family's ratios, with their deviations."""
    recipe = eds.Recipe(elements=(element,))
    model = build_model(eds.EnergyAxis(-0.25, 0.005, 4096), STEM, recipe)
    return {
        n.lines: n.prior_sd
        for n in nuisances_of(model, Uncertainties())
        if n.kind == "ratio" and str(model.families[n.family]) == f"{element}_{family}"
    }


@pytest.mark.parametrize(
    ("element", "family", "alpha", "other"),
    [("Ta", "M", "Ma1", "Mb"), ("Hf", "M", "Ma1", "Mb"), ("As", "L", "La1", "Lb1")],
)
def test_weak_lines_between_strong_ones_do_not_join_them(element, family, alpha, other):
    """Else nobody would doubt how strong the other one is: Ta M beta lies over Si K."""
    groups = unresolved(computed_lines(element, family, 200.0), 130.0)
    (strongest,) = [g for g in groups if any(line.name == alpha for line in g)]
    assert other not in [line.name for line in strongest]
    assert any(other in names for names in ratios(element, family))


def test_every_line_is_in_one_group():
    lines = computed_lines("Ba", "L", 200.0)
    found = [line for group in unresolved(lines, 130.0) for line in group]
    assert sorted(found, key=lambda line: line.name) == sorted(lines, key=lambda line: line.name)
    assert np.all(np.diff([g[0].energy_keV for g in unresolved(lines, 130.0)]) > 0)


def test_lines_from_an_open_shell_are_as_sure_as_its_electrons():
    titanium, nickel = ratios("Ti", "L"), ratios("Ni", "L")
    of_inner = [names for names in titanium if "Ll" in names]
    assert max(titanium[names] for names in of_inner) == pytest.approx(1.0)
    assert all(not name.startswith(("La", "Lb1")) for names in of_inner for name in names)
    assert max(nickel.values()) == pytest.approx(1 / 7)
    assert max(ratios("Zn", "L").values()) == pytest.approx(0.07)
    assert [open_3d_electrons(e) for e in ("Ca", "Sc", "Cu", "Zn")] == [None, 1, 9, None]


def test_nitrogen_under_a_weak_line_of_titanium_is_told_to_be_unsure(data_dir):
    """Measured SrTiO3, without N: Ll of Ti is three times that of tables."""
    image = eds.load(data_dir / "real/velox/EDS-STO.emd", index=0)
    elements = ("Sr", "Ti", "O", "N")
    sure = eds.theoretical_k_factors(200.0)
    sure = sure.model_copy(
        update={
            "factors": tuple(
                f.model_copy(update={"relative_error": 0.05})
                for f in sure.factors
                if f.element in elements
            )
        }
    )
    recipe = eds.Recipe(
        elements=elements,
        fit_only=("Cu", "C"),
        k_factors=sure,
        absorption=eds.Absorption(thickness_nm=60, density_g_cm3=5.12, take_off_angle_deg=18),
    )
    row = eds.quantify(image, np.ones(image.shape, int), recipe).table.iloc[0]
    assert "N ±" in row["flag"]
    assert "line ratios" in row["flag"]
    without = recipe.model_copy(update={"elements": ("Sr", "Ti", "O")})
    found = eds.quantify(image, np.ones(image.shape, int), without)
    assert found.preparation.refinement.ratios["Ti_Ll"] == pytest.approx(3, abs=1)
    assert not found.preparation.refinement.impossible


def test_energies_of_m_lines_are_less_sure():
    """Tables of those differ by eV, those of K and harder L lines by tenths."""
    recipe = eds.Recipe(elements=("Ta", "Si"))
    model = build_model(eds.EnergyAxis(-0.25, 0.005, 4096), STEM, recipe)
    stated = Uncertainties()
    of_family = {
        str(model.families[n.family]): n.prior_sd
        for n in nuisances_of(model, stated)
        if n.kind == "position"
    }
    assert of_family["Ta_M"] == stated.soft_line_position_eV
    assert of_family["Ta_L"] == of_family["Si_K"] == stated.line_position_eV


def test_m2_is_as_unsure_as_tables_differ():
    """Tenfold for Ir to Pb, whose yields one of them has from a single point."""
    for element, prior in {"W": 0.3, "Pt": 1.0, "Au": 1.0, "Pb": 1.0, "Bi": 0.3}.items():
        assert ratios(element, "M")["M2N4",] == pytest.approx(prior), element
