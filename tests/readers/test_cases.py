"""Files of kinds that once failed: each opens with the right counts, or says why it does not.

Every folder of `../shared/cases` says in its README what must come out, and where it came from.
"""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import napari_eds as eds

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="there is no folder of cases")

_COMMAND = "import sys; from napari_eds.cli.main import main; sys.exit(main())"

#: Seconds that the longest of these may take on a busy machine; it may never be endless.
PATIENCE_s = 60


def run(*arguments, cwd=None):
    """Run the command as a user does: exit code, output, errors."""
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, *map(str, arguments)],
        capture_output=True, text=True, timeout=PATIENCE_s, check=False, cwd=cwd,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


# Maps that open: file, counts, shape, and what is said


OPEN = [
    ("01-velox-interrupted/real_stopped_in_frame_5.emd", 6564, (16, 16), "1273 of 1280 pixels"),
    ("01-velox-interrupted/interrupted.emd", 38933, (16, 16), "of frame 2"),
    ("01-velox-interrupted/interrupted_frame1.emd", 16865, (16, 16), "200 of 256 pixels"),
    ("01-velox-interrupted/unequal.emd", 41923, (16, 16), "detector SuperXG22"),
    ("02-velox-frame-range/end1.emd", 21537, (16, 16), "frames 1 to 1 of 2"),
    ("02-velox-frame-range/start2end2.emd", 20560, (16, 16), "frames 2 to 2 of 2"),
    ("08-hspy-nonuniform-axis/nonuniform.hspy", 41492, (6, 8), "-0.2 keV + 0.02 keV per channel"),
    ("09-hspy-frames-4d/frames4d.hspy", 41492, (6, 8), "frames 1 to 2 of 2"),
]


@pytest.mark.parametrize(("name", "counts", "shape", "said"), OPEN)
def test_opens_and_says_what_is_special(name, counts, shape, said):
    (image,) = eds.read(CASES / name)
    assert (image.total_counts, image.shape) == (counts, shape)
    code, output, _ = run("info", CASES / name)
    assert code == 0
    assert said in output
    assert f"{counts:,}" in output


def test_pixels_behind_the_end_are_empty():
    (image,) = eds.read(CASES / "01-velox-interrupted/interrupted_frame1.emd")
    empty = image.counts_map(all_channels=True).ravel() == 0
    np.testing.assert_array_equal(np.flatnonzero(empty), np.arange(200, 256))


@pytest.mark.parametrize("name", ["end1.emd", "start2end2.emd"])
@pytest.mark.parametrize(("frames", "counts"), [((0, 2), 42097), ((0, 1), 21537), ((1, 2), 20560)])
def test_frames_beyond_the_selection_of_the_file(name, frames, counts):
    assert eds.load(CASES / "02-velox-frame-range" / name, frames=frames).total_counts == counts


@pytest.mark.parametrize(("frames", "last"), [((0, 1), 1), ((1, 2), 2)])
def test_frames_of_hyperspy_are_chosen(frames, last):
    path = CASES / "09-hspy-frames-4d/frames4d.hspy"
    one, both = eds.load(path, frames=frames), eds.load(path)
    assert 0 < one.total_counts < both.total_counts
    assert str(one.frames) == f"frames {last} to {last} of 2"


def test_frames_in_account_and_recipe(tmp_path):
    path = CASES / "02-velox-frame-range/start2end2.emd"
    code, output, _ = run(
        "quantify", path, "--elements", "C,O,Ca", "--fit-only", "Cu", "--grid", "16", "-o",
        tmp_path / "out.csv",
    )  # fmt: skip
    assert code == 0
    assert "frames 2 to 2 of 2" in output
    saved = json.loads((tmp_path / "out_recipe.json").read_text())
    assert saved["image"]["frames"] == "frames 2 to 2 of 2"
    assert eds.Recipe.from_json(tmp_path / "out_recipe.json").elements == ("C", "O", "Ca")


def test_stopped_scan_is_told_in_the_account(tmp_path):
    path = CASES / "01-velox-interrupted/interrupted.emd"
    with pytest.warns(eds.ReadWarning, match="stopped"):
        image = eds.load(path)
    result = eds.quantify(image, eds.grid_chips(image.shape, 16), eds.Recipe(elements=("C", "O")))
    assert any("was stopped" in line for line in result.account())


# Files that are refused: what must be said


REFUSED = [
    ("30-damaged/velox_bincount_huge.emd", ["AcquisitionSettings", "bincount", "1 to 65535"]),
    ("30-damaged/velox_endframe_text.emd", ["SpectrumImageSettings", "endFramePosition", "'abc'"]),
    ("30-damaged/velox_optics_null.emd", ["Metadata", "Optics is null", "expected an object"]),
    ("30-damaged/velox_events_claim_1e9.emd", ["/Data/SpectrumStream", "1000000000", "claims"]),
    ("30-damaged/expression_axis_runs_code.hspy", ["axis 'Energy'", "expression", "refused"]),
    ("15-open-two-files/haadf_only.emd", ["no EDS data", "Image"]),
    ("19-denoised-negative/pca.hspy", ["measured", "takes negative values as 0", "-1.33"]),
]


@pytest.mark.parametrize(("name", "said"), REFUSED)
def test_is_refused_with_the_reason(name, said, tmp_path):
    with pytest.raises(eds.ReadError) as error:
        eds.read(CASES / name)
    code, _, told = run("info", CASES / name, cwd=tmp_path)
    assert code == 1
    for text in (*said, Path(name).name):
        assert text in str(error.value)
        assert text in told
    assert not list(tmp_path.iterdir())


def test_no_text_of_a_file_is_run(tmp_path, monkeypatch):
    """The axis of this file would make a file."""
    monkeypatch.chdir(tmp_path)
    for read in (eds.read, eds.load, eds.read_hspy):
        with pytest.raises(eds.ReadError, match="expression"):
            read(CASES / "30-damaged/expression_axis_runs_code.hspy")
    assert not list(tmp_path.iterdir())


def test_denoised_map_is_clipped_where_asked_for():
    path = CASES / "19-denoised-negative/pca.hspy"
    with pytest.warns(eds.ReadWarning, match="no measured counts"):
        image = eds.load(path, clip_negative=True)
    assert image.total_counts > 41492
    assert image.counts.min() == 0
    result = eds.quantify(
        image, eds.grid_chips(image.shape, (6, 8)), eds.Recipe(elements=("Cr", "Fe"))
    )
    assert any("taken as 0, as asked for" in line for line in result.account())


# Counts and remarks


def test_noise_peak_is_not_counted(tmp_path):
    path = CASES / "10-noise-peak/velox_16x16.emd"
    (image,) = eds.read(path)
    assert (image.total_counts, image.xray_counts) == (42097, 206)
    assert image.counts_map().sum() == 206
    arguments = ["quantify", path, "--elements", "C,O,Ca", "--fit-only", "Cu"]
    code, _, told = run(*arguments, "--min-counts", "2000", "-o", tmp_path / "o.csv")
    assert code == 1
    assert "206 counts" in told
    assert "ask for fewer" in told


def test_elements_left_out_are_flagged(tmp_path):
    path = CASES / "16-poor-fit-not-flagged/map.hspy"
    out = tmp_path / "o.csv"
    code, output, _ = run("quantify", path, "--elements", "Cr", "--grid", "3", "-o", out)
    assert code == 0
    assert "4 labels carry a remark" in output
    assert "unexplained peak at 6.40 keV" in out.read_text()


def test_open_what_can_be_opened(monkeypatch, tmp_path):
    """One of several files is an image only: it is shown beside the map, alone it is none."""
    shown = []
    monkeypatch.setattr("napari.utils.notifications.show_error", shown.append)
    from napari_eds._napari.reader import read_layers

    folder = CASES / "15-open-two-files"
    layers = read_layers([str(folder / "map.emd"), str(folder / "haadf_only.emd")])
    assert any("spectrum_image" in attributes["metadata"] for _, attributes, _ in layers
               if "metadata" in attributes)  # fmt: skip
    assert not shown
    pictures = [x for x in layers if "haadf_only" in x[1]["name"]]
    with h5py.File(folder / "haadf_only.emd") as file:
        groups = list(file["Data/Image"].values())
        assert len(pictures) == len(groups) == 5
        for (data, attributes, kind), group in zip(pictures, groups, strict=True):
            np.testing.assert_array_equal(data, group["Data"][()].mean(axis=2))
            told = json.loads(bytes(group["Metadata"][:, 0]).rstrip(b"\0"))["BinaryResult"]
            assert (kind, attributes["name"]) == ("image", f"{told['Detector']} · haadf_only")
            size_nm = 1e9 * float(told["PixelSize"]["width"])
            assert attributes["scale"] == pytest.approx((size_nm, size_nm))
            assert set(attributes["units"]) == {"nm"}
    broken = tmp_path / "broken.emd"
    broken.write_bytes((folder / "haadf_only.emd").read_bytes()[:9000])
    assert len(read_layers([str(folder / "map.emd"), str(broken)])) == len(layers) - 5
    assert ["broken.emd" in text for text in shown] == [True]
    with pytest.raises(eds.ReadError, match="no EDS data"):
        read_layers([str(folder / "haadf_only.emd")])


def test_stopped_scan_is_told_in_the_window(monkeypatch):
    shown = []
    monkeypatch.setattr("napari.utils.notifications.show_warning", shown.append)
    from napari_eds._napari.reader import read_layers

    read_layers(str(CASES / "01-velox-interrupted/unequal.emd"))
    assert ["was stopped" in text for text in shown] == [True]


# Tables of k-factors


TABLES = [
    "caps", "emptyrow", "german", "german_bom", "hash", "latin1", "lines", "spaces", "tabs",
    "utf16", "velox_semicolon",
]  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_k_factors_as_people_write_them(name):
    table = eds.read_k_factors(CASES / "14-k-factor-csv" / f"{name}.csv")
    assert table.convention == "family"
    assert [(f.element, f.family, f.value) for f in table.factors] == [
        ("Fe", "K", 1.32), ("Cr", "K", 1.25)
    ]  # fmt: skip


def test_sodium_is_no_missing_number():
    table = eds.read_k_factors(CASES / "14-k-factor-csv/nan.csv")
    assert table.find("Na", "K") is not None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("14-k-factor-csv/dup.csv", "Fe_K, lines 2 and 3"),
        ("30-damaged/kfactors_energy_text.csv", "line 2: the beam energy is not a number: 'abc'"),
        ("30-damaged/kfactors_unbalanced_quote.csv", "line 2: a quotation mark"),
        ("30-damaged/kfactors_velox_zero_alpha.csv", "Ti_K = 0.0 .*line 3"),
    ],
)
def test_k_factors_that_are_wrong(name, said):
    with pytest.raises(eds.KFactorError, match=said) as error:
        eds.read_k_factors(CASES / name)
    assert Path(name).name in str(error.value)


# Label maps


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hang_labels.tif", "unknown type"),
        ("labels_bomb.png", "60000 x 60000"),
        ("labels_broken.png", "save it again"),
        ("labels_claims_8TB.npy", "1000000 x 1000000"),
        ("labels_garbage.png", "save it again"),
        ("labels_npz_named.npy", "numpy.save"),
    ],
)
@pytest.mark.parametrize("shape", [None, (96, 96)])
def test_labels_that_are_damaged(name, said, shape):
    """In a process of little memory: nothing that the file claims is allocated."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30,) * 2);"
        "import napari_eds as eds\n"
        f"try: eds.read_labels({str(CASES / '30-damaged' / name)!r}, {shape})\n"
        "except eds.LabelError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True
    )
    assert name in done.stdout
    assert said.casefold() in done.stdout.casefold() or (shape and "does not fit" in done.stdout)
