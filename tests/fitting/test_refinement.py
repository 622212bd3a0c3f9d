"""Corrected K lines against published energies, and line ratios that follow the sum."""

from dataclasses import replace

import numpy as np
import pytest

from napari_eds import Acquisition, EnergyAxis, KFactorTable, Recipe
from napari_eds.fitting import refinement
from napari_eds.fitting.model import build_model
from napari_eds.fitting.refinement import RATIO_PRIOR, corrected, refine_ratios
from napari_eds.fitting.sum_fit import fit_sum
from napari_eds.physics import lines as xray

K = KFactorTable.from_mapping({"La_L": 1, "Fe_K": 1, "O_K": 1, "Sr_K": 1}, "family")

#: Ka1 and Ka2 in keV: J. A. Bearden, Rev. Mod. Phys. 39 (1967) 78.
BEARDEN = {
    "Ti": (4.51084, 4.50486),
    "Fe": (6.40384, 6.39084),
    "Cu": (8.04778, 8.02783),
    "Sr": (14.1650, 14.0979),
    "Mo": (17.47934, 17.3743),
}
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


# ---------------------------------------------------------------------------------------------
# Corrected lines


def test_corrected_alpha_lines_are_doublets_at_published_energies():
    for element, energies in BEARDEN.items():
        lines = family_lines(corrected(model_of(element, high_keV=20)), f"{element}_K")
        for name, energy in zip(("Ka1", "Ka2"), energies, strict=True):
            assert lines[name].energy_keV == pytest.approx(energy, abs=0.002)
        assert lines["Ka1"].weight + lines["Ka2"].weight == pytest.approx(1, abs=1e-3)
        assert lines["Ka2"].weight / lines["Ka1"].weight == pytest.approx(0.51, abs=0.02)
        assert "Ka" not in lines


def test_k_beta_grows_with_the_atomic_number_instead_of_staying_at_a_placeholder():
    """Published: 0.134 for Fe (Salem, Panossian and Krause 1974), 0.18 for Sr, 0.19 for Mo."""
    for element, wanted in {"Fe": 0.136, "Sr": 0.185, "Mo": 0.196}.items():
        lines = family_lines(corrected(model_of(element, high_keV=20)), f"{element}_K")
        beta = sum(line.weight for name, line in lines.items() if name.startswith("Kb"))
        assert beta == pytest.approx(wanted, abs=0.012)


def test_k_lines_of_light_elements_stay_exspys_and_channels_are_integrated(model):
    assert model.integrated
    place = [str(family) for family in model.families].index("O_K")
    assert model.lines[place] == model.families[place].lines


#: Energies in keV and rates relative to L alpha 1: A. Thompson et al., X-ray Data Booklet (2009),
#: tables 1-2 and 1-3; rates are quoted there to some ten percent.
BOOKLET = {
    "La": {"La1": (4.651, 1.0), "Lb1": (5.042, 0.60), "Lb2": (5.384, 0.20), "Lg1": (5.788, 0.11)},
    "Sn": {"La1": (3.444, 1.0), "Lb1": (3.663, 0.60), "Lb2": (3.905, 0.17), "Lg1": (4.131, 0.10)},
    "Au": {
        "La1": (9.713, 1.0),
        "Lb1": (11.442, 0.67),
        "Lb2": (11.585, 0.23),
        "Lg1": (13.382, 0.13),
    },
}


@pytest.mark.parametrize("element", BOOKLET)
def test_l_lines_are_those_of_published_tables(element):
    lines = family_lines(corrected(model_of(f"{element}_L", high_keV=19)), f"{element}_L")
    assert lines["La1"].weight + lines["La2"].weight == pytest.approx(1)
    for name, (energy, _) in BOOKLET[element].items():
        assert lines[name].energy_keV == pytest.approx(energy, abs=0.005)
    # Lines of one subshell, whose ratio does not depend on how it was ionised.
    for one, other in (("Lb2", "La1"), ("Lg1", "Lb1")):
        published = BOOKLET[element][one][1] / BOOKLET[element][other][1]
        assert lines[one].weight / lines[other].weight == pytest.approx(published, rel=0.35)


def test_families_that_exspys_table_lacks_are_in_the_model():
    model = corrected(model_of("Ba", "Ti", "O"))
    assert {"Ba_L", "Ba_M", "Ti_K", "Ti_L", "O_K"} <= {str(family) for family in model.families}
    lines = family_lines(model, "Ba_M")
    # M4-N2 of Ba, 0.60 keV: the M zeta line, which lies beside O K.
    assert max(lines.values(), key=lambda line: line.weight).energy_keV == pytest.approx(
        0.60, abs=0.01
    )


def test_hyperspys_engines_keep_exspys_families():
    recipe = Recipe.create(elements=("Ba", "Ti", "O"), engine="linear")
    model = build_model(EnergyAxis(0, 0.01, 2048), Acquisition(beam_energy_keV=200), recipe)
    assert "Ba_M" not in {str(family) for family in model.families}


def test_the_line_table_itself_stays_exspys(model):
    refine_ratios(model, expected_spectrum(model))
    sums = {"La_L": 2.0111, "Fe_K": 1.1272, "Ti_K": 1.1167, "Sr_K": 1.1500}
    for name, weight_sum in sums.items():
        assert xray.family(*name.split("_")).weight_sum == pytest.approx(weight_sum, abs=1e-4)
    assert [line.name for line in xray.family("Sr", "K").lines] == ["Ka", "Kb"]


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
    for name, factor in altered.items():
        assert found.ratios[name] == pytest.approx(factor, rel=0.01)
    assert found.ratios["Sr_Kb1"] == pytest.approx(1, abs=0.02)
    assert before > 20
    assert fit_sum(refined, spectrum).reduced_chi_squared == pytest.approx(1, abs=0.1)
    assert {"La_Lb1", "La_Lg1"} <= set(found.unlikely)
    assert "Fe_Kb1" not in found.unlikely


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
    assert all(spread[name] < 1.05 * RATIO_PRIOR[name.partition("_")[2][0]] for name in names)


def test_weak_families_are_not_refined(model):
    faint = COUNTS | {"La_L": 300}
    refined, found = refine_ratios(model, expected_spectrum(model, faint))
    assert not any(name.startswith("La_L") for name in found.ratios)
    place = [str(f) for f in model.families].index("La_L")
    assert refined.lines[place] == model.lines[place]


def test_without_counts_nothing_is_refined(model):
    refined, found = refine_ratios(model, np.zeros(model.energy.size))
    assert refined is model
    assert not found.ratios


def test_a_line_that_takes_the_place_of_another_is_told(model):
    """An unknown peak of a fifth of La La beside La Lb2."""
    spectrum = expected_spectrum(model, scale=0.01)
    energies = model.energy.energies_keV
    peak = np.exp(-0.5 * ((energies - 5.44) / 0.053) ** 2)
    spectrum += 2000 * peak / peak.sum()
    _, found = refine_ratios(model, spectrum)
    assert "La_Lb2" in found.unlikely


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
    assert refinement.STRONG_SIGMA > 10
