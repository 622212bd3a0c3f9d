"""Lines that a bulk specimen swallows, against what is known of iron."""

import numpy as np
import pytest

from napari_eds import Absorption, Acquisition, EnergyAxis, Recipe
from napari_eds.fitting.corrections import corrected
from napari_eds.fitting.model import build_model
from napari_eds.fitting.nuisances import nuisances_of
from napari_eds.fitting.self_absorption import FoilOfSum, SelfAbsorption
from napari_eds.fitting.soft_limits import SoftLimits, thin_strengths
from napari_eds.physics import emission
from napari_eds.recipe.absorption import foil
from napari_eds.recipe.uncertainties import Uncertainties


def model_of(*elements, beam_energy_keV=15.0):
    recipe = Recipe.create(elements=elements, energy_range_keV=(0.2, 12.0))
    acquisition = Acquisition(beam_energy_keV=beam_energy_keV)
    return corrected(build_model(EnergyAxis(0, 0.01, 2048), acquisition, recipe))


def in_iron(model, counts):
    """What leaves of iron's L lines by name, and their doubts."""
    places = {str(family): i for i, family in enumerate(model.families)}
    areas = np.zeros(len(places))
    for name, count in counts.items():
        areas[places[name]] = count
    found = SelfAbsorption.of_bulk(model, areas, 40.0)
    names = [line.name for line in model.lines[places["Fe_L"]]]
    factors = dict(zip(names, found.factors[places["Fe_L"]], strict=True))
    return factors, found.doubts_of(model, places["Fe_L"]), found


def test_iron_swallows_its_l_beta_which_lies_beyond_its_l3_edge():
    factors, doubts, _ = in_iron(model_of("Fe"), {"Fe_K": 1e6, "Fe_L": 1e6})
    assert factors["La1"] == 1
    assert 0.3 < factors["Lb1"] < 0.8
    assert factors["Lb3"] < factors["Lb1"]
    # Below all edges, absorption changes little, and tables are sure of it.
    assert factors["Ll"] == pytest.approx(1, abs=0.2)
    assert doubts["Ll"] < 0.02
    assert doubts["La1"] > 0.2


def test_a_trace_of_iron_does_not_absorb_itself():
    model = model_of("Si", "O", "Fe")
    factors, doubts, _ = in_iron(model, {"Si_K": 1e6, "O_K": 1e6, "Fe_K": 3e3})
    assert factors["Lb1"] == pytest.approx(1, abs=0.05)
    assert max(doubts.values()) < 0.02


def test_lines_are_drawn_as_they_leave_and_k_lines_stay():
    model = model_of("Fe")
    factors, _, found = in_iron(model, {"Fe_K": 1e6})
    place = [str(family) for family in model.families].index("Fe_L")
    applied = found.apply(model)
    before = {line.name: line.weight for line in model.lines[place]}
    after = {line.name: line.weight for line in applied.lines[place]}
    assert after["Lb1"] == pytest.approx(before["Lb1"] * factors["Lb1"])
    assert applied.lines[1 - place] == model.lines[1 - place]


#: Titanium nitride as its X-rays leave a foil of 60 nm.
TIN, NM, G_CM3, ANGLE = {"Ti": 50.0, "N": 50.0}, 60.0, 5.4, 22.0
FRACTIONS = emission.weight_fractions(TIN)


def nitride(thickness_nm=NM):
    """Return a model of TiN, the weights that leave the foil, and the foil for one label."""
    model = model_of("Ti", "N", beam_energy_keV=200.0)
    elements = [family.element for family in model.quantified]
    settings = Absorption(thickness_nm=NM, density_g_cm3=G_CM3, take_off_angle_deg=ANGLE)
    of_one = foil(settings, model.quantified, 1, thickness_nm=np.array([thickness_nm]))
    weights = np.array([FRACTIONS[e] for e in elements])
    return model, weights / of_one.factors(weights[None])[0], of_one


def of_titanium_l(model, values):
    place = [str(family) for family in model.families].index("Ti_L")
    names = [line.name for line in model.lines[place]]
    return dict(zip(names, values[place], strict=True))


def test_lines_leave_a_foil_as_absorption_of_each_says():
    model, leaving, of_one = nitride()
    factors = of_titanium_l(
        model, SelfAbsorption.of_foil(model, leaving, FoilOfSum(of_one, 0.1)).factors
    )
    place = [str(family) for family in model.families].index("Ti_L")
    lines = {line.name: line.energy_keV for line in model.lines[place]}
    a = {
        name: emission.absorption_factor(
            FRACTIONS, energy, thickness_nm=NM, density_g_cm3=G_CM3, take_off_angle_deg=ANGLE
        )
        for name, energy in lines.items()
    }
    for name, factor in factors.items():
        assert factor == pytest.approx(a["La1"] / a[name], rel=2e-3)
    # Ll, which lies on N K, is below all edges of L; L beta 3 is beyond all of them.
    assert factors["Ll"] > 1.1
    assert factors["Lb3"] < 0.8


def test_doubts_grow_with_the_foil_and_hold_its_edges():
    found = []
    for thickness in (1.0, 60.0):
        model, leaving, of_one = nitride(thickness)
        absorbed = SelfAbsorption.of_foil(model, leaving, FoilOfSum(of_one, 0.1))
        found.append(of_titanium_l(model, absorbed.ratio_doubts)["Ll"])
    # Ti L alpha lies 2 eV below its edge.
    assert found[0] < 0.01
    assert 0.1 < found[1] < 0.5


def test_an_unknown_foil_leaves_lines_but_frees_ratios():
    model, leaving, of_one = nitride(100.0)
    known = SelfAbsorption.of_foil(model, leaving, FoilOfSum(of_one, 0.1))
    unknown = SelfAbsorption.of_foil(model, leaving, FoilOfSum(of_one, None))
    assert set(of_titanium_l(model, unknown.factors).values()) == {1.0}
    doubts = of_titanium_l(model, unknown.ratio_doubts)
    assert doubts["La1"] == 0
    assert doubts["Ll"] == pytest.approx(np.log(of_titanium_l(model, known.factors)["Ll"]))
    listed = nuisances_of(model, Uncertainties(), absorbed=unknown)
    of_soft, of_all_but_3d = (n for n in listed if "Ll" in n.lines)
    # It moves with Ln, and as far as the less certain of the two.
    assert of_soft.prior_sd == pytest.approx(np.hypot(0.07, max(doubts["Ll"], doubts["Ln"])))
    assert of_all_but_3d.prior_sd == pytest.approx(1)


def test_subshells_of_m_move_together_and_those_without_4f_electrons_further():
    model = model_of("Cd", "Au", beam_energy_keV=200.0)
    places = {str(family): i for i, family in enumerate(model.families)}
    listed = nuisances_of(model, Uncertainties())

    def of(name, *lines):
        return [
            n.prior_sd for n in listed if n.family == places[name] and set(lines) <= set(n.lines)
        ]

    # M3-N1 and M3-N5 fill one vacancy; M1-N2 another, which Cd shares but for the yield of M4.
    assert of("Cd_M", "M3N1", "Mg") == [0.3, 0.6]
    assert of("Cd_M", "M3N1", "M1N2") == [0.6]
    assert of("Au_M", "M3N1", "Mg") == [0.3]
    assert not of("Au_M", "M3N1", "M2N1")


def test_ratios_and_positions_are_in_doubt_where_the_alpha_line_lies_at_an_edge():
    model = model_of("Fe")
    _, doubts, found = in_iron(model, {"Fe_K": 1e6})
    of_3d = 0.2  # how far an electron more or less in 3d moves the others
    place = [str(family) for family in model.families].index("Fe_L")

    def of(kind, absorbed):
        listed = nuisances_of(model, Uncertainties(), absorbed=absorbed)
        found = [n.prior_sd for n in listed if n.kind == kind and n.family == place]
        return [sd for sd in found if sd != of_3d]

    assert min(of("ratio", found)) == pytest.approx(np.hypot(0.07, max(doubts.values())))
    assert max(of("ratio", None)) == pytest.approx(0.07)
    assert of("position", found)[0] > of("position", None)[0]


def test_a_soft_family_is_held_by_the_harder_one():
    model = model_of("Ti", "O", beam_energy_keV=200.0)
    limits = SoftLimits.of(model, thin_strengths(model))
    places = {str(family): i for i, family in enumerate(model.families)}
    assert (limits.soft.tolist(), limits.hard.tolist()) == ([places["Ti_L"]], [places["Ti_K"]])
    areas, errors = np.full(len(places), 1000.0), np.full(len(places), 10.0)
    areas[places["Ti_L"]] = 50.0
    priors = limits.priors(areas, errors)
    precision, mean = priors.precision, priors.mean
    # Of thin titanium at 200 kV, tables give a third as many photons in L as in K.
    whole = mean[places["Ti_L"]] * model.weight_sums[places["Ti_L"]]
    of_k = 1000.0 * model.weight_sums[places["Ti_K"]]
    assert 0.1 < whole / of_k < 0.5
    assert precision[places["Ti_L"]] == pytest.approx(mean[places["Ti_L"]] ** -2, rel=0.01)
    assert precision[places["O_K"]] == precision[places["Ti_K"]] == 0


@pytest.mark.parametrize("area", [-20.0, -1.0, 0.0, 1.0])
def test_a_soft_family_of_what_is_absent_is_held_to_zero(area):
    """As V L under O K of an oxide without V, whose V K is below zero as often as above."""
    model = model_of("Ti", "O", beam_energy_keV=200.0)
    limits = SoftLimits.of(model, thin_strengths(model))
    places = {str(family): i for i, family in enumerate(model.families)}
    soft, hard = places["Ti_L"], places["Ti_K"]
    areas, errors = np.full(len(places), 1000.0), np.full(len(places), 10.0)
    areas[hard] = area
    priors = limits.priors(areas, errors)
    assert 0 <= priors.mean[soft] <= limits.ratios[0]
    assert priors.precision[soft] ** -0.5 == pytest.approx(limits.ratios[0] * 10, rel=0.01)
    assert priors.most[soft] >= limits.ratios[0] * 30
    # Far below zero, shapes are wrong, and it says nothing.
    areas[hard] = -40.0
    assert not limits.priors(areas, errors).precision.any()
    assert np.isinf(limits.priors(areas, errors).most).all()


def test_a_soft_family_is_never_more_than_tables_give():
    """As where Ti L takes what the tail of O K lacks."""
    model = model_of("Ti", "O", beam_energy_keV=200.0)
    limits = SoftLimits.of(model, thin_strengths(model))
    places = {str(family): i for i, family in enumerate(model.families)}
    soft, hard = places["Ti_L"], places["Ti_K"]
    areas, errors = np.full(len(places), 1000.0), np.full(len(places), 10.0)
    possible = limits.ratios[0] * 1030.0
    priors = limits.priors(areas, errors)
    assert priors.most[soft] == pytest.approx(possible)
    assert np.isinf(np.delete(priors.most, soft)).all()
    areas[soft] = 4 * possible
    bound = priors.bound(areas)
    assert bound.mean[soft] == pytest.approx(possible)
    assert bound.precision[soft] ** -0.5 < 0.05 * possible
    np.testing.assert_array_equal(np.delete(bound.precision, soft), 0)
    # The harder family may be poorly known itself.
    errors[hard] = 2000.0
    assert limits.priors(areas, errors).most[soft] > areas[soft]
