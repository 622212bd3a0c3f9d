"""Numbers in sentences and reports."""

from __future__ import annotations

import math


def counted(number: int, what: str) -> str:
    """Return a number of things, such as ``1 label`` and ``12 labels``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def with_error(value: float, error: float) -> str:
    """Return a value with its error, both to the second digit of the error."""
    if not (math.isfinite(error) and error > 0):
        return f"{value:.4g} ± {error:.2g}"
    decimals = max(0, 1 - math.floor(math.log10(error)))
    return f"{round(value, decimals) + 0.0:.{decimals}f} ± {error:.{decimals}f}"


def known(value: float | None, unit: str) -> str:
    """Return a value with its unit, or that it is unknown."""
    return "unknown" if value is None else f"{value:g} {unit}"
