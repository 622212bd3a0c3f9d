"""What README, docs and docstrings tell of is there: names, files, parameters and errors."""

import ast
import inspect
import re
import textwrap
from pathlib import Path

import pytest

import napari_eds as eds

ROOT = Path(__file__).parents[1]
TEXTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = {path.name for at in (ROOT, ROOT / "src/napari_eds") for path in at.glob("*/")}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_docs_name_only_what_is_public(path):
    if not path.is_file():
        pytest.skip("the documents lie in the repository, not in the package")
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"\beds\.(\w+)", text))
    assert named <= set(eds.__all__)
    # Readers are shown one way in: `import napari_eds as eds`.
    assert not re.search(r"from napari_eds|import napari_eds(?! as eds)", text)


def test_the_readme_shows_the_public_face():
    if not TEXTS[0].is_file():
        pytest.skip("the documents lie in the repository, not in the package")
    assert "eds.quantify(" in TEXTS[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [*TEXTS, ROOT / "CONTRIBUTING.md"], ids=lambda path: path.name)
def test_docs_name_only_files_that_are_there(path):
    if not path.is_file():
        pytest.skip("the documents lie in the repository, not in the package")
    package = ROOT / "src/napari_eds"
    named = re.findall(r"`((?:\w+/)+\w+\.(?:py|pyi|sh|md))`", path.read_text(encoding="utf-8"))
    # Others are files of other programs.
    ours = [name for name in named if name.partition("/")[0] in FOLDERS]
    assert [n for n in ours if not ((ROOT / n).is_file() or (package / n).is_file())] == []


def test_the_architecture_names_every_panel():
    path = ROOT / "docs/architecture.md"
    if not path.is_file():
        pytest.skip("the documents lie in the repository, not in the package")
    panels = {dock.parent.name for dock in (ROOT / "src/napari_eds/_napari").glob("*/dock.py")}
    named = re.findall(r"`(\w+)/`", path.read_text(encoding="utf-8"))
    assert panels
    assert panels <= set(named)


def public_functions():
    """Yield names and functions of the public face, and of its classes' public methods."""
    for name in eds.__all__:
        value = getattr(eds, name)
        if inspect.isfunction(value):
            yield name, inspect.unwrap(value)
        elif inspect.isclass(value) and value.__module__.startswith("napari_eds"):
            for member, found in vars(value).items():
                method = getattr(found, "__func__", getattr(found, "fget", found))
                if inspect.isfunction(method) and not member.startswith("_"):
                    yield f"{name}.{member}", inspect.unwrap(method)


def section(function, title):
    """Return the lines of a section of a docstring, without what they say of each entry."""
    text = inspect.cleandoc(function.__doc__ or "") + "\n\n"
    found = re.search(rf"^{title}\n-+\n(.*?)\n\n(?=\S|\Z)", text, flags=re.DOTALL | re.MULTILINE)
    lines = found[1].splitlines() if found else []
    return [line for line in lines if line and not line.startswith(" ")]


FUNCTIONS = dict(public_functions())


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if "." not in name])
def test_public_functions_tell_their_parameters(name):
    lines = section(FUNCTIONS[name], "Parameters")
    told = {each.lstrip("*") for line in lines for each in line.partition(" :")[0].split(", ")}
    assert told == {*inspect.signature(FUNCTIONS[name]).parameters}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_tell_what_they_raise(name):
    raised = set()
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(FUNCTIONS[name])))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            error = FUNCTIONS[name].__globals__.get(ast.unparse(node.exc.func))
            raised |= {error} if inspect.isclass(error) else set()
    told = {each for line in section(FUNCTIONS[name], "Raises") for each in line.split(", ")}
    assert all({parent.__name__ for parent in error.__mro__} & told for error in raised), raised
