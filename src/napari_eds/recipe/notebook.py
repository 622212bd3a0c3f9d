"""What a notebook shows of a recipe and of a k-factor table."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel

from napari_eds._support import html

if TYPE_CHECKING:
    import pandas as pd


class Table(Protocol):
    """What is shown of a k-factor table."""

    @property
    def convention(self) -> str:
        """Whether its factors are of families or of alpha lines."""

    @property
    def source(self) -> str:
        """Where its numbers come from."""

    @property
    def beam_energy_keV(self) -> float | None:
        """Beam energy they are for."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was taken for granted."""

    def to_frame(self) -> pd.DataFrame:
        """Element, family, factor and relative error."""


def k_factors_html(table: Table) -> str:
    """Return the factors of a table, and what they are of."""
    frame = table.to_frame()
    rows = [
        (element, family, f"{value:.4g}", "" if isnan(error) else f"{100 * error:.3g} %")
        for element, family, value, error in frame.itertuples(index=False)
    ]
    beam = "unknown" if table.beam_energy_keV is None else f"{table.beam_energy_keV:g} keV"
    facts = [("convention", table.convention), ("beam", beam), ("source", table.source)]
    return html.page(
        "k-factors",
        html.table(facts),
        html.table(rows, ("element", "family", "k-factor", "error")),
        html.sentences(table.notes),
    )


def recipe_html(recipe: BaseModel) -> str:
    """Return the settings of a recipe as a table."""
    rows = []
    for name, field in type(recipe).model_fields.items():
        value = getattr(recipe, name)
        usual = not field.is_required() and value == field.get_default()
        rows.append((name, _setting(value), "as usual" if usual else ""))
    return html.page("Recipe", html.table(rows))


def _setting(value: object) -> str:
    if isinstance(value, BaseModel) and not hasattr(value, "_repr_html_"):
        return ", ".join(f"{name} {item}" for name, item in value)
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value) or "none"
    return "none" if value is None else str(value)
