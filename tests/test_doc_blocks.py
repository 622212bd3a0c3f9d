"""Every block of code of every page of docs, done in order on a simulated map.

What a reader has before is made from the simulation: see `FILES` and `PAGES`.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile

import napari_eds as eds
from documents import blocks, check_output, commands, run_python
from napari_eds.cli.main import main, parser
from napari_eds.simulate.files import save_simulation
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate
from velox_files import GATE

DOCS = Path(__file__).parents[1] / "docs"
FILM, SUBSTRATE = 2, 3
#: What Velox says of the whole map, in the table that its log holds. Its numbers are made up.
VELOX = {"La": 9.1, "Fe": 9.4, "O": 59.6, "Sr": 10.8, "Ti": 11.1}
#: Commands that are not run here, and why. They must be understood all the same.
NOT_RUN = {
    "napari-eds open": "stays until its window is closed; tests/_napari/test_workbench.py has it",
    "napari-eds demo": "opens a window; the line after it, --no-window, does the same without",
    "napari-eds batch": "reads a folder of maps; tests/cli/test_batch.py has it",
    "bash docs/study.sh": "takes minutes; tests/cli/test_study.py runs it on a smaller map",
}


#: Pages that are not run here, and why.
ELSEWHERE = {
    "batch": "needs a cluster; tests/batches/test_page.py has its examples",
    "performance": "makes maps of gigabytes",
}


@dataclass(frozen=True)
class Page:
    """What the readers of a page have: the size of the map, files, and values by their names."""

    size: int = 128
    counts: float = 100
    chip: int = 10
    frames: int = 1
    pixel_nm: float | None = None
    files: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


RECIPE = "map_recipe.json"
PAGES = {
    "command-line": Page(
        files=(
            *("map.emd", "map.rpl", "painted.tif", "phases.tif", "run.csv", "velox.csv"),
            *("map.edsession", "support.json", "found.csv"),
            *("zeta.csv", "dosed.json", "t.npy"),
        ),
    ),
    "comparing": Page(
        files=(
            *("map.emd", "run.csv", "run.edsession", "velox.csv", "phases.tif", "labels.npy"),
            "chips/labels.npy",
        ),
        known=("result",),
    ),
    "denoising": Page(files=("map.emd",), known=("image",)),
    "figures": Page(chip=15, files=("map.emd", RECIPE, "map.edsession"), known=("result",)),
    "frames": Page(),
    "maps": Page(chip=8, files=("map.emd", RECIPE), known=("image", "result")),
    "profiles": Page(files=("map.emd", RECIPE), known=("image", "recipe")),
    "few-shot": Page(
        size=512,
        counts=8,
        chip=15,
        files=("map.emd", RECIPE, "support.json", "results.csv"),
        known=("recipe",),
    ),
    "objects": Page(files=("map.emd", RECIPE, "maps/map.emd")),
    "parts": Page(
        size=512,
        counts=4,
        chip=64,
        frames=40,
        pixel_nm=0.25,
        files=("map.emd", RECIPE, "map.edsession"),
    ),
    "study": Page(),
    "thickness": Page(chip=16, files=("map.emd", RECIPE), known=("image", "result")),
    "tutorial": Page(),
}


class Reader:
    """A reader of a page, who has the simulated map and what is made of it."""

    def __init__(self, page):
        self.page = page

    @cached_property
    def simulation(self):
        made = lanthanum_ferrite_on_strontium_titanate(
            (self.page.size, self.page.size), counts_per_pixel=self.page.counts
        )
        if self.page.pixel_nm is None:
            return made
        # Of one detector: each holds every frame.
        acquisition = made.image.acquisition
        alone = replace(acquisition, detectors=acquisition.detectors[:1])
        pixel_size = (self.page.pixel_nm,) * 2
        return replace(made, image=replace(made.image, acquisition=alone, pixel_size=pixel_size))

    @cached_property
    def image(self):
        return eds.load("map.emd")

    @cached_property
    def recipe(self):
        return eds.Recipe(
            elements=("La_L", "Fe", "O", "Sr", "Ti"),
            fit_only=("Cu", "C", "Pt"),
            k_factors=eds.read_k_factors("map_k-factors.csv"),
            absorption=eds.Absorption(thickness_nm=55),
            # Which not every simulated file tells.
            dose=eds.Dose(beam_current_nA=0.2, dwell_time_us=200, frames=2, live_percent=95),
        )

    @cached_property
    def chips(self):
        return eds.grid_chips(self.image.shape, self.page.chip)

    @cached_property
    def result(self):
        return eds.quantify(self.image, self.chips, self.recipe)

    def inside(self, phase, n=3):
        """Names of chips that lie wholly in a phase."""
        ids = np.setdiff1d(
            self.chips.labels[self.simulation.labels == phase],
            self.chips.labels[self.simulation.labels != phase],
        )
        ids = ids[ids > 0]
        return [self.chips.names[i] for i in ids[:: max(ids.size // n, 1)][:n].tolist()]

    def write_map(self, path):
        """Write the map, with a result of Velox, and the frames that the page speaks of."""
        if not Path("map.emd").exists():
            save_simulation(self.simulation, "map.emd")
            with h5py.File("map.emd", "a") as file:
                rows = (f"<tr><td>{e}</td><td>{value}</td></tr>" for e, value in VELOX.items())
                head = "<tr><th>Element</th><th>Atomic Fraction (%)</th></tr>"
                log = quote(f"<table>{head}{''.join(rows)}</table>")
                file["Data/Text/0"] = [json.dumps({"text": log})]
                _add_frames(file, self.page.frames, self.simulation.labels.size)
        if path != Path("map.emd"):
            shutil.copy("map.emd", path)

    def write_part(self, path):
        """Write the session of a part, and the recipe that names it."""
        part = eds.load("map.emd", crop=((0, 500), (0, 500)))
        result = eds.quantify(part, eds.grid_chips(part.shape, self.page.chip), self.recipe)
        eds.save_session(path, result)

    def write_session(self, path):
        if self.page.frames > 1:
            self.write_part(path)
        else:
            eds.save_session(path, self.result)

    def write_support(self, path):
        phases = {"film": FILM, "substrate": SUBSTRATE}
        path.write_text(json.dumps({name: self.inside(phase) for name, phase in phases.items()}))

    def write_classes(self, path):
        """Write what a few-shot program says: of which class each chip is."""
        middle = np.nanmedian(self.result.table["Fe_at_pct"])
        film = (self.result.table["Fe_at_pct"] > middle).to_numpy()
        table = pd.DataFrame({"film": film.astype(float), "substrate": 1.0 - film})
        table["prediction"] = np.where(film, "film", "substrate")
        table["chip"] = self.result.table["chip"].to_numpy()
        table.to_csv(path)

    def write_recipe(self, path):
        if self.page.frames > 1:
            self.recipe.to_json(path, eds.MapPart(crop=((0, 500), (0, 500))))
        else:
            self.recipe.to_json(path)

    def write_ripple(self, path):
        counts = self.image.crop(slice(32), slice(32)).to_array().astype("<u2")
        counts.tofile(path.with_suffix(".raw"))
        keys = {
            "width": counts.shape[1],
            "height": counts.shape[0],
            "depth": counts.shape[2],
            "offset": 0,
            "data-length": 2,
            "data-type": "unsigned",
            "byte-order": "little-endian",
            "record-by": "vector",
        }
        lines = ["key\tvalue", *(f"{key}\t{value}" for key, value in keys.items())]
        path.write_text("\n".join(lines) + "\n")


def _add_frames(file, frames, pixels):
    """Let frames without an X-ray follow the one that there is."""
    if frames == 1:
        return
    settings = file["Data/SpectrumImage/0/SpectrumImageSettings"]
    settings[...] = [json.dumps({"endFramePosition": str(frames)})]
    empty = np.full((frames - 1) * pixels, GATE, np.uint16)[:, None]
    for stream in file["Data/SpectrumStream"].values():
        events = np.concatenate([stream["Data"][()], empty])
        del stream["Data"]
        stream["Data"] = events


def _write_velox_csv(_reader, path):
    rows = [("Element", "Atomic Fraction (%)"), *VELOX.items()]
    path.write_text("".join(f"{element},{value}\n" for element, value in rows))


def _write_phases(reader, path):
    tifffile.imwrite(path, reader.simulation.labels.astype(np.uint8))


#: How the files come about that pages name, by the ends of their paths.
FILES = {
    "map.emd": Reader.write_map,
    RECIPE: Reader.write_recipe,
    "map.edsession": Reader.write_session,
    "run.edsession": Reader.write_session,
    "map.rpl": Reader.write_ripple,
    "run.csv": lambda reader, path: reader.result.to_csv(path),
    "velox.csv": _write_velox_csv,
    "phases.tif": _write_phases,
    "painted.tif": lambda reader, path: tifffile.imwrite(
        path, (reader.simulation.labels == SUBSTRATE).astype(np.uint8)
    ),
    "labels.npy": lambda reader, path: np.save(path, reader.chips.labels),
    "support.json": Reader.write_support,
    "results.csv": Reader.write_classes,
    "found.csv": Reader.write_classes,
    "t.npy": lambda reader, path: np.save(path, reader.simulation.thickness_nm / 110),
    "dosed.json": Reader.write_recipe,
    "zeta.csv": lambda reader, path: eds.theoretical_zeta_factors(
        reader.image.acquisition.beam_energy_keV, 0.7
    ).to_csv(path),
}


def pages():
    """Every page that has blocks of code, by its name."""
    found = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
    return {n: text for n, text in found.items() if n not in ELSEWHERE and blocks(text)}


def test_every_page_with_code_is_run():
    if not DOCS.is_dir():
        pytest.skip("the documents lie in the repository, not in the package")
    assert set(pages()) == set(PAGES)
    languages = {block.language for text in pages().values() for block in blocks(text)}
    assert languages <= {"python", "sh"}


@pytest.fixture(scope="module")
def hyperspy_loaded():
    """HyperSpy imported, whose warnings on import are none of the page's."""
    from napari_eds._support import hyperspy

    hyperspy.exspy()


@pytest.mark.parametrize("name", PAGES)
def test_the_blocks_of_a_page_run_and_give_what_it_says(
    name, tmp_path, monkeypatch, capsys, hyperspy_loaded
):
    path = DOCS / f"{name}.md"
    if not path.is_file():
        pytest.skip("the documents lie in the repository, not in the package")
    monkeypatch.chdir(tmp_path)
    reader = Reader(PAGES[name])
    for file in map(Path, reader.page.files):
        file.parent.mkdir(parents=True, exist_ok=True)
        FILES[file.name](reader, file)
    known = {value: getattr(reader, value) for value in reader.page.known}
    capsys.readouterr()
    for block in blocks(path.read_text(encoding="utf-8")):
        run(block, known, capsys, f"docs/{name}.md, line {block.line}")
    CLAIMS.get(name, lambda _known: None)(known)


def run(block, known, capsys, where):
    """Run a block; what it prints is compared with the output that the page shows."""
    if block.language == "sh":
        for words in commands(block.code):
            run_command(words, capsys, where)
    elif "__main__" in block.code:
        run_script(block.code, where)
    else:
        try:
            run_python(block.code, known)
        except Exception as error:
            error.add_note(where)
            raise
    if block.output is not None:
        check_output(block.output, capsys.readouterr().out)


def run_command(words, capsys, where):
    program, *arguments = words
    line = f"{where}: {' '.join(words)}"
    if is_left_out(words):
        if program == "napari-eds":
            parser().parse_args(arguments)
        return
    assert program == "napari-eds", line
    code = main(arguments)
    told = capsys.readouterr()
    assert code == 0, f"{line}\n{told.err}"
    # What was printed last is what an output after the block is about.
    sys.stdout.write(told.out)
    for option in ("-o", "--output", "--figure", "--class-map"):
        if option in arguments:
            assert Path(arguments[arguments.index(option) + 1]).exists(), line


def is_left_out(words):
    """Whether a command stands in `NOT_RUN`."""
    while "=" in words[0]:  # variables before a command of a shell
        words = words[1:]
    return " ".join(words[:2]) in NOT_RUN and "--no-window" not in words


def run_script(code, where):
    """Run a script of its own, as its processes need it."""
    Path("script.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{where}\n{done.stderr}"


# What pages tell in their sentences of the values in their blocks.


def _comparing(known):
    assert known["known"].table["z"].abs().max() < 2
    assert (known["comparison"].table.index == "all").all()  # Velox's is one of everything
    pd.testing.assert_frame_equal(known["again"].table, known["result"].table, check_exact=True)
    # The areas of alpha lines are the same to the last bit.
    areas = known["result"].fit.alpha_areas
    names = [family.element for family in known["result"].fit.model.families]
    for element, area in zip(("Sr", "Ti"), known["areas"], strict=True):
        np.testing.assert_array_equal(area.data, areas[:, names.index(element)])


def _few_shot(known):
    assert len(known["chips"]) == 34 * 34
    assert set(np.unique(known["found"].class_map())) <= {0, 1, 2}
    assert known["found"].class_names == {1: "film", 2: "substrate"}


CLAIMS = {"comparing": _comparing, "few-shot": _few_shot}
