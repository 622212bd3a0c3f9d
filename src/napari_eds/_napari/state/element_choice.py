"""The choice of an element, as the settings of a map keep it and as a search proposes it."""

from __future__ import annotations

from typing import NamedTuple

from napari_eds.elements.proposals import Proposal, recipe_elements

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


def certain_choices(proposals: tuple[Proposal, ...]) -> tuple[ElementChoice, ...]:
    """Return the elements that are certain, system ones to be fitted only."""
    quantified, fitted = recipe_elements(proposals)
    return (
        *(ElementChoice(symbol, QUANTIFY) for symbol in quantified),
        *(ElementChoice(symbol, FIT_ONLY) for symbol in fitted),
    )


def choice_of(proposal: Proposal) -> ElementChoice:
    """Return what a proposal proposes."""
    return ElementChoice(proposal.element, FIT_ONLY if proposal.system else QUANTIFY)


def with_added(
    present: tuple[ElementChoice, ...], added: tuple[ElementChoice, ...]
) -> tuple[ElementChoice, ...]:
    """Return the elements with those that are not among them yet; the others stay as they are."""
    symbols = {choice.symbol for choice in present}
    new = {choice.symbol: choice for choice in added if choice.symbol not in symbols}
    return (*present, *new.values())
