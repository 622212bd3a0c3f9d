"""Sum peaks against spectra of pairs that were put together line by line, and measured ones."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.special import ndtr

import napari_eds as eds
from napari_eds.fitting import preparation as preparing
from napari_eds.fitting.corrections import corrected
from napari_eds.fitting.fit import fit
from napari_eds.fitting.model import build_model
from napari_eds.fitting.pile_up import PileUp, with_pile_up
from napari_eds.fitting.preparation import prepare
from napari_eds.physics.detector import silicon_escape
from napari_eds.quantification.account import account

RESOLUTION_EV = 130.0
#: Energies of single X-rays and of pairs in the simulation, in keV.
GRID = np.arange(0, 22, 0.002)
ACQUISITION = eds.Acquisition(beam_energy_keV=200, energy_resolution_MnKa_eV=RESOLUTION_EV)
COUNTS, LABELS = 3_000_000, 60


@dataclass(frozen=True)
class Specimen:
    """What is in it, relative counts per family, and absent elements at its sum peaks.

    Al K + Al K lies at Ag L (2.98 keV); Sr L + Sr L at Ca K, Sr L + O K at S K and Mo L; Cr K +
    Fe K at Br K, Cr K + Cr K beside Se K.
    """

    families: dict
    absent: str
    axis: eds.EnergyAxis

    @property
    def elements(self):
        present = dict.fromkeys(name.partition("_")[0] for name in self.families)
        return [*present, *self.absent.split()]


SPECIMENS = {
    "alumina": Specimen({"Al_K": 1, "O_K": 0.5}, "Ag", eds.EnergyAxis(-0.1, 0.01, 2048)),
    # An axis on which two energies never add up to the middle of a channel.
    "titanate": Specimen(
        {"Sr_K": 0.5, "Sr_L": 0.7, "Ti_K": 1, "Ti_L": 0.1, "O_K": 0.6},
        "Ca S Mo",
        eds.EnergyAxis(-0.4771, 0.0101, 2048),
    ),
    "steel": Specimen(
        {"Fe_K": 1, "Fe_L": 0.3, "Cr_K": 0.5, "Cr_L": 0.2},
        "Se Br",
        eds.EnergyAxis(0.004, 0.01, 2048),
    ),
}


def recipe_of(elements, **settings):
    names = {f"{element}_{family}": 1 for element in elements for family in "KLM"}
    return eds.Recipe.create(
        elements=elements,
        k_factors=eds.KFactorTable.from_mapping(names, "family"),
        energy_range_keV=(0.2, 20),
        **settings,
    )


def single_energies(model, families):
    """Shares of X-rays: at each energy of the grid, lines and background, and of each family."""
    counts = np.array([families.get(str(family), 0.0) for family in model.families])
    counts = 0.7 * counts / counts.sum()
    seen = np.zeros(GRID.size)
    for family, lines, n in zip(model.families, model.lines, counts, strict=True):
        for line in lines if str(family) in families else ():
            escaped = silicon_escape(line.energy_keV)
            part = n * line.weight / sum(x.weight for x in lines)
            for energy, share in (
                (line.energy_keV, 1 - escaped),
                (line.energy_keV - 1.74, escaped),
            ):
                if share:
                    place = energy / GRID[1]
                    low = int(place)
                    seen[low] += part * share * (low + 1 - place)
                    seen[low + 1] += part * share * (place - low)
    background = (1 - GRID / 25) ** 4
    return seen + 0.3 * background / background.sum(), counts


def recorded(energies, axis):
    """Counts per channel of a detector with noise: each energy a Gaussian of its own width."""
    widths = np.sqrt(RESOLUTION_EV**2 + 2.5 * (1000 * GRID - 5898.7)) / 2354.82
    edges = axis.offset_keV + axis.scale_keV * (np.arange(axis.size + 1) - 0.5)
    spectrum = np.zeros(axis.size)
    for i in np.flatnonzero(energies):
        near = slice(*np.searchsorted(edges, GRID[i] + 8 * widths[i] * np.array([-1, 1])))
        inside = edges[near]
        if inside.size > 1:
            spectrum[near.start : near.stop - 1] += energies[i] * np.diff(
                ndtr((inside - GRID[i]) / widths[i])
            )
    return spectrum


def simulated(specimen, share, counts=COUNTS, elements=None):
    """Expected counts per channel, the model, counts per family, and pairs per X-ray alone."""
    elements = elements or specimen.elements
    model = build_model(specimen.axis, ACQUISITION, recipe_of(elements))
    single, families = single_energies(corrected(model), specimen.families)
    pairs = np.convolve(single, single)[: GRID.size]
    expected = recorded((1 - share) * single + share * pairs, specimen.axis)
    return counts * expected, model, counts * (1 - share) * families, share / (1 - share)


@pytest.fixture(scope="module")
def simulations():
    """Labels of 50,000 counts by specimen and share of pairs."""
    rng = np.random.default_rng(5)
    made = {}
    for name, specimen in SPECIMENS.items():
        for share in (0.0, 0.01, 0.03, 0.05):
            expected, model, areas, strength = simulated(specimen, share)
            labels = rng.poisson(expected[model.channels] / LABELS, (LABELS, model.energy.size))
            recipe = recipe_of(specimen.elements)
            prepared = prepare(model, labels.sum(axis=0), recipe, spectra=labels)
            made[name, share] = (labels, model, areas, strength, prepared, recipe)
    return made


def without_pile_up(monkeypatch):
    monkeypatch.setattr(preparing, "with_pile_up", lambda model, _: (model, PileUp()))


def absent_sigmas(model, spectrum, specimen):
    """Intensities of absent elements over their errors."""
    found = fit(model, spectrum[None])
    absent = [family.element in specimen.absent.split() for family in model.families]
    return (found.intensities[0] / found.intensity_errors[0])[absent]


@pytest.mark.parametrize("share", [0.01, 0.03, 0.05])
@pytest.mark.parametrize("name", SPECIMENS)
def test_the_strength_is_found(simulations, name, share):
    *_, strength, prepared, _ = simulations[name, share]
    found = prepared.pile_up
    assert found.is_used
    # Three errors, and two percent for what counts as background or as out of range.
    assert found.strength == pytest.approx(strength, abs=3 * found.error + 0.02 * strength)
    assert found.error < 0.05 * max(share, 0.02)
    # Pairs of the background with itself, a tenth, are left to the background.
    assert found.share == pytest.approx(0.91 * share, rel=0.15)


@pytest.mark.parametrize("share", [0.01, 0.03, 0.05])
@pytest.mark.parametrize("name", SPECIMENS)
def test_sum_peaks_are_not_taken_for_elements(simulations, monkeypatch, name, share):
    labels, model, *_, prepared, recipe = simulations[name, share]
    total, specimen = labels.sum(axis=0), SPECIMENS[name]
    # These errors are of counting alone: what stays open of shapes is not in them.
    assert np.abs(absent_sigmas(prepared.model, total, specimen)).max() < 5
    without_pile_up(monkeypatch)
    bare = prepare(model, total, recipe)
    assert np.abs(absent_sigmas(bare.model, total, specimen)).max() > 250 * min(share, 0.02)
    # A twentieth is more than any map has; pairs of the continuum are left to the background.
    limit = 1.2 if share == 0.05 else 1.1
    assert prepared.reduced_chi_squared < limit < bare.reduced_chi_squared


def test_errors_of_labels_are_those_of_their_scatter(simulations):
    sigmas = []
    for (_, share), (labels, _, areas, _, prepared, _) in simulations.items():
        if share:
            found = fit(prepared.model, labels)
            sigmas.append(((found.intensities - areas / LABELS) / found.intensity_errors).ravel())
    assert np.std(np.concatenate(sigmas)) == pytest.approx(1, abs=0.1)
    assert max(abs(part.mean()) for part in sigmas) < 0.3


@pytest.mark.parametrize("name", SPECIMENS)
def test_nothing_changes_where_there_is_none(simulations, monkeypatch, name):
    labels, model, *_, prepared, recipe = simulations[name, 0.0]
    assert not prepared.pile_up.is_used
    assert prepared.pile_up.strength < 3 * prepared.pile_up.error
    assert prepared.model.pile_up is None
    without_pile_up(monkeypatch)
    bare = prepare(model, labels.sum(axis=0), recipe)
    np.testing.assert_array_equal(bare.model.design, prepared.model.design)


def test_x_rays_of_two_phases_do_not_meet():
    """The summed spectrum's sum peaks are not those of the sum of the phases."""
    phases = (
        SPECIMENS["alumina"],
        replace(SPECIMENS["steel"], axis=SPECIMENS["alumina"].axis, absent=""),
    )
    elements = ["Al", "O", "Fe", "Cr", "Ag", "Br"]
    rng = np.random.default_rng(2)
    made = [simulated(phase, 0.03, elements=elements) for phase in phases]
    model, strength = made[0][1], made[0][3]
    labels = np.stack([rng.poisson(expected[model.channels]) for expected, *_ in made])
    recipe = recipe_of(elements)
    told = prepare(model, labels.sum(axis=0), recipe, spectra=labels)
    assert told.pile_up.strength == pytest.approx(strength, abs=3 * told.pile_up.error)
    untold = prepare(model, labels.sum(axis=0), recipe)
    assert untold.pile_up.strength < 0.9 * strength
    silver = [str(family) for family in model.families].index("Ag_L")
    found = fit(told.model, labels)
    assert abs(found.intensities[0, silver]) < 3 * found.intensity_errors[0, silver]


def test_strength_alone_and_counts_of_direct_lines(simulations):
    labels, *_, prepared, _ = simulations["alumina", 0.03]
    total = labels.sum(axis=0)
    _, alone = with_pile_up(prepared.model, total)
    assert alone.strength == pytest.approx(prepared.pile_up.strength, rel=1e-3)
    bare = replace(prepared.model, pile_up=None)
    np.testing.assert_array_equal(bare.weight_sums, prepared.model.weight_sums)
    again, _ = with_pile_up(bare, total)
    np.testing.assert_allclose(again.pile_up, prepared.model.pile_up, rtol=0.1, atol=1e-7)


def test_a_spectrum_without_counts_has_none():
    model = build_model(eds.EnergyAxis(0, 0.01, 2048), ACQUISITION, recipe_of(["Fe", "O"]))
    same, found = with_pile_up(corrected(model), np.zeros(model.energy.size))
    assert found == PileUp()
    assert same.pile_up is None


def test_hyperspys_engines_draw_no_sum_peaks(simulations):
    labels, model, *_ = simulations["alumina", 0.03]
    recipe = recipe_of(SPECIMENS["alumina"].elements, engine="linear")
    prepared = prepare(model, labels.sum(axis=0), recipe)
    assert prepared.model.pile_up is None
    assert prepared.pile_up == PileUp()


@pytest.mark.parametrize("share", [0.0, 0.03])
def test_the_account_tells_it(share):
    specimen = SPECIMENS["alumina"]
    expected, *_ = simulated(specimen, share)
    image = eds.SpectrumImage.from_array(
        np.random.default_rng(1).poisson(expected)[None, None],
        specimen.axis,
        acquisition=ACQUISITION,
    )
    result = eds.quantify(image, np.ones((1, 1), int), recipe_of(specimen.elements))
    told = " ".join(account(result))
    found = re.search(r"pile-up (\d\.\d) % of the counts", told)
    assert (found is None) == (share == 0)
    if found:
        assert float(found[1]) == pytest.approx(100 * share, abs=0.4)


# ---------------------------------------------------------------------------------------------
# Measured spectra


def measured(data_file, path, elements):
    image = eds.load(data_file(f"real/{path}"))
    recipe = recipe_of([*elements, "O", "C"])
    model = build_model(image.energy, image.acquisition, recipe)
    total = image.total_spectrum()[model.channels]
    rate = image.total_spectrum().sum() / image.acquisition.live_time_s
    return prepare(model, total, recipe).pile_up, rate


def test_oxides_measured_at_one_count_rate_agree(data_file):
    """NIST's standards of 50 million counts at 40,000 counts per second, one after the other."""
    found = []
    for name, element in {"MgO": "Mg", "Al2O3": "Al", "SiO2": "Si"}.items():
        pile_up, rate = measured(data_file, f"msa/NIST_K412/{name} std.msa", [element])
        assert pile_up.is_used
        found.append(pile_up.strength / rate)
    assert np.std(found) < 0.1 * np.mean(found)
    # A resolving time in seconds, of the order that silicon drift detectors have.
    assert 5e-8 < np.mean(found) < 5e-7


def test_a_slow_measurement_shows_none(data_file):
    """Albite at 6,000 counts per second: 28 million counts, and nothing at the sums."""
    path = "bruker/Albite_ChMxd_20kV0p5nA130kHzTC_5p9kHzOCR_4ks.spx"
    pile_up, rate = measured(data_file, path, ["Na", "Al", "Si"])
    assert rate < 8000
    assert not pile_up.is_used
