"""Curves drawn with fewer points than channels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_eds._napari.spectrum.curves import extremes


@given(st.lists(st.integers(0, 1000), min_size=3, max_size=200), st.integers(2, 9))
def test_a_far_view_loses_no_extreme(values, length):
    y = np.array(values, float)
    x, drawn = extremes(np.arange(y.size, dtype=float), y, length)
    assert (drawn.min(), drawn.max()) == (y.min(), y.max())
    assert drawn.size <= 2 * (y.size // length) + length - 1
    assert (np.diff(x) >= 0).all()
