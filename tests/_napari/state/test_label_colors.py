"""Colours of labels by a column, and the user's own."""

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap, DirectLabelColormap

from napari_eds._napari.state import label_colors


def test_colours_the_user_chose_are_not_lost():
    layer = Labels(np.array([[1, 2]], np.int32))
    random = layer.colormap
    direct = DirectLabelColormap(color_dict={1: "red", 2: "blue", None: "gray"})
    layer.colormap = direct
    ids, values = np.array([1, 2]), np.array([0.0, 1.0])
    how = label_colors.Coloring("Fe_at_pct", "viridis")
    label_colors.color_labels(layer, ids, values, how)
    label_colors.color_labels(layer, ids, values[::-1], how)
    layer.new_colormap()
    assert label_colors.coloring_of(layer) == how, "shuffled colours are still ours"
    label_colors.restore_colors(layer)
    assert layer.colormap is direct
    assert layer._random_colormap is random

    label_colors.color_labels(layer, ids, values, how)
    chosen = CyclicLabelColormap(colors=np.array([[0, 0, 0, 0], [1, 0, 0, 1]], np.float32))
    layer.colormap = chosen
    assert label_colors.coloring_of(layer) is None
    label_colors.restore_colors(layer)
    assert layer.colormap is chosen, "colours chosen meanwhile stay"


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.int64])
def test_any_type_of_labels_can_be_coloured(dtype):
    top = min(np.iinfo(dtype).max, 3_000_000)
    ids = np.array([1, 5, top - 1])
    layer = Labels(np.array([[0, *ids]], dtype))
    label_colors.color_labels(
        layer, ids, np.array([0.0, np.nan, 1.0]), label_colors.Coloring("x", "gray")
    )
    np.testing.assert_allclose(layer.get_color(1), (0, 0, 0, 1), atol=0.01)
    np.testing.assert_allclose(layer.get_color(5), label_colors.MISSING)
    np.testing.assert_allclose(layer.get_color(int(ids[-1])), (1, 1, 1, 1), atol=0.01)
    mapped = layer.colormap.map(layer.data)
    np.testing.assert_allclose(mapped[0, 0], 0)
    np.testing.assert_allclose(mapped[0, -1], 1, atol=0.01)


def test_labels_that_share_a_place_in_the_table_keep_their_own_colours():
    ids = np.array([1, 65535, 131069])
    layer = Labels(np.array([[0, *ids]]))
    label_colors.color_labels(
        layer, ids, np.array([0.0, 0.5, 1.0]), label_colors.Coloring("x", "gray")
    )
    grey = [layer.get_color(int(i))[0] for i in ids]
    np.testing.assert_allclose(grey, [0, 0.5, 1], atol=0.02)
