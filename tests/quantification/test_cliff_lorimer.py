"""Cliff-Lorimer against published arithmetic, eXSpy, and errors drawn at random."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_eds import EDSError, KFactorTable, Recipe, quantify, read_k_factors
from napari_eds.physics import lines as xray
from napari_eds.quantification.methods.cliff_lorimer import cliff_lorimer
from napari_eds.quantification.methods.intensities import Intensities

#: La_L, Fe_K, O_K of a typical label: counts, k-factors (200 kV, per family), atomic weights.
INTENSITIES = np.array([5000.0, 6000.0, 4000.0])
K_FACTORS = np.array([0.7305, 0.4329, 0.3719])
WEIGHTS = np.array([138.905, 55.845, 15.999])


def compose(intensities, covariance=None, k_factors=K_FACTORS, k_errors=None, weights=WEIGHTS):
    intensities = np.atleast_2d(np.asarray(intensities, float))
    if covariance is None:
        covariance = np.maximum(intensities, 0)[:, :, None] * np.eye(intensities.shape[1])
    if k_errors is None:
        k_errors = np.zeros(len(k_factors))
    return cliff_lorimer(
        Intensities(
            counts=intensities,
            covariance=covariance,
            k_factors=k_factors,
            k_covariance=np.diag(np.square(k_errors)),
            atomic_weights=weights,
        )
    )


@pytest.mark.parametrize(
    ("families", "alpha_at_pct", "family_at_pct"),
    [
        (("La_L", "Fe_K", "O_K"), (10.85, 24.96, 64.20), (19.11, 24.65, 56.24)),
        (("Sr_K", "Ti_K", "O_K"), (23.28, 26.54, 50.18), (25.11, 27.81, 47.08)),
    ],
)
def test_the_study_redone_with_whole_families(data_dir, families, alpha_at_pct, family_at_pct):
    """Alpha intensities with family k-factors gave the first row, families give the second."""
    table = read_k_factors(data_dir / "real/kfactors/k-factors-Spectra300UTK200keV.csv")
    chosen = [xray.family(*name.split("_")) for name in families]
    k = np.array([table.value_for(family, "family") for family in chosen])
    weights = np.array([xray.atomic_weight(family.element) for family in chosen])
    alpha = np.array(alpha_at_pct) * weights / k
    whole = alpha * [family.weight_sum for family in chosen]
    composition = compose([alpha, whole], k_factors=k, weights=weights)
    # Published to two digits, so that rows sum to 100.01.
    np.testing.assert_allclose(100 * composition.atomic_fractions[0], alpha_at_pct, atol=0.01)
    np.testing.assert_allclose(100 * composition.atomic_fractions[1], family_at_pct, atol=0.01)


def test_it_agrees_with_exspy():
    import exspy

    lines, names = ["Fe_Ka", "La_La", "O_Ka"], ["Fe", "La", "O"]
    order = [1, 0, 2]  # ours to eXSpy's, which is alphabetical
    intensities = np.array([[5000.0, 6000.0, 4000.0], [9000.0, 50.0, 700.0]])
    signal = exspy.signals.EDSTEMSpectrum(np.ones((2, 64)))
    signal.set_microscope_parameters(beam_energy=200)
    signal.axes_manager.signal_axes[0].units = "keV"
    signal.axes_manager.signal_axes[0].scale = 0.2
    signal.set_elements(names)
    signal.set_lines(lines)
    windows = []
    for line, column in zip(lines, intensities[:, order].T, strict=True):
        window = signal.isig[0].deepcopy()
        window.data = column.copy()
        window.metadata.Sample.elements = [line.partition("_")[0]]
        window.metadata.Sample.xray_lines = [line]
        windows.append(window)
    settings = {
        "method": "CL",
        "factors": list(K_FACTORS[order]),
        # The default mask sets weak pixels to zero.
        "navigation_mask": None,
        "show_progressbar": False,
    }
    composition = compose(
        intensities, weights=np.array([xray.atomic_weight(e) for e in ("La", "Fe", "O")])
    )
    for unit, ours in (
        ("atomic", composition.atomic_fractions),
        ("weight", composition.weight_fractions),
    ):
        theirs = signal.quantification(windows, composition_units=unit, **settings)
        found = np.stack([element.data for element in theirs], axis=1)
        np.testing.assert_allclose(100 * ours[:, order], found, rtol=1e-9)


def test_fractions_follow_the_formula():
    composition = compose(INTENSITIES)
    w = K_FACTORS * INTENSITIES
    np.testing.assert_allclose(composition.weight_fractions[0], w / w.sum(), rtol=1e-14)
    u = w / WEIGHTS
    np.testing.assert_allclose(composition.atomic_fractions[0], u / u.sum(), rtol=1e-14)


def test_statistical_errors_are_the_spread_of_compositions():
    draws = 20_000
    correlated = np.array([[1.0, 0.4, -0.2], [0.4, 1.0, 0.0], [-0.2, 0.0, 1.0]])
    sigma = 0.02 * INTENSITIES
    covariance = correlated * np.outer(sigma, sigma)
    drawn = np.random.default_rng(1).multivariate_normal(INTENSITIES, covariance, draws)
    spread = compose(drawn, np.tile(covariance, (draws, 1, 1))).atomic_fractions.std(axis=0)
    predicted = compose(INTENSITIES, covariance[None]).atomic_errors_statistical[0]
    # A standard deviation from 20,000 draws is known to 0.5 %.
    np.testing.assert_allclose(predicted, spread, rtol=0.02)


def test_k_factor_errors_are_the_spread_of_compositions():
    relative = np.array([0.05, 0.03, 0.04])
    factors = 1 + relative * np.random.default_rng(2).standard_normal((20_000, 3))
    drawn = compose(INTENSITIES * factors).atomic_fractions.std(axis=0)
    composition = compose(INTENSITIES, k_errors=relative)
    np.testing.assert_allclose(composition.atomic_errors_k[0], drawn, rtol=0.02)
    statistical = compose(INTENSITIES).atomic_errors_statistical
    np.testing.assert_array_equal(composition.atomic_errors_statistical, statistical)


def test_errors_of_an_absent_element_are_finite():
    covariance = np.diag([5000.0, 6000.0, 25.0])[None]
    composition = compose([5000.0, 6000.0, 0.0], covariance)
    assert composition.atomic_fractions[0, 2] == 0
    # Five counts of oxygen in place of none.
    shifted = compose([5000.0, 6000.0, 5.0], covariance).atomic_fractions[0, 2]
    assert composition.atomic_errors_statistical[0, 2] == pytest.approx(shifted, rel=0.01)
    assert composition.detected.tolist() == [[True, True, False]]


def test_negative_intensities_of_absent_elements_are_kept():
    covariance = np.diag([5000.0, 6000.0, 100.0])[None]
    composition = compose([5000.0, 6000.0, -8.0], covariance)
    assert composition.atomic_fractions[0, 2] < 0
    assert composition.atomic_fractions.sum() == pytest.approx(1)


@pytest.mark.parametrize("intensities", [[0.0, 0.0, 0.0], [3.0, 4.0, 2.0], [-500.0, -500.0, 20.0]])
def test_a_label_in_which_nothing_is_detected_has_no_composition(intensities):
    composition = compose(
        [intensities, INTENSITIES], np.stack([100 * np.eye(3), np.diag(INTENSITIES)])
    )
    for values in (
        composition.weight_fractions,
        composition.atomic_fractions,
        composition.atomic_errors_statistical,
        composition.atomic_errors_k,
        composition.detection_limits,
        composition.absorption_factors,
    ):
        assert np.isnan(values[0]).all()
        assert np.isfinite(values[1]).all()
    assert not composition.detected[0].any()


def test_a_composition_exists_in_both_units_or_in_none():
    # La weighs more than the oxygen that is missing, but oxygen has more atoms.
    composition = compose([1000.0, 0.0, -1000.0], 1e4 * np.eye(3)[None])
    assert composition.detected[0].tolist() == [True, False, False]
    assert np.isnan(composition.atomic_fractions).all()
    assert np.isnan(composition.weight_fractions).all()


def test_the_detection_limit_is_what_three_standard_deviations_give():
    covariance = np.diag([5000.0, 6000.0, 25.0])[None]
    limits = [compose([5000.0, 6000.0, oxygen], covariance) for oxygen in (-8.0, 0.0, 15.0)]
    # The limit of oxygen does not depend on how much there is; at 15 counts it is the result.
    for composition in limits:
        expected = limits[2].atomic_fractions[0, 2]
        assert composition.detection_limits[0, 2] == pytest.approx(expected, rel=1e-12)
    at_limit = compose([3 * np.sqrt(5000.0), 6000.0, 15.0], covariance)
    assert limits[2].detection_limits[0, 0] == pytest.approx(at_limit.atomic_fractions[0, 0])


def test_a_detection_limit_beside_nothing_is_all():
    composition = compose([900.0], k_factors=np.array([2.0]), weights=np.array([56.0]))
    assert composition.detection_limits.tolist() == [[1.0]]
    exact = compose([9.0], np.zeros((1, 1, 1)), np.array([2.0]), weights=np.array([56.0]))
    assert np.isnan(exact.detection_limits).all()
    negative = compose([5000.0, -8.0, -3.0], np.diag([5000.0, 25.0, 25.0])[None])
    assert negative.detection_limits[0, 0] == 1


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=3), st.floats(1, 1e4))
def test_what_is_detected_lies_above_its_limit(intensities, sigma):
    composition = compose(intensities, sigma**2 * np.eye(3)[None])
    if composition.detected.any():
        x, limits = composition.atomic_fractions[0], composition.detection_limits[0]
        assert ((limits > 0) & (limits <= 1)).all()
        clear = abs(np.array(intensities) / sigma - 3) > 1e-6
        assert ((x > limits) == composition.detected[0])[clear & (limits < 1 - 1e-6)].all()


counts = st.lists(st.floats(100, 1e6), min_size=3, max_size=3)


@given(counts, st.floats(1e-3, 1e3))
def test_only_ratios_of_k_factors_matter(intensities, factor):
    ours, scaled = compose(intensities), compose(intensities, k_factors=factor * K_FACTORS)
    for name in ("weight_fractions", "atomic_fractions", "atomic_errors_statistical"):
        np.testing.assert_allclose(getattr(scaled, name), getattr(ours, name), rtol=1e-9)


@given(counts, st.permutations(range(3)))
def test_the_order_of_elements_does_not_matter(intensities, order):
    ours = compose(intensities, k_errors=np.array([0.05, 0.03, 0.04]))
    other = compose(
        np.array(intensities)[order],
        k_factors=K_FACTORS[order],
        k_errors=np.array([0.05, 0.03, 0.04])[order],
        weights=WEIGHTS[order],
    )
    for name in ("atomic_fractions", "atomic_errors_statistical", "atomic_errors_k"):
        np.testing.assert_allclose(
            getattr(other, name), getattr(ours, name)[:, order], rtol=1e-9, atol=1e-15
        )


def test_one_element_is_all_there_is():
    composition = compose([900.0], k_factors=np.array([2.0]), weights=np.array([56.0]))
    assert composition.atomic_fractions.tolist() == [[1.0]]
    assert composition.atomic_errors_statistical.tolist() == [[0.0]]


def test_arrays_that_do_not_belong_together_are_refused():
    with pytest.raises(EDSError, match="do not belong together"):
        compose(INTENSITIES, k_factors=K_FACTORS[:2])
    with pytest.raises(EDSError, match="do not belong together"):
        compose(INTENSITIES, np.eye(3))
    with pytest.raises(EDSError, match="do not belong together"):
        compose(INTENSITIES[None, None], np.eye(3)[None])


def test_intensities_are_frozen_and_their_maker_is_not():
    counts = INTENSITIES[None].copy()
    intensities = Intensities(
        counts=counts,
        covariance=np.eye(3)[None],
        k_factors=K_FACTORS,
        k_covariance=np.zeros((3, 3)),
        atomic_weights=WEIGHTS,
    )
    with pytest.raises(ValueError, match="read-only"):
        intensities.counts[0, 0] = 1
    counts[0, 0] = 1


def test_counts_of_alpha_lines_are_used_with_k_factors_of_alpha_lines(lfo_sto_96):
    recipe = Recipe(elements=("La", "Fe", "O"), fit_only=("Sr", "Ti", "Pt"))
    fit = quantify(lfo_sto_96, np.ones(lfo_sto_96.shape, int), recipe).fit
    values = {"La_L": 2.0, "Fe_K": 1.0, "O_K": 1.5}
    errors = {"La_L": 0.1, "Fe_K": 0.0, "O_K": 0.05}
    family, alpha = (
        Intensities.of_fit(
            fit.model,
            KFactorTable.from_mapping(values, convention, relative_errors=errors),
            alpha_areas=fit.alpha_areas,
            covariance=fit.covariance,
        )
        for convention in ("family", "alpha")
    )
    np.testing.assert_allclose(family.counts, fit.intensities[:, :3], rtol=1e-12)
    np.testing.assert_allclose(family.errors, fit.intensity_errors[:, :3], rtol=1e-12)
    np.testing.assert_allclose(alpha.counts, fit.alpha_areas[:, :3], rtol=1e-12)
    np.testing.assert_allclose(alpha.errors / alpha.counts, family.errors / family.counts)
    assert alpha.k_factors.tolist() == [2.0, 1.0, 1.5]
    assert np.sqrt(np.diagonal(alpha.k_covariance)) == pytest.approx([0.1, 0.0, 0.05])
    assert alpha.atomic_weights == pytest.approx(WEIGHTS, rel=1e-3)


def test_a_total_that_is_noise_is_not_divided_by():
    """La and Fe stand out, but what O lacks takes as many atoms away again."""
    found = np.array([[60.0, 60.0, -33.0], INTENSITIES])
    composition = compose(found, np.stack([100 * np.eye(3), np.diag(INTENSITIES)]))
    assert composition.detected[0].any()
    assert np.isnan(composition.atomic_fractions[0]).all()
    assert np.isfinite(composition.atomic_fractions[1]).all()


def test_few_counts_of_a_compound_keep_their_composition():
    k, weights = np.array([1.5, 1.7]), np.array([69.7, 74.9])
    draws = np.random.default_rng(3).poisson([30.0, 30.0], (2000, 2)).astype(float)
    fractions = compose(draws, k_factors=k, weights=weights).atomic_fractions
    assert np.isfinite(fractions).all()


def test_families_that_share_counts_do_not_make_the_total_uncertain():
    """Two overlapping families are uncertain by each other, and their sum is not."""
    shared = np.array([[2500.0, -2400.0], [-2400.0, 2500.0]])[None]
    equal = {"k_factors": np.ones(2), "weights": np.full(2, 50.0)}
    found = compose([160.0, 40.0], shared, **equal)
    assert np.isfinite(found.atomic_fractions).all()
    alike = compose([160.0, 40.0], np.abs(shared), **equal)
    assert np.isnan(alike.atomic_fractions).all()
