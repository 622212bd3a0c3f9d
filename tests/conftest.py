"""Data of the tests, patience with the window, and how Hypothesis looks for examples."""

import os
import shutil
import zipfile
from pathlib import Path

import h5py
import hypothesis
import pytest

import napari_eds
from napari_eds._support import hyperspy
from patience import PatientBot

# A first example loads HyperSpy or xraylib, and machines are busy: how long one took says nothing.
# On CI the examples are the same in every run, so that one found by chance never falls on a change
# that has nothing to do with it; elsewhere each run looks at new ones.
hypothesis.settings.register_profile(
    "napari-eds",
    deadline=None,
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("napari-eds")

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def qtbot(qapp, request) -> PatientBot:
    """pytest-qt's robot, with one timeout for all tests."""
    return PatientBot(request)


@pytest.fixture(autouse=True)
def view_file(monkeypatch, tmp_path_factory):
    """A file of what the user likes to see, of the test alone."""
    path = tmp_path_factory.mktemp("view") / "view.json"
    monkeypatch.setenv("NAPARI_EDS_VIEW", str(path))
    return path


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the measured and simulated data."""
    if not _DATA.is_dir():
        pytest.skip(f"there is no folder {_DATA} with data to test on")
    return _DATA


@pytest.fixture(scope="session")
def data_file(data_dir, tmp_path_factory):
    """Function from a name below the data folder, which may lead into a zip file, to a path."""
    unzipped = {}

    def path(name: str) -> Path:
        archive, inside_zip, inside = name.partition(".zip/")
        if not inside_zip:
            return data_dir / name
        if archive not in unzipped:
            unzipped[archive] = tmp_path_factory.mktemp(Path(archive).name)
            with zipfile.ZipFile(data_dir / f"{archive}.zip") as file:
                file.extractall(unzipped[archive])
        return unzipped[archive] / inside

    return path


@pytest.fixture(scope="session")
def lfo_sto_96(data_dir) -> napari_eds.SpectrumImage:
    """The small simulated map, of known composition."""
    return napari_eds.load(data_dir / "simulated/LFO_STO_96.emd")


@pytest.fixture(scope="module")
def hyperspy_is_there() -> None:
    """HyperSpy imported: tests turn warnings into errors, also of an import in another thread."""
    hyperspy.exspy()


@pytest.fixture
def no_notifications_yet() -> None:
    """No notification of an earlier test left among napari's records."""
    from napari.utils.notifications import notification_manager

    notification_manager.records.clear()


@pytest.fixture
def mixed_aztec(data_dir, tmp_path):
    """AZtec's file of a map and two spectra of points; its path, and the counts of the points."""
    source = data_dir.parent / "cases/18-h5oina/map.h5oina"
    if not source.exists():
        pytest.skip("no folder of cases")
    path = tmp_path / "site.h5oina"
    shutil.copy(source, path)
    points = []
    with h5py.File(path, "a") as file:
        spectra = file["1/EDS/Data/Spectrum"][:]
        for name, columns in (("2", slice(0, 8)), ("3", slice(8, 16))):
            counts = spectra.reshape(12, 16, -1)[:, columns].sum((0, 1))
            file.copy("1/EDS/Header", f"{name}/EDS/Header")
            for key in ("X Cells", "Y Cells"):
                file[f"{name}/EDS/Header/{key}"][...] = 1
            file[f"{name}/EDS/Data/Spectrum"] = counts[None].astype("i4")
            points.append(counts)
    return path, points
