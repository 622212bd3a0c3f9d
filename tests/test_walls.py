"""Two walls: science without a display, and imports that cost nothing."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import napari_eds

PACKAGE = Path(napari_eds.__file__).parent
GUI = {"napari", "magicgui", "qtpy", "PyQt5", "PyQt6", "PySide6", "pyqtgraph", "superqt", "vispy"}
HEAVY = GUI | {"hyperspy", "exspy"}


def is_inside(name: str) -> bool:
    """Whether a module belongs to the part that may know napari and Qt."""
    return name.split(".")[1:2] == ["_napari"]


def core_modules() -> list[str]:
    found = pkgutil.walk_packages([str(PACKAGE)], "napari_eds.")
    return ["napari_eds", *(m.name for m in found if not is_inside(m.name))]


def loaded_by(code: str) -> set[str]:
    """Top-level packages a fresh interpreter holds after running `code`."""
    report = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def imported_packages(path: Path) -> set[str]:
    """Top-level packages named in the imports of a file, wherever they stand."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
            if node.module == "napari_eds":
                found |= {alias.name for alias in node.names if alias.name == "_napari"}
            if is_inside(node.module):
                found.add("_napari")
    return found


def test_importing_the_package_loads_nothing_heavy():
    loaded = loaded_by("import napari_eds")
    assert "napari_eds" in loaded
    assert not loaded & (HEAVY | {"numpy", "pandas", "scipy", "pydantic", "h5py"})


def test_importing_every_module_of_the_core_loads_nothing_heavy():
    modules = core_modules()
    assert {"napari_eds.quantification.run", "napari_eds.readers.velox.maps"} <= set(modules)
    loaded = loaded_by("\n".join(f"import {module}" for module in modules))
    assert "numpy" in loaded
    assert not loaded & HEAVY


def test_only_the_napari_part_imports_napari_or_qt():
    files = [path for path in PACKAGE.rglob("*.py") if "_napari" not in path.parts]
    assert len(files) > 15
    for path in files:
        # The command line may open the window, when asked to; what it opens is inside.
        allowed = {"_napari"} if path == PACKAGE / "cli" / "main.py" else set()
        assert not imported_packages(path) & (GUI | {"_napari"}) - allowed, path.name


def test_the_check_of_imports_sees_all_their_forms(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "import napari.layers\n"
        "def f():\n"
        "    from qtpy.QtCore import Qt\n"
        "    from napari_eds import _napari\n",
        encoding="utf-8",
    )
    assert {"napari", "qtpy", "_napari"} <= imported_packages(path)
    path.write_text("from napari_eds._napari.parts.jobs import Job\n", encoding="utf-8")
    assert "_napari" in imported_packages(path)


@pytest.mark.parametrize("name", napari_eds.__all__)
def test_every_public_name_resolves(name):
    assert getattr(napari_eds, name) is not None


def test_the_public_names_are_all_listed():
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    imported = {
        alias.name
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == set(napari_eds.__all__) <= set(dir(napari_eds))


def test_a_missing_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        importlib.import_module("napari_eds").no_such_name  # noqa: B018


def test_no_public_name_is_hidden_by_a_module_of_the_same_name():
    # A module that is imported becomes an attribute of the package, whatever was there.
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    assert not modules & set(napari_eds.__all__)
