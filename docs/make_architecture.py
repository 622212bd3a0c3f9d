"""Draws the rooms of the package and who imports whom: ``docs/images/architecture.svg``.

``python docs/make_architecture.py`` draws it and writes the table in ``docs/architecture.md``;
with ``--check`` it writes nothing and fails if either tells other imports than the code has.
"""

from __future__ import annotations

import ast
import html
import itertools
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from test_walls import PACKAGE, PANELS, ROOMS, imports_of_every_file  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIGURE = ROOT / "docs" / "images" / "architecture.svg"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- begin: docs/make_architecture.py -->\n", "<!-- end -->"

Uses = Mapping[str, tuple[str, ...]]
Point = tuple[float, float]

LEGEND = "An arrow leads to what is imported; pale: also reached through another room."
WIDTH, WIDE, HEIGHT = 2.8, 8.4, 1.08  # of a box; the window's is wide
FLOOR, COLUMN = 1.85, 3.45  # from one box to the next
GAP = (COLUMN - WIDTH) / 2
DIRECT, IMPLIED = "#33415c", "#c3ccdb"
#: From the ground up.
COLORS = ("#dfe3ea", "#dcecf5", "#d3ecdf", "#eef1cf", "#fbe8c8", "#f9d8c4", "#f2cfdc", "#dcd3f0")


def main() -> int:
    """Draw, or check with ``--check``, and return the exit code."""
    uses = rooms_used()
    if "--check" in sys.argv[1:]:
        problems = stale(uses, FIGURE.read_text("utf-8"), PAGE.read_text("utf-8"))
        print("\n".join(problems) or "docs/architecture.md and its figure are up to date")
        return int(bool(problems))
    draw(uses, FIGURE)
    PAGE.write_text(with_table(PAGE.read_text("utf-8"), uses), "utf-8")
    return 0


# What is imported.


def rooms_used() -> Uses:
    """Return for every room the rooms it imports from, both in their order."""
    found: dict[str, set[str]] = {room: set() for room in ROOMS}
    for module, every in imports_of_every_file().items():
        for used in every - {PACKAGE.name}:
            if module != PACKAGE.name:
                found[module.split(".")[1]].add(used.split(".")[1])
    return {
        room: tuple(other for other in ROOMS if other in found[room] - {room}) for room in ROOMS
    }


def as_text(uses: Uses) -> str:
    """Return the arrows, one room a line, the same for the same imports."""
    return "\n".join(f"{room} -> {' '.join(used) or '-'}" for room, used in uses.items())


def stale(uses: Uses, figure: str, page: str) -> list[str]:
    """Say which of figure and table tell other imports than these."""
    told = re.search(r"<dc:description>(.*?)</dc:description>", figure, re.DOTALL)
    problems = []
    if told is None or html.unescape(told[1]).strip() != as_text(uses):
        problems.append("docs/images/architecture.svg shows other imports than the code has")
    if page != with_table(page, uses):
        problems.append("the table of docs/architecture.md tells other imports than the code has")
    if problems:
        problems.append("run: python docs/make_architecture.py")
    return problems


def with_table(page: str, uses: Uses) -> str:
    """Return the page with its table of these imports."""
    rows = [f"| `{room}` | {', '.join(f'`{u}`' for u in uses[room]) or '-'} |" for room in ROOMS]
    table = "\n".join(["| Room | imports from |", "|---|---|", *rows, ""])
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table + END + after


# How it is drawn.


def draw(uses: Uses, path: Path) -> None:
    """Draw rooms on the floors that their imports put them on, and arrows between the boxes."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams |= {"svg.hashsalt": "napari-eds", "font.family": "DejaVu Sans"}
    import matplotlib.pyplot as plt

    boxes = boxes_of(uses)
    figure, axes = plt.subplots(figsize=(10.2, 14), layout="constrained")
    for points, direct in routes(uses, boxes):
        draw_arrow(axes, points, direct=direct)
    for box in boxes.values():
        draw_room(axes, box)
    right, top = max(box.right for box in boxes.values()), max(box.top for box in boxes.values())
    axes.text(0, -1.02, LEGEND, ha="center", color=DIRECT, fontsize=9.5)
    axes.set(xlim=(-right - 0.2, right + 0.2), ylim=(-1.15, top + 0.1), aspect="equal")
    axes.axis("off")
    about = {"Title": "Rooms of napari-eds", "Description": as_text(uses), "Date": None}
    figure.savefig(path, metadata=about)


@dataclass(frozen=True)
class Box:
    """A room, the floor it stands on, and the middle of it."""

    room: str
    floor: int
    x: float

    @property
    def width(self) -> float:
        """The window is wide, for it names its panels."""
        return WIDE if self.room == "_napari" else WIDTH

    @property
    def left(self) -> float:
        """Its left edge."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """Its upper edge."""
        return self.floor * FLOOR + HEIGHT / 2

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.floor * FLOOR - HEIGHT / 2


def boxes_of(uses: Uses) -> dict[str, Box]:
    """Return the box of each room; its floor counts the rooms along the longest way down."""
    floors: dict[str, int] = {}
    for room in ROOMS:  # in an order in which what is used comes first
        floors[room] = 1 + max((floors[used] for used in uses[room]), default=-1)
    boxes = {}
    for floor in range(max(floors.values()) + 1):
        rooms = [room for room in ROOMS if floors[room] == floor]
        for i, room in enumerate(rooms):
            boxes[room] = Box(room, floor, (i - (len(rooms) - 1) / 2) * COLUMN)
    return boxes


def arrows(uses: Uses) -> list[tuple[str, str, bool]]:
    """Return who uses whom, and whether that is the only way there; the others come first."""
    below: dict[str, set[str]] = {}
    for room in ROOMS:
        below[room] = set(uses[room]).union(*(below[used] for used in uses[room]))
    every = [
        (room, used, not any(used in below[other] for other in uses[room]))
        for room in ROOMS
        for used in uses[room]
    ]
    return sorted(every, key=lambda arrow: arrow[2])


def routes(uses: Uses, boxes: Mapping[str, Box]) -> Iterator[tuple[list[Point], bool]]:
    """Yield the points of each arrow: out of a box, between those of the floors, into a box."""
    every = arrows(uses)
    ways = {(room, used): way(boxes[room], boxes[used], boxes) for room, used, _ in every}
    lanes = lanes_of(ways)
    for room, used, direct in every:
        start, end = boxes[room], boxes[used]
        leaving = sorted(uses[room], key=lambda name: (first(ways[room, name], boxes[name]), name))
        coming = sorted(
            (name for name in ROOMS if used in uses[name]),
            key=lambda name: (first(ways[name, used][::-1], boxes[name]), name),
        )
        points = [(port(start, leaving.index(used), len(leaving)), start.bottom)]
        for floor, gap in ways[room, used]:
            x = lanes[room, used, floor] + gap
            points += [(x, floor * FLOOR + HEIGHT / 2), (x, floor * FLOOR - HEIGHT / 2)]
        yield [*points, (port(end, coming.index(room), len(coming)), end.top)], direct


def way(start: Box, end: Box, boxes: Mapping[str, Box]) -> list[tuple[int, float]]:
    """Return the floors between two boxes and the middle of the gap to take on each."""
    found = []
    for floor in range(start.floor - 1, end.floor, -1):
        along = (start.floor - floor) / (start.floor - end.floor)
        straight = start.x + along * (end.x - start.x)
        row = sorted((b for b in boxes.values() if b.floor == floor), key=lambda b: b.x)
        gaps = [(a.right + b.left) / 2 for a, b in itertools.pairwise(row)]
        gaps += [row[0].left - GAP, row[-1].right + GAP]
        found.append((floor, min(gaps, key=lambda x: (abs(x - straight), x))))
    return found


def first(points: Sequence[tuple[int, float]], otherwise: Box) -> float:
    """Return where an arrow goes on its first floor."""
    return points[0][1] if points else otherwise.x


def lanes_of(ways: Mapping[tuple[str, str], Sequence[tuple[int, float]]]) -> dict:
    """Return for each arrow and floor how far from the middle of the gap it runs."""
    shared: dict[tuple[int, float], list[tuple[str, str]]] = {}
    for arrow, gaps in ways.items():
        for place in gaps:
            shared.setdefault(place, []).append(arrow)
    lanes = {}
    for (floor, _), every in shared.items():
        every.sort(key=lambda arrow: (ROOMS.index(arrow[1]), ROOMS.index(arrow[0])))
        for i, (room, used) in enumerate(every):
            step = min(0.055, 2 * 0.8 * GAP / len(every))
            lanes[room, used, floor] = (i - (len(every) - 1) / 2) * step
    return lanes


def port(box: Box, i: int, n: int) -> float:
    """Return where the i-th of n arrows touches a box."""
    return box.x + ((i + 0.5) / n - 0.5) * 0.84 * box.width


def draw_arrow(axes: Axes, points: Sequence[Point], *, direct: bool) -> None:
    """Draw a line that leaves and passes every point upright, with a head at its end."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    vertices, codes = [points[0]], [Curve.MOVETO]
    for i, ((x, y), (to_x, to_y)) in enumerate(itertools.pairwise(points)):
        if i % 2:  # across a floor
            vertices, codes = [*vertices, (to_x, to_y)], [*codes, Curve.LINETO]
        else:
            middle = (y + to_y) / 2
            vertices = [*vertices, (x, middle), (to_x, middle), (to_x, to_y)]
            codes = [*codes, *[Curve.CURVE4] * 3]
    axes.add_patch(
        FancyArrowPatch(
            path=Curve(vertices, codes),
            arrowstyle="-|>,head_width=2.4,head_length=4.5",
            color=DIRECT if direct else IMPLIED,
            linewidth=1.5 if direct else 0.8,
            zorder=2 if direct else 1,
        )
    )


def draw_room(axes: Axes, box: Box) -> None:
    """Draw a box with the room's name and its one sentence; the window's with its panels."""
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(
        FancyBboxPatch(
            (box.left, box.bottom),
            box.width,
            HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor=COLORS[min(box.floor, len(COLORS) - 1)],
            edgecolor=DIRECT,
            linewidth=1.1,
            zorder=3,
        )
    )
    text = textwrap.fill(sentence(box.room), 32)
    if box.room == "_napari":
        text = (
            f"{sentence(box.room)}\nparts  <  state  <  {' | '.join(sorted(PANELS))}  <  entries"
        )
    middle = box.floor * FLOOR
    style = {"ha": "center", "va": "center", "zorder": 4}
    axes.text(box.x, middle + 0.34, box.room, weight="bold", fontsize=11, **style)
    axes.text(box.x, middle - 0.13, text, fontsize=7.3, **style)


def sentence(room: str) -> str:
    """Return the first line of what a room says of itself."""
    path = PACKAGE / room / "__init__.py"
    path = path if path.exists() else PACKAGE / f"{room}.py"
    said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return said.partition("\n")[0].replace("`", "").rstrip(".")


if __name__ == "__main__":
    raise SystemExit(main())
