"""What is imported decides how long a start takes: nothing heavy before it is asked for."""

import subprocess
import sys

import pytest

from napari_eds.simulate.files import save_simulation
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

HEAVY = (
    "hyperspy",
    "exspy",
    "rsciio",
    "sklearn",
    "skimage",
    "matplotlib",
    "numba",
    "dask",
    "napari",
    "qtpy",
)
ELEMENTS = "La,Fe,O,Sr,Ti,Pt"
_CODE = """
import sys
from napari_eds.cli.main import main
assert main(sys.argv[1:]) == 0
print(*(name for name in sys.modules if "." not in name))
"""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "map.emd"
    save_simulation(lanthanum_ferrite_on_strontium_titanate((32, 32), 300), path)
    return path


def imported(*arguments) -> set[str]:
    """Return the top modules that a command leaves imported."""
    ran = subprocess.run(
        [sys.executable, "-c", _CODE, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.splitlines()[-1].split())


def test_looking_into_a_velox_file_imports_nothing_heavy(simulated):
    assert not imported("info", simulated) & {*HEAVY, "pandas"}


@pytest.mark.parametrize("more", [[], ["--thickness", "50"]])
def test_quantifying_imports_nothing_heavy(simulated, tmp_path, more):
    table = tmp_path / "table.csv"
    recipe = ["--elements", ELEMENTS, "--fit-only", "C,Cu", "--grid", 8, "--errors", "--spectra"]
    found = imported("quantify", simulated, *recipe, *more, "-o", table)
    assert not found & set(HEAVY)


def test_finding_elements_imports_nothing_heavy(simulated):
    assert not imported("find-elements", simulated) & set(HEAVY)


def test_engine_of_hyperspy_imports_it(simulated, tmp_path):
    recipe = ["--elements", ELEMENTS, "--grid", 16, "--engine", "linear"]
    assert "exspy" in imported("quantify", simulated, *recipe, "-o", tmp_path / "table.csv")


def test_the_plugin_itself_imports_nothing_heavy():
    code = "import sys, napari_eds, napari_eds._napari.reader; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name for name in ran.stdout.split() if "." not in name} & {
        *set(HEAVY) - {"napari"},
        "pandas",
        "scipy",
    }
