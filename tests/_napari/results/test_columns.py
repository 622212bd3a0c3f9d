"""Numbers as the table writes them."""

import numpy as np
import pytest

from napari_eds._napari.parts.numbers import with_error


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (20.123, 0.287, "20.1 ± 0.3"),
        (20.123, 0.123, "20.12 ± 0.12"),
        (20.123, 0.0961, "20.12 ± 0.10"),
        (20.123, 0.194, "20.12 ± 0.19"),
        (20.123, 0.196, "20.1 ± 0.2"),
        (-0.001, 0.02, "0.00 ± 0.02"),
        (12345.6, 162.0, "12\u202f350 ± 160"),
        (12345.6, 12.0, "12\u202f346 ± 12"),
        (np.nan, 0.1, ""),
        (1.0, np.nan, ""),
        (1.0, 0.0, ""),
    ],
)
def test_values_end_at_the_last_place_of_their_error(value, error, text):
    assert with_error(value, error) == text
