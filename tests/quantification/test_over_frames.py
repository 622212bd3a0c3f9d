"""Compositions over frames: unbiased, with errors that hold, and losses that are found."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import napari_eds as eds
from napari_eds.quantification.frames.series import RHO_T
from napari_eds.quantification.table import MASS_THICKNESS, at_pct, error_of
from napari_eds.simulate.frames import film_frames
from napari_eds.simulate.maps import Phase, simulate
from napari_eds.spectra.acquisition import FrameRange

LAYERS = {2: ("La", "Fe", "O"), 3: ("Sr", "Ti", "O")}


def recipe_of(film):
    values = {f"{element}_{family}": k for (element, family), k in film.k_factors.items()}
    k = eds.KFactorTable.from_mapping(values, "family")
    return eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti"),
        fit_only=("Cu", "C", "Pt"),
        k_factors=k,
        absorption=eds.Absorption(thickness_nm=55),
    )


def regions(film):
    """Rectangles well inside of the phases."""
    labels = np.zeros(film.labels.shape, int)
    rows = film.labels.shape[0]
    labels[int(0.40 * rows) : int(0.47 * rows), 4:30] = 2
    labels[int(0.65 * rows) : int(0.90 * rows), 4:-4] = 3
    return labels


@pytest.fixture(scope="module")
def kept():
    return film_frames((80, 64), 8, 40, seed=11)


@pytest.fixture(scope="module")
def lossy():
    return film_frames((80, 64), 8, 40, seed=12, lost={"O": 0.03})


def test_frames_scatter_by_counting_and_nothing_changes(kept):
    z, changes = [], []
    for seed in range(5):
        film = film_frames((80, 64), 8, 40, seed=seed)
        found = eds.quantify_frames(film.series, regions(film), recipe_of(film))
        for label, elements in LAYERS.items():
            own = found.table[found.table["label"] == label]
            for e in elements:
                value, error = own[at_pct(e)], own[error_of(at_pct(e))]
                z.append((value - value.mean()) / error * np.sqrt(8 / 7))
        table = found.changes()
        changes += [bool(c) for c in table["changes"]]
    rms = np.sqrt(np.mean(np.square(z)))
    assert 0.85 < rms < 1.15  # 240 numbers: 1 ± 0.05
    assert not any(changes)


def test_a_loss_is_found_and_taken_back_to_zero_dose(lossy):
    found = eds.quantify_frames(lossy.series, regions(lossy), recipe_of(lossy))
    changes = found.changes().set_index(["label", "element"])
    oxygen = changes.loc[3, "O"]
    assert oxygen["changes"]
    true = lossy.true_at_pct(3, "O")
    assert true[0] == pytest.approx(60)
    assert abs(oxygen["slope"] - np.polyfit(np.arange(8), true, 1)[0]) < 4 * oxygen["slope_error"]
    assert abs(oxygen["at_zero"] - 60) < 3 * oxygen["at_zero_error_total"]
    # Known from when on the loss exceeds twice the error of a difference.
    own = found.table[found.table["label"] == 3]
    error = own[error_of(at_pct("O"))].to_numpy()
    expected = np.flatnonzero(true[0] - true > 2 * np.hypot(error, error[0]))[0] + 0.5
    assert abs(oxygen["onset"] - expected) <= 2
    assert any("O in label 3 changes" in line for line in found.account())


def test_a_loss_at_the_same_thickness_is_not_taken_for_thickness(lossy):
    found = eds.quantify_frames(lossy.series, regions(lossy), recipe_of(lossy))
    assert found.thickness_lines() == []
    changes = found.changes()
    assert (changes["hard_xrays_percent"].abs() < 10).all()


def test_hard_xrays_tell_a_foil_that_grows_thinner():
    """80 to 50 nm over six frames: O seems to grow."""
    phase = Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12)
    thickness = np.linspace(80, 50, 6).repeat(16)[:, None].repeat(32, axis=1)
    made = simulate(np.ones(thickness.shape, int), [phase], thickness, counts_per_pixel=200)
    ranges = tuple(FrameRange(i, i, 6) for i in range(1, 7))
    series = eds.FrameSeries(made.image, ranges)
    labels = np.ones((16, 32), int)
    labels[:, 16:] = 2
    recipe = replace_elements(recipe_of(made), ("Sr", "Ti", "O"))
    found = eds.quantify_frames(series, labels, recipe)
    changes = found.changes().set_index(["label", "element"])
    assert changes.loc[1, "O"]["changes"]
    fall = 100 * (50 - 80) / 65
    assert changes.loc[1, "O"]["hard_xrays_percent"] == pytest.approx(fall, abs=4)
    told = found.thickness_lines()
    assert [line.split(" ± ")[0].rsplit(" ", 1)[0] for line in told] == [
        f"Hard X-rays of label {label} fall by" for label in (1, 2)
    ]
    assert told[0] in found.account()


def replace_elements(recipe, elements):
    return recipe.model_copy(update={"elements": elements, "fit_only": ()})


def test_one_frame_of_the_result_is_that_of_a_map(kept):
    """Labels of one frame get the values of the same labels in a map of the frames' sum."""
    labels = regions(kept)
    one = eds.quantify_frames(kept.series, labels, recipe_of(kept), every=8)
    whole = eds.quantify(kept.series.sum(), labels, recipe_of(kept))
    for e in ("La", "Fe", "O", "Sr", "Ti"):
        np.testing.assert_allclose(one.table[at_pct(e)], whole.table[at_pct(e)], atol=1e-8)
    assert one.table["first_frame"].tolist() == [1, 1]
    assert one.table["last_frame"].tolist() == [8, 8]


def test_times_and_doses_stand_beside(kept):
    known = replace(kept.series.stacked.acquisition, beam_current_nA=0.2)
    series = replace(kept.series, stacked=replace(kept.series.stacked, acquisition=known))
    found = eds.quantify_frames(series, regions(kept), recipe_of(kept), every=4)
    own = found.table[found.table["label"] == 3]
    # Frames are live for 10 s each, and take longer by the dead time of 5 %.
    np.testing.assert_allclose(own["time_s"], [20.0 / 0.95, 60.0 / 0.95])
    per_frame = 0.2e-9 * (10 / 0.95) / 1.602176634e-19 / (80 * 64 * 0.25**2)
    np.testing.assert_allclose(own["dose_per_nm2"], per_frame * np.array([2.0, 6.0]))
    np.testing.assert_allclose(found.against("dose")[:2], found.table["dose_per_nm2"][:2])


def test_what_the_file_does_not_tell_is_said(kept):
    untold = replace(kept.series.stacked.acquisition, beam_current_nA=None)
    series = replace(kept.series, stacked=replace(kept.series.stacked, acquisition=untold))
    found = eds.quantify_frames(series, regions(kept), recipe_of(kept), every=4)
    with pytest.raises(eds.EDSError, match="beam current"):
        found.changes("dose")


def test_tables_and_figures_are_saved(kept, tmp_path):
    found = eds.quantify_frames(kept.series, regions(kept), recipe_of(kept), every=2)
    table, changes = found.to_csv(tmp_path / "frames.csv")
    assert len(pd.read_csv(table)) == 8
    assert set(pd.read_csv(changes)["element"]) == {"La", "Fe", "O", "Sr", "Ti"}
    with pytest.raises(eds.OutputError):
        found.to_csv(table)
    picture = found.save_figure(tmp_path / "frames.svg", "time")
    assert b"time / s" in picture.read_bytes() or picture.stat().st_size > 10_000
    with pytest.raises(eds.EDSError, match="png"):
        found.save_figure(tmp_path / "frames.txt")


def by_zeta(film):
    """A recipe whose zeta-factors come from the substrate of the summed frames, 60 nm thick."""
    plain = recipe_of(film).model_copy(update={"absorption": None})
    whole = eds.quantify(film.series.sum(), regions(film), plain)
    return plain.by_zeta(eds.zeta_factors_from_label(whole, 3, "SrTiO3", thickness_nm=60))


def test_mass_thickness_of_a_constant_specimen_scatters_by_counting():
    z, p = [], []
    for seed in range(4):
        film = film_frames((80, 64), 8, 40, seed=seed)
        recipe = by_zeta(film)
        found = eds.quantify_frames(film.series, regions(film), recipe)
        of_sum = eds.quantify(film.series.sum(), regions(film), recipe).table
        for label in LAYERS:
            own = found.table[found.table["label"] == label]
            value, error = own[MASS_THICKNESS], own[error_of(MASS_THICKNESS)]
            z += list((value - value.mean()) / error * np.sqrt(8 / 7))
            # Every frame has an eighth of the dose, so that the mass is that of the sum.
            assert value.mean() == pytest.approx(of_sum.loc[label, MASS_THICKNESS], rel=2e-3)
        changes = found.changes()
        p += list(changes.loc[changes["element"] == RHO_T, "p_value"])
    assert 0.75 < np.sqrt(np.mean(np.square(z))) < 1.25  # 64 numbers: 1 +- 0.09
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_groups_of_frames_have_the_dose_of_their_frames(kept):
    recipe = by_zeta(kept)
    by_three = eds.quantify_frames(kept.series, regions(kept), recipe, every=3).table
    own = by_three[by_three["label"] == 3]
    assert own["last_frame"].tolist() == [3, 6, 8]
    value, error = own[MASS_THICKNESS], own[error_of(MASS_THICKNESS)]
    assert np.all(np.abs(value - value.mean()) < 4 * error)
    # Stated frames are those of the whole map; half the mass absorbs less.
    stated = recipe.model_copy(update={"dose": eds.Dose(frames=16)})
    half = eds.quantify_frames(kept.series, regions(kept), stated, every=3).table
    np.testing.assert_allclose(half[MASS_THICKNESS], by_three[MASS_THICKNESS] / 2, rtol=0.08)


def test_mass_falls_where_oxygen_leaves(lossy):
    found = eds.quantify_frames(lossy.series, regions(lossy), by_zeta(lossy))
    changes = found.changes().set_index(["label", "element"])
    row = changes.loc[3, RHO_T]
    assert row["changes"]
    # 3 % of the oxygen, which is 26 % of the mass of SrTiO3, leave with every frame.
    lost, error = row["slope"] / row["at_zero"], row["slope_error"] / row["at_zero"]
    assert error < 0.004
    assert lost == pytest.approx(-0.0070, abs=3 * error)
    assert any("mass thickness" in told for told in found.account())
    assert "rho_t" in found.figure().axes[-1].get_title()


def test_frames_of_joint_detectors_are_refused(kept):
    joint = recipe_of(kept).model_copy(update={"detectors": "joint"})
    with pytest.raises(eds.RecipeError, match="sum of detectors"):
        eds.quantify_frames(kept.series, regions(kept), joint)
