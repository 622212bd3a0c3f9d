"""Errors of k-factors by class, against how a vendor's table lies about theory."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.recipe.k_factor_errors import line_class, relative_covariance
from napari_eds.simulate import Phase, simulate


@pytest.fixture(scope="module")
def rows(data_dir):
    """Logarithms of Velox's k-factors over theory, by class of lines."""
    table = eds.read_k_factors(data_dir / "real/kfactors/k-factors-Spectra300UTK200keV.csv")
    theory = eds.theoretical_k_factors(200.0)
    found = {}
    for factor in table.factors:
        computed = theory.find(factor.element, factor.family)
        one = line_class(factor.element, factor.family)
        if computed is not None and one is not None:
            found.setdefault(one, []).append(np.log(factor.value / computed.value))
    return {one: np.array(logs) for one, logs in found.items() if len(logs) > 8}


def test_rows_of_a_class_scatter_by_their_own_error(rows):
    assert len(rows) >= 5
    for one, logs in rows.items():
        spread = 1.4826 * np.median(np.abs(logs - np.median(logs)))
        assert spread < 1.3 * one.own_error, one


def test_classes_lie_apart_by_what_they_share(rows):
    reference = np.median(next(logs for one, logs in rows.items() if one.below_keV == 20))
    for one, logs in rows.items():
        apart = abs(np.median(logs) - reference)
        assert apart < 1.5 * one.relative_error, one


def test_errors_of_one_class_are_partly_alike():
    names = [("Cd", "L"), ("Te", "L"), ("Fe", "K")]
    covariance = relative_covariance(names, [0.25, 0.25, 0.05])
    np.testing.assert_allclose(np.sqrt(np.diagonal(covariance)), [0.25, 0.25, 0.05])
    of_ratio = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert np.sqrt(of_ratio) == pytest.approx(0.07 * np.sqrt(2))
    assert covariance[0, 2] == 0
    assert np.all(np.linalg.eigvalsh(covariance) >= 0)


def test_measured_errors_are_independent():
    covariance = relative_covariance([("Cd", "L"), ("Te", "L")], [0.05, 0.25])
    assert covariance[0, 1] == 0


def test_compounds_of_one_class_are_known_better_than_of_two():
    """Computed k-factors of two L families, and of one of L and one of K."""
    errors = {}
    for name, elements in {"CdTe": ("Cd", "Te"), "CdFe": ("Cd", "Fe")}.items():
        phase = Phase(name, dict.fromkeys(elements, 50), 6.0)
        simulated = simulate(np.ones((2, 2), int), (phase,), 20.0, counts_per_pixel=1e5)
        recipe = eds.Recipe(elements=elements, absorption=eds.Absorption(thickness_nm=20))
        result = eds.quantify(simulated.image, simulated.labels, recipe)
        errors[name] = result.composition.atomic_errors_k[0, 0]
        row = result.table.loc[1]
        assert abs(row["Cd_at_pct"] - 50) < row["Cd_at_pct_error_total"]
    assert errors["CdTe"] < 0.45 * errors["CdFe"]
