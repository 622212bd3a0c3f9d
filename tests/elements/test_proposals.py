"""Finding elements: on measured files with known elements, on simulated truth, on nothing."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import napari_eds as eds
from known_spectra import COLUMN, MEASURED, Known, simulated
from napari_eds.cli.main import main
from napari_eds.elements.proposals import recipe_elements, search_elements
from napari_eds.simulate import Phase, simulate


def proposals_of(image, **options):
    return eds.find_elements(image.energy, image.total_spectrum(), image.acquisition, **options)


def certain(proposals):
    return {p.element for p in proposals if p.certain}


@pytest.fixture(scope="module")
def found(data_file):
    """Function from a measured file to the elements that are certain in it, found once."""
    results = {}

    def find(known: Known) -> set[str]:
        if known not in results:
            image = eds.load(data_file(f"real/{known.file}"), known.index)
            results[known] = certain(proposals_of(image))
        return results[known]

    return find


@pytest.mark.parametrize("known", MEASURED, ids=str)
def test_a_measured_file_gives_no_mistakes_but_the_known_ones(known, found):
    elements, seen = found(known), set(known.seen.split())
    assert seen - elements <= set(known.missed.split())
    assert elements - seen - set(known.weak.split()) <= set(known.extra.split())


def test_recall_and_precision_over_all_measured_files(found):
    right = missed = extra = 0
    report = []
    for known in MEASURED:
        elements, seen = found(known), set(known.seen.split())
        named = seen | set(known.weak.split())
        right += len(elements & named)
        missed += len(seen - elements)
        extra += len(elements - named)
        report.append(
            f"{known}: found {sorted(elements)}, missed {sorted(seen - elements)}, "
            f"extra {sorted(elements - named)}"
        )
    assert right > 150
    assert right / (right + missed) >= 0.95, "\n".join(report)
    assert right / (right + extra) >= 0.8, "\n".join(report)


def test_a_simulated_film_shows_its_elements_and_no_others(lfo_sto_96):
    proposals = proposals_of(lfo_sto_96)
    assert certain(proposals) - {"C"} == {"La", "Fe", "O", "Sr", "Ti", "Pt", "Cu"}
    elements, fit_only = recipe_elements(proposals)
    assert elements == ("O", "Ti", "Fe", "Sr", "La")
    assert fit_only == ("C", "Cu", "Pt")
    # Ga is there as well, with 0.5 % of the counts.
    assert {p.element for p in proposals if not p.certain} <= {"Ga"}


def test_intensities_are_those_of_the_simulation():
    phase = Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12)
    simulation = simulate(np.ones((24, 24), int), [phase], 60, counts_per_pixel=400, stray=COLUMN)
    proposals = proposals_of(simulation.image)
    assert certain(proposals) == {"O", "Ti", "Sr", "C", "Cu"}
    for p in proposals:
        truth = simulation.expected_family_counts(p.element, p.family).sum()
        # Line ratios of another table: 5 % for Sr K, the low-energy tail is not simulated.
        assert abs(p.counts - truth) < 4 * p.counts_error + 0.06 * truth
        assert p.z > 8
    assert sum(p.share for p in proposals) < 1


@pytest.mark.parametrize(
    ("composition", "density", "absent"),
    [
        ({"Ba": 20, "Ti": 20, "O": 60}, 6.0, set()),  # Ba La lies on Ti Ka
        ({"Mo": 33.33, "S": 66.67}, 5.1, set()),  # Mo La lies on S Ka
        ({"Mn": 20, "Cr": 20, "Fe": 20, "Co": 20, "Ni": 20}, 8.0, set()),  # Kb lies on Ka
        ({"La": 14, "Sr": 6, "Mn": 20, "O": 60}, 6.5, set()),
        ({"Ag": 50, "Cl": 50}, 5.6, set()),
        ({"Na": 50, "Cl": 50}, 2.2, set()),
        # S lies under Pb M, and Si under W M.
        ({"Pb": 50, "S": 50}, 7.6, set()),
        ({"W": 33.33, "Si": 66.67}, 9.3, set()),
    ],
    ids=lambda value: "".join(value) if isinstance(value, dict) else "",
)
def test_simulated_compounds(composition, density, absent):
    proposals = proposals_of(simulated(composition, density))
    assert certain(proposals) == (set(composition) | {"Cu", "C"}) - absent


def test_a_wrong_axis_is_calibrated_first():
    claimed = eds.EnergyAxis(-0.25, 0.01, 2048)
    true = eds.EnergyAxis(-0.25 + 0.012, 0.01 * 1.003, 2048)
    # At 8 keV the lines are a quarter of a full width off the claimed axis.
    image = simulated({"Sr": 20, "Ti": 20, "O": 60}, 5.1, energy=claimed, true_energy=true)
    assert certain(proposals_of(image)) == {"Sr", "Ti", "O", "Cu", "C"}


def test_few_counts_show_what_they_can():
    image = simulated({"Sr": 20, "Ti": 20, "O": 60}, 5.1, counts_per_pixel=1)
    assert {"Ti"} <= certain(proposals_of(image)) <= {"Sr", "Ti", "O", "Cu", "C"}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("level", [0.1, 3.0, 30.0])
def test_a_background_alone_proposes_nothing(seed, level):
    energy = eds.EnergyAxis(-0.25, 0.01, 2048)
    expected = level / np.hypot(energy.energies_keV, 0.5)  # smooth, as every continuum is
    expected[np.abs(energy.energies_keV) < 0.1] = 1e4  # the strobe peak
    total = np.random.default_rng(seed).poisson(expected)
    acquisition = eds.Acquisition("STEM", 200.0)
    assert eds.find_elements(energy, total, acquisition) == ()


def test_empty_spectra_propose_nothing():
    energy = eds.EnergyAxis(0.0, 0.01, 2048)
    assert eds.find_elements(energy, np.zeros(2048), eds.Acquisition("SEM", 15.0)) == ()


def test_a_proposal_says_why():
    image = simulated({"Fe": 30, "Co": 10, "O": 60}, 5.2)
    by_element = {p.element: p for p in proposals_of(image)}
    cobalt, copper = by_element["Co"], by_element["Cu"]
    assert str(cobalt.line) == "Co_Ka"
    assert any(line.startswith("Fe_Kb") for line in cobalt.overlaps)
    assert "6.930 keV" in cobalt.evidence
    assert "overlaps with Fe_Kb" in cobalt.evidence
    assert copper.system
    assert not cobalt.system
    assert "\n" not in copper.evidence
    with pytest.raises(AttributeError):
        cobalt.z = 0.0


def test_fluorine_is_certain_where_no_other_line_explains_it():
    image = simulated({"Mg": 33.33, "F": 66.67}, 3.1)
    assert certain(proposals_of(image)) == {"Mg", "F", "C", "Cu"}


def test_an_element_that_others_explain_is_only_suggested():
    # The L lines of Ta hide little Cu; a foil with neither grid nor Cu shows what is at stake.
    image = simulated({"Ta": 28.57, "O": 71.43}, 8.2, stray={"C": 0.02, "Cu": 0.001})
    proposals = proposals_of(image)
    assert "Ta" in certain(proposals)
    for p in proposals:
        assert p.certain == (not p.doubt)
        assert p.certain or "suggested" in p.evidence


@pytest.mark.parametrize("name", ["Sn", "CdSe", "Ta2O5", "OsP2", "HfO2", "CsPbI3"])
def test_compounds_whose_lines_are_not_those_of_the_table(name, benchmark_of_elements):
    (thin, _) = benchmark_of_elements.further((name,))
    score = benchmark_of_elements.judged(thin, 300_000)
    assert (score.absent, score.missed) == ((), ())


@pytest.mark.parametrize(
    "name", ["varied/TiN/60", "varied/BaTiO3/1", "varied/PbS/1", "varied/MnF2/60", "varied/CdTe/1"]
)
def test_compounds_with_overlapping_families(name, benchmark_of_elements, data_dir):
    cases = {case.name: case for case in benchmark_of_elements.materials(data_dir)}
    score = benchmark_of_elements.judged(cases[name], 300_000)
    assert (score.absent, score.missed) == ((), ())


@pytest.fixture(scope="module")
def benchmark_of_elements():
    """Import the benchmark, which lies beside the package."""
    path = Path(__file__).parents[2] / "benchmarks" / "element_finding.py"
    spec = importlib.util.spec_from_file_location("element_finding", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["element_finding"] = module
    spec.loader.exec_module(module)
    return module


def test_nickel_is_found_by_soft_lines_where_the_axis_ends_below_its_k_lines(data_file):
    image = eds.load(data_file("real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd"))
    energy = image.energy.crop(image.energy.channels(-0.5, 7.2))
    first = image.energy.channels(-0.5, 7.2)
    proposals = eds.find_elements(energy, image.total_spectrum()[first], image.acquisition)
    elements = certain(proposals)
    assert {"Ni", "Cr", "Fe", "Nb", "Ti", "Al", "Si"} <= elements
    # Mo is in the alloy, Cu in the grid.
    assert elements <= {"Ni", "Cr", "Fe", "Nb", "Ti", "Al", "Si", "O", "C", "Mo", "Cu"}


def test_a_little_titanium_beside_barium_is_found(data_file):
    image = eds.load(data_file("real/msa/NIST_K2496/K2496_1.msa"))
    assert {"O", "Si", "Ba", "Ti"} <= certain(proposals_of(image))


def test_where_there_is_hardly_any_specimen_it_says_so():
    phase = Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12)
    vacuum = simulate(np.zeros((24, 24), int), [phase], 60, counts_per_pixel=40, stray=COLUMN)
    image = vacuum.image
    spectrum = image.energy, image.total_spectrum(), image.acquisition
    evidence = search_elements(*spectrum)
    assert "hardly any specimen" in evidence.warning
    assert all("hardly any specimen" in p.evidence for p in evidence.proposals)
    film = simulated({"Sr": 20, "Ti": 20, "O": 60}, 5.1)
    spectrum = film.energy, film.total_spectrum(), film.acquisition
    assert search_elements(*spectrum).warning == ""
    assert "25 times fewer" in search_elements(*spectrum, times_fewer=25.0).warning


def test_carbon_and_copper_are_the_specimens_own_only_in_bulk():
    image = simulated({"Cu": 50, "O": 50}, 6.3)
    spectrum = image.energy, image.total_spectrum()
    for kind, beam, is_system in (("STEM", 300.0, True), ("SEM", 30.0, False)):
        proposals = eds.find_elements(*spectrum, eds.Acquisition(kind, beam))
        assert {p.system for p in proposals if p.element == "Cu"} == {is_system}


def test_without_a_beam_energy_the_end_of_the_axis_is_taken_and_said():
    image = simulated({"Ti": 50, "O": 50}, 4.9)
    proposals = eds.find_elements(image.energy, image.total_spectrum(), eds.Acquisition())
    assert {"Ti", "O"} <= certain(proposals)
    assert all("beam energy unknown, taken as 20.2 keV" in p.evidence for p in proposals)
    given = proposals_of(image, beam_energy_keV=300.0)
    assert not any("unknown" in p.evidence for p in given)


@pytest.mark.parametrize(
    ("energy", "total", "beam", "message"),
    [
        (eds.EnergyAxis(0, 0.01, 2000), np.ones(1999), 20.0, "2000 channels is needed"),
        (eds.EnergyAxis(0, 0.01, 2000), np.full(2000, -1.0), 20.0, "not negative"),
        (eds.EnergyAxis(0, 0.01, 2000), np.full(2000, np.nan), 20.0, "finite"),
        (eds.EnergyAxis(0, 0.01, 2000), np.ones(2000), 0.0, "beam energy must be positive"),
        (eds.EnergyAxis(0, 0.01, 2000), np.ones(2000), 0.4, "too few"),
        (eds.EnergyAxis(30, 0.01, 2000), np.ones(2000), 20.0, "no channel lies between"),
    ],
)
def test_unusable_input_is_refused(energy, total, beam, message):
    with pytest.raises(eds.EDSError, match=message):
        eds.find_elements(energy, total, eds.Acquisition("SEM", beam))


def test_an_axis_without_energies_is_refused():
    with pytest.raises(eds.UncalibratedError):
        eds.find_elements(
            eds.EnergyAxis.uncalibrated(100), np.ones(100), eds.Acquisition("SEM", 20.0)
        )


def test_the_command_prints_a_table_and_the_options_to_go_on_with(data_dir, capsys):
    assert main(["find-elements", str(data_dir / "simulated/LFO_STO_96.emd")]) == 0
    lines = capsys.readouterr().out.splitlines()
    (strontium,) = (line for line in lines if line.split()[:1] == ["Sr"])
    assert strontium.split()[1:3] == ["Sr_Ka", "14.165"]
    assert "±" in strontium
    (copper,) = (line for line in lines if line.split()[:1] == ["Cu"])
    assert "system" in copper
    assert lines[-1] == "--elements O,Ti,Fe,Sr,La --fit-only C,Cu,Pt"


def test_the_command_takes_an_axis_and_a_beam_energy(data_dir, capsys):
    file = str(data_dir / "real/ripple/bruker_bcf_fileformat_16x16.rpl")
    assert main(["find-elements", file]) == 1
    assert "not calibrated" in capsys.readouterr().err
    axis = ["--energy-axis", "-0.47", "0.01"]
    assert main(["find-elements", file, *axis]) == 0
    assert "beam energy is unknown" in capsys.readouterr().out
    assert main(["find-elements", file, *axis, "--beam-energy", "20"]) == 0
    assert "unknown" not in capsys.readouterr().out


def test_the_command_says_when_nothing_is_seen(data_file, capsys):
    file = data_file("real/velox/velox_EELS_EDS.zip/example_velox_EELS_EDS.emd")
    assert main(["find-elements", str(file)]) == 0
    assert "No element is seen" in capsys.readouterr().out


def test_the_command_needs_an_index_where_there_are_several(data_dir, capsys):
    file = str(data_dir / "real/phenom/Elid2Version4.elid")
    assert main(["find-elements", file]) == 1
    assert "choose one" in capsys.readouterr().err
    assert main(["find-elements", file, "--index", "1"]) == 0
    assert "--elements" in capsys.readouterr().out


def test_the_fit_behind_the_proposals_is_told(lfo_sto_96):
    image = lfo_sto_96
    steps = []
    evidence = search_elements(
        image.energy,
        image.total_spectrum(),
        image.acquisition,
        progress=lambda *step: steps.append(step),
    )
    assert evidence.proposals == eds.find_elements(
        image.energy, image.total_spectrum(), image.acquisition
    )
    assert set(evidence.lines) == {p.element for p in evidence.proposals}
    assert evidence.counts.sum() == pytest.approx(evidence.fitted.sum(), rel=0.01)
    (iron,) = [p for p in evidence.proposals if p.element == "Fe"]
    near = np.abs(evidence.energies_keV - 6.7) < 0.7
    assert evidence.lines["Fe"][near].sum() == pytest.approx(iron.counts, rel=0.01)
    assert (evidence.background > 0).all()
    assert "found Fe" in [what for _, _, what in steps]


def test_what_progress_raises_ends_the_search(lfo_sto_96):
    def stop(*_step):
        raise InterruptedError

    image = lfo_sto_96
    with pytest.raises(InterruptedError):
        search_elements(image.energy, image.total_spectrum(), image.acquisition, progress=stop)


def test_what_the_file_names_is_the_specimens_own(data_dir):
    """Pt of cores of FePt, a tenth of the lines; nameless, it could be a coating."""
    image = eds.load(data_dir / "real/hspy/core_shell.hdf5")
    nameless = replace(image.acquisition, elements=(), vendor=None)
    assert "Pt" in image.acquisition.elements
    for acquisition, place in ((image.acquisition, 0), (nameless, 1)):
        found = eds.find_elements(image.energy, image.total_spectrum(), acquisition)
        assert "Pt" in eds.recipe_elements(found)[place]
