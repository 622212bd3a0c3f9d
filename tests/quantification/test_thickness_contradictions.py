"""A thickness that the spectrum itself contradicts is told, and one that is right is not."""

import csv

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.quantification.remarks.forms import CONTRADICTED, range_of, split
from napari_eds.quantification.remarks.sums import summary_lines
from napari_eds.simulate.maps import Phase, simulate

PHASES = {
    "SrTiO3": Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12),
    "LaFeO3": Phase("LaFeO3", {"La": 20, "Fe": 20, "O": 60}, 6.64),
    "GaN": Phase("GaN", {"Ga": 50, "N": 50}, 6.1),
}
SOFT = {"SrTiO3": "Ti L/K", "LaFeO3": "La M/L, Fe L/K", "GaN": "Ga L/K"}
SAID = "they look"


def simulated_k(made):
    """Return the true k-factors of a simulation, told to be measured to 2 %."""
    named = {f"{element}_{family}": k for (element, family), k in made.k_factors.items()}
    return measured(eds.KFactorTable.from_mapping(named, "family"))


def measured(table):
    """Say of a table of k-factors that it was measured, to 2 %."""
    factors = tuple(f.model_copy(update={"relative_error": 0.02}) for f in table.factors)
    return table.model_copy(update={"factors": factors})


def quantified(made, elements, labels=None, *, stated_nm, k=None, density=None):
    labels = np.ones(made.image.shape, int) if labels is None else labels
    recipe = eds.Recipe(
        elements=elements,
        k_factors=simulated_k(made) if k is None else k,
        absorption=eds.Absorption(thickness_nm=stated_nm, density_g_cm3=density),
    )
    return eds.quantify(made.image, labels, recipe)


def of_phase(name, true_nm, stated_nm, counts=1_000_000, **settings):
    phase = PHASES[name]
    made = simulate(np.ones((10, 10), int), [phase], true_nm, counts_per_pixel=counts / 100)
    elements = tuple(phase.atomic_percent)
    found = quantified(
        made, elements, stated_nm=stated_nm, density=phase.density_g_cm3, **settings
    )
    return found.table["flag"].iloc[0]


@pytest.mark.parametrize(("name", "true_nm"), [("SrTiO3", 300), ("LaFeO3", 200), ("GaN", 400)])
def test_a_thickness_that_soft_lines_contradict_is_told(name, true_nm):
    flag = of_phase(name, true_nm, 50)
    (told,) = filter(None, map(CONTRADICTED.parts_of, split(flag)))
    assert (told["stated"], told["pairs"]) == ("50", SOFT[name])
    low, high = range_of(told["seen"])
    assert 0.7 * low < true_nm < 1.3 * high
    assert low < 0.95 * high  # not more is known


@pytest.mark.parametrize("name", ["SrTiO3", "LaFeO3"])
def test_a_foil_that_is_much_thinner_than_stated_is_told(name):
    assert "thickness 200 nm contradicted by" in of_phase(name, 20, 200)


@pytest.mark.parametrize("name", PHASES)
@pytest.mark.parametrize("nm", [10, 60, 200])
@pytest.mark.parametrize("counts", [5_000, 1_000_000])
def test_the_right_thickness_is_not_contradicted(name, nm, counts):
    assert SAID not in of_phase(name, nm, nm, counts)


def test_beside_k_factors_that_nobody_measured_only_large_factors_are_told():
    """Tables of soft yields differ by a factor of two, and windows swallow soft lines."""
    k = eds.theoretical_k_factors(300.0)
    assert "contradicted" not in of_phase("LaFeO3", 150, 50, k=k)
    assert "contradicted" in of_phase("LaFeO3", 1500, 20, k=k)


def test_labels_of_one_map_contradict_each_other_without_k_factors_of_soft_lines():
    """Nine labels, one of them four times as thick as stated."""
    labels = np.arange(1, 10).reshape(3, 3).repeat(4, 0).repeat(4, 1)
    true = np.where(labels == 5, 200.0, 50.0)
    made = simulate(np.ones((12, 12), int), [PHASES["LaFeO3"]], true, counts_per_pixel=4000)
    elements = ("La", "Fe", "O")
    harder = tuple(
        f
        for f in simulated_k(made).factors
        if (f.element, f.family) in {("La", "L"), ("Fe", "K"), ("O", "K")}
    )
    k = simulated_k(made).model_copy(update={"factors": harder})
    result = quantified(made, elements, labels, stated_nm=50, k=k, density=6.64)
    flags = result.table["flag"]
    assert "thickness 50 nm unlike other labels by La M/L, Fe L/K: they look thicker" in flags[5]
    assert not flags.drop(5).str.contains(SAID).any()
    told = [line for line in summary_lines(flags.tolist()) if line.startswith("1 of 9")]
    by_ratios, by_counts = told
    assert by_ratios.startswith("1 of 9 labels: thickness contradicted beside others by La M/L")
    assert by_counts.startswith("1 of 9 labels: X-rays per pixel tell")


def test_a_thickness_that_changes_nothing_is_not_contradicted():
    """An alloy by its hard K lines: its soft lines tell, but no percentage depends on them."""
    alloy = Phase("FeNi", {"Fe": 50, "Ni": 50}, 8.1)
    made = simulate(np.ones((10, 10), int), [alloy], 300, counts_per_pixel=10_000)
    result = quantified(made, ("Fe", "Ni"), stated_nm=50, density=8.1)
    assert SAID not in result.table["flag"].iloc[0]


def test_a_wedge_with_its_true_thickness_map_says_nothing(lfo_sto_96, data_dir):
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz")
    thickness = np.where(truth["specimen"], truth["thickness_nm"], 55.0)
    k = eds.read_k_factors(data_dir / "simulated/kfactors_family_sum_windowless.csv")
    recipe = eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti", "Pt"),
        fit_only=("C", "Cu", "Ga"),
        k_factors=measured(k),
        absorption=eds.Absorption(thickness_nm=55),
    )
    chips = eds.grid_chips(lfo_sto_96.shape, 8)
    right = eds.quantify(lfo_sto_96, chips, recipe, thickness_nm=thickness)
    # But for chips half in the cap: no thickness fits both, and O there is 15 at.% too high.
    mixed = right.table["Pt_at_pct"].between(5, 95)
    assert not right.table["flag"][~mixed].str.contains(SAID).any()
    wrong = eds.quantify(lfo_sto_96, chips, recipe, thickness_nm=6 * thickness)
    assert wrong.table["flag"].str.contains("contradicted").mean() > 0.3


@pytest.mark.parametrize("key", ["nominal/LaNiO3/60", "varied/YBa2Cu3O7/60", "varied/ZnO/60"])
def test_compounds_drawn_with_other_tables(data_dir, key):
    folder = data_dir / "simulated/materials"
    with (folder / "materials.csv").open(newline="", encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["key"] == key)
    counts = np.random.default_rng(3).poisson(np.load(folder / "materials.npz")[key] * 1e6)
    acquisition = eds.Acquisition("STEM", 200.0, 22.0, 130.0)
    energy = eds.EnergyAxis(-0.25, 0.005, 4096)
    image = eds.SpectrumImage.from_array(counts, energy, acquisition=acquisition)
    elements = tuple(e for e in eds.parse_formula(key.split("/")[1]))
    recipe = eds.Recipe(
        elements=elements,
        fit_only=tuple({"C", "Cu"} - set(elements)),
        k_factors=measured(eds.read_k_factors(folder / "k_factors_family.csv")),
        absorption=eds.Absorption(thickness_nm=60, density_g_cm3=float(row["density_g_cm3"])),
    )
    one = np.ones(image.shape, int)
    assert SAID not in eds.quantify(image, one, recipe).table["flag"].iloc[0]
    thick = recipe.model_copy(update={"absorption": eds.Absorption(thickness_nm=1500)})
    assert "contradicted" in eds.quantify(image, one, thick).table["flag"].iloc[0]


def test_measured_strontium_titanate_is_not_contradicted(data_dir):
    image = eds.read(data_dir / "real/velox/EDS-STO.emd")[0]
    table = data_dir / "real/kfactors/k-factors-Spectra300UTK200keV.csv"
    recipe = eds.Recipe(
        elements=("O", "Ti", "Sr"),
        fit_only=("C", "Cu"),
        k_factors=eds.read_k_factors(table),
        absorption=eds.Absorption(thickness_nm=60, density_g_cm3=5.12),
    )
    for used in (recipe, replace_k(recipe, None)):
        result = eds.quantify(image, np.ones(image.shape, int), used)
        assert SAID not in result.table["flag"].iloc[0]


def replace_k(recipe, k_factors):
    return recipe.model_copy(update={"k_factors": k_factors})


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("engine", ["poisson", "linear"])
@pytest.mark.parametrize("counts", [1, 20])
def test_labels_of_hardly_any_count_are_judged_without_a_warning(engine, counts):
    phase = Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12)
    simulated = simulate(
        np.tile([0, 1, 1, 1], (4, 1)), (phase,), 50.0, counts_per_pixel=counts, seed=1
    )
    foil = eds.Absorption(thickness_nm=50, density_g_cm3=5.12)
    recipe = eds.Recipe(elements=("Sr", "Ti", "O"), engine=engine, absorption=foil)
    labels = np.arange(1, 17).reshape(4, 4)
    flags = eds.quantify(simulated.image, labels, recipe).table["flag"]
    assert not flags.str.contains("contradicted").any()
