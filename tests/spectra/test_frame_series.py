"""Frames of a map: sums, whole-pixel shifts, groups, and drift that is known."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.simulate.frames import film_frames


@pytest.fixture(scope="module")
def film():
    return film_frames((48, 40), 5, 20, drift_px=1.0, seed=2, frame_time_s=3.0)


def dense(image):
    counts = image.counts.toarray() if image.is_sparse else image.counts
    return counts.reshape(*image.shape, -1).astype(int)


def test_the_sum_of_frames_holds_all_counts(film):
    series = film.series
    apart = sum(dense(series.frame(i)) for i in range(5))
    np.testing.assert_array_equal(dense(series.sum()), apart)
    some = series.sum(range(1, 3))
    np.testing.assert_array_equal(dense(some), dense(series.frame(1)) + dense(series.frame(2)))
    assert some.acquisition.live_time_s == pytest.approx(6.0)
    assert (some.frames.first, some.frames.last, some.frames.of) == (2, 3, 5)


def test_maps_of_counts_are_those_of_single_frames(film):
    xrays = film.series.frame(0).energy.xray_channels
    apart = [dense(film.series.frame(i))[..., xrays].sum(axis=-1) for i in range(5)]
    np.testing.assert_array_equal(film.series.counts_maps(), apart)


def test_shifts_move_whole_pixels_and_tell_what_is_not_covered(film):
    shifts = np.array([[0, 0], [2, -1], [0, 3], [-4, 0], [1, 1]])
    moved = film.series.shifted(shifts)
    for i, (down, right) in enumerate(shifts):
        before, after = dense(film.series.frame(i)), dense(moved.frame(i))
        for row, column in np.ndindex(48, 40):
            r, c = row + down, column + right
            if 0 <= r < 48 and 0 <= c < 40:
                assert moved.covered[i, row, column]
                np.testing.assert_array_equal(after[row, column], before[r, c])
            else:
                assert not moved.covered[i, row, column]
                assert not after[row, column].any()


def test_shifts_that_would_split_counts_are_refused(film):
    with pytest.raises(eds.EDSError, match="whole pixels"):
        film.series.shifted(np.full((5, 2), 0.5))


def test_labels_keep_to_what_each_frame_covers(film):
    moved = film.series.shifted(np.array([[0, 0], [0, 0], [5, 0], [0, 0], [0, 0]]))
    labels = np.zeros((48, 40), int)
    labels[40:48] = 7
    labels[:3] = 2
    apart, ids, frames = moved.labels_apart(labels)
    n = np.bincount(apart.ravel())[1:]
    found = {(i, f): n[k] for k, (i, f) in enumerate(zip(ids, frames, strict=True))}
    assert found[7, 0] == 8 * 40
    assert found[7, 2] == 3 * 40  # five rows came from outside
    assert found[2, 2] == 3 * 40


def test_groups_sum_frames_and_times(film):
    groups = film.series.grouped(2)
    assert [(r.first, r.last) for r in groups.ranges] == [(1, 2), (3, 4), (5, 5)]
    np.testing.assert_array_equal(dense(groups.frame(1)), dense(film.series.sum(range(2, 4))))
    # Frames were simulated to be live for 3 s each, 95 % of the time.
    np.testing.assert_allclose(groups.frame_times_s, np.array([6.0, 6.0, 3.0]) / 0.95)
    assert groups.stacked.total_counts == film.series.stacked.total_counts


@pytest.mark.parametrize("source", ["counts", "HAADF"])
def test_drift_is_found_to_a_fifth_of_a_pixel_with_twenty_counts(source):
    errors = []
    for seed in range(3):
        film = film_frames((96, 96), 8, 20, drift_px=1.0, seed=seed)
        drift = eds.find_drift(film.series, source)
        errors.append(drift.shifts_px - film.drift_px)
    assert np.sqrt(np.mean(np.square(errors))) < 0.2


def test_frames_without_drift_stay_where_they_are():
    film = film_frames((64, 64), 4, 30, seed=1)
    assert not eds.find_drift(film.series, "counts").whole_px.any()


def test_a_picture_that_is_not_there_is_named(film):
    with pytest.raises(eds.EDSError, match=r"BF.*counts, HAADF"):
        eds.find_drift(film.series, "BF")


def test_doses_follow_from_current_time_and_area(film):
    from dataclasses import replace

    series = film.series

    def of_current(nA):
        told = replace(series.stacked.acquisition, beam_current_nA=nA)
        return replace(series, stacked=replace(series.stacked, acquisition=told))

    assert of_current(None).doses_per_nm2 is None
    electrons = 0.1e-9 * 3.0 / 0.95 / 1.602176634e-19
    area_nm2 = 48 * 40 * 0.25**2
    np.testing.assert_allclose(of_current(0.1).doses_per_nm2, electrons / area_nm2)
