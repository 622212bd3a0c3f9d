"""Layers of differences."""

import numpy as np
import pytest

from napari_eds._napari.compare.layers import (
    DIVERGING,
    difference_limit,
)


def test_red_is_where_ours_is_larger():
    from napari.utils.colormaps import ensure_colormap

    low, middle, high = ensure_colormap(DIVERGING).map([0.0, 0.5, 1.0])
    assert high[0] > 2 * high[2]  # red
    assert low[2] > 2 * low[0]  # blue
    assert middle[:3].min() > 0.95  # white
    assert difference_limit(np.array([np.nan, -3.0, 1.0])) == pytest.approx(2.98)
    assert difference_limit(np.full(3, np.nan)) == 1
