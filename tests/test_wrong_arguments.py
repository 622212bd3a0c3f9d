"""What a script gets wrong is told by an error of the package that says what was expected."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

RECIPE = eds.Recipe(elements=("Fe", "O"))
RECIPE_WITH_FOIL = eds.Recipe(elements=("Fe",), absorption=eds.Absorption(thickness_nm=50))
LABELS = np.kron(np.arange(1, 17).reshape(4, 4), np.ones((4, 4), int))


class Layer:
    """What a layer of napari is to a function: an object with `data`."""

    data = LABELS


@cache
def image():
    return lanthanum_ferrite_on_strontium_titanate((16, 16), seed=1).image


WRONG = {
    "a path for a map": (lambda: eds.quantify("map.emd", LABELS, RECIPE), r"image .*load\(path\)"),
    "a table for a recipe": (
        lambda: eds.quantify(image(), LABELS, pd.DataFrame()),
        "recipe must be a Recipe, not a DataFrame",
    ),
    "a layer for labels": (lambda: eds.quantify(image(), Layer(), RECIPE), "labels.data"),
    "regions for labels": (
        lambda: eds.grow_labels(eds.grid_chips((16, 16), 4), 1),
        "labels.labels",
    ),
    "numbers for labels": (
        lambda: eds.quantify(image(), LABELS / 1, RECIPE),
        r"labels\.astype\(int\)",
    ),
    "text for labels": (lambda: eds.describe_labels("a"), "labels must be an array"),
    "labels without columns": (lambda: eds.describe_labels(np.arange(4)), r"\(rows, columns\)"),
    "names in a list": (
        lambda: eds.quantify(image(), LABELS, RECIPE, names=["a"]),
        "names must be a mapping",
    ),
    "a thickness in words": (
        lambda: eds.quantify(image(), LABELS, RECIPE_WITH_FOIL, thickness_nm="50"),
        "thickness map must be an array of numbers",
    ),
    "elements in one text": (lambda: eds.Recipe(elements="Fe,O"), "'Fe,O' is one text"),
    "a symbol in small letters": (lambda: eds.Recipe(elements=("fe",)), "'fe' is neither"),
    "settings without names": (lambda: eds.Recipe(("Fe",)), r"by name, as in Recipe\(elements="),
    "a misspelt setting": (lambda: eds.Recipe(elements=("Fe",), thickness=5), "thickness"),
    "a negative thickness": (lambda: eds.Absorption(thickness_nm=-5), "thickness_nm"),
    "k-factors by element": (
        lambda: eds.Recipe(elements=("Fe",), k_factors={"Fe": 1.2}),
        "k_factors",
    ),
    "a negative k-factor": (
        lambda: eds.KFactor(element="Fe", family="K", value=-1),
        "value: Input should be greater than 0$",
    ),
    "a number for a path": (lambda: eds.load(3), "path must be a path, not 3"),
    "an unknown option": (lambda: eds.load("map.emd", frame=3), "no option 'frame'"),
    "one number for frames": (lambda: eds.MapPart(frames=3), "frames must be a pair"),
    "one text for detectors": (
        lambda: eds.MapPart(detectors="D1"),
        "detectors must be several",
    ),
    "a shape of one number": (lambda: eds.grid_chips(12, 4), r"image\.shape is one"),
    # Once, this ended the process.
    "a shape of one axis": (
        lambda: eds.labels_from_shapes([("rectangle", [(0, 0), (1, 1)])], (12,)),
        r"image\.shape is one",
    ),
    "a number in words": (lambda: eds.grow_labels(LABELS, "2"), "pixels must be a number"),
    "one id for several": (lambda: eds.merge_labels(LABELS, 3), "ids must be several"),
    "a number for a formula": (lambda: eds.parse_formula(3), "formula must be a text"),
    "a range of one number": (
        lambda: eds.denoise(image(), energy_range_keV=5),
        "energy_range_keV must be several",
    ),
    "a text for a kernel": (
        lambda: eds.pixel_maps(image(), RECIPE, kernel="5px"),
        "kernel must be a Kernel",
    ),
    "a map for a result": (
        lambda: eds.to_hyperspy(image()),
        r"result .*quantify\(image, labels, recipe\)",
    ),
    "a map for frames": (lambda: eds.find_drift(image()), r"series .*read_frames\(path\)"),
    "no labels for a batch": (lambda: eds.batch("maps", RECIPE, None, "out"), "None"),
    "support in a list": (
        lambda: eds.classify(None, {"a": ["R0C0"]}),
        "result must be a Quantification, not None",
    ),
}


@pytest.mark.parametrize(("call", "match"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told(call, match):
    with pytest.raises(eds.EDSError, match=match):
        call()


READERS = {
    "load": eds.load,
    "read_k_factors": eds.read_k_factors,
    "read_zeta_factors": eds.read_zeta_factors,
    "read_labels": eds.read_labels,
    "read_classification": lambda path: eds.read_classification(path, LABELS),
    "load_session": eds.load_session,
    "read_hspy": eds.read_hspy,
    "Recipe.from_json": eds.Recipe.from_json,
    "compare_results": lambda path: eds.compare_results(path, {"Fe": 100}),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_folder_is_no_file(reader, tmp_path):
    with pytest.raises(eds.EDSError, match="folder"):
        reader(tmp_path)


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_link_that_leads_nowhere_is_no_file(reader, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(eds.MissingFileError, match="link"):
        reader(tmp_path / "link")


def test_a_device_that_never_ends_is_no_file():
    with pytest.raises(eds.FewShotError, match="device"):
        eds.read_classification(Path("/dev/zero"), LABELS)


def test_numbers_of_numpy_and_generators_are_taken():
    assert eds.Recipe(elements=np.array(["Fe", "O"])).elements == ("Fe", "O")
    assert eds.LabelRule.grid(np.int64(8)).size == (8, 8)
    assert eds.grid_chips((16, 16), np.int64(4)).grid == (4, 4)
    split = np.array([[1, 0, 1], [2, 0, 2]])
    some = (label for label in [1])
    assert np.array_equal(eds.split_labels(split, some), [[1, 0, 3], [2, 0, 2]])
