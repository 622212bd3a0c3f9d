"""Draws the figure and writes the table of ``docs/performance.md``.

Both are of what ``python benchmarks/growing.py --write benchmarks/growing.json`` measured.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from matplotlib.figure import Figure

DOCS = Path(__file__).resolve().parent
DATA = DOCS.parent / "benchmarks" / "growing.json"
PAGE, FIGURE = DOCS / "performance.md", DOCS / "images" / "performance.svg"
COLORS = {
    "napari-eds": "#0072b2",
    "HyperSpy": "#d55e00",
    "RosettaSciIO": "#009e73",
    "PyMca": "#cc79a7",
}


def main() -> None:
    measured = json.loads(DATA.read_text(encoding="utf-8"))
    FIGURE.parent.mkdir(exist_ok=True)
    figure(measured).savefig(FIGURE, metadata={"Date": None})
    text = PAGE.read_text(encoding="utf-8")
    begin, end = "<!-- begin: docs/make_performance.py -->", "<!-- end -->"
    inside = f"{begin}\n{table(measured)}\n{end}"
    changed = re.sub(f"{begin}.*?{end}", lambda _: inside, text, flags=re.DOTALL)
    PAGE.write_text(changed, encoding="utf-8")


def table(measured: list[dict]) -> str:
    """Return a row per task and a column per size: processor time and peak memory."""
    sizes = sorted({m["size"] for m in measured})
    cells = {(m["task"], m["size"]): m for m in measured}
    rows = ["| | " + " | ".join(f"{s} x {s}" for s in sizes) + " |", "|---|" + "---|" * len(sizes)]
    tasks = dict.fromkeys(m["task"] for m in measured)
    rows += [
        f"| {task} | " + " | ".join(_cell(cells.get((task, s))) for s in sizes) + " |"
        for task in tasks
    ]
    return "\n".join(rows)


def _cell(one: dict | None) -> str:
    if one is None:
        return "-"
    if "stopped" in one:
        return one["stopped"]
    seconds = one["cpu_s"]
    shown = f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"
    return f"{shown} s, {one['peak_gb']:.2g} GB"


def figure(measured: list[dict]) -> Figure:
    """Draw processor time and memory over the number of counts, both axes logarithmic."""
    drawn = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = drawn.subplots(1, 2)
    counts = {m["size"]: m["found"] for m in measured if m["task"] == "open, napari-eds"}
    for task in dict.fromkeys(m["task"] for m in measured):
        whole = [m for m in measured if m["task"] == task and "found" in m and m["cpu_s"] > 0]
        if task.startswith("8 chips"):
            continue
        color = next(c for name, c in COLORS.items() if name in task)
        style = "-o" if task.startswith("open") else "--s"
        style = ":^" if "one inverse" in task else style
        x = [counts[m["size"]] for m in whole]
        left.loglog(x, [m["cpu_s"] for m in whole], style, color=color, ms=4, label=task)
        right.loglog(x, [m["peak_gb"] for m in whole], style, color=color, ms=4)
    for axes, what in ((left, "processor time, s"), (right, "peak memory, GB")):
        axes.set_xlabel("counts in the map")
        axes.set_ylabel(what)
        axes.grid(alpha=0.3)
    drawn.legend(loc="outside lower center", ncols=3, fontsize=7.5, frameon=False)
    return drawn


if __name__ == "__main__":
    main()
