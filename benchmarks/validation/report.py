"""What a section of the validation says, and how it is written down."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure

#: Characters in a line of the document.
WIDTH = 99


@dataclass(frozen=True)
class Run:
    """What a section works on: the folder of the data, and whether only little of it.

    `earlier` is the source tree of an earlier version, to be timed beside this one.
    """

    data: Path
    quick: bool = False
    earlier: Path | None = None


@dataclass(frozen=True)
class Check:
    """A value that was wanted, the value that came out, and whether that is near enough.

    One that is not `asserted` is told but does not stop anything.
    """

    what: str
    wanted: str
    got: str
    passed: bool
    asserted: bool = True

    @property
    def verdict(self) -> str:
        """The last cell of its row."""
        return "pass" if self.passed else ("**fail**" if self.asserted else "no (see there)")


@dataclass
class Section:
    """A part of the report, as Markdown, with its checks and figures."""

    title: str
    parts: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Add a paragraph, or a table that `table` made."""
        self.parts.append(text if "\n" in text else textwrap.fill(text, WIDTH))

    def show(self, name: str, figure: Figure, caption: str) -> None:
        """Add a figure, to be saved as ``images/validation_<name>.png``."""
        self.figures[name] = figure
        self.parts.append(f"![{caption}](images/validation_{name}.png)")

    def markdown(self) -> str:
        """Title and parts."""
        return "\n\n".join([f"## {self.title}", *self.parts])


def near(what: str, got: float, wanted: float, tolerance: float, digits: int = 2) -> Check:
    """Check that a number is within a tolerance of another."""
    return Check(
        what,
        f"{wanted:.{digits}f} ± {tolerance:g}",
        f"{got:.{digits}f}",
        abs(got - wanted) <= tolerance,
    )


def all_near(
    what: str, got: Sequence[float], wanted: Sequence[float], tolerance: float, digits: int = 2
) -> Check:
    """Check that numbers are within a tolerance of others."""
    return Check(
        what,
        f"{joined(wanted, digits)} ± {tolerance:g}",
        joined(got, digits),
        all(abs(a - b) <= tolerance for a, b in zip(got, wanted, strict=True)),
    )


def at_most(what: str, got: float, limit: float, digits: int = 2, unit: str = "") -> Check:
    """Check that a number is not above a limit."""
    return Check(what, f"≤ {limit:g}{unit}", f"{got:.{digits}f}{unit}", got <= limit)


def at_least(what: str, got: float, limit: float, digits: int = 2, unit: str = "") -> Check:
    """Check that a number is not below a limit."""
    return Check(what, f"≥ {limit:g}{unit}", f"{got:.{digits}f}{unit}", got >= limit)


def share_between(what: str, got: float, low: float, high: float) -> Check:
    """Check that a share in percent is in a range."""
    return Check(what, f"{low:g} to {high:g} %", f"{got:.0f} %", low <= got <= high)


def joined(values: Sequence[float], digits: int = 2) -> str:
    """Write numbers as ``1.00 / 2.00``."""
    return " / ".join(f"{value:.{digits}f}" for value in values)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write a Markdown table; numbers in its cells get two digits."""

    def cell(value: object) -> str:
        return f"{value:.2f}" if isinstance(value, float) else str(value)

    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return "\n".join(lines)


def check_table(checks: Sequence[Check]) -> str:
    """Write the checks as a table."""
    rows = [(c.what, c.wanted, c.got, c.verdict) for c in checks]
    return table(["check", "wanted", "got", ""], rows)


def save(sections: Sequence[Section], path: Path, introduction: str) -> None:
    """Write the document and its figures, which lie in ``images`` beside it."""
    checks = [check for section in sections for check in section.checks]
    parts = [introduction, "## Summary", check_table(checks)]
    text = "\n\n".join([*parts, *(section.markdown() for section in sections)])
    path.write_text(text + "\n", encoding="utf-8")
    images = path.parent / "images"
    images.mkdir(exist_ok=True)
    for section in sections:
        for name, figure in section.figures.items():
            figure.savefig(images / f"validation_{name}.png", dpi=130)
