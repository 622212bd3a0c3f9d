"""Files and names of version 0.1.0: all open, and give about the numbers they gave."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds

FILES = Path(__file__).parent / "earlier_files"
LABELS = [1, 2, 5, 7]

#: How far compositions may differ from those of 0.1.0, in its counting errors: lines and their
#: ratios are better known since.
TOLERANCE = 1.5

#: The public names of version 0.1.0.
NAMES = [
    "Absorption",
    "Acquisition",
    "AuxiliaryImage",
    "AxisCorrection",
    "ChipClasses",
    "ChipSizeAdvice",
    "Chips",
    "Classification",
    "Comparison",
    "Detector",
    "DetectorComparison",
    "EDSError",
    "EnergyAxis",
    "FewShotError",
    "FewShotFormat",
    "KFactor",
    "KFactorError",
    "KFactorTable",
    "Kernel",
    "KnownComparison",
    "LabelError",
    "LabelFile",
    "LabelSpectra",
    "MapSize",
    "ModelError",
    "PixelMaps",
    "Proposal",
    "Quantification",
    "ReadError",
    "Recipe",
    "RecipeError",
    "RegionThickness",
    "Session",
    "SessionError",
    "SpectrumImage",
    "UncalibratedError",
    "__version__",
    "adaptive_chips",
    "adaptive_chips_for_error",
    "chip_size_advice",
    "classify",
    "cluster_labels",
    "compare_detectors",
    "compare_known",
    "compare_results",
    "describe_labels",
    "export_few_shot",
    "few_shot_grid",
    "few_shot_map_size",
    "fill_holes",
    "find_elements",
    "grid_chips",
    "grow_labels",
    "in_reading_order",
    "k_factors_from_region",
    "labels_from_shapes",
    "load",
    "load_session",
    "merge_labels",
    "parse_formula",
    "pixel_maps",
    "quantify",
    "read",
    "read_chip_classes",
    "read_classification",
    "read_hspy",
    "read_k_factors",
    "read_labels",
    "recommended_kernel",
    "remove_small_labels",
    "resampled",
    "save_hspy",
    "save_session",
    "save_spectra",
    "session_beside",
    "shrink_labels",
    "smooth_labels",
    "split_labels",
    "superpixels",
    "support_from_painting",
    "theoretical_k_factors",
    "thickness_from_region",
    "threshold_regions",
    "to_hyperspy",
    "watershed_regions",
]


def much_the_same(found, expected):
    """Whether a table has all that the earlier one had, and compositions close to it."""
    assert list(found.index) == list(expected.index)
    assert set(expected.columns) <= set(found.columns)
    elements = [name for name in expected.columns if name.endswith("_at_pct_error")]
    assert elements
    for error in elements:
        name = error.removesuffix("_error")
        distance = (found[name] - expected[name]).abs() / expected[error]
        assert distance.max() < TOLERANCE


@pytest.fixture(scope="module")
def image():
    return eds.load(FILES / "map.hspy")


@pytest.fixture(scope="module")
def session():
    return eds.load_session(FILES / "map.edsession")


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_resolves(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert getattr(eds, name) is not None


def test_a_map_opens(image):
    assert image.shape == (16, 16)
    assert image.n_channels == 1000
    assert image.total_counts == 77285
    assert image.pixel_size == (0.5, 0.5)
    assert image.acquisition.take_off_angle_deg == 22


def test_a_session_opens(session):
    np.testing.assert_array_equal(session.labels, np.load(FILES / "labels.npy"))
    assert session.table.index.tolist() == LABELS
    assert session.recipe.elements == ("La_L", "Fe", "O", "Sr", "Ti")
    assert session.recipe.absorption.thickness_nm == 40
    assert session.recipe.beam_energy_keV == 300


def test_a_session_gives_its_numbers_again(session, image):
    much_the_same(eds.repeat(session, image).table, session.table)


def test_a_recipe_gives_the_numbers_of_the_csv_again(image, tmp_path):
    recipe = eds.Recipe.from_json(FILES / "map_recipe.json")
    result = eds.quantify(image, np.load(FILES / "labels.npy"), recipe)
    result.to_csv(tmp_path / "again.csv")
    again, before = (
        pd.read_csv(path, index_col="label")
        for path in (tmp_path / "again.csv", FILES / "map.csv")
    )
    much_the_same(again, before)


def test_a_table_of_k_factors_is_that_of_the_recipe(session):
    table = eds.read_k_factors(FILES / "k_factors.csv")
    assert table == session.recipe.k_factors


def test_a_file_for_hyperspy_gives_its_numbers_again(session):
    file = eds.read_hspy(FILES / "fitted.hspy")
    assert file.label_spectra.ids.tolist() == LABELS
    assert file.recipe == session.recipe
    pd.testing.assert_frame_equal(file.table, session.table)
    spectra, labels = file.as_image()
    table = eds.quantify(spectra, labels, file.recipe).table
    much_the_same(table, session.table)


def test_a_table_is_compared_with_its_session(image):
    labels = np.load(FILES / "labels.npy")
    result = eds.quantify(image, labels, eds.Recipe.from_json(FILES / "map_recipe.json"))
    comparison = eds.compare_results(result, FILES / "map.csv")
    largest = max(abs(s) for s in comparison.statistics["mean_difference"])
    assert largest < 0.5
