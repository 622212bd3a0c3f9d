"""The report: complete, self-contained, and nothing in it is taken for markup."""

import hashlib
import re
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.exchange.report.letters import text_width, wrapped

EVIL = "<script>alert('x')</script> & \"quotes\" $x^2$"


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

    simulation = lanthanum_ferrite_on_strontium_titanate((32, 32))
    file = tmp_path_factory.mktemp("map") / "map.hspy"
    file.write_bytes(b"what the map was read from")
    from dataclasses import replace

    image = replace(simulation.image, name=EVIL, source=file)
    recipe = eds.Recipe(elements=("O", "Fe", "Sr", "Ti", "La_L"), beam_energy_keV=200)
    chips = eds.grid_chips(image.shape, 16)
    names = {label: f"{EVIL}{label}" for label in np.unique(chips.labels).tolist()}
    return eds.quantify(image, chips.labels, recipe, names=names)


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text, self.sources = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [v for k, v in attrs if k in {"src", "href"}]
        assert not [k for k, _ in attrs if k.startswith("on")]

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def page(result, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    eds.save_report(result, path, remarks=f"{EVIL}\nsecond line")
    found = Page()
    found.feed(path.read_text(encoding="utf-8"))
    return found


def test_page_runs_and_fetches_nothing(page):
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert page.sources
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)


def test_page_says_all_that_is_known(page, result):
    text = " ".join(page.text)
    assert EVIL in text
    assert "second line" in text
    for sentence in result.account():
        assert sentence in text
    assert hashlib.sha256(result.image.source.read_bytes()).hexdigest() in text
    assert f"napari-eds {eds.__version__}" in text
    row = result.table.iloc[0]
    assert 1 < row["Fe_at_pct_error_total"] < 9.95, "two digits of the error"
    assert f"{row['Fe_at_pct']:.1f} ± {row['Fe_at_pct_error_total']:.1f}" in text
    # Maps twice, and a spectrum of each of the four labels.
    assert page.tags.count("img") == 2 + 4


def test_pdf_holds_text_of_all_pages(result, tmp_path):
    path = tmp_path / "report.pdf"
    told = []
    eds.save_report(result, path, labels=[1], progress=lambda *step: told.append(step))
    content = path.read_bytes()
    assert content.startswith(b"%PDF")
    n_pages = len(re.findall(rb"/Type /Page\b", content))
    assert n_pages >= 3
    assert told[-1][0] == told[-1][1]
    streams = [zlib.decompress(s) for s in _streams(content)]
    assert any(b"Tj" in s or b"TJ" in s for s in streams)


def _streams(content):
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        try:
            zlib.decompress(found.group(1))
        except zlib.error:
            continue
        yield found.group(1)


def test_bad_requests_are_refused_before_anything_is_drawn(result, tmp_path):
    with pytest.raises(eds.EDSError, match=r"\.html or \.pdf"):
        eds.save_report(result, tmp_path / "report.docx")
    with pytest.raises(eds.LabelError, match="no label 77"):
        eds.save_report(result, tmp_path / "report.html", labels=[77])
    there = tmp_path / "there.html"
    there.write_text("mine")
    with pytest.raises(eds.OutputError):
        eds.save_report(result, there)
    assert there.read_text() == "mine"


@pytest.mark.parametrize("text", ["", "one", "many words " * 30, "x" * 400, "α β " * 80])
def test_lines_are_no_wider_than_asked_and_lose_no_letter(text):
    lines = wrapped(text, 9, 60)
    assert all(text_width(line, 9) <= 60 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
