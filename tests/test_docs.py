"""What README and docs call exists, and stands in the public face."""

import re
from pathlib import Path

import pytest

import napari_eds as eds

ROOT = Path(__file__).parents[1]
TEXTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


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
