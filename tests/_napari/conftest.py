"""Maps of known composition for tests of the window, simulated and in files of their own."""

import numpy as np
import pytest
from qtpy.QtWidgets import QMessageBox

import napari_eds as eds
from napari_eds._napari.parts.panels import PLUGIN, RESULTS, WORKBENCH, dock_of, find_panel
from napari_eds.exchange import autosave
from napari_eds.simulate import (
    Phase,
    Simulation,
    lanthanum_ferrite_on_strontium_titanate,
    simulate,
)
from velox_files import write_velox_map
from window_actions import ALLOY, SMALL, nothing_is_due


@pytest.fixture(autouse=True)
def no_question(monkeypatch):
    """A question that a test has no answer to fails it, where it would wait for ever."""

    def fail(_parent, _title, text, *_):
        raise AssertionError(f"nobody answers: {text}")

    monkeypatch.setattr(QMessageBox, "question", fail)


@pytest.fixture(autouse=True)
def unsaved_folder(monkeypatch, tmp_path_factory):
    """A folder for unsaved work of the test alone."""
    folder = tmp_path_factory.mktemp("unsaved")
    monkeypatch.setattr(autosave, "folder", lambda: folder)
    return folder


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    """A film on its substrate in 96 x 96 pixels, and what is true of it."""
    return lanthanum_ferrite_on_strontium_titanate(
        (96, 96),
        stray={"Cu": 0.034, "C": 0.019, "Ga": 0.003},
        energy=eds.EnergyAxis(-0.25, 0.005, 4096),
    )


@pytest.fixture(scope="session")
def map_file(simulation, tmp_path_factory):
    """The simulated map as a Velox file, which names its elements but not the stray ones."""
    path = tmp_path_factory.mktemp("maps") / SMALL
    return write_velox_map(path, simulation.image, ("La", "Fe", "O", "Sr", "Ti", "Pt"))


@pytest.fixture(scope="session")
def alloy_file(tmp_path_factory):
    """Another map of another shape, as a Velox file that names one of its elements."""
    phase = Phase("alloy", {"Ni": 55, "Cr": 20, "Fe": 20, "Nb": 5}, 8.2)
    image = simulate(
        np.ones((50, 10), int), [phase], 60.0, counts_per_pixel=1500, beam_energy_keV=200
    ).image
    return write_velox_map(tmp_path_factory.mktemp("maps") / ALLOY, image, ("Nb",))


@pytest.fixture(scope="session")
def lfo_sto_96(map_file) -> eds.SpectrumImage:
    """The simulated map, as it is read from its file."""
    return eds.load(map_file)


@pytest.fixture(scope="session")
def eds_file(request):
    """Function from the name of a map to its file; measured ones skip the test without data."""
    simulated = {SMALL: "map_file", ALLOY: "alloy_file"}

    def path(name):
        if name in simulated:
            return request.getfixturevalue(simulated[name])
        return request.getfixturevalue("data_file")(name)

    return path


@pytest.fixture(scope="session")
def k_factor_file(simulation, tmp_path_factory):
    """k-factors of whole families, as the simulation implies them."""
    path = tmp_path_factory.mktemp("k_factors") / "family.csv"
    factors = {f"{element}_{family}": k for (element, family), k in simulation.k_factors.items()}
    eds.KFactorTable.from_mapping(factors, "family", source=path.name).to_csv(path)
    return path


@pytest.fixture(scope="session")
def alpha_k_factor_file(simulation, tmp_path_factory):
    """k-factors of alpha lines in the form of Velox, which does not tell that they are."""
    path = tmp_path_factory.mktemp("k_factors") / "alpha.csv"
    rows = [
        f"{element}-{family}a1,0,0,0,{k}"
        for (element, family), k in simulation.alpha_k_factors.items()
    ]
    header = "Line identifier,Energy level,Intensity,Chi-Rho-Tau absorption,K-factor"
    path.write_text("\n".join([header, "-,eV,counts,-,-", *rows]) + "\n")
    return path


@pytest.fixture
def workbench(make_napari_viewer, qtbot):
    """Function that opens files in a window of 1400 x 900 with the workbench."""

    def opened(*paths):
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1400, 900)
        for path in paths:
            viewer.open(path, plugin=PLUGIN)
        _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, WORKBENCH)
        window = dock_of(widget).parent()
        qtbot.waitUntil(lambda: find_panel(viewer, RESULTS) is not None)
        qtbot.waitUntil(lambda: window.height() == 900)
        nothing_is_due(qtbot)
        return viewer, widget

    return opened
