"""What a report is made of, whatever it is written as: headings, sentences, tables, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sentences:
    """Sentences, one under the other. Plain text: nothing in it is markup."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of texts below a header; `note` stands below; `wraps_last` is for long texts."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    wraps_last: bool = False


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure as PNG, with its width on the page and what is seen."""

    png: bytes
    width_mm: float
    height_mm: float
    caption: str


Block = Sentences | Table | Picture


@dataclass(frozen=True, eq=False)
class Section:
    """Blocks below a heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, eq=False)
class Report:
    """A report: title, the line below it, sections."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]


def table(header: Sequence[object], rows: Sequence[Sequence[object]], **more: object) -> Table:
    """Return a table of anything that can be written."""
    texts = tuple(tuple(map(str, row)) for row in rows)
    return Table(tuple(map(str, header)), texts, **more)  # type: ignore[arg-type]
