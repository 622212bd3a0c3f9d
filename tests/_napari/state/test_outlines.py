"""The sides that are drawn around selected labels."""

import time

import numpy as np
import pytest

from napari_eds._napari.state.outlines import edges_of

#: A look at the map for every label took half a minute; one for all takes a tenth of a second.
SOON_s = 5.0


def sides(edges):
    """Return every side of one pixel that runs of sides are made of, as its centre."""
    found = set()
    for (row, column), (down, right) in edges.tolist():
        n = int(down + right)
        for i in range(n):
            part = (i + 0.5) / n
            found.add((round(row + part * down, 3), round(column + part * right, 3)))
    return found


@pytest.mark.parametrize("ids", [[3], [1, 2, 3], [2, 7_000_000_000]], ids=str)
def test_every_side_of_the_labels_is_drawn(ids):
    labels = np.random.default_rng(0).choice([0, 1, 2, 3, 7_000_000_000], (9, 14))
    alone = [sides(edges_of(labels, [i])) for i in ids]
    assert sides(edges_of(labels, ids)) == set.union(*alone)


def test_the_sides_of_a_pixel_lie_around_its_centre():
    labels = np.zeros((5, 5), int)
    labels[2, 3] = 4
    assert sides(edges_of(labels, [4])) == {(1.5, 3.0), (2.5, 3.0), (2.0, 2.5), (2.0, 3.5)}


def test_labels_that_are_not_there_have_no_sides():
    assert edges_of(np.ones((4, 4), int), [2, 3]).shape == (0, 2, 2)


def test_all_labels_of_a_large_map_are_outlined_in_one_go():
    row, column = np.mgrid[:1024, :1024] // 8
    labels = (row * 128 + column + 1).astype(np.int32)
    start = time.perf_counter()
    edges = edges_of(labels, list(range(1, 128 * 128 + 1)))
    assert time.perf_counter() - start < SOON_s
    assert len(edges) == 2 * 129
