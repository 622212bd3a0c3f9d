"""What the headers of an `.h5oina` file say."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import h5py
import numpy as np

from napari_eds.readers.hdf5_checks import first_value
from napari_eds.readers.symbols import SYMBOLS

#: Groups of results by element, and by line of an element.
_RESULTS = ("Window Integral", "Peak Area", "Composition")


class Header:
    """Values of a group by name; those that are missing or of another kind are None."""

    def __init__(self, group: h5py.Group | None) -> None:
        self._group = group

    def _first(self, name: str) -> Any:
        dataset = None if self._group is None else self._group.get(name)
        return first_value(dataset) if isinstance(dataset, h5py.Dataset) else None

    def number(self, name: str) -> float | None:
        """Return a finite number, in the unit of the file."""
        found = self._first(name)
        try:
            # The decimal number that single precision stands for: 0.005, not 0.004999999888.
            value = float(str(found) if isinstance(found, np.floating) else found)
        except (TypeError, ValueError):
            return None
        return value if math.isfinite(value) else None

    def whole(self, name: str) -> int | None:
        """Return a whole number."""
        value = self.number(name)
        return None if value is None else round(value)

    def pair(self, name: str) -> tuple[float, float] | None:
        """Return two finite numbers, as the file has them: (x, y)."""
        dataset = None if self._group is None else self._group.get(name)
        if not isinstance(dataset, h5py.Dataset) or dataset.size != 2:
            return None
        values = np.ravel(dataset[()])
        if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
            return None
        return float(values[0]), float(values[1])

    def text(self, name: str) -> str | None:
        """Return a text."""
        value = self._first(name)
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return None if value is None else str(value)

    def as_dict(self) -> dict[str, Any]:
        """Return every single value, groups within as dictionaries."""
        return {} if self._group is None else _as_dict(self._group)


def _as_dict(group: h5py.Group) -> dict[str, Any]:
    header = Header(group)
    found: dict[str, Any] = {}
    for name, item in group.items():
        if isinstance(item, h5py.Group):
            found[name] = _as_dict(item)
        elif item.size == 1:
            number = header.number(name)
            found[name] = header.text(name) if number is None else number
    return found


def elements(techniques: Iterable[h5py.Group]) -> tuple[str, ...]:
    """Return the elements that AZtec mapped or quantified, each once."""
    found = [
        _element(name, dataset)
        for group in techniques
        for kind in _RESULTS
        for name, dataset in group.get(f"Data/{kind}", {}).items()
    ]
    return tuple(dict.fromkeys(symbol for symbol in found if symbol))


def _element(name: str, dataset: h5py.Dataset) -> str | None:
    number = np.ravel(dataset.attrs.get("Atomic Number", 0))
    if number.size and number.dtype.kind in "iu" and 1 <= number[0] <= len(SYMBOLS):
        return SYMBOLS[number[0] - 1]
    found = re.match(r"[A-Z][a-z]?\b", name)
    return found.group() if found and found.group() in SYMBOLS else None
