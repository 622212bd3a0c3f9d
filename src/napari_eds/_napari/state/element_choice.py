"""The choice of an element, as the settings of a map keep it."""

from __future__ import annotations

from typing import NamedTuple

AUTO = "auto"
QUANTIFY, FIT_ONLY = "quantify", "fit only"


class ElementChoice(NamedTuple):
    """An element, what to do with it, and the family to quantify with (or ``"auto"``)."""

    symbol: str
    role: str = QUANTIFY
    family: str = AUTO

    @classmethod
    def of(cls, entry: str, role: str) -> ElementChoice:
        """Return the choice of an element as a recipe names it."""
        symbol, _, family = entry.partition("_")
        return cls(symbol, role, family or AUTO)

    @property
    def entry(self) -> str:
        """The element as a recipe names it."""
        return self.symbol if self.family == AUTO else f"{self.symbol}_{self.family}"
