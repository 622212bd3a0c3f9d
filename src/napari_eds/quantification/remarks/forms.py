"""The forms of remarks that are read back: one definition writes a remark and knows it again.

The column of remarks is a text, also in files of earlier runs: sums over labels read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from string import Formatter

import numpy as np

_SEPARATOR = "; "
#: How a range is written that is open at one end.
LESS, MORE = "less than ", "more than "


def joined(remarks: Iterable[str]) -> str:
    """Return remarks on one label as one text; `split` takes them apart again."""
    return _SEPARATOR.join(remarks)


def split(text: str) -> list[str]:
    """Return the remarks on one label; a single empty one where there are none."""
    return text.split(_SEPARATOR)


def ranged(low: float, high: float) -> str:
    """Write a range of two digits; below is 0 and above infinite where it is open.

    Parameters
    ----------
    low, high : float
    """
    least, most = (f"{float(f'{number:.2g}'):g}" for number in (low, high))
    if not low > 0:
        return f"{LESS}{most}"
    return f"{MORE}{least}" if np.isinf(high) else " to ".join(dict.fromkeys((least, most)))


def range_of(text: str) -> tuple[float, float]:
    """Return the range that `ranged` wrote."""
    if text.startswith(LESS):
        return 0.0, float(text.removeprefix(LESS))
    if text.startswith(MORE):
        return float(text.removeprefix(MORE)), float("inf")
    low, _, high = text.partition(" to ")
    return float(low), float(high or low)


@dataclass(frozen=True)
class Form:
    """A form of remarks.

    Attributes
    ----------
    template : str
        Text with its parts in braces, none of which holds what stands between them.
    """

    template: str

    def __call__(self, **parts: str) -> str:
        """Return the remark that has these parts."""
        return self.template.format(**parts)

    def parts_of(self, remark: str) -> dict[str, str] | None:
        """Return the parts of a remark; None if it is of another form."""
        start, end = self._ends
        # Of many labels, patterns take longer than most remarks are worth.
        if not (remark.startswith(start) and remark.endswith(end)):
            return None
        found = self._pattern.fullmatch(remark)
        return None if found is None else found.groupdict()

    def fits(self, remark: str) -> bool:
        """Whether a remark is of this form."""
        return self.parts_of(remark) is not None

    @cached_property
    def _ends(self) -> tuple[str, str]:
        """The text before the first part and after the last."""
        return self.template.partition("{")[0], self.template.rpartition("}")[2]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = Formatter().parse(self.template)
        return re.compile(
            "".join(
                re.escape(text) + (f"(?P<{name}>.+)" if name else "") for text, name, *_ in parts
            )
        )


def fits_any(remark: str, forms: Iterable[Form]) -> bool:
    """Whether a remark is of one of several forms."""
    return any(form.fits(remark) for form in forms)


UNEXPLAINED_PEAK = Form("unexplained peak at {peak}")
LINES_OFF = Form("lines off their tables: {families}")
LEFT_OUT = Form("left out, though the file names it: {elements}")
OUT_OF_RANGE = Form("no line in the range, though the file names it: {elements}")
POOR_FIT = Form("poor fit")
POOR_SUM = Form("poor fit of the sum")
NO_COUNTS = Form("no counts")
NOTHING = Form("nothing detected")
WRONG_MODEL = Form("{element} below zero: wrong model")
UNCERTAIN = Form("{element} ± {number} at.% ({cause})")
FITTED_ONLY = Form("much is only fitted: {element} ({number} %)")
TOO_THICK = Form("absorption correction of {element} x {number}: too thick for it")
CONTRADICTED = Form("thickness {stated} nm contradicted by {pairs}: they look like {seen} nm")
UNLIKE_OTHERS = Form("thickness {stated} nm unlike other labels by {pairs}: they look {seen}")
UNEVEN = Form(
    "X-rays per pixel tell {number} x the usual thickness: give a map of it or use zeta-factors"
)
OWN_BACKGROUND = Form("background unlike that of the sum: quantify it apart")
