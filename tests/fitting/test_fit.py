"""The fit against eXSpy, numpy and Poisson draws from a known model."""

import logging
import warnings

import numpy as np
import pytest

from napari_eds import Acquisition, EnergyAxis, KFactorTable, ModelError, Recipe, grid_chips
from napari_eds.fitting import fit as fitting
from napari_eds.fitting.model import build_model

K = KFactorTable.from_mapping({"O_K": 1, "Fe_K": 1, "La_L": 1, "Ti_K": 1, "Sr_K": 1}, "family")


def lanthanum_ferrite(*fit_only):
    """La, Fe, O and others on 900 channels, enough to tell all their lines apart."""
    recipe = Recipe.create(
        elements=("La", "Fe", "O"),
        fit_only=fit_only,
        k_factors=K,
        energy_range_keV=(0.35, 9.5),
        background_order=4,
    )
    return build_model(EnergyAxis(0, 0.01, 1024), Acquisition(beam_energy_keV=200), recipe)


def known_spectrum(model, counts, *, background=0.5, absent=()):
    """Alpha areas and expected spectrum of a model with a falling background.

    The background, ``(1 - E / 20 keV)^4``, is one of the model's polynomials.
    """
    alpha = {"La_L": 1.0, "Fe_K": 1.1, "O_K": 1.2, "Fe_L": 0.9, "La_M": 0.4, "Cu_K": 0.2}
    areas = np.array([0.0 if str(f) in absent else alpha.get(str(f), 0.0) for f in model.families])
    lines = model.profiles @ areas
    continuum = (1 - model.energy.energies_keV / 20) ** 4
    expected = lines + continuum * lines.sum() / continuum.sum() * background / (1 - background)
    scale = counts / expected.sum()
    return areas * scale, expected * scale


def fit(model, counts, engine="linear", progress=None):
    return fitting.fit(model, counts, engine, progress)


def drawn_fit(model, expected, draws, seed):
    return fit(model, np.random.default_rng(seed).poisson(expected, (draws, expected.size)))


def alone(result, label):
    """The fit of one label of several, as if it had been fitted alone."""
    only = slice(label, label + 1)
    return fitting.equal_weight_fit(
        result.model,
        result.counts[only],
        result.alpha_areas[only],
        result.background_coefficients[only],
        result.engine,
    )


# ---------------------------------------------------------------------------------------------
# The model


@pytest.fixture(scope="module")
def all_families():
    """K, L and M families of eight elements."""
    recipe = Recipe.create(
        elements=("La", "Fe", "O", "Sr_K", "Ti"), fit_only=("Cu", "C", "Pt"), k_factors=K
    )
    return build_model(EnergyAxis(-0.25, 0.005, 4096), Acquisition(beam_energy_keV=300), recipe)


@pytest.fixture(scope="module")
def cut_families():
    """A range that ends between the lines of families: Fe Ll is below it, Sr K beta above."""
    recipe = Recipe.create(
        elements=("La", "Fe", "Sr_K"), fit_only=("Ti_K",), k_factors=K, energy_range_keV=(0.7, 15)
    )
    return build_model(EnergyAxis(-0.25, 0.005, 4096), Acquisition(beam_energy_keV=300), recipe)


@pytest.mark.parametrize("model_name", ["all_families", "cut_families"])
def test_the_design_is_made_of_exspys_components(model_name, request):
    model = request.getfixturevalue(model_name)
    energies = model.energy.energies_keV
    exspy_model = model.exspy_model(np.zeros((1, energies.size)))
    names = {component.name for component in exspy_model} - {"background_order_6"}
    assert names == {str(line) for f in model.families for line in model.lines_in_range(f)}
    for family, profile in zip(model.families, model.profiles.T, strict=True):
        exspy_model[str(family.alpha)].A.value = 1  # the other lines of a family are its twins
        lines = [exspy_model[str(line)] for line in model.lines_in_range(family)]
        expected = model.energy.scale_keV * sum(line.function(energies) for line in lines)
        np.testing.assert_allclose(profile, expected, rtol=1e-9, atol=1e-11)
    (background,) = exspy_model.background_components
    for i, power in enumerate(model.background.T):
        for parameter in background.parameters:
            parameter.value = float(parameter.name == f"a{i}")
        expected = model.energy.scale_keV * background.function(energies)
        np.testing.assert_allclose(power, expected, rtol=1e-9)


def test_a_profile_holds_the_counts_of_the_familys_lines_in_range(all_families):
    model = all_families
    areas = model.profiles.sum(axis=0)
    for family, area in zip(model.families, areas, strict=True):
        weights = sum(line.weight for line in model.lines_in_range(family))
        if family.alpha.energy_keV > 0.4:  # C K sits on the edge of the range
            assert area == pytest.approx(weights, rel=1e-3)


def test_quantified_families_come_first_and_once(all_families):
    names = [str(family) for family in all_families.families]
    assert names[:5] == ["La_L", "Fe_K", "O_K", "Sr_K", "Ti_K"]
    assert len(set(names)) == len(names)
    # Lower families are fitted too, as they overlap others' lines: Ti L lies beside O K.
    assert {"La_M", "Fe_L", "Sr_L", "Ti_L", "Cu_K", "Cu_L", "C_K", "Pt_L", "Pt_M"} <= set(names)


def test_more_parameters_than_channels_are_refused():
    with pytest.raises(ModelError, match="channels cannot determine"):
        build_model(
            EnergyAxis(0, 0.5, 20),
            Acquisition(beam_energy_keV=200),
            Recipe.create(elements=("Fe", "Ti"), k_factors=K, energy_range_keV=(4, 8)),
        )


# ---------------------------------------------------------------------------------------------
# Intensities


@pytest.fixture(scope="module")
def chips_of_the_map(lfo_sto_96, all_families):
    labels = grid_chips(lfo_sto_96.shape, 32).labels
    spectra = lfo_sto_96.label_spectra(labels).spectra[:, all_families.channels]
    return labels, spectra, fit(all_families, spectra)


def test_the_linear_fit_is_least_squares(chips_of_the_map, all_families):
    _, spectra, result = chips_of_the_map
    norms = np.linalg.norm(all_families.design, axis=0)
    solution, *_ = np.linalg.lstsq(all_families.design / norms, spectra.T)
    expected = (solution / norms[:, None]).T
    n = len(all_families.families)
    scale = np.abs(expected).max(axis=1, keepdims=True)
    np.testing.assert_allclose(
        result.alpha_areas / scale, expected[:, :n] / scale, rtol=1e-6, atol=1e-9
    )
    np.testing.assert_allclose(
        result.background, expected[:, n:] @ all_families.background.T, rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(result.fitted, expected @ all_families.design.T, atol=1e-5)


def test_intensities_are_those_of_a_plain_exspy_script(lfo_sto_96, chips_of_the_map):
    import exspy

    labels, _, result = chips_of_the_map
    cube = lfo_sto_96.to_array()
    chips = np.stack([cube[labels == i].sum(axis=0, dtype=float) for i in range(1, 10)])
    signal = exspy.signals.EDSTEMSpectrum(chips)
    axis = signal.axes_manager.signal_axes[0]
    axis.offset, axis.scale, axis.units = -0.25, 0.005, "keV"
    signal = signal.isig[0.2:19.0]
    signal.set_microscope_parameters(beam_energy=300, energy_resolution_MnKa=130)
    signal.set_elements(["La", "Fe", "O", "Sr", "Ti", "Cu", "C", "Pt"])
    model = signal.create_model(auto_background=False)
    model.add_polynomial_background(order=6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.multifit(optimizer="lstsq", show_progressbar=False)
    for family, areas in zip(result.model.families, result.alpha_areas.T, strict=True):
        (intensity,) = model.get_lines_intensity([str(family.alpha)])
        np.testing.assert_allclose(
            areas, intensity.data.ravel(), rtol=1e-6, atol=1e-6 * result.counts.sum(axis=1).min()
        )


def test_family_intensities_are_alpha_areas_times_the_published_sums(chips_of_the_map):
    result = chips_of_the_map[2]
    ratios = (result.intensities / result.alpha_areas)[0]
    by_name = dict(zip(map(str, result.model.families), ratios, strict=True))
    for name, weight_sum in {"La_L": 2.0111, "Fe_K": 1.1272, "Sr_K": 1.15, "O_K": 1}.items():
        assert by_name[name] == pytest.approx(weight_sum, abs=1e-4)


def test_intensities_of_pure_phases_are_those_simulated(data_dir, lfo_sto_96, all_families):
    """The known net counts of strong, isolated families; eXSpy's line table explains the rest."""
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz")
    labels = np.where(truth["pure"] & np.isin(truth["label"], (2, 3)), truth["label"], 0)
    spectra = lfo_sto_96.label_spectra(labels).spectra[:, all_families.channels]
    result = fit(all_families, spectra)
    names = [str(family) for family in all_families.families]
    # Rows "LaFeO3 (pure)" and "SrTiO3 (pure)" of LFO_STO_96_net_counts.csv. Kept from the fit:
    # 3 % of La L and O K (line weights, low-energy tail), 5 % of Sr K (no K-alpha doublet).
    for row, name, counts, tolerance in (
        (0, "La_L", 210540.2, 0.05),
        (0, "Fe_K", 133316.0, 0.02),
        (0, "O_K", 125416.5, 0.06),
        (1, "Sr_K", 81083.4, 0.06),
        (1, "Ti_K", 170509.7, 0.03),
        (1, "O_K", 123235.3, 0.06),
    ):
        assert result.intensities[row, names.index(name)] == pytest.approx(counts, rel=tolerance)


# ---------------------------------------------------------------------------------------------
# The non-linear engine


@pytest.fixture(scope="module")
def both_engines():
    model = lanthanum_ferrite("Cu", "Ti")
    _, expected = known_spectrum(model, 20_000)
    counts = np.random.default_rng(5).poisson(expected, (3, expected.size))
    calls = []
    nonlinear = fit(model, counts, "nonlinear", lambda *call: calls.append(call))
    return fit(model, counts), nonlinear, calls


def test_the_nonlinear_engine_keeps_intensities_at_or_above_zero(both_engines):
    linear, nonlinear, _ = both_engines
    assert linear.intensities.min() < 0  # Ti is absent
    assert nonlinear.intensities.min() >= 0


def test_the_nonlinear_engine_agrees_where_all_intensities_are_positive():
    model = lanthanum_ferrite("Cu")
    _, expected = known_spectrum(model, 200_000)
    areas = [0.3 if str(f) == "Cu_L" else 0 for f in model.families]
    expected = expected + model.profiles @ areas * 20_000
    counts = np.random.default_rng(6).poisson(expected, (2, expected.size))
    linear, nonlinear = fit(model, counts), fit(model, counts, "nonlinear")
    assert linear.alpha_areas.min() > 0
    difference = nonlinear.intensities - linear.intensities
    assert (np.abs(difference) < 0.02 * linear.intensity_errors).all()
    assert nonlinear.engine == "nonlinear"


def test_the_nonlinear_engine_reports_each_label(both_engines):
    calls = both_engines[2]
    assert [done for done, _, what in calls if what == "fitting"] == [0, 1, 2, 3]
    assert {total for _, total, _ in calls} == {3}
    assert calls[-1] == (3, 3, "fitted")


# ---------------------------------------------------------------------------------------------
# Errors


def test_errors_are_the_spread_of_intensities():
    """z-scores of lines present and absent, from 2,000 draws of 3,000 counts."""
    model = lanthanum_ferrite("Cu", "Ti")
    areas, expected = known_spectrum(model, 3000)
    result = drawn_fit(model, expected, 2000, seed=1)
    z = (result.intensities - areas * model.weight_sums) / result.intensity_errors
    assert (areas == 0).sum() >= 3
    # A standard deviation from 2,000 draws is known to 1.6 %.
    assert z.std(axis=0) == pytest.approx(np.ones(len(areas)), abs=0.06)
    assert z[:, areas > 0].std(axis=0) == pytest.approx(np.ones((areas > 0).sum()), abs=0.05)
    bias = result.intensities.mean(axis=0) - areas * model.weight_sums
    assert (np.abs(bias) < 4 * result.intensities.std(axis=0) / np.sqrt(2000)).all()


def test_correlations_are_those_of_intensities():
    model = lanthanum_ferrite("Ti")
    _, expected = known_spectrum(model, 3000)
    result = drawn_fit(model, expected, 2000, seed=2)
    drawn = np.corrcoef(result.intensities, rowvar=False)
    covariance = result.covariance.mean(axis=0)
    sigma = np.sqrt(np.diag(covariance))
    assert np.abs(drawn).max(where=~np.eye(len(drawn), dtype=bool), initial=0) > 0.1
    np.testing.assert_allclose(covariance / np.outer(sigma, sigma), drawn, atol=0.09)


def test_errors_of_a_label_do_not_depend_on_lines_of_other_labels():
    """Lanthanum and iron are strong in all labels but the first ones."""
    model = lanthanum_ferrite("Cu")
    areas, without = known_spectrum(model, 3000, absent=("La_L", "La_M", "Fe_K", "Fe_L"))
    _, with_them = known_spectrum(model, 3000)
    rng = np.random.default_rng(3)
    counts = np.vstack(
        [rng.poisson(e, (n, e.size)) for e, n in ((without, 600), (with_them, 1800))]
    )
    result = fit(model, counts)
    z = ((result.intensities - areas * model.weight_sums) / result.intensity_errors)[:600]
    # 600 draws give a standard deviation to 2.9 %.
    assert z.std(axis=0) == pytest.approx(np.ones(len(areas)), abs=0.12)


# ---------------------------------------------------------------------------------------------
# Chi-squared


@pytest.mark.parametrize("counts", [500, 5000, 50_000])
def test_chi_squared_of_the_true_model_is_one(counts):
    model = lanthanum_ferrite("Cu", "Ti")
    _, expected = known_spectrum(model, counts)
    chi_squared = drawn_fit(model, expected, 400, seed=counts).reduced_chi_squared
    # The mean of 400 is known to 0.3 %.
    assert chi_squared.mean() == pytest.approx(1, abs=0.01)
    assert chi_squared.std() < 0.08  # sqrt(2 / 900 channels) = 0.047 if all weighed the same


def test_chi_squared_of_a_label_alone_is_one():
    # Nearly no background at the upper end: the polynomial is often negative there.
    model = lanthanum_ferrite("Cu")
    _, expected = known_spectrum(model, 500, background=0.1)
    result = drawn_fit(model, expected, 100, seed=9)
    assert (result.background.min(axis=1) < 0).any()
    chi_squared = np.array([alone(result, i).reduced_chi_squared[0] for i in range(100)])
    assert chi_squared.mean() == pytest.approx(1, abs=0.02)
    assert chi_squared.max() < 2


def test_chi_squared_of_a_missing_line_is_large():
    _, expected = known_spectrum(lanthanum_ferrite("Cu"), 50_000)
    without_copper = drawn_fit(lanthanum_ferrite(), expected, 20, seed=4).reduced_chi_squared
    assert without_copper.min() > 1.5


# ---------------------------------------------------------------------------------------------
# Odd input, progress, cancelling


@pytest.mark.parametrize("engine", ["linear", "nonlinear"])
def test_a_label_without_counts_has_zeros_and_no_chi_squared(engine):
    model = lanthanum_ferrite()
    _, expected = known_spectrum(model, 5000)
    counts = np.stack([np.zeros(expected.size), np.rint(expected)])
    result = fit(model, counts, engine)
    np.testing.assert_allclose(result.intensities[0], 0, atol=1e-9)
    np.testing.assert_allclose(result.intensity_errors[0], 0, atol=1e-9)
    assert np.isnan(result.reduced_chi_squared[0])
    assert np.isfinite(result.reduced_chi_squared[1])
    assert (result.intensity_errors[1] > 0).all()


def test_only_labels_without_counts_are_fitted_too():
    model = lanthanum_ferrite()
    result = fit(model, np.zeros((2, model.energy.size)))
    assert np.isnan(result.reduced_chi_squared).all()
    np.testing.assert_allclose(result.covariance, 0, atol=1e-12)


def test_one_label_is_fitted_as_among_others():
    model = lanthanum_ferrite()
    _, expected = known_spectrum(model, 5000)
    counts = np.random.default_rng(8).poisson(expected, (3, expected.size))
    together, single = fit(model, counts), fit(model, counts[1:2])
    assert single.alpha_areas.shape == (1, len(model.families))
    np.testing.assert_allclose(single.alpha_areas[0], together.alpha_areas[1], rtol=1e-9)


def test_the_linear_engine_reports_its_stages():
    model = lanthanum_ferrite()
    calls = []
    fit(model, np.ones((4, model.energy.size)), progress=lambda *call: calls.append(call))
    assert calls == [(0, 4, "building the model"), (0, 4, "fitting"), (4, 4, "fitted")]


@pytest.mark.parametrize(("engine", "at"), [("linear", 0), ("nonlinear", 2)])
def test_raising_in_progress_cancels(engine, at):
    class StopError(Exception):
        pass

    reached = []

    def cancel(done, _total, what):
        reached.append(done)
        if done == at and what == "fitting":
            raise StopError

    model = lanthanum_ferrite()
    _, expected = known_spectrum(model, 5000)
    level = logging.getLogger("hyperspy").level
    with pytest.raises(StopError):
        fit(model, np.tile(expected, (5, 1)), engine, cancel)
    assert max(reached) == at
    assert logging.getLogger("hyperspy").level == level
