"""What is installed: the manifest from the root of the repository, data, types and the command.

And what is read before: a README whose links hold wherever it is shown.
"""

import ast
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path
from urllib.parse import urlsplit

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
        # Releases of Python 3.11 up to .3 have no filters.
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        file.extractall(unpacked, **safe)
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
    assert "napari-eds = napari_eds.__main__:main" in text
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
        "CHANGELOG.md",
        "CITATION.cff",
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
        ("console_scripts", "napari-eds", "napari_eds.__main__:main"),
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


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def linked(text: str) -> set[str]:
    """Return the targets of all links and pictures of a text in Markdown."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    defined = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", text, flags=re.MULTILINE))
    used = set(re.findall(r"\]\[([a-z][\w-]*)\]", text))
    assert used <= set(defined), "links by a name that has no target"
    return {*defined.values(), *re.findall(r"\]\(([^)\s]+)\)", text)}


def in_repository(url: str) -> str | None:
    """Return the file of the repository that an address leads to, None if it leads elsewhere."""
    owner_and_name = urlsplit(project()["urls"]["Source"]).path
    for start in (
        f"https://github.com{owner_and_name}/blob/main/",
        f"https://raw.githubusercontent.com{owner_and_name}/main/",
    ):
        if url.startswith(start):
            return url.removeprefix(start)
    return None


def test_links_of_the_readme_hold_outside_of_the_repository():
    targets = linked((ROOT / "README.md").read_text("utf-8"))
    assert not [target for target in targets if not target.startswith("https://")]
    ours = [path for path in map(in_repository, targets) if path]
    assert len(ours) > 10
    if not (ROOT / "docs").is_dir():
        pytest.skip("the documents lie in the repository, not in the package")
    assert not [path for path in ours if not (ROOT / path).is_file()]


def test_addresses_of_the_project_name_one_repository(wheel):
    urls = project()["urls"]
    assert all(url.startswith(urls["Source"]) for url in urls.values())
    (text,) = [data.decode() for name, data in content(wheel).items() if "/METADATA" in name]
    metadata = message_from_string(text)
    assert set(metadata.get_all("Project-URL")) == {f"{key}, {url}" for key, url in urls.items()}
    assert {"Framework :: napari", "Typing :: Typed"} <= set(metadata.get_all("Classifier"))


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_links_between_documents_lead_to_files(path):
    if not (ROOT / "docs").is_dir():
        pytest.skip("the documents lie in the repository, not in the package")
    missing = []
    for target in linked(path.read_text("utf-8")):
        if target.startswith("https://"):
            file = ROOT / (in_repository(target) or "")
        else:
            file = path.parent / target.partition("#")[0]
        if not file.exists():
            missing.append(target)
    assert not missing


def test_the_citation_and_the_changelog_know_the_version():
    version = importlib.metadata.version("napari-eds")
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"^## \[([\d.]+)\] - \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)
    assert released[0] == version
    assert changelog.index("## [Unreleased]") < changelog.index(f"## [{version}]")


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


def declared_distributions(*extras: str) -> set[str]:
    wanted = [*project()["dependencies"]]
    for extra in extras:
        wanted += project()["optional-dependencies"][extra]
    return {normal(re.match(r"[\w.-]+", requirement)[0]) for requirement in wanted}


def normal(distribution: str) -> str:
    """Return a name as the index writes it: Lazy_Loader and lazy-loader are one."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    installed = importlib.metadata.packages_distributions()
    by_package = {
        package: {normal(name) for name in installed.get(package, [package])}
        for package in imported_packages()
    }
    declared = declared_distributions()
    or_optional = declared | declared_distributions("cluster", "parquet", "xarray")
    missing = {name for name, brought_by in by_package.items() if not brought_by & or_optional}
    assert missing == set()
    assert declared - set().union(*by_package.values()) == NOT_IMPORTED.keys()
