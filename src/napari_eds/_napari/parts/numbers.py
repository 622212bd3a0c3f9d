"""Numbers as a person would write them."""

from __future__ import annotations

import numpy as np

from napari_eds._support import numbers

_THIN_SPACE = "\u202f"
_MISSING = "–"
_MOST_DECIMALS = 6


def with_error(value: float, error: float) -> str:
    """Write a value to the last place of its error; empty if there is no error to tell it.

    The error is written with one digit, or with two where the first is 1, so that rounding
    changes it by less than a quarter.

    Examples
    --------
    >>> with_error(20.123, 0.287), with_error(20.123, 0.0123), with_error(12345.6, 162)
    ('20.1 ± 0.3', '20.123 ± 0.012', '12\u202f350 ± 160')
    """
    if not (np.isfinite(value) and np.isfinite(error) and error > 0):
        return ""
    exponent = int(np.floor(np.log10(error)))
    digits = 2 if error / 10.0**exponent < 1.95 else 1
    place = min(digits - 1 - exponent, _MOST_DECIMALS)
    return f"{grouped(value, place)} ± {grouped(error, place)}"


def counted(number: int, what: str) -> str:
    """Write a number of things, such as ``1 label`` and ``12 labels``."""
    return numbers.counted(number, what).replace(",", _THIN_SPACE)


def grouped(value: float, place: int) -> str:
    """Write a number to a decimal place, thousands apart; a dash for NaN."""
    if not np.isfinite(value):
        return _MISSING
    rounded = round(float(value), place) + 0.0  # no minus before zero
    return f"{rounded:,.{max(place, 0)}f}".replace(",", _THIN_SPACE)
