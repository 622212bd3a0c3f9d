"""Lines that are drawn, against published energies and rates."""

import numpy as np
import pytest
import xraylib

from napari_eds import Acquisition, EnergyAxis, Recipe
from napari_eds.fitting.corrections import corrected
from napari_eds.fitting.model import build_model
from napari_eds.physics import lines as xray

#: Ka1 and Ka2 in keV: J. A. Bearden, Rev. Mod. Phys. 39 (1967) 78.
BEARDEN = {
    "Ti": (4.51084, 4.50486),
    "Fe": (6.40384, 6.39084),
    "Cu": (8.04778, 8.02783),
    "Sr": (14.1650, 14.0979),
    "Mo": (17.47934, 17.3743),
}


def model_of(*elements, high_keV=19.0):
    recipe = Recipe.create(
        elements=elements,
        energy_range_keV=(0.3, high_keV),
        background_order=3,
    )
    return build_model(EnergyAxis(0, 0.01, 2048), Acquisition(beam_energy_keV=200), recipe)


@pytest.fixture(scope="module")
def model():
    return corrected(model_of("La", "Fe", "O", "Sr_K"))


def family_lines(model, name):
    place = [str(family) for family in model.families].index(name)
    return {line.name: line for line in model.lines[place]}


def rate_emitted(line):
    """Weight of a line without what 0.45 mm of silicon let through."""
    coefficient = xraylib.CS_Photo(14, line.energy_keV)
    return line.weight / -np.expm1(-coefficient * 2.33 * 0.045)


def test_corrected_alpha_lines_are_doublets_at_published_energies():
    for element, energies in BEARDEN.items():
        lines = family_lines(corrected(model_of(element, high_keV=20)), f"{element}_K")
        for name, energy in zip(("Ka1", "Ka2"), energies, strict=True):
            assert lines[name].energy_keV == pytest.approx(energy, abs=0.002)
        assert lines["Ka1"].weight + lines["Ka2"].weight == pytest.approx(1, abs=1e-3)
        emitted = {name: rate_emitted(lines[name]) for name in ("Ka1", "Ka2")}
        assert emitted["Ka2"] / emitted["Ka1"] == pytest.approx(0.51, abs=0.02)
        assert "Ka" not in lines


#: The same of heavy elements, tens of widths apart.
BEARDEN_HEAVY = {
    "Gd": (42.9962, 42.3089),
    "W": (59.31824, 57.9817),
    "Pb": (74.9694, 72.8042),
    "U": (98.439, 94.665),
}


@pytest.mark.parametrize("element", BEARDEN_HEAVY)
def test_doublets_of_heavy_elements_are_two_lines(element):
    recipe = Recipe(elements=(f"{element}_K",), energy_range_keV=(0.3, 119))
    axis = EnergyAxis(0, 0.02, 6000)
    model = corrected(build_model(axis, Acquisition(beam_energy_keV=300), recipe))
    lines = family_lines(model, f"{element}_K")
    for name, energy in zip(("Ka1", "Ka2"), BEARDEN_HEAVY[element], strict=True):
        assert lines[name].energy_keV == pytest.approx(energy, rel=2e-4)
    # Scofield's rates: 0.55 to 0.62 from Gd to U.
    assert rate_emitted(lines["Ka2"]) / rate_emitted(lines["Ka1"]) == pytest.approx(
        0.585, abs=0.05
    )


def test_k_beta_grows_with_the_atomic_number_instead_of_staying_at_a_placeholder():
    """Published: 0.134 for Fe (Salem, Panossian and Krause 1974), 0.18 for Sr, 0.19 for Mo."""
    for element, wanted in {"Fe": 0.136, "Sr": 0.185, "Mo": 0.196}.items():
        lines = family_lines(corrected(model_of(element, high_keV=20)), f"{element}_K")
        emitted = {name: rate_emitted(line) for name, line in lines.items()}
        of = {n: sum(e for name, e in emitted.items() if name.startswith(n)) for n in ("Ka", "Kb")}
        assert of["Kb"] / of["Ka"] == pytest.approx(wanted, abs=0.012)


def test_a_detector_lets_more_of_hard_k_beta_through():
    """In a map of SrTiO3, Sr K beta was measured with 0.90 of the published rate."""
    counted = {}
    for element in ("Fe", "Sr"):
        lines = family_lines(corrected(model_of(element, high_keV=20)), f"{element}_K")
        counted[element] = lines["Kb1"].weight / rate_emitted(lines["Kb1"])
        counted[element] /= lines["Ka1"].weight / rate_emitted(lines["Ka1"])
    assert counted["Fe"] == pytest.approx(1, abs=1e-3)
    assert 0.8 < counted["Sr"] < 0.9


def test_k_lines_of_light_elements_stay_exspys_and_channels_are_integrated(model):
    assert model.response.integrated
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
    sums = {"La_L": 2.0111, "Fe_K": 1.1272, "Ti_K": 1.1167, "Sr_K": 1.1500}
    for name, weight_sum in sums.items():
        assert xray.family(*name.split("_")).weight_sum == pytest.approx(weight_sum, abs=1e-4)
    assert [line.name for line in xray.family("Sr", "K").lines] == ["Ka", "Kb"]
