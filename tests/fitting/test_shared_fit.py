"""The shared pseudo-inverse for single pixels, against weighted least squares and noise."""

import numpy as np
import pytest
from scipy import sparse

import napari_eds as eds
from napari_eds.fitting.model import build_model
from napari_eds.fitting.poisson import shared_inverse
from napari_eds.fitting.preparation import prepare
from napari_eds.fitting.sum_fit import fit_sum


@pytest.fixture(scope="module")
def prepared(data_dir, lfo_sto_96):
    k_factors = eds.read_k_factors(data_dir / "simulated/kfactors_family_sum_windowless.csv")
    recipe = eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti", "Pt"),
        fit_only=("C", "Cu", "Ga"),
        k_factors=k_factors,
    )
    model = build_model(lfo_sto_96.energy, lfo_sto_96.acquisition, recipe)
    total = lfo_sto_96.total_spectrum()[model.channels]
    model = prepare(model, total, recipe, k_factors).model
    return model, fit_sum(model, total).expected


def fit_shared(model, counts, expected):
    """Counts of alpha lines, and their variances with observed counts standing for their means."""
    rows = shared_inverse(model, expected)[:, : len(model.families)]
    return counts @ rows, counts @ rows**2


def test_it_is_weighted_least_squares_with_the_weights_of_the_sum(prepared, lfo_sto_96):
    model, expected = prepared
    counts = lfo_sto_96.counts[:, model.channels][5000:5020].toarray().astype(float)
    areas, _ = fit_shared(model, counts, expected)
    root = np.sqrt(expected)
    scale = np.linalg.norm(model.design / root[:, None], axis=0)
    solution = np.linalg.lstsq(
        model.design / root[:, None] / scale, (counts / root).T, rcond=None
    )[0]
    wanted = (solution.T / scale)[:, : len(model.families)]
    np.testing.assert_allclose(areas, wanted, rtol=1e-6, atol=1e-6)


def test_sparse_and_dense_agree_and_pixels_sum_to_the_whole(prepared, lfo_sto_96):
    model, expected = prepared
    counts = lfo_sto_96.counts[:, model.channels]
    assert sparse.issparse(counts)
    areas, variances = fit_shared(model, counts, expected)
    dense = fit_shared(model, counts[4000:4010].toarray(), expected)
    np.testing.assert_allclose(areas[4000:4010], dense[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(variances[4000:4010], dense[1], rtol=1e-9)
    whole, _ = fit_shared(model, counts.sum(axis=0, dtype=np.int64)[None, :], expected)
    np.testing.assert_allclose(areas.sum(axis=0), whole[0], rtol=1e-9)


def test_variances_are_the_spread_over_draws(prepared):
    model, expected = prepared
    draws = np.random.default_rng(5).poisson(expected / 20_000, (3000, expected.size))
    areas, variances = fit_shared(model, draws, expected)
    # The standard deviation of 3,000 draws is known to 1.3 %.
    np.testing.assert_allclose(areas.std(axis=0), np.sqrt(variances.mean(axis=0)), rtol=0.06)
