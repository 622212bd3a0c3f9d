"""Scales of counts and their ticks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_eds._napari.spectrum.scale import forward, inverse, log_ticks, sqrt_ticks


@given(st.floats(1e-5, 1e7), st.floats(1.5, 1e6))
def test_ticks_are_inside_and_enough(low, factor):
    high = low * factor
    major, minor = log_ticks(low, high)
    assert all(low <= t <= high for t in [*major, *minor])
    assert len(major) >= (2 if factor > 10 else 0)
    kept = sqrt_ticks(0, high, 200)
    assert len(kept) >= 3
    assert (np.diff(np.sqrt(kept)) >= 26 * np.sqrt(high) / 200 - 1e-9).all()


def test_scales_are_inverse():
    values = np.array([0.5, 1, 7, 1e5])
    for scale in ("linear", "log", "sqrt"):
        np.testing.assert_allclose(inverse(scale, forward(scale, values)), values)
