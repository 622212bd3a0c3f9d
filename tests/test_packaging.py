"""What is installed: the manifest from the root of the repository, data, types and the command."""

import ast
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MANIFEST = ROOT / "napari.yaml"

#: Dependencies that no file imports, and what needs them.
NOT_IMPORTED = {
    "imagecodecs": "RosettaSciIO reads Phenom .elid with it",
    "npe2": "napari reads the manifest with it, whose schema it must know",
    "zarr": "RosettaSciIO reads HyperSpy .zspy with it",
}


def build(target: str, source: Path, folder: Path) -> Path:
    """Build a wheel or an sdist without a network and return it."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel_from_sdist(sdist, tmp_path_factory):
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as file:
        file.extractall(unpacked, filter="data")
    (source,) = unpacked.iterdir()
    return build("wheel", source, tmp_path_factory.mktemp("wheel_from_sdist"))


def content(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_the_wheel_holds_what_runs(wheel):
    files = content(wheel)
    assert files["napari_eds_manifest/napari.yaml"] == MANIFEST.read_bytes()
    package = ROOT / "src" / "napari_eds"
    expected = {
        f"napari_eds/{path.relative_to(package).as_posix()}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"napari_eds/__init__.pyi", "napari_eds/data/bote_salvat_2009.json"} <= expected
    assert {name for name in files if name.startswith("napari_eds/")} == expected
    others = {name.partition("/")[0] for name in files}
    assert {name for name in others if not name.endswith(".dist-info")} == {
        "napari_eds",
        "napari_eds_manifest",
    }


def test_the_wheel_declares_command_and_manifest(wheel):
    files = content(wheel)
    (text,) = [files[name].decode() for name in files if name.endswith("entry_points.txt")]
    assert "napari-eds = napari_eds.cli.main:main" in text
    assert "[napari.manifest]\nnapari-eds = napari_eds_manifest:napari.yaml" in text
    assert any(name.endswith("licenses/LICENSE") for name in files)


def test_a_wheel_made_from_the_sdist_is_the_same(wheel, wheel_from_sdist):
    ours, theirs = content(wheel), content(wheel_from_sdist)
    assert ours.keys() == theirs.keys()
    different = [name for name in ours if ours[name] != theirs[name]]
    assert not different


def test_the_sdist_holds_the_tests_and_nothing_private(sdist):
    with tarfile.open(sdist) as file:
        names = [name.partition("/")[2] for name in file.getnames()]
    assert "tests/test_packaging.py" in names
    assert {name.partition("/")[0] for name in names} <= {
        "src",
        "tests",
        "napari.yaml",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "PKG-INFO",
        ".gitignore",
    }


def test_the_installed_manifest_is_the_one_at_the_root():
    spec = importlib.util.find_spec("napari_eds_manifest")
    assert spec is not None, "the package is not installed: pip install -e ."
    (folder,) = spec.submodule_search_locations
    installed = (Path(folder) / "napari.yaml").read_text(encoding="utf-8")
    assert installed == MANIFEST.read_text(encoding="utf-8"), (
        "napari.yaml has changed since it was installed; reinstall with: pip install -e ."
    )


def test_the_installed_package_has_its_entry_points():
    points = importlib.metadata.distribution("napari-eds").entry_points
    assert {(point.group, point.name, point.value) for point in points} == {
        ("console_scripts", "napari-eds", "napari_eds.cli.main:main"),
        ("napari.manifest", "napari-eds", "napari_eds_manifest:napari.yaml"),
    }


def test_the_manifest_is_valid_and_all_it_names_can_be_imported():
    done = subprocess.run(
        [sys.executable, "-m", "npe2", "validate", "--imports", "napari-eds"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "valid" in done.stdout


def imported_packages() -> set[str]:
    """Packages from outside that files of the package import, wherever the import stands."""
    files = (ROOT / "src").rglob("*.py*")
    texts = [path.read_text(encoding="utf-8") for path in files if path.suffix != ".pyc"]
    nodes = [node for text in texts for node in ast.walk(ast.parse(text))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {
        node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level
    }
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"napari_eds"}


def declared_distributions() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {normal(re.match(r"[\w.-]+", wanted)[0]) for wanted in project["dependencies"]}


def normal(distribution: str) -> str:
    """Return a name as the index writes it: Lazy_Loader and lazy-loader are one."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    installed = importlib.metadata.packages_distributions()
    by_package = {
        package: {normal(name) for name in installed[package]} for package in imported_packages()
    }
    declared = declared_distributions()
    assert {name for name, brought_by in by_package.items() if not brought_by & declared} == set()
    assert declared - set().union(*by_package.values()) == NOT_IMPORTED.keys()
