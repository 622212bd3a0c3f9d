"""The Poisson fit against its theoretical limit, numpy, scipy and HyperSpy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import nnls

from napari_eds import Acquisition, EnergyAxis, KFactorTable, Recipe
from napari_eds.fitting import fit as fitting
from napari_eds.fitting.model import build_model
from napari_eds.fitting.poisson import fit_poisson, grouped_chi_squared
from napari_eds.physics import lines as xray
from napari_eds.quantification.methods.cliff_lorimer import cliff_lorimer
from napari_eds.quantification.methods.intensities import Intensities

#: Counts of alpha lines, relative to each other; titanium is absent.
AREAS = {"La_L": 1.0, "Fe_K": 1.1, "O_K": 1.2, "Fe_L": 0.9, "La_M": 0.4, "Cu_K": 0.2, "Cu_L": 0.1}
K = KFactorTable.from_mapping({"La_L": 1, "Fe_K": 1, "O_K": 1, "Ti_K": 1}, "family")
K_FACTORS = np.array([1.2, 0.8, 1.0])
DRAWS = 3000


@pytest.fixture(scope="module")
def bare():
    """Four quantified and one other element on 458 channels, on eXSpy's polynomial."""
    recipe = Recipe.create(
        elements=("La", "Fe", "O"),
        fit_only=("Cu", "Ti"),
        k_factors=K,
        energy_range_keV=(0.35, 9.5),
        background_order=4,
    )
    return build_model(EnergyAxis(0, 0.02, 512), Acquisition(beam_energy_keV=200), recipe)


@pytest.fixture(scope="module")
def model(bare):
    """The same with a background of known shape, which is what the Poisson fit works on."""
    return replace(bare, background_shape=(1 - bare.energy.energies_keV / 20) ** 4)


@pytest.fixture(scope="module")
def areas(model):
    return np.array([AREAS.get(str(family), 0.0) for family in model.families])


def expected_spectrum(model, areas, counts):
    """Alpha areas and expected spectrum, half of it background."""
    lines = model.profiles @ areas
    expected = lines + model.background_shape * lines.sum() / model.background_shape.sum()
    scale = counts / expected.sum()
    return areas * scale, expected * scale


def cramer_rao(model, expected):
    """Smallest possible standard deviations of the family intensities."""
    scale = np.linalg.norm(model.design, axis=0)
    design = model.design / scale
    bound = np.linalg.inv(design.T @ (design / expected[:, None]))
    sigma = np.sqrt(np.diag(bound)) / scale
    return sigma[: len(model.families)] * model.weight_sums


@pytest.fixture(scope="module", params=[500, 5000, 50_000])
def drawn(request, model, areas):
    """True intensities, expected spectrum, and the fit of many Poisson draws of it."""
    alpha, expected = expected_spectrum(model, areas, request.param)
    counts = np.random.default_rng(request.param).poisson(expected, (DRAWS, expected.size))
    return alpha * model.weight_sums, expected, fitting.fit(model, counts)


# ---------------------------------------------------------------------------------------------
# Statistics


def test_noise_is_at_its_theoretical_limit(drawn, model, areas):
    _, expected, fit = drawn
    ratio = fit.intensities.std(axis=0) / cramer_rao(model, expected)
    # A standard deviation from 3,000 draws is known to 1.3 %.
    assert ratio[areas > 0].max() <= 1.05
    assert ratio[areas == 0].max() <= 1.15
    assert ratio.min() > 0.93


def test_intensities_have_no_bias(drawn, areas):
    true, _, fit = drawn
    bias = (fit.intensities.mean(axis=0) - true) / fit.intensities.std(axis=0)
    assert np.abs(bias).max() <= 0.2


def test_errors_of_compositions_are_their_spread(drawn, model):
    true, _, fit = drawn
    n = model.n_quantified
    weights = np.array([xray.atomic_weight(family.element) for family in model.quantified])
    composition = cliff_lorimer(
        Intensities(
            counts=fit.intensities[:, :n],
            covariance=fit.covariance[:, :n, :n],
            k_factors=K_FACTORS,
            k_covariance=np.zeros((n, n)),
            atomic_weights=weights,
        )
    )
    moles = true[:n] * K_FACTORS / weights
    z = composition.atomic_fractions - moles / moles.sum()
    z /= composition.atomic_errors_statistical
    assert z.std(axis=0) == pytest.approx(np.ones(n), abs=0.05)
    assert np.abs(z.mean(axis=0)).max() < 0.2


def test_errors_of_absent_lines_are_not_too_small(drawn, areas):
    true, _, fit = drawn
    z = ((fit.intensities - true) / fit.intensity_errors)[:, areas == 0]
    assert z.std(axis=0).max() <= 1.05
    assert z.std(axis=0).min() > 0.8


def test_chi_squared_of_the_true_model_is_one(drawn):
    assert drawn[2].reduced_chi_squared.mean() == pytest.approx(1, abs=0.01)


def test_a_background_is_never_negative(drawn):
    assert drawn[2].background.min() >= 0


def test_chi_squared_of_a_missing_line_is_large(model, areas):
    _, expected = expected_spectrum(model, areas, 50_000)
    copper = model.profiles[:, [str(f) == "Cu_K" for f in model.families]].sum(axis=1)
    counts = np.random.default_rng(4).poisson(expected + 5000 * copper, (5, expected.size))
    kept = [i for i, f in enumerate(model.families) if f.element != "Cu"]
    without = replace(
        model,
        families=tuple(model.families[i] for i in kept),
        lines=tuple(model.lines[i] for i in kept),
    )
    assert fitting.fit(without, counts).reduced_chi_squared.min() > 2


# ---------------------------------------------------------------------------------------------
# Algebra


def test_at_the_end_the_weights_are_those_of_the_fit(model, areas):
    """Poisson maximum likelihood: least squares weighted by its own expected counts."""
    _, expected = expected_spectrum(model, areas, 200_000)
    counts = np.random.default_rng(5).poisson(expected, (3, expected.size))
    fit = fitting.fit(model, counts)
    norms = np.linalg.norm(model.design, axis=0)
    n = len(model.families)
    for label in range(3):
        weights = 1 / np.sqrt(fit.expected[label])
        solution = np.linalg.lstsq(
            model.design / norms * weights[:, None], counts[label] * weights, rcond=None
        )[0]
        areas_again = (solution / norms)[:n] * model.weight_sums
        # It stops when nothing moves by more than 2 % of its standard deviation.
        moved = np.abs(areas_again - fit.intensities[label]) / fit.intensity_errors[label]
        assert moved.max() < 0.02


def first_step(model, counts, expected, monkeypatch, **options):
    """Coefficients after one step, whose weights are those of `expected`."""
    monkeypatch.setattr("napari_eds.fitting.poisson._MAX_ITERATIONS", 1)
    return fit_poisson(model, counts, expected, **options)[0]


def test_one_step_is_weighted_least_squares(model, areas, monkeypatch):
    _, expected = expected_spectrum(model, areas, 20_000)
    counts = np.random.default_rng(6).poisson(expected, (4, expected.size))
    found = first_step(model, counts, expected, monkeypatch)
    norms = np.linalg.norm(model.design, axis=0)
    weights = 1 / np.sqrt(expected)[:, None]
    solution = np.linalg.lstsq(model.design / norms * weights, counts.T * weights, rcond=None)[0]
    scale = np.abs(solution).max()
    np.testing.assert_allclose(found * norms / scale, solution.T / scale, atol=1e-6)


def test_with_equal_weights_it_is_hyperspys_least_squares(bare, areas, monkeypatch):
    """On eXSpy's lines and a rising line as background, whose coefficients are positive."""
    rising = replace(bare, background_order=1)
    expected = rising.profiles @ (areas * 10_000) + rising.background @ [3000, 500]
    counts = np.random.default_rng(7).poisson(expected, (3, expected.size))
    hyperspy = fitting.fit(rising, counts, "linear")
    assert hyperspy.background_coefficients.min() > 0
    found = first_step(rising, counts, np.ones(len(expected)), monkeypatch)
    both = np.hstack([hyperspy.alpha_areas, hyperspy.background_coefficients])
    np.testing.assert_allclose(found / both.max(), both / both.max(), atol=1e-6)


def test_non_negative_is_scipys_solution(model, areas, monkeypatch):
    _, expected = expected_spectrum(model, areas, 2000)
    counts = np.random.default_rng(8).poisson(expected, (20, expected.size))
    free = first_step(model, counts, expected, monkeypatch)
    found = first_step(model, counts, expected, monkeypatch, non_negative=True)
    assert free.min() < 0
    assert found.min() >= 0
    norms = np.linalg.norm(model.design, axis=0)
    weights = 1 / np.sqrt(expected)
    for label in range(20):
        solution = nnls(model.design / norms * weights[:, None], counts[label] * weights)[0]
        np.testing.assert_allclose(
            found[label] * norms, solution, rtol=1e-6, atol=1e-6 * solution.max()
        )


def test_non_negative_intensities_are_not(model, areas):
    _, expected = expected_spectrum(model, areas, 500)
    counts = np.random.default_rng(9).poisson(expected, (100, expected.size))
    assert fitting.fit(model, counts).intensities.min() < 0
    result = fitting.fit(model, counts, non_negative=True)
    assert result.intensities.min() >= 0
    assert np.isfinite(result.intensity_errors).all()


# ---------------------------------------------------------------------------------------------
# Odd input, progress, cancelling


def test_a_label_without_counts_has_zeros_and_no_chi_squared(model, areas):
    _, expected = expected_spectrum(model, areas, 5000)
    result = fitting.fit(model, np.stack([np.zeros(expected.size), np.rint(expected)]))
    assert not result.intensities[0].any()
    assert not result.covariance[0].any()
    assert not result.expected[0].any()
    assert np.isnan(result.reduced_chi_squared[0])
    assert np.isfinite(result.reduced_chi_squared[1])
    assert (result.intensity_errors[1] > 0).all()


@pytest.mark.parametrize("name", ["model", "bare"])
def test_only_labels_without_counts_are_fitted_too(name, request):
    model = request.getfixturevalue(name)
    result = fitting.fit(model, np.zeros((2, model.energy.size)))
    assert not result.intensities.any()
    assert np.isnan(result.reduced_chi_squared).all()


def test_one_count_alone_is_finite(model):
    counts = np.zeros((1, model.energy.size))
    counts[0, 100] = 1
    result = fitting.fit(model, counts)
    assert np.isfinite(result.intensities).all()
    assert np.isfinite(result.intensity_errors).all()


def test_one_label_is_fitted_as_among_others(model, areas):
    """First weights come from the sum, the last ones from the label: the rest is convergence."""
    _, expected = expected_spectrum(model, areas, 5000)
    counts = np.random.default_rng(10).poisson(expected, (5, expected.size))
    together, alone = fitting.fit(model, counts), fitting.fit(model, counts[2:3])
    assert alone.intensities.shape == (1, len(model.families))
    moved = np.abs(alone.intensities[0] - together.intensities[2]) / alone.intensity_errors[0]
    assert moved.max() < 0.03
    np.testing.assert_allclose(alone.intensity_errors[0], together.intensity_errors[2], rtol=0.02)


def test_labels_do_not_depend_on_the_block_they_are_in(model, areas, monkeypatch):
    _, expected = expected_spectrum(model, areas, 5000)
    counts = np.random.default_rng(11).poisson(expected, (7, expected.size))
    whole = fitting.fit(model, counts)
    monkeypatch.setattr("napari_eds.fitting.poisson.BLOCK_LABELS", 3)
    calls = []
    blocks = fitting.fit(model, counts, progress=lambda *call: calls.append(call))
    moved = np.abs(blocks.intensities - whole.intensities) / whole.intensity_errors
    assert moved.max() < 0.03
    told = list(dict.fromkeys(calls))
    assert told == [(n, 7, "fitting") for n in (0, 3, 6, 7)] + [(7, 7, "fitted")]


def test_raising_in_progress_cancels(model):
    class StopError(Exception):
        pass

    def cancel(done, _total, _what):
        raise StopError

    with pytest.raises(StopError):
        fitting.fit(model, np.ones((2, model.energy.size)), progress=cancel)


def test_chi_squared_of_well_filled_channels_is_pearsons():
    random = np.random.default_rng(3)
    expected = random.uniform(5, 500, (4, 300))
    counts = random.poisson(expected)
    pearson = ((counts - expected) ** 2 / expected).sum(axis=1) / (300 - 7)
    np.testing.assert_allclose(grouped_chi_squared(counts, expected, 7), pearson)


def test_one_stray_count_where_nothing_is_expected_is_no_misfit():
    expected = np.full((1, 1000), 1e-4)
    expected[:, :200] = 10
    counts = np.round(expected).astype(int)
    counts[0, 700] = 1
    assert grouped_chi_squared(counts, expected, 10)[0] < 0.1


@pytest.mark.parametrize("total", [100, 300, 3000])
def test_chi_squared_of_sparse_spectra_is_one_in_the_mean(total):
    shape = np.exp(-np.linspace(0, 8, 1500))
    shape[300:310] += 5
    expected = np.tile(total * shape / shape.sum(), (2000, 1))
    counts = np.random.default_rng(4).poisson(expected)
    assert grouped_chi_squared(counts, expected, 0).mean() == pytest.approx(1, abs=0.03)


def test_chi_squared_of_fewer_counts_than_parameters_is_unknown():
    expected = np.full((1, 100), 0.1)
    assert np.isnan(grouped_chi_squared(np.zeros((1, 100)), expected, 10)).all()
