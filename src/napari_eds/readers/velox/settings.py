"""Velox's own quantification: the settings it keeps in a file, and the results in its log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from napari_eds.readers.symbols import SYMBOLS
from napari_eds.readers.velox.document import number, read_json
from napari_eds.spectra.acquisition import VendorComposition, VendorQuantification

#: Where versions 11 to 13, single spectra of version 11, and older versions keep the settings.
_SETTINGS = (
    "SharedProperties/EDSSpectrumQuantificationSettings",
    "Data/EdsSpectrumQuantificationSettings",
    "Operations/ImageQuantificationOperation",
)

_COLUMNS = {
    "Element": "element",
    "Family": "family",
    "Atomic Fraction (%)": "atomic_percent",
    "Atomic Error (%)": "atomic_error",
    "Mass Fraction (%)": "weight_percent",
    "Mass Error (%)": "weight_error",
    "Fit Error (%)": "fit_error_percent",
}


def quantification(file: Any) -> tuple[tuple[str, ...], VendorQuantification]:
    """Return the elements selected in Velox, and the settings and results around them."""
    settings = _first_json(file, _SETTINGS)
    elements = tuple(_symbol(number) for number in settings.get("elementSelection") or ())
    of_elements = _element_properties(settings)
    chosen = {symbol: of_elements[symbol] for symbol in elements if symbol in of_elements}
    log = _log(file)
    model = settings.get("ionizationCrossSectionModel")
    return elements, VendorQuantification(
        program="Velox",
        families=MappingProxyType(
            {symbol: entry["atomicShellFamily"] for symbol, entry in chosen.items()}
        ),
        quantified=tuple(
            symbol for symbol, entry in chosen.items() if _flag(entry.get("quantify"))
        ),
        ionization_model=None if model is None else str(model),
        absorption=_absorption(settings.get("absorptionCorrection") or {}),
        log=None if log is None else plain_text(log),
        compositions=() if log is None else compositions(log),
    )


def _first_json(file: Any, groups: tuple[str, ...]) -> dict[str, Any]:
    for path in groups:
        for dataset in file.get(path, {}).values():
            return read_json(dataset)
    return {}


def _symbol(atomic_number: str | int) -> str:
    number = int(atomic_number)
    if not 1 <= number <= len(SYMBOLS):
        raise ValueError(f"there is no element of atomic number {number}")
    return SYMBOLS[number - 1]


def _flag(value: Any) -> bool:
    # Older versions write every value as text.
    return str(value).lower() == "true"


def _element_properties(settings: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the settings of every element for which they name a family."""
    properties = settings.get("elementProperties") or ()
    return {
        _symbol(entry["element"]): entry
        for entry in properties
        # The list begins with a place holder of atomic number 0.
        if entry.get("atomicShellFamily") in ("K", "L", "M") and int(entry["element"]) > 0
    }


def _absorption(settings: Mapping[str, Any]) -> Mapping[str, float | bool | None]:
    if not settings:
        return MappingProxyType({})
    thickness_m = number(settings.get("sampleThickness"))
    use_density = _flag(settings.get("useDensity"))
    return MappingProxyType(
        {
            "enabled": _flag(settings.get("enabled", settings.get("useAbsorptionCorrection"))),
            "thickness_nm": None if thickness_m is None else thickness_m * 1e9,
            # A density that is not used is a place holder: 1 in every file.
            "density_g_cm3": number(settings.get("density")) if use_density else None,
        }
    )


def _log(file: Any) -> str | None:
    """Return the experiment log as Velox wrote it, HTML in lines of text."""
    texts = [
        unquote(read_json(text).get("text", "")) for text in file.get("Data/Text", {}).values()
    ]
    return "\n".join(texts) if texts else None


def plain_text(html: str) -> str:
    """Return `html` without tags: cells apart by tabs, rows and breaks by line ends."""
    apart = re.sub(r"</t[dh]>", "\t", re.sub(r"<br\s*/?>|</tr>", "\n", html))
    text = _Text()
    text.feed(apart)
    text.close()
    return "".join(text.pieces)


def compositions(html: str) -> tuple[tuple[VendorComposition, ...], ...]:
    """Return every composition table of a log that has rows, oldest first."""
    tables = _Tables()
    tables.feed(html)
    tables.close()
    return tuple(filter(None, map(_composition, tables.tables)))


def _composition(table: list[list[str]]) -> tuple[VendorComposition, ...]:
    header, *rows = table or [[]]
    cells = [dict(zip(header, row, strict=False)) for row in rows]
    return tuple(_row(row) for row in cells if number(row.get("Atomic Fraction (%)")) is not None)


def _row(cells: Mapping[str, str]) -> VendorComposition:
    values: dict[str, Any] = {
        name: cells.get(column) if name in ("element", "family") else number(cells.get(column))
        for column, name in _COLUMNS.items()
    }
    return VendorComposition(**values)


class _Text(HTMLParser):
    """Collects what stands between tags."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


class _Tables(HTMLParser):
    """Collects tables as lists of rows of cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables and self.tables[-1]:
            self.tables[-1][-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.tables[-1][-1][-1] += data.strip()
