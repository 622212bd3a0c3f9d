"""The few-shot folder beside what the programs that read it do themselves."""

import hashlib
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imsave
from PIL import Image
from rsciio.emd import file_reader

from napari_eds import (
    Acquisition,
    AuxiliaryImage,
    EnergyAxis,
    KFactorTable,
    LabelError,
    Recipe,
    SpectrumImage,
    grid_chips,
    load,
    quantify,
)
from napari_eds.few_shot import (
    FewShotError,
    FewShotFormat,
    classify,
    export_few_shot,
    few_shot_grid,
    few_shot_map_size,
    support_from_painting,
)
from napari_eds.few_shot.chips import order_chips
from napari_eds.few_shot.export import _put_in_place
from napari_eds.labels.files import read_labels

VELOX = "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd"


def multimodal(picture, spectra, n_columns):
    """Chips and spectra as the notes on Multimodal-Few-Shot describe them, in a few lines."""
    height, width = picture.shape
    size = math.floor(width / n_columns)
    chips, sums = {}, {}
    for column, x in enumerate(range(0, width - width % size, size)):
        for row, y in enumerate(range(0, height - height % size, size)):
            inside = np.s_[y : y + size, x : x + size]
            chips[f"R{row}C{column}"] = picture[inside]
            sums[f"R{row}C{column}"] = spectra[inside].sum(axis=(0, 1), dtype="float64")
    return chips, sums


@given(width=st.integers(1, 30), aspect=st.floats(0.3, 2), fraction=st.floats(0, 1))
def test_the_grid_is_that_of_the_programs(width, aspect, fraction):
    n_columns = 1 + round(fraction * (width - 1))
    height = max(round(aspect * width), width // n_columns)
    pixels = np.arange(height * width).reshape(height, width)
    expected, _ = multimodal(pixels, pixels[..., None], n_columns)
    chips = few_shot_grid((height, width), n_columns)
    order = order_chips(chips.labels, chips.names)
    assert list(order.ids) == list(expected)
    assert [chips.names[label] for label in order.label_ids] == list(expected)
    of_pixel = chips.labels.ravel()
    for chip, label in order.labels.items():
        assert (of_pixel[expected[chip]] == label).all()
    assert np.count_nonzero(of_pixel) == sum(chip.size for chip in expected.values())


def test_more_columns_than_asked_for_can_fit():
    chips = few_shot_grid((100, 100), 30)
    assert chips.size == (3, 3)
    assert chips.grid == (33, 33)


@pytest.mark.parametrize("n_columns", [0, -1, 11, 2.5])
def test_impossible_columns_are_refused(n_columns):
    with pytest.raises(LabelError, match="1 to 10 columns"):
        few_shot_grid((10, 10), n_columns)


@pytest.mark.parametrize("n_columns", [3, 4])
def test_a_measured_map_is_chipped_as_the_programs_would(data_file, tmp_path, n_columns):
    path = data_file(VELOX)
    image = load(path)
    settings = FewShotFormat(rebin=4, energy_range_keV=(5, 10), save_map=True)
    chips = few_shot_grid(image.shape, n_columns)
    folder = export_few_shot(tmp_path / "out", image, chips, settings=settings)

    # RosettaSciIO reads the map; the channels are those the programs' example takes.
    (entry,) = [s for s in file_reader(str(path)) if np.ndim(s["data"]) == 3]
    array = np.asarray(entry["data"])
    array = array.reshape(*array.shape[:2], -1, 4).sum(axis=3)
    energies = np.load(folder / "energies_keV.npy")
    first = round((energies[0] - image.energy.rebin(4).offset_keV) / 0.02)
    array = array[:, :, first : first + energies.size]
    picture = np.asarray(Image.open(folder / "picture.png"))
    _, expected = multimodal(np.empty(array.shape[:2]), array, n_columns)

    ids = json.loads((folder / "chip_ids.json").read_text())
    assert ids == list(expected)
    np.testing.assert_array_equal(np.load(folder / "spectra_sum.npy"), list(expected.values()))

    # The programs fed with our own files come to the same chips and spectra.
    exported = np.load(folder / "map.npy")
    n = json.loads((folder / "provenance.json").read_text())["chips"]["n_columns"]
    pictures, again = multimodal(picture, exported, n)
    assert list(again) == ids
    np.testing.assert_array_equal(list(again.values()), list(expected.values()))
    for chip in ids:
        written = np.asarray(Image.open(folder / "chips" / f"{chip}.png"))
        np.testing.assert_array_equal(written, pictures[chip])


def tiny(shape=(7, 9), counts=None):
    """A map whose every pixel differs, with a picture of its own."""
    rng = np.random.default_rng(0)
    energy = EnergyAxis(-0.1, 0.01, 900)
    peaks = sum(np.exp(-((energy.energies_keV - e) ** 2) / 0.005) for e in (6.4, 0.525))
    counts = rng.poisson(3 * peaks + 0.3, (*shape, 900)) if counts is None else counts
    haadf = AuxiliaryImage("HAADF", rng.normal(1000, 100, shape).astype(np.float32))
    wrong = AuxiliaryImage("overview", np.zeros((3, 3)))
    return SpectrumImage.from_array(
        counts, energy, acquisition=Acquisition(beam_energy_keV=200), images=(wrong, haadf)
    )


RECIPE = Recipe.create(
    elements=("Fe", "O"),
    k_factors=KFactorTable.from_mapping({"Fe_K": 0.4329, "O_K": 0.3719}, "family"),
    energy_range_keV=(0.3, 8.5),
    background_order=2,
)


@pytest.fixture(scope="module")
def quantified():
    image = tiny()
    return quantify(image, grid_chips(image.shape, 3), RECIPE)


def names_in(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_the_folder_of_a_grid_field_by_field(quantified, tmp_path):
    support = {"bright": ["R1C2", "R0C0"], "dark": [2]}
    folder = export_few_shot(tmp_path / "deep/out", quantified, support=support)
    image = quantified.image
    ids = ["R0C0", "R1C0", "R0C1", "R1C1", "R0C2", "R1C2"]
    assert json.loads((folder / "chip_ids.json").read_text()) == ids
    assert names_in(folder) == sorted(
        [f"chips/{chip}.png" for chip in ids]
        + [f"chips_pychip/cropX_{chip[3]}_Y_{chip[1]}.jpg" for chip in ids]
        + ["picture.png", "picture.npy", "spectra_sum.npy", "spectra_normalised.npy"]
        + ["energies_keV.npy", "chip_ids.json", "quantification.csv", "recipe.json"]
        + ["support_set.json", "support_set_pychip.json", "bounding_boxes.csv", "labels.npy"]
        + ["provenance.json"]
    )
    np.testing.assert_array_equal(np.load(folder / "picture.npy"), image.images[1].data[:6, :9])
    grey = np.asarray(Image.open(folder / "picture.png"))
    assert grey.dtype == np.uint8
    assert (grey.min(), grey.max()) == (0, 255)
    jpeg = np.asarray(Image.open(folder / "chips_pychip/cropX_2_Y_1.jpg")).astype(int)
    # As pychip_gui saves its own: matplotlib's default colours over the whole range of 8 bit.
    imsave(tmp_path / "pychip.png", grey[3:6, 6:9], vmin=0, vmax=255)
    theirs = np.asarray(Image.open(tmp_path / "pychip.png"))[..., :3].astype(int)
    assert jpeg.shape == (3, 3, 3)
    assert np.abs(jpeg - theirs).max() < 25

    _, sums = multimodal(np.empty((6, 9)), image.to_array()[:6], 3)
    spectra = np.load(folder / "spectra_sum.npy")
    assert spectra.dtype == np.float64
    np.testing.assert_array_equal(spectra, list(sums.values()))
    normalised = np.load(folder / "spectra_normalised.npy")
    np.testing.assert_allclose(normalised, spectra / spectra.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(np.load(folder / "energies_keV.npy"), image.energy.energies_keV)

    table = pd.read_csv(folder / "quantification.csv", keep_default_na=False)
    assert table.columns[:3].tolist() == ["chip", "label", "name"]
    assert table["chip"].tolist() == ids
    assert table["label"].tolist() == [1, 4, 2, 5, 3, 6]
    expected = quantified.table.loc[table["label"], "Fe_at_pct"]
    np.testing.assert_allclose(table["Fe_at_pct"], expected, rtol=1e-5)
    assert Recipe.from_json(folder / "recipe.json") == RECIPE

    assert json.loads((folder / "support_set.json").read_text()) == {
        "bright": ["R1C2", "R0C0"],
        "dark": ["R0C1"],
    }
    assert json.loads((folder / "support_set_pychip.json").read_text()) == {
        "bright": ["cropX_2_Y_1.jpg", "cropX_0_Y_0.jpg"],
        "dark": ["cropX_1_Y_0.jpg"],
    }
    np.testing.assert_array_equal(read_labels(folder / "labels.npy"), quantified.labels)
    boxes = pd.read_csv(folder / "bounding_boxes.csv", index_col="chip")
    place = ["row_start", "row_stop", "column_start", "column_stop"]
    assert boxes.loc["R1C2", place].tolist() == [3, 6, 6, 9]


def test_provenance_says_where_it_comes_from(data_dir, tmp_path):
    path = data_dir / "simulated/LFO_STO_96.emd"
    image = load(path)
    folder = export_few_shot(tmp_path / "out", image, grid_chips(image.shape, 10))
    told = json.loads((folder / "provenance.json").read_text())
    assert told["source"] == {
        "file": "LFO_STO_96.emd",
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    assert told["image"]["exported_shape"] == [90, 90]
    assert told["chips"] == {
        "number": 81, "size": [10, 10], "grid": [9, 9], "n_columns": 9, "chip_size": 10,
    }  # fmt: skip
    assert told["map"] == {
        "written": False, "shape": [90, 90, 4096], "dtype": "uint8", "bytes": 90 * 90 * 4096,
    }  # fmt: skip
    assert told["picture"]["name"] == "HAADF"
    assert [*told["files"], "provenance.json"] == sorted(
        names_in(folder), key=lambda name: (name == "provenance.json", name)
    )


def test_the_map_is_as_large_as_foretold(tmp_path):
    image = tiny()
    settings = FewShotFormat(save_map=True, rebin=4, energy_range_keV=(5, 7))
    chips = grid_chips(image.shape, 4)
    size = few_shot_map_size(image, chips, settings)
    written = np.load(export_few_shot(tmp_path / "o", image, chips, settings=settings) / "map.npy")
    assert (written.shape, written.dtype, written.nbytes) == size
    expected = image.rebin_energy(4).crop_energy(5, 7).to_array()[:4, :8]
    np.testing.assert_array_equal(written, expected)


def test_the_map_is_whole_when_written_in_many_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_eds.few_shot.folder._BLOCK_BYTES", 1)
    image, seen = tiny(), []
    folder = export_few_shot(
        tmp_path / "out",
        image,
        grid_chips(image.shape, 1),
        settings=FewShotFormat(save_map=True),
        progress=lambda *report: seen.append(report),
    )
    np.testing.assert_array_equal(np.load(folder / "map.npy"), image.to_array())
    assert (6, 7, "rows of the map") in seen


def test_a_map_that_does_not_fit_the_disk_is_refused_before_it_is_begun(tmp_path, monkeypatch):
    full = type("usage", (), {"free": 10})
    monkeypatch.setattr("shutil.disk_usage", lambda _: full)
    with pytest.raises(FewShotError, match=r"map.npy takes"):
        export_few_shot(
            tmp_path / "out", tiny(), grid_chips((7, 9), 3), settings=FewShotFormat(save_map=True)
        )
    assert not list(tmp_path.iterdir())


def irregular():
    labels = np.zeros((7, 9), int)
    labels[0:2, 0:5] = 7
    labels[1:4, 3] = 7
    labels[5:, 6:] = 12
    labels[6, 6] = 0
    return labels


def test_irregular_labels_get_masks_and_boxes(tmp_path):
    labels, names = irregular(), {7: "rim / left", 12: "core"}
    result = quantify(tiny(), labels, RECIPE, names=names)
    support = {"a": ["rim / left"], "b": [12]}
    folder = export_few_shot(tmp_path / "out", result, support=support)
    assert json.loads((folder / "chip_ids.json").read_text()) == ["L7", "L12"]
    boxes = pd.read_csv(folder / "bounding_boxes.csv", index_col="chip")
    assert boxes["label"].tolist() == [7, 12]
    assert boxes["name"].tolist() == ["rim / left", "core"]
    rebuilt = np.zeros_like(labels)
    picture = np.asarray(Image.open(folder / "picture.png"))
    assert picture.shape == labels.shape
    for chip, box in boxes.iterrows():
        inside = np.s_[box.row_start : box.row_stop, box.column_start : box.column_stop]
        mask = np.asarray(Image.open(folder / f"masks/{chip}.png"))
        assert set(np.unique(mask)) <= {0, 255}
        rebuilt[inside][mask == 255] = box.label
        written = np.asarray(Image.open(folder / f"chips/{chip}.png"))
        np.testing.assert_array_equal(written, picture[inside])
    np.testing.assert_array_equal(rebuilt, labels)
    assert not (folder / "chips_pychip").exists()
    assert not (folder / "support_set_pychip.json").exists()
    assert json.loads((folder / "support_set.json").read_text()) == {"a": ["L7"], "b": ["L12"]}
    counts = result.image.to_array()
    expected = [counts[labels == 7].sum(axis=0), counts[labels == 12].sum(axis=0)]
    np.testing.assert_array_equal(np.load(folder / "spectra_sum.npy"), expected)
    assert pd.read_csv(folder / "quantification.csv")["chip"].tolist() == ["L7", "L12"]
    export_few_shot(folder, result, names={7: "other", 12: "core"}, overwrite=True)
    assert pd.read_csv(folder / "quantification.csv")["name"].tolist() == ["other", "core"]


def test_a_grid_with_chips_missing_stays_a_grid():
    labels = grid_chips((7, 9), 3).labels
    labels[labels == 1] = 0
    order = order_chips(labels)
    assert order.ids == ("R1C0", "R0C1", "R1C1", "R0C2", "R1C2")
    shifted = np.roll(labels, 1, axis=0)
    assert order_chips(shifted).size is None
    labels[3, 0] = 0  # a chip nibbled at is none
    assert order_chips(labels).size is None


def test_what_any_picture_and_no_counts_give_is_finite(tmp_path):
    counts = np.ones((4, 4, 900), int)
    counts[:2] = 0
    picture = np.full((4, 4), np.nan)
    picture[0, 0] = 5
    folder = export_few_shot(
        tmp_path / "out", tiny((4, 4), counts), grid_chips((4, 4), 2), picture=picture
    )
    assert not np.asarray(Image.open(folder / "picture.png")).any()
    normalised = np.load(folder / "spectra_normalised.npy")
    np.testing.assert_allclose(normalised.sum(axis=1), [0, 1, 0, 1])


def test_the_scale_is_that_of_the_whole_picture_and_ignores_outliers(tmp_path):
    picture = np.arange(4000.0).reshape(40, 100)
    picture[3, 3] = 1e9
    image = SpectrumImage.from_array(np.ones((40, 100, 4), int), EnergyAxis(0, 1, 4))
    folder = export_few_shot(tmp_path / "out", image, grid_chips((40, 100), 20), picture=picture)
    grey = np.asarray(Image.open(folder / "picture.png")).astype(int)
    np.testing.assert_allclose(np.median(grey[1:-1], axis=1), np.linspace(8, 247, 38), atol=2)
    assert np.asarray(Image.open(folder / "chips/R1C4.png")).min() > 120


def test_without_a_fitting_picture_counts_are_taken(tmp_path):
    image = SpectrumImage.from_array(np.arange(80).reshape(4, 4, 5), EnergyAxis.uncalibrated(5))
    folder = export_few_shot(tmp_path / "out", image, grid_chips((4, 4), 2))
    np.testing.assert_array_equal(np.load(folder / "picture.npy"), image.counts_map())
    assert not (folder / "energies_keV.npy").exists()


def test_an_export_replaces_an_earlier_one_of_ours_alone(quantified, tmp_path):
    folder = tmp_path / "out"
    export_few_shot(folder, quantified, support={"a": ["R0C0"]})
    with pytest.raises(FewShotError, match="holds an earlier export"):
        export_few_shot(folder, quantified)
    export_few_shot(folder, quantified, overwrite=True)
    assert not (folder / "support_set.json").exists()
    results = folder / "results.csv"
    results.write_text("what a program wrote")
    with pytest.raises(FewShotError, match=r"holds results.csv"):
        export_few_shot(folder, quantified)
    assert results.read_text() == "what a program wrote"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["support_set.json", "provenance.json", "chips/R0C0.png"])
def test_a_file_that_was_changed_is_not_replaced(quantified, tmp_path, name):
    folder = export_few_shot(tmp_path / "out", quantified, support={"a": ["R0C0"]})
    path = folder / name
    if name == "provenance.json":
        path.write_text(json.dumps({**json.loads(path.read_text()), "remark": "by hand"}))
    else:
        path.write_bytes(path.read_bytes() + b" ")
    before = path.read_bytes()
    with pytest.raises(FewShotError, match=rf"of which {name} may have been changed"):
        export_few_shot(folder, quantified, overwrite=True)
    assert path.read_bytes() == before
    path.unlink()
    if name != "provenance.json":
        export_few_shot(folder, quantified, overwrite=True)


def test_an_export_that_noted_no_digests_may_have_been_changed(quantified, tmp_path):
    folder = export_few_shot(tmp_path / "out", quantified)
    path = folder / "provenance.json"
    told = json.loads(path.read_text())
    del told["sha256"]
    path.write_text(json.dumps(told))
    with pytest.raises(FewShotError, match=r"and \d+ more may have been changed"):
        export_few_shot(folder, quantified, overwrite=True)


def test_other_folders_and_files_are_left_alone(quantified, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/provenance.json").write_text('{"format": "another"}')
    with pytest.raises(FewShotError, match="no few-shot export wrote"):
        export_few_shot(tmp_path / "out", quantified)
    (tmp_path / "file").write_text("")
    with pytest.raises(FewShotError, match="is a file"):
        export_few_shot(tmp_path / "file", quantified)
    (tmp_path / "empty").mkdir()
    assert export_few_shot(tmp_path / "empty", quantified).is_dir()


def test_a_folder_that_cannot_be_replaced_is_put_back(quantified, tmp_path):
    folder = export_few_shot(tmp_path / "out", quantified)
    with pytest.raises(FileNotFoundError):
        _put_in_place(tmp_path / "never made", folder, tmp_path / "old")
    assert (folder / "provenance.json").is_file()
    assert not (tmp_path / "old").exists()


def test_a_cancelled_export_leaves_the_earlier_one(quantified, tmp_path):
    folder = export_few_shot(tmp_path / "out", quantified)
    before = {name: (folder / name).read_bytes() for name in names_in(folder)}

    def cancel(done, total, what):
        if what == "tables":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_few_shot(folder, quantified, overwrite=True, progress=cancel)
    assert {name: (folder / name).read_bytes() for name in names_in(folder)} == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_what_does_not_belong_together_is_refused(quantified, tmp_path):
    other = grid_chips((7, 9), 2)
    cases = [
        ((quantified, other), {}, LabelError, "quantify them first"),
        ((quantified.image,), {}, LabelError, "needs labels"),
        ((quantified.image, np.zeros((7, 9), int)), {}, LabelError, "no pixel"),
        ((quantified,), {"picture": np.zeros((3, 3))}, FewShotError, "resample it"),
        ((quantified,), {"picture": np.zeros((7, 9, 3))}, FewShotError, "resample it"),
        ((quantified,), {"support": {"a": ["R7C7"]}}, FewShotError, "no chip 'R7C7'"),
    ]
    for arguments, options, error, message in cases:
        with pytest.raises(error, match=message):
            export_few_shot(tmp_path / "out", *arguments, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "settings",
    [{"rebin": 0}, {"rebin": 1.5}, {"picture_percentiles": (9, 9)}, {"jpeg_quality": 0}],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(FewShotError):
        FewShotFormat(**settings)


def test_painted_chips_become_a_support_set():
    labels = grid_chips((7, 9), 3).labels
    painting = np.zeros((7, 9), int)
    painting[0, 0] = painting[4, 7] = 1
    painting[0:3, 3:6] = 5
    painting[6, :] = 5  # below the grid
    assert support_from_painting(labels, painting, {1: "film"}) == {
        "film": ("R0C0", "R1C2"),
        "class 5": ("R0C1",),
    }


def test_a_stroke_that_spills_over_gives_way_with_a_warning():
    labels = grid_chips((6, 6), 3).labels
    painting = np.zeros((6, 6), int)
    painting[:3, :3] = 1
    painting[2, 2] = 2
    painting[3:, 3:] = 2
    with pytest.warns(UserWarning, match="touch R0C0"):
        support = support_from_painting(labels, painting)
    assert support == {"class 1": ("R0C0",), "class 2": ("R1C1",)}
    painting[1, :3] = 2
    with pytest.raises(FewShotError, match="more than one class: R0C0"):
        support_from_painting(labels, painting)


def test_paintings_that_tell_nothing_are_refused():
    labels = grid_chips((6, 6), 3).labels
    with pytest.raises(FewShotError, match="no chip is painted"):
        support_from_painting(labels, np.zeros((6, 6), int))
    painting = labels.copy()
    with pytest.raises(FewShotError, match="bear one name"):
        support_from_painting(labels, painting, {1: "a", 2: "a"})


def test_a_painting_serves_classification(quantified):
    painting = np.zeros((7, 9), int)
    painting[0, 0], painting[5, 8] = 1, 2
    support = support_from_painting(quantified.labels, painting, {1: "a", 2: "b"})
    found = classify(quantified, support)
    assert found.support == support
    assert found.table.loc["R0C0", "prediction"] == "a"
