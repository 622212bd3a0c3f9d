"""Line ratios, axis and widths that follow the summed spectrum as far as it tells."""

from dataclasses import replace

import numpy as np
import pytest

from napari_eds import Acquisition, EnergyAxis, KFactorTable, Recipe, quantify, read
from napari_eds.fitting.background import sum_background
from napari_eds.fitting.corrections import corrected
from napari_eds.fitting.model import build_model
from napari_eds.fitting.nuisances import AXIS_PRIOR, moved, nuisances_of
from napari_eds.fitting.refinement import LEAST_MISFIT, refine, relative_misfit
from napari_eds.fitting.sum_fit import fit_sum
from napari_eds.fitting.unexplained import unexplained_peaks
from napari_eds.recipe.uncertainties import Uncertainties

K = KFactorTable.from_mapping({"La_L": 1, "Fe_K": 1, "O_K": 1, "Sr_K": 1}, "family")

COUNTS = {"La_L": 1e6, "Fe_K": 1e6, "Sr_K": 1e6, "O_K": 1e6}


def model_of(*elements, high_keV=19.0):
    recipe = Recipe.create(
        elements=elements,
        k_factors=K,
        energy_range_keV=(0.3, high_keV),
        background_order=3,
    )
    return build_model(EnergyAxis(0, 0.01, 2048), Acquisition(beam_energy_keV=200), recipe)


@pytest.fixture(scope="module")
def model():
    return corrected(model_of("La", "Fe", "O", "Sr_K"))


def with_factors(model, factors):
    """The model with the weights of some lines multiplied."""
    lines = tuple(
        tuple(replace(line, weight=line.weight * factors.get(str(line), 1)) for line in family)
        for family in model.lines
    )
    return replace(model, lines=lines)


def expected_spectrum(model, counts=None, *, scale=1.0):
    """Alpha lines of given counts, a tenth of a million where none is given, on a background."""
    areas = np.array([(counts or COUNTS).get(str(f), 1e5) for f in model.families])
    lines = model.profiles @ areas
    return scale * (lines + 0.3 * lines.mean() * (1 - model.energy.energies_keV / 25) ** 3)


def family_lines(model, name):
    place = [str(family) for family in model.families].index(name)
    return {line.name: line for line in model.lines[place]}


AXIS = ("offset", "gain", "resolution", "fano", "position")


def refined_sum(model, spectrum, fixed=()):
    weights = np.full(model.n_quantified, 1 / model.n_quantified)
    background = sum_background(model, spectrum, weights, "polynomial")
    nuisances = nuisances_of(model, Uncertainties(), fixed=fixed)
    return refine(model, spectrum, nuisances, background)


def refine_ratios(model, spectrum):
    refined = refined_sum(model, spectrum, fixed=AXIS)
    return refined.model, refined.refinement()


# ---------------------------------------------------------------------------------------------
# Refined ratios


def between(model, family, low_keV, high_keV, factor):
    """A factor for every line of a family in a range, which the detector does not resolve."""
    lines = family_lines(model, family).values()
    return {str(x): factor for x in lines if low_keV < x.energy_keV < high_keV}


def test_altered_ratios_are_recovered(model):
    altered = between(model, "La_L", 5.02, 5.08, 1.3) | between(model, "La_L", 5.35, 5.45, 0.8)
    altered |= between(model, "La_L", 5.75, 5.83, 0.7)
    altered |= {"Fe_Kb1": 1.12, "Fe_Kb3": 1.12}
    assert {"La_Lb1", "La_Lb2", "La_Lg1"} <= set(altered)
    spectrum = np.random.default_rng(1).poisson(expected_spectrum(with_factors(model, altered)))
    before = fit_sum(model, spectrum).reduced_chi_squared
    refined, found = refine_ratios(model, spectrum)
    # Some lines are too weak for a ratio of their own.
    ratios = {name: factor for name, factor in altered.items() if name in found.ratios}
    assert {"La_Lb1", "La_Lb2", "La_Lg1", "Fe_Kb1", "Fe_Kb3"} <= set(ratios)
    for name, factor in ratios.items():
        assert found.ratios[name] == pytest.approx(factor, rel=0.01)
    assert found.ratios["Sr_Kb1"] == pytest.approx(1, abs=0.02)
    assert before > 20
    assert fit_sum(refined, spectrum).reduced_chi_squared == pytest.approx(1, abs=0.1)
    assert {"La_Lb1", "La_Lg1"} <= set(found.unlikely)
    assert "Fe_Kb1" not in found.unlikely
    assert not found.impossible


def test_a_line_far_off_its_table_is_impossible(model):
    altered = between(model, "La_L", 5.35, 5.45, 3.0)
    _, found = refine_ratios(model, expected_spectrum(with_factors(model, altered)))
    assert found.impossible == ("La_Lb2",)


def test_alpha_lines_and_families_have_their_counts_after_refining(model):
    altered = between(model, "La_L", 5.02, 5.08, 1.3) | between(model, "La_L", 5.35, 5.45, 1.3)
    true = with_factors(model, altered)
    spectrum = expected_spectrum(true)
    refined, _ = refine_ratios(model, spectrum)
    place = [str(f) for f in model.families].index("La_L")
    before, after = (fit_sum(used, spectrum).coefficients[place] for used in (model, refined))
    assert before > 1.04 * COUNTS["La_L"]
    assert after == pytest.approx(COUNTS["La_L"], rel=2e-3)
    family = COUNTS["La_L"] * true.weight_sums[place]
    assert after * refined.weight_sums[place] == pytest.approx(family, rel=2e-3)


def test_the_alpha_line_keeps_weight_one(model):
    true = with_factors(model, {"La_Lb1": 1.2, "Fe_Kb1": 0.7, "Fe_Kb3": 0.7, "Sr_Kb1": 0.8})
    refined, _ = refine_ratios(model, expected_spectrum(true))
    for family, lines in zip(refined.families, refined.lines, strict=True):
        alpha = [x.weight for x in lines if x.name.startswith(f"{family.family}a")]
        # Without electrons in 4f, as in La, M alpha does not exist: the strongest line stands in.
        assert sum(alpha or [max(x.weight for x in lines)]) == pytest.approx(1, rel=1e-9)


def test_lines_closer_than_the_resolution_move_together(model):
    true = with_factors(model, {"Fe_Kb1": 1.2})
    _, found = refine_ratios(model, expected_spectrum(true))
    assert found.ratios["Fe_Kb1"] == found.ratios["Fe_Kb3"]


def test_the_prior_holds_what_the_counts_do_not_tell(model):
    """The same alteration at 1/400 of the counts: strong enough to refine, too weak to move."""
    altered = between(model, "La_L", 5.75, 5.83, 1.5)
    pulls = []
    for scale in (1.0, 1 / 400):
        spectrum = expected_spectrum(with_factors(model, altered), scale=scale)
        pulls.append(refine_ratios(model, spectrum)[1].ratios["La_Lg1"] - 1)
    assert pulls[0] == pytest.approx(0.5, abs=0.02)
    assert 0 < pulls[1] < 0.5 * pulls[0]


def test_noise_moves_refined_ratios_by_less_than_the_prior(model):
    spectrum = expected_spectrum(model, scale=1 / 400)
    rng = np.random.default_rng(2)
    found = [refine_ratios(model, rng.poisson(spectrum))[1].ratios for _ in range(30)]
    names = set.intersection(*(set(ratios) for ratios in found))
    spread = {name: np.std([ratios[name] for ratios in found]) for name in names}
    assert len(names) >= 5
    assert all(
        spread[name] < 1.05 * Uncertainties().line_ratio(name.partition("_")[2][0])
        for name in names
    )


def test_weak_families_keep_their_table(model):
    faint = {name: counts / 1000 for name, counts in COUNTS.items()} | {"La_L": 30}
    _, found = refine_ratios(model, expected_spectrum(model, faint))
    ratios = [ratio for name, ratio in found.ratios.items() if name.startswith("La_L")]
    assert ratios == pytest.approx([1.0] * len(ratios), abs=0.01)


def test_without_counts_nothing_is_refined(model):
    _, found = refine_ratios(model, np.zeros(model.energy.size))
    assert list(found.ratios.values()) == pytest.approx([1.0] * len(found.ratios))


def test_no_line_takes_the_place_of_one_that_is_missing(model):
    """An unknown peak of a fifth of La La beside La Lb2: it is told, and rules nothing."""
    spectrum = expected_spectrum(model, scale=0.01)
    energies = model.energy.energies_keV
    peak = np.exp(-0.5 * ((energies - 5.44) / 0.053) ** 2)
    spectrum += 2000 * peak / peak.sum()
    refined, found = refine_ratios(model, spectrum)
    assert found.ratios["La_Lb2"] == pytest.approx(1, abs=0.15)
    (told,) = unexplained_peaks(refined, spectrum, fit_sum(refined, spectrum))
    assert told.energy_keV == pytest.approx(5.44, abs=0.03)
    assert told.elements == ("Pm",)  # its La is at 5.43 keV


def test_the_fit_of_a_sum_is_weighted_by_its_own_expectation(model):
    spectrum = np.random.default_rng(3).poisson(expected_spectrum(model))
    fitted = fit_sum(model, spectrum)
    assert fitted.expected.min() > 0
    assert fitted.reduced_chi_squared == pytest.approx(1, abs=0.1)
    n = len(model.families)
    z = (fitted.coefficients[:n] - [COUNTS.get(str(f), 1e5) for f in model.families]) / (
        fitted.errors[:n]
    )
    assert np.abs(z).max() < 4


# ---------------------------------------------------------------------------------------------
# Axis, widths and misfit


def test_axis_and_width_are_found_with_their_errors(model):
    """Over repeated noise, deviations are as large as the stated errors say."""
    nuisances = nuisances_of(model, Uncertainties())
    kinds = [nuisance.kind for nuisance in nuisances]
    values = np.zeros(len(nuisances))
    true = {"offset": 4.0, "gain": -0.05, "resolution": 3.0}
    for kind, value in true.items():
        values[kinds.index(kind)] = value
    spectrum = expected_spectrum(moved(model, nuisances, values), scale=1 / 40)
    rng = np.random.default_rng(5)
    z = []
    for _ in range(12):
        refined = refined_sum(model, rng.poisson(spectrum))
        z.append([(refined.value_of(k) - v) / refined.error_of(k) for k, v in true.items()])
    assert np.abs(np.mean(z, axis=0)).max() < 1.0
    assert 0.3 < np.std(z) < 1.2


def test_what_is_fixed_stays(model):
    spectrum = expected_spectrum(with_factors(model, {"Fe_Kb1": 1.2, "Fe_Kb3": 1.2}))
    refined = refined_sum(model, spectrum, fixed=(*AXIS, "ratio"))
    assert refined.model.energy == model.energy
    assert refined.model.resolution_MnKa_eV == model.resolution_MnKa_eV
    assert refined.model.lines == model.lines
    assert [refined.error_of(kind) for kind in AXIS_PRIOR] == [0, 0, 0]


def test_a_ratio_that_cannot_be_is_in_the_errors(model):
    """Ten deviations of the prior: something that the model lacks lies under K beta of Fe."""
    factor = float(np.exp(10 * Uncertainties().line_ratio("K")))
    refined = refined_sum(
        model, expected_spectrum(with_factors(model, {"Fe_Kb1": factor, "Fe_Kb3": factor}))
    )
    bends = refined.background.shape[1]
    off = {
        refined.nuisances[i].lines: refined.covariance[bends + i, bends + i] ** 0.5
        for i in range(len(refined.nuisances))
        if refined.nuisances[i].kind == "ratio"
        and refined.model.families[refined.nuisances[i].family].element == "Fe"
    }
    moved_by = max(abs(np.log(v)) for v in refined.refinement().ratios.values())
    assert max(off.values()) == pytest.approx(
        moved_by - 3 * Uncertainties().line_ratio("K"), rel=0.1
    )
    assert refined.refinement().impossible


def test_the_misfit_is_relative_to_the_lines_whatever_the_counts(model):
    """Lines drawn 3 % too narrow, at counts a hundred times apart."""
    wide = model.recorded(resolution_MnKa_eV=model.resolution_MnKa_eV * 1.05)
    rng = np.random.default_rng(6)
    found = []
    for scale in (1.0, 1 / 100):
        spectrum = rng.poisson(expected_spectrum(wide, scale=scale))
        fitted = fit_sum(model, spectrum)
        n = len(model.families)
        lines = model.profiles @ fitted.coefficients[:n]
        found.append(relative_misfit(spectrum, fitted.expected, lines))
    assert found[0] == pytest.approx(found[1], rel=0.2)
    assert found[0] > 5 * LEAST_MISFIT
    right = rng.poisson(expected_spectrum(model))
    fitted = fit_sum(model, right)
    lines = model.profiles @ fitted.coefficients[: len(model.families)]
    assert relative_misfit(right, fitted.expected, lines) == LEAST_MISFIT


def fit_of_standard(path, *elements, **settings):
    """Fit a spectrum of NIST; k-factors of 1 make no composition, but name what is asked for."""
    families = [f"{element}_{family}" for element in elements for family in "KLM"]
    ones = KFactorTable.from_mapping(dict.fromkeys(families, 1.0), "family")
    coat = tuple(element for element in ("C", "O") if element not in elements)
    recipe = Recipe(elements=elements, fit_only=coat, k_factors=ones, **settings)
    return quantify(read(path)[0], np.ones((1, 1), int), recipe)


@pytest.mark.parametrize(("metal", "neighbour"), [("Fe", "F"), ("Zn", "Na")])
def test_the_main_line_of_a_metal_is_not_let_go(data_file, metal, neighbour):
    """Na K and F K lie among the L lines of Zn and Fe, which bulk absorbs as no table says."""
    path = data_file(f"real/msa/NIST_K309/{metal} std.msa")
    result = fit_of_standard(path, metal, neighbour)
    row = result.table.iloc[0]
    assert abs(row[f"{neighbour}_at_pct"]) < 4 * row[f"{neighbour}_at_pct_error_total"]
    assert result.preparation.reduced_chi_squared < 3
    assert abs(result.preparation.calibration.offset_eV) < 10


@pytest.mark.parametrize("path", ["NIST_K309/Ti", "NIST_K309/Fe", "NIST_K411_K412_15keV/Fe"])
def test_tails_and_bands_of_hard_lines_are_found(data_file, path):
    result = fit_of_standard(data_file(f"real/msa/{path} std.msa"), path[-2:])
    model = result.preparation.model
    assert 0.012 < model.response.hard_tail < 0.045
    assert 0.5 < model.response.radiative_auger_beta < 1.5


@pytest.mark.parametrize(
    ("path", "low", "high"), [("NIST_K309/Ti", 0, 0.4), ("NIST_K412/Fe", 0.7, 1.2)]
)
def test_escape_peaks_are_found_as_large_as_they_are(data_file, path, low, high):
    """Some programs strip them from the spectra that they save."""
    result = fit_of_standard(data_file(f"real/msa/{path} std.msa"), path[-2:])
    assert low <= result.preparation.model.response.escape < high


def test_spectra_of_one_glass_come_out_alike(data_file):
    """Ti L lies on O K, whose tail is heavy here: what has not settled scatters by percents."""
    per_dose = []
    for i in (1, 2, 3):
        path = data_file(f"real/msa/NIST_K2496/K2496_{i}.msa")
        result = fit_of_standard(path, "O", "Si", "Ti", "Ba")
        acquisition = result.image.acquisition
        dose = acquisition.beam_current_nA * acquisition.live_time_s
        row = result.table.iloc[0]
        per_dose.append([row[f"{family}_intensity"] / dose for family in ("O_K", "Ba_L")])
    spread = np.ptp(per_dose, axis=0) / np.mean(per_dose, axis=0)
    assert (spread < 0.012).all()
