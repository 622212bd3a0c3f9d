"""Labels that absorb other bremsstrahlung than the sum of all, beside simulated truth."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.fitting import fit as fitting
from napari_eds.fitting.label_backgrounds import Nodes
from napari_eds.simulate.conditions import Phase
from napari_eds.simulate.maps import simulate

PRECIPITATE, SIDE, PIXELS, THICKNESS_nm = 2, 30, 18, 60
PHASES = {
    "Au": Phase("Au", {"Au": 100}, 19.3),
    "Al2O3": Phase("Al2O3", {"Al": 40, "O": 60}, 3.9),
}
REMARK = "background unlike that of the sum: quantify it apart"


def simulated(matrix, precipitate):
    """A map of a matrix of which 2 % are a precipitate."""
    phases = np.ones((SIDE, SIDE), int)
    phases.flat[:PIXELS] = PRECIPITATE
    return simulate(
        phases, [PHASES[matrix], PHASES[precipitate]], THICKNESS_nm, counts_per_pixel=1500, seed=2
    )


def quantified(found, labels, thickness_nm=THICKNESS_nm):
    absorption = None if thickness_nm is None else eds.Absorption(thickness_nm=thickness_nm)
    factors = {f"{e}_{f}": k for (e, f), k in found.k_factors.items() if f"{e}_{f}" in KEPT}
    recipe = eds.Recipe(
        elements=tuple(factors),
        fit_only=("C", "Cu"),
        k_factors=eds.KFactorTable.from_mapping(factors, "family"),
        absorption=absorption,
    )
    return eds.quantify(found.image, labels, recipe)


KEPT = ("Al_K", "O_K", "Au_L")


@pytest.fixture(scope="module")
def gold():
    return simulated("Al2O3", "Au")


def chi_squared(result):
    return result.table.loc[PRECIPITATE, "reduced_chi_squared"]


def test_a_precipitate_is_fitted_nearly_as_well_as_alone(gold):
    both = quantified(gold, gold.labels)
    alone = quantified(gold, np.where(gold.labels == PRECIPITATE, PRECIPITATE, 0))
    assert alone.fit.backgrounds is None
    of_sum = fitting.fit(both.fit.model, both.fit.counts).reduced_chi_squared[1]
    assert chi_squared(both) - chi_squared(alone) < 0.7 * (of_sum - chi_squared(alone))


def test_nothing_of_the_matrix_is_found_in_the_precipitate(gold):
    row = quantified(gold, gold.labels).table.loc[PRECIPITATE]
    for element in ("Al", "O"):
        assert abs(row[f"{element}_at_pct"]) < 2.5 * row[f"{element}_at_pct_error_total"]
    assert row["Al_at_pct"] < 1


def test_backgrounds_of_all_labels_still_make_up_that_of_the_sum(gold):
    result = quantified(gold, gold.labels)
    total = result.preparation.model.background_shape
    together = result.fit.background.sum(axis=0)
    energies = result.fit.model.energy.energies_keV
    np.testing.assert_allclose(together[energies > 0.5], total[energies > 0.5], rtol=0.02)
    counts = result.fit.background.sum(axis=1)
    np.testing.assert_allclose(result.fit.background_counts, counts, rtol=1e-6)


def test_a_foil_of_which_nothing_is_known_leaves_an_error_and_a_remark(gold):
    unknown, known = (quantified(gold, gold.labels, nm) for nm in (None, THICKNESS_nm))
    assert REMARK in unknown.table.loc[PRECIPITATE, "flag"]
    assert REMARK not in unknown.table.loc[1, "flag"]
    told = ["not known without a thickness", "as their compositions absorb it"]
    for result, words in zip((unknown, known), told, strict=True):
        assert any(words in line for line in result.account())
    part = [r.composition.atomic_error_parts["background"][1, 0] for r in (unknown, known)]
    assert part[0] > 2 * part[1]


def test_labels_like_the_sum_keep_its_background():
    found = simulated("Al2O3", "Al2O3")
    result = quantified(found, eds.grid_chips(found.image.shape, 10))
    assert result.fit.backgrounds is None or not result.fit.backgrounds.unlike.any()


def test_few_counts_keep_to_the_background_of_the_sum():
    phases = np.ones((SIDE, SIDE), int)
    one = simulate(phases, [PHASES["Al2O3"]], THICKNESS_nm, counts_per_pixel=100, seed=1)
    labels = 1 + np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    result = quantified(one, labels)
    assert result.fit.backgrounds is None or result.fit.backgrounds.unlike.mean() < 0.05


def test_curves_between_nodes_add_up(gold):
    model = quantified(gold, gold.labels).fit.model
    nodes = Nodes.of(model)
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, len(nodes.energies_keV)))
    curves = rng.normal(size=(model.energy.size, 3))
    drawn = nodes.drawn(values)
    np.testing.assert_allclose(drawn @ curves, values @ nodes.summed(curves), atol=1e-9)
    smooth = nodes.drawn(nodes.energies_keV)
    np.testing.assert_allclose(smooth, model.energy.energies_keV, atol=1e-9)
