"""Walls: science without a display, imports that cost nothing, and rooms in an order."""

import ast
import graphlib
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

import napari_eds

PACKAGE = Path(napari_eds.__file__).parent
GUI = {"napari", "magicgui", "qtpy", "PyQt5", "PyQt6", "PySide6", "pyqtgraph", "superqt", "vispy"}
HEAVY = GUI | {"hyperspy", "exspy"}

#: A file imports from its own room and from those before it.
ROOMS = (
    "errors",
    "_version",
    "_support",
    "physics",
    "recipe",
    "spectra",
    "readers",
    "labels",
    "simulate",
    "fitting",
    "quantification",
    "elements",
    "few_shot",
    "exchange",
    "compare",
    "batches",
    "_napari",
    "cli",
)
#: The same in the window: what panels are built from, what they look at, the panels, and what
#: napari and the command call. Panels do not know each other.
PARTS, STATE = "parts", "state"
PANELS = {
    "quantify",
    "elements",
    "regions",
    "spectrum",
    "results",
    "compare",
    "exchange",
    "profile",
    "maps",
    "frames",
    "thickness",
    "batch",
}


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


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files_by_module() -> dict[str, Path]:
    # `__main__` only starts the command, for it belongs to no room.
    files = (path for path in PACKAGE.rglob("*.py") if path.name != "__main__.py")
    return {module_name(path): path for path in files}


def imported_modules(text: str, modules: Collection[str], *, for_types: bool = False) -> set[str]:
    """Modules of the package that a text imports, wherever the import stands.

    Imports for type checkers only count where they are asked for: nothing runs through them.
    """
    tree = ast.parse(text)
    typing = {
        id(inside)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inside in ast.walk(node)
        if not for_types
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are written in full"
            inside = {f"{node.module}.{alias.name}" for alias in node.names} & set(modules)
            found |= inside or {node.module}
    return {name for name in found if name.partition(".")[0] == PACKAGE.name}


def imports_of_every_file(*, for_types: bool = False) -> dict[str, set[str]]:
    files = files_by_module()
    return {
        name: imported_modules(path.read_text(encoding="utf-8"), files, for_types=for_types)
        for name, path in files.items()
    }


def room_of(module: str) -> int:
    return ROOMS.index(module.split(".")[1])


def floor_of(module: str) -> tuple[int, str]:
    """Return the floor of a module of the window, and its panel."""
    part = module.split(".")[2]
    if part in PANELS:
        return 2, part
    return {PARTS: 0, STATE: 1}.get(part, 3), ""


def test_every_file_lies_in_a_room():
    names = {name.split(".")[1] for name in files_by_module() if name != PACKAGE.name}
    assert names == set(ROOMS)


def test_no_file_imports_from_a_room_after_its_own():
    wrong = [
        f"{module} imports {used}"
        for module, every in imports_of_every_file().items()
        if module != PACKAGE.name
        for used in every
        if used == PACKAGE.name or room_of(used) > room_of(module)
    ]
    assert not wrong


def test_panels_stand_on_the_bases_and_not_on_each_other():
    wrong = []
    for module, every in imports_of_every_file().items():
        if not is_inside(module) or module.count(".") < 2:
            continue
        floor, panel = floor_of(module)
        for used in filter(is_inside, every):
            below, other = floor_of(used)
            if below > floor or (floor == below == 2 and panel != other):
                wrong.append(f"{module} imports {used}")
    assert not wrong


def test_no_two_files_import_each_other():
    # Nor may they know each other's types: what one needs of the other is written as a protocol.
    order = graphlib.TopologicalSorter(imports_of_every_file(for_types=True))
    assert len(tuple(order.static_order())) > 150


def test_folders_inside_a_room_form_no_circle():
    folders = {
        module: "/".join(path.relative_to(PACKAGE).parts[:-1])
        for module, path in files_by_module().items()
    }
    used: dict[str, set[str]] = {}
    for module, every in imports_of_every_file().items():
        own = folders[module]
        others = {folders[name] for name in every if name in folders} - {own}
        room = own.partition("/")[0]
        used.setdefault(own, set()).update(f for f in others if f.startswith(f"{room}/"))
    inside = {folder: others for folder, others in used.items() if "/" in folder}
    order = tuple(graphlib.TopologicalSorter(inside).static_order())
    assert {"quantification/errors", "quantification/methods"} <= set(order)


def test_the_rule_sees_imports_wherever_they_stand():
    modules = {"napari_eds.fitting", "napari_eds.fitting.fit", "napari_eds.recipe.recipe"}
    text = (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    from napari_eds.quantification.run import quantify\n"
        "def f():\n"
        "    from napari_eds.fitting import fit\n"
        "    from napari_eds.recipe.recipe import Recipe\n"
        "    import napari_eds.cli.main\n"
    )
    assert imported_modules(text, modules) == {
        "napari_eds.fitting.fit",
        "napari_eds.recipe.recipe",
        "napari_eds.cli.main",
    }
    every = imported_modules(text, modules, for_types=True)
    assert "napari_eds.quantification.run" in every


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
    # A module that is imported becomes an attribute of its package, whatever was there.
    for face in PACKAGE.rglob("__init__.pyi"):
        modules = {path.stem for path in face.parent.glob("*")}
        assert not modules & set(importlib.import_module(module_name(face)).__all__)


def test_every_name_of_a_room_resolves_and_the_package_lists_only_such_names():
    rooms = set()
    for face in PACKAGE.glob("*/__init__.pyi"):
        room = importlib.import_module(module_name(face))
        rooms |= set(room.__all__)
        assert all(getattr(room, name) is not None for name in room.__all__)
        assert set(room.__all__) <= set(dir(room))
    errors = {name for name in napari_eds.__all__ if name.endswith(("Error", "Warning"))}
    assert set(napari_eds.__all__) - errors - {"__version__"} <= rooms
