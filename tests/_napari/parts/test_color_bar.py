"""The bar of colours beside a table."""

import numpy as np
import pytest

from napari_eds._napari.parts.color_bar import round_ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 60, [0, 20, 40, 60]), (-0.3, 1.1, [0, 0.5, 1]), (1e5, 1.02e5, None)],
)
def test_ticks_are_round(low, high, ticks):
    found = round_ticks(low, high)
    assert 2 <= len(found) <= 5
    assert low <= found[0] < found[-1] <= high
    if ticks:
        np.testing.assert_allclose(found, ticks, atol=1e-9)
