"""Several maps in one picture: a colour each, added up, with a legend."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_eds._support import figures
from napari_eds._support.arguments import expect, numbers, pair
from napari_eds._support.brief import brief
from napari_eds.errors import EDSError
from napari_eds.spectra.axes import NM_PER_UNIT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: In their order: pairs of them mix to a third colour that is neither.
OVERLAY_COLORS = ("#ff2020", "#20ff20", "#3060ff", "#ff20ff", "#20e0ff", "#ffd020")
#: Largest values that are left out of a map's range, in percent.
_LEFT_OUT_PERCENT = 1.0
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_SIDE_INCH, _LEGEND_INCH = 4.5, 1.6


@brief
@dataclass(frozen=True, eq=False)
class Overlay:
    """Maps added up in colours.

    Attributes
    ----------
    rgb : ndarray of uint8, (rows, columns, 3)
    colors : mapping of str to str
        ``#rrggbb`` of every map, by its name.
    limits : mapping of str to (float, float)
        Values that are black, and in full colour.
    """

    rgb: np.ndarray
    colors: Mapping[str, str]
    limits: Mapping[str, tuple[float, float]]

    def legend(self) -> list[str]:
        """Say which colour stands for what, one line per map."""
        return [
            f"{name} {color}: {self.limits[name][0]:.4g} to {self.limits[name][1]:.4g}"
            for name, color in self.colors.items()
        ]


def overlay(
    maps: Mapping[str, np.ndarray],
    colors: Mapping[str, str] | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> Overlay:
    """Add maps up in one picture.

    Parameters
    ----------
    maps : mapping of str to ndarray, (rows, columns)
        By name, such as an element; NaN counts as nothing.
    colors : mapping of str to str, optional
        ``#rrggbb`` by name; by default from `OVERLAY_COLORS`, in turn.
    limits : mapping of str to (float, float), optional
        What is black and what in full colour; by default from zero to the 99th percentile.

    Raises
    ------
    EDSError
        If there is no map or more than colours, shapes differ, or a colour or limits are none.
    """
    expect(maps=(maps, Mapping), colors=(colors, Mapping | None), limits=(limits, Mapping | None))
    if not maps:
        raise EDSError("an overlay needs a map at least")
    maps = {name: numbers(f"the map {name}", data) for name, data in maps.items()}
    shapes = {data.shape[:2] for data in maps.values()}
    if len(shapes) > 1:
        raise EDSError(f"maps of different shapes cannot be laid over each other: {shapes}")
    chosen = _colors(list(maps), colors or {})
    used: dict[str, tuple[float, float]] = {}
    total = np.zeros((*shapes.pop(), 3))
    for name, data in maps.items():
        given = (limits or {}).get(name)
        low, high = _range(data) if given is None else pair(f"limits of {name}", given)
        if not (np.isfinite([low, high]).all() and high > low):
            raise EDSError(f"limits of {name} must rise, not go from {low} to {high}")
        used[name] = (float(low), float(high))
        share = np.clip((np.nan_to_num(data, nan=low) - low) / (high - low), 0, 1)
        total += share[..., None] * _rgb(chosen[name])
    return Overlay((np.clip(total, 0, 1) * 255 + 0.5).astype(np.uint8), chosen, used)


def draw_overlay(
    picture: Overlay, pixel_size: tuple[float, float] = (1.0, 1.0), unit: str = "pixel"
) -> Figure:
    """Draw an overlay true to scale, with the legend beside it."""
    from matplotlib.figure import Figure as NewFigure
    from matplotlib.patches import Patch

    rows, columns = picture.rgb.shape[:2]
    height, width = rows * pixel_size[0], columns * pixel_size[1]
    side = _SIDE_INCH / max(height, width)
    size = (max(width * side, 1.5) + _LEGEND_INCH, max(height * side, 1.5) + 0.6)
    figure = NewFigure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.imshow(picture.rgb, extent=(0, width, height, 0), interpolation="nearest")
    axes.set_xlabel(unit if unit in NM_PER_UNIT else "pixels")
    patches = [
        Patch(facecolor=color, edgecolor="0.3", label=_entry(name, picture.limits[name]))
        for name, color in picture.colors.items()
    ]
    axes.legend(
        handles=patches, loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0, frameon=False
    )
    return figure


def save_overlay(
    picture: Overlay,
    path: str | Path,
    pixel_size: tuple[float, float] = (1.0, 1.0),
    unit: str = "pixel",
    *,
    overwrite: bool = False,
) -> Path:
    """Save what `draw_overlay` draws, as PNG, PDF or SVG.

    Parameters
    ----------
    picture : Overlay
    path : str or Path
        Its ending tells the format, such as PNG, PDF or SVG; PNG without one.
    pixel_size : tuple of float
        (rows, columns).
    unit : str
        Of the pixel size.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    EDSError
        If figures are not drawn in that format.
    OutputError
        If the file is there and may not be replaced.
    """
    expect(picture=(picture, Overlay))
    return figures.save_figure(
        draw_overlay(picture, pixel_size, unit), path, dpi=figures.DPI, overwrite=overwrite
    )


def _entry(name: str, limits: tuple[float, float]) -> str:
    return f"{name}\n{limits[0]:.3g} to {limits[1]:.3g}"


def _colors(names: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return a colour for every name: the given one, or the next that is free."""
    wrong = [c for c in given.values() if not isinstance(c, str) or not _HEX.fullmatch(c)]
    if wrong:
        raise EDSError(f"a colour is written as #ff0000, not {wrong[0]!r}")
    free = [c for c in OVERLAY_COLORS if c not in {v.lower() for v in given.values()}]
    missing = [name for name in names if name not in given]
    if len(missing) > len(free):
        raise EDSError(
            f"{len(names)} maps cannot be told apart in one picture: choose "
            f"{len(OVERLAY_COLORS)} at most, or give every one its colour"
        )
    taken = dict(zip(missing, free, strict=False))
    return {name: given.get(name) or taken[name] for name in names}


def _range(data: np.ndarray) -> tuple[float, float]:
    """Limits that a few outliers do not set, from zero: black is where nothing is."""
    known = data[np.isfinite(data)]
    if not known.size:
        return 0.0, 1.0
    high = np.percentile(known, 100 - _LEFT_OUT_PERCENT)
    # Elements that a few pixels hold would else be cut off.
    high = float(high if high > 0 else known.max())
    return 0.0, high if high > 0 else 1.0


def _rgb(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
