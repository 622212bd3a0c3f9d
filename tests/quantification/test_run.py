"""From image and labels to a table: on labels as people paint them, against sums made by hand."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_eds import (
    Absorption,
    Acquisition,
    Chips,
    EnergyAxis,
    KFactorError,
    KFactorTable,
    LabelError,
    ModelError,
    Recipe,
    SpectrumImage,
    UncalibratedError,
    grid_chips,
    quantify,
)
from napari_eds.fitting.corrections import corrected
from napari_eds.fitting.model import build_model

ENERGY = EnergyAxis(0, 0.01, 1024)
MICROSCOPE = Acquisition(beam_energy_keV=200)
K = KFactorTable.from_mapping(
    {"La_L": 0.7305, "Fe_K": 0.4329, "O_K": 0.3719},
    "family",
    relative_errors=dict.fromkeys(("La_L", "Fe_K", "O_K"), 0.0),
)
RECIPE = Recipe.create(
    elements=("La", "Fe", "O"),
    fit_only=("Cu",),
    k_factors=K,
    energy_range_keV=(0.35, 9.5),
    background_order=4,
    absorption=Absorption(thickness_nm=0.1, take_off_angle_deg=20),
)
SHAPE = (12, 20)
EMPTY, VACUUM, IRON_OXIDE, FERRITE = 0, 1, 2, 3


def phase_map():
    """Columns of: no counts at all, vacuum, iron oxide, lanthanum ferrite."""
    return np.repeat([[EMPTY, VACUUM, IRON_OXIDE, FERRITE]], SHAPE[0], axis=0).repeat(
        [2, 4, 6, 8], axis=1
    )


def draw_image():
    """About 500 counts per pixel of the specimen and 60 per pixel of vacuum."""
    model = corrected(build_model(ENERGY, MICROSCOPE, RECIPE))
    continuum = (1 - ENERGY.energies_keV / 20) ** 4
    continuum /= continuum.sum()
    counts = np.zeros((*SHAPE, ENERGY.size))
    for phase, background, areas in (
        (VACUUM, 60, {}),
        (IRON_OXIDE, 200, {"Fe_K": 110, "Fe_L": 60, "O_K": 80, "Cu_K": 40}),
        (FERRITE, 200, {"La_L": 70, "Fe_K": 60, "O_K": 90, "Cu_K": 40, "La_M": 20}),
    ):
        expected = background * continuum
        alpha = np.array([areas.get(str(family), 0) for family in model.families])
        expected[model.channels] += model.profiles @ alpha
        counts[phase_map() == phase] = expected
    drawn = np.random.default_rng(7).poisson(counts)
    return SpectrumImage.from_array(drawn, ENERGY, acquisition=MICROSCOPE)


def painted_labels():
    """A blob over two phases, a disconnected label, a thin one and a single pixel."""
    labels = np.zeros(SHAPE, int)
    rows, columns = np.indices(SHAPE)
    labels[(rows - 5) ** 2 + (columns - 11) ** 2 < 14] = 40
    labels[0:2, 7:12] = labels[9:12, 6:9] = 7
    labels[rows == (columns - 8) + 1] = 1001
    labels[11, 19] = 3
    return labels


@pytest.fixture(scope="module")
def image():
    return draw_image()


@pytest.fixture(scope="module")
def painted(image):
    return quantify(image, painted_labels(), RECIPE)


@pytest.fixture(scope="module")
def by_phase(image):
    names = {1: "vacuum", 2: "iron oxide", 3: "ferrite", 9: "hole"}
    labels = np.where(phase_map() == EMPTY, 9, phase_map())
    return quantify(image, labels, RECIPE, names=names)


# ---------------------------------------------------------------------------------------------
# What the numbers are


def test_each_label_gets_the_composition_of_the_sum_of_its_pixels(image, painted):
    cube, labels = image.to_array(), painted_labels()
    assert painted.table.index.tolist() == [3, 7, 40, 1001]
    sums = np.stack([cube[labels == i].sum(axis=0) for i in painted.table.index])
    assert painted.spectra.sum(axis=1).tolist() == sums.sum(axis=1).tolist()
    np.testing.assert_array_equal(painted.spectra, sums)
    # One row of four pixels, each the sum of a label.
    strip = SpectrumImage.from_array(sums[None], ENERGY, acquisition=MICROSCOPE)
    alone = quantify(strip, np.array([[1, 2, 3, 4]]), RECIPE).table
    results = alone.columns[alone.columns.get_loc("counts") :]
    # Of how many pixels X-rays come tells a thickness, which only the total error holds.
    results = results[~results.str.endswith("error_total")]
    pd.testing.assert_frame_equal(
        painted.table[results].reset_index(drop=True), alone[results].reset_index(drop=True)
    )


def test_a_label_of_one_pixel_is_a_row_like_others(image, painted):
    row = painted.table.loc[3]
    assert (row["n_pixels"], row["row"], row["column"]) == (1, 11, 19)
    xrays = image.energy.energies_keV > 0.1999
    assert row["counts"] == image.pixel_spectrum(11, 19)[xrays].sum()
    assert row["Fe_at_pct_error"] > 3 * painted.table.loc[40, "Fe_at_pct_error"]


def test_percentages_sum_to_one_hundred(painted):
    for quantity in ("at_pct", "wt_pct"):
        total = painted.table[[f"{e}_{quantity}" for e in painted.elements]].sum(axis=1)
        np.testing.assert_allclose(total, 100, rtol=1e-12)


def test_intensities_of_parts_sum_to_those_of_the_whole(image):
    """Least squares is linear in the counts: cutting a label up changes no sum."""
    recipe = RECIPE.model_copy(update={"engine": "linear", "calibrate": False})
    whole = quantify(image, (phase_map() == FERRITE).astype(int), recipe)
    rows, columns = np.indices(SHAPE)
    parts = quantify(
        image, np.where(phase_map() == FERRITE, 1 + (rows * 7 + columns * 3) % 5, 0), recipe
    )
    assert len(parts.table) == 5
    np.testing.assert_array_equal(parts.spectra.sum(axis=0), whole.spectra[0])
    np.testing.assert_allclose(
        parts.fit.intensities.sum(axis=0), whole.fit.intensities[0], rtol=1e-8, atol=1e-6
    )


@pytest.mark.parametrize("ids", [(4, 3, 2, 1), (90, 5, 2**40, 17)])
def test_the_numbers_of_labels_do_not_matter(image, painted, ids):
    labels = painted_labels()
    renamed = np.zeros(SHAPE, np.int64)
    for old, new in zip(painted.table.index, ids, strict=True):
        renamed[labels == old] = new
    table = quantify(image, renamed, RECIPE).table
    assert table.index.tolist() == sorted(ids)
    np.testing.assert_allclose(
        table.loc[list(ids)].select_dtypes("number"),
        painted.table.select_dtypes("number"),
        rtol=1e-7,
        atol=1e-7,
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint64])
def test_the_type_of_labels_does_not_matter(image, dtype):
    labels = (phase_map() == FERRITE).astype(dtype)
    table = quantify(image, labels, RECIPE).table
    assert table["n_pixels"].tolist() == [96]


def test_true_and_false_make_one_label(image):
    table = quantify(image, phase_map() == FERRITE, RECIPE).table
    assert table.index.tolist() == [1]


# ---------------------------------------------------------------------------------------------
# Labels with little or nothing in them


def test_a_label_without_counts_is_flagged_and_has_no_composition(by_phase):
    row = by_phase.table.loc[9]
    assert row["flag"] == "no counts"
    assert row["counts"] == 0
    assert row.filter(like="_at_pct").isna().all()
    assert np.isnan(row["reduced_chi_squared"])


def test_vacuum_is_flagged_and_has_no_composition(by_phase):
    row = by_phase.table.loc[1]
    assert row["flag"] == "nothing detected"
    assert row["counts"] > 1000
    assert row.filter(like="_at_pct").isna().all()
    assert np.isfinite(row["reduced_chi_squared"])


def test_a_family_below_zero_is_told_where_it_took_the_composition(image):
    """N that is not there, where O that is left out bends the fit, takes all atoms away."""
    recipe = RECIPE.model_copy(update={"k_factors": None, "absorption": None})
    energies = image.energy.energies_keV
    spectrum = 4000 - 3900 * np.exp(-(((energies - 0.392) / 0.05) ** 2) / 2)
    spectrum += 1e4 * np.exp(-(((energies - 6.4) / 0.06) ** 2) / 2)
    hole = SpectrumImage.from_array(spectrum[None, None], ENERGY, acquisition=MICROSCOPE)
    recipe = recipe.model_copy(update={"elements": ("Fe", "N")})
    row = quantify(hole, np.ones((1, 1), int), recipe).table.loc[1]
    assert row["flag"].startswith("nothing detected; N below zero: wrong model")


def test_an_absent_element_is_named_and_small(by_phase):
    row = by_phase.table.loc[2]
    assert row["not_detected"] == "La"
    assert not row["flag"]
    assert abs(row["La_at_pct"]) < 3 * row["La_at_pct_error"] < 3
    assert row["Fe_at_pct"] > 20


def test_a_good_label_is_not_flagged(by_phase):
    assert by_phase.table.loc[3, "flag"] == ""


def test_labels_of_few_counts_are_flagged(image):
    """Some pixels of a dim map hold enough to see an element, but not for a composition."""
    dim = SpectrumImage.from_array(
        np.random.default_rng(11).binomial(image.to_array(), 0.1), ENERGY, acquisition=MICROSCOPE
    )
    table = quantify(dim, grid_chips(SHAPE, 1), RECIPE).table
    table = table[table["Fe_at_pct"].notna()]
    noisy = table.filter(regex="at_pct_error$").max(axis=1) > 10
    assert 3 < noisy.sum() < len(table) - 3
    assert table["flag"].str.contains("few counts").equals(noisy)


# ---------------------------------------------------------------------------------------------
# Maps, names, progress


def test_maps_repeat_the_table_and_are_nan_outside(painted):
    labels = painted_labels()
    maps = painted.maps()
    assert list(maps) == ["La", "Fe", "O"]
    for element, found in maps.items():
        assert found.shape == SHAPE
        assert np.isnan(found[labels == 0]).all()
        for i, value in painted.table[f"{element}_at_pct"].items():
            assert (found[labels == i] == value).all()


def test_any_column_can_be_mapped(painted):
    errors = painted.maps("at_pct_error")
    assert errors["O"][11, 19] == painted.table.loc[3, "O_at_pct_error"]
    assert painted.map_of("n_pixels")[11, 19] == 1
    with pytest.raises(KeyError):
        painted.map_of("no_such_column")


def test_a_label_without_composition_is_nan_in_maps(by_phase):
    assert np.isnan(by_phase.maps()["Fe"][phase_map() <= VACUUM]).all()


def test_labels_are_called_by_name_or_number(image, painted, by_phase):
    assert by_phase.table["chip"].tolist() == ["vacuum", "iron oxide", "ferrite", "hole"]
    assert painted.table["chip"].tolist() == ["3", "7", "40", "1001"]
    chips = grid_chips(SHAPE, 6)
    assert isinstance(chips, Chips)
    table = quantify(image, chips, RECIPE).table
    assert table["chip"].tolist() == ["R0C0", "R0C1", "R0C2", "R1C0", "R1C1", "R1C2"]
    table = quantify(image, chips, RECIPE, names={2: "mine"}).table
    assert table["chip"].tolist()[:2] == ["1", "mine"]


def test_progress_reaches_its_end(image):
    calls = []
    quantify(image, grid_chips(SHAPE, 6), RECIPE, progress=lambda *call: calls.append(call))
    assert calls[-1][:2] == (6, 6)


def test_the_callers_labels_are_left_alone(image):
    labels = painted_labels()
    result = quantify(image, labels, RECIPE)
    labels[:] = 0
    assert np.unique(result.labels).size == 5


# ---------------------------------------------------------------------------------------------
# What is refused


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.ones((12, 19), int), r"\(12, 19\) do not fit the map of \(12, 20\)"),
        (np.ones(240, int), "do not fit the map"),
        (np.ones((12, 20, 1), int), "do not fit the map"),
        (np.ones(SHAPE), "labels must be integers, not float64"),
        (np.full(SHAPE, -1), "negative"),
        (np.zeros(SHAPE, int), "no pixel is labelled"),
    ],
)
def test_labels_that_do_not_fit_are_refused(image, labels, message):
    with pytest.raises(LabelError, match=message):
        quantify(image, labels, RECIPE)


def test_a_fit_only_element_out_of_range_is_left_out_and_told(image):
    chips = grid_chips(SHAPE, SHAPE)
    plain = quantify(image, chips, RECIPE)
    more = quantify(image, chips, RECIPE.model_copy(update={"fit_only": (*RECIPE.fit_only, "H")}))
    np.testing.assert_array_equal(more.fit.intensities, plain.fit.intensities)
    assert "H (no line in the range)" in more.account()[0]


@pytest.mark.parametrize(
    ("low_keV", "asked", "said"),
    [
        (0.35, {}, "left out, though the file names it: Al; no line in the range, .*: C"),
        (0.6, {}, "left out, though the file names it: Al; no line in the range, .*: C O"),
        (0.6, {"fit_only": ("Cu", "Al", "O")}, "no line in the range, .*: C"),
    ],
)
def test_elements_of_the_file_are_told_with_and_without_a_line(image, low_keV, asked, said):
    """C K lies at 0.277 keV, O K at 0.525 keV, Al K at 1.487 keV."""
    named = replace(image, acquisition=replace(MICROSCOPE, elements=("Al", "C", "La", "Fe", "O")))
    settings = {"elements": ("La", "Fe"), "energy_range_keV": (low_keV, 9.5), **asked}
    if low_keV < 0.5:
        settings["elements"] = ("La", "Fe", "O")
    recipe = RECIPE.model_copy(update=settings)
    (flag,) = quantify(named, grid_chips(SHAPE, SHAPE), recipe).table["flag"]
    told = "; ".join(r for r in flag.split("; ") if "though the file names it" in r)
    assert re.fullmatch(said, told)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"elements": ("La", "Ti")}, KFactorError, "no k-factor for Ti_K"),
        ({"elements": ("La_M", "Fe")}, KFactorError, "no k-factor for La_M.*has the family L"),
        ({"elements": ("Sr_K",)}, ModelError, r"Sr_Ka lies at 14\.165 keV, outside"),
        ({"elements": ("H",)}, ModelError, "H has no line between"),
        ({"elements": ("Xx",)}, ModelError, "'Xx' is not an element"),
        ({"fit_only": ("Li",)}, ModelError, "'Li' is not an element"),
        ({"elements": ("Fe_M",)}, ModelError, "Fe has no M family"),
        ({"energy_range_keV": (30.0, 40.0)}, ValueError, "no channel lies between 30 and 40 keV"),
        ({"energy_range_keV": (6.0, 6.1)}, ModelError, "O has no line|La has no line"),
    ],
)
def test_recipes_that_cannot_be_applied_are_refused(image, changes, error, message):
    recipe = Recipe.create(**{**dict(RECIPE), **changes})
    stages = []
    with pytest.raises(error, match=message):
        quantify(image, painted_labels(), recipe, progress=lambda *stage: stages.append(stage))
    assert not stages, "the fit began before the recipe was checked"


def test_an_unknown_beam_energy_is_asked_for(image):
    unknown = replace(image, acquisition=Acquisition())
    with pytest.raises(ModelError, match="set beam_energy_keV in the recipe"):
        quantify(unknown, painted_labels(), RECIPE)
    given = RECIPE.model_copy(update={"beam_energy_keV": 200.0})
    table = quantify(unknown, painted_labels(), given).table
    assert table["Fe_at_pct"].notna().all()


def test_the_recipe_overrides_the_files_beam_energy(image):
    changes = {"elements": ("La_L", "Fe_K", "O"), "beam_energy_keV": 6.0}
    low = RECIPE.model_copy(update=changes)
    with pytest.raises(ModelError, match=r"Fe_Ka lies at 6\.404 keV, outside 0\.35 to 6 keV"):
        quantify(image, painted_labels(), low)


def test_an_uncalibrated_axis_is_refused_with_what_to_do(image):
    bare = replace(image, energy=EnergyAxis.uncalibrated(ENERGY.size))
    with pytest.raises(UncalibratedError, match="with_energy_axis"):
        quantify(bare, painted_labels(), RECIPE)
