"""Maps of columns of a result, of two combined, and overlays; they follow the result of labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from napari.layers import Image
from napari.utils.notifications import show_info

from napari_eds._napari.parts.jobs import one_per_turn
from napari_eds._napari.parts.keyed_jobs import Jobs
from napari_eds._napari.state.derived import (
    COLUMN_MAPS,
    COLUMNS,
    LIMITS,
    OVERLAY,
    PICTURE,
    Look,
)
from napari_eds._napari.state.layers import QUANTIFICATION, geometry
from napari_eds.errors import EDSError
from napari_eds.quantification.combinations import (
    Operation,
    combined,
    label_map,
    numbers_of,
)
from napari_eds.quantification.result import Quantification
from napari_eds.spectra.overlays import Overlay, overlay

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels

ALONE = "alone"


class Columns(NamedTuple):
    """A column of a result's table, alone or with another one by an `Operation`."""

    left: str
    operation: str = ALONE
    right: str = ""


class ColumnMap(NamedTuple):
    """A map and the contrast limits that show it."""

    data: np.ndarray
    limits: tuple[float, float]


class ColumnMaps(NamedTuple):
    """What columns show: maps by the name of their layer, and what is to be said of them."""

    columns: Columns
    maps: dict[str, ColumnMap]
    note: str


# What is found takes some tenths of a second where there are many labels or pixels: in a thread.


def find_columns(result: Quantification, columns: Columns) -> ColumnMaps:
    """Return the map of columns, of two combined that of the error, too.

    Raises
    ------
    EDSError
        If a column is not there.
    """
    left, operation, right = columns
    if operation == ALONE:
        maps = {left: _map(result, numbers_of(result, left))}
        return ColumnMaps(columns, maps, f"{left} as a layer.")
    found = combined(result, left, right, cast("Operation", operation))
    maps = {found.name: _map(result, found.value)}
    if np.isfinite(found.total).any():
        maps[f"± {found.name}"] = _map(result, found.total)
    return ColumnMaps(columns, maps, f"{found.name}: {found.note}.")


def _map(result: Quantification, values: np.ndarray) -> ColumnMap:
    data = label_map(result, values)
    return ColumnMap(data, _limits(data))


def find_overlay(
    result: Quantification, elements: Sequence[str], colors: Mapping[str, str]
) -> Overlay:
    """Return the at. % of elements added up in colours.

    Parameters
    ----------
    result : Quantification
    elements : sequence of str
    colors : mapping of str to str
        By element, where not the next that is free.

    Raises
    ------
    EDSError
        If an element is not there, or colours are none.
    """
    unknown = [e for e in elements if e not in result.elements]
    if unknown or not elements:
        raise EDSError(
            f"an overlay is made of {', '.join(result.elements)}, not of "
            f"{', '.join(unknown) or 'nothing'}"
        )
    maps = result.maps()
    return overlay({e: maps[e] for e in elements}, colors)


def show_columns(
    viewer: ViewerModel, labels: Labels, result: Quantification, found: ColumnMaps
) -> Image:
    """Show maps of columns as layers of their labels, that of an error hidden.

    Returns the layer of the values.
    """
    # The error below, so that the values are looked at.
    for name in reversed(found.maps):
        shown = _show(viewer, labels, result, found.columns, (name, found.maps[name]))
    return shown


def show_overlay(
    viewer: ViewerModel, labels: Labels, result: Quantification, picture: Overlay
) -> Image:
    """Show an overlay in the one layer that labels have for it."""
    look = Look(
        picture.rgb,
        f"overlay {', '.join(picture.colors)} ({labels.name})",
        renewed={},
        first={"rgb": True, **geometry(result.image)},
        told={PICTURE.key: picture},
        follows_name=True,
        says_what_it_is=True,
    )
    return OVERLAY.show(viewer, labels, None, look)


def renew_column_maps(
    jobs: Jobs, viewer: ViewerModel, labels: Labels, result: Quantification
) -> None:
    """Let the maps and the overlay of labels show another result, each in its layer.

    What the user chose of them stays: name, colours, visibility, and contrast limits that were
    changed. Maps of columns the result lacks are removed, and that is told; elements it lacks
    leave the overlay.
    """
    layers = COLUMN_MAPS.layers(viewer, labels).values()
    # A value and its error are found at once.
    wanted = [Columns(*told) for told in dict.fromkeys(map(COLUMNS.of, layers)) if told]
    drawn = PICTURE.of(OVERLAY.layer(viewer, labels, None))
    if not wanted and drawn is None:
        return

    def find() -> _Renewed:
        found = [_found_if_there(result, columns) for columns in wanted]
        colors = drawn.colors if drawn else {}
        there = {e: color for e, color in colors.items() if e in result.elements}
        return _Renewed(found, find_overlay(result, list(there), there) if there else None)

    def show(renewed: _Renewed) -> None:
        one_per_turn(_renewing(viewer, labels, result, renewed, instead_of=drawn))

    jobs.run((COLUMNS.key, labels.unique_id), find, show)


class _Renewed(NamedTuple):
    """What a result has to show in layers that there are; no picture where it lacks all of it."""

    maps: list[ColumnMaps]
    picture: Overlay | None


def _renewing(
    viewer: ViewerModel,
    labels: Labels,
    result: Quantification,
    renewed: _Renewed,
    *,
    instead_of: Overlay | None,
) -> Iterator[Callable[[], None]]:
    """Yield the steps, which do nothing once there is a newer result, or the labels are gone."""

    def step(renew: Callable[..., None], *what: Any) -> None:
        if labels in viewer.layers and labels.metadata.get(QUANTIFICATION) is result:
            renew(viewer, labels, result, *what)

    for found in renewed.maps:
        yield partial(step, _renew_columns, found)
    yield partial(step, _renew_overlay, renewed.picture, instead_of)


def _found_if_there(result: Quantification, columns: Columns) -> ColumnMaps:
    try:
        return find_columns(result, columns)
    except EDSError:
        return ColumnMaps(columns, {}, "")


def _renew_columns(
    viewer: ViewerModel, labels: Labels, result: Quantification, found: ColumnMaps
) -> None:
    columns, maps, _ = found
    for name, layer in COLUMN_MAPS.layers(viewer, labels).items():
        if COLUMNS.of(layer) != columns:
            continue
        if name in maps:
            _show(viewer, labels, result, columns, (name, maps[name]))
        else:
            _remove(viewer, layer)


def _renew_overlay(
    viewer: ViewerModel,
    labels: Labels,
    result: Quantification,
    picture: Overlay | None,
    instead_of: Overlay | None,
) -> None:
    layer = OVERLAY.layer(viewer, labels, None)
    if layer is None or PICTURE.of(layer) is not instead_of:  # there is a newer one
        return
    if picture is None:
        _remove(viewer, layer)
    else:
        show_overlay(viewer, labels, result, picture)


def _remove(viewer: ViewerModel, layer: Image) -> None:
    viewer.layers.remove(layer)
    show_info(f"The new result has nothing to show as {layer.name}: the layer was removed.")


def _show(
    viewer: ViewerModel,
    labels: Labels,
    result: Quantification,
    columns: Columns,
    named: tuple[str, ColumnMap],
) -> Image:
    """Show a map in the layer of its name."""
    name, (data, limits) = named
    is_error = name.startswith("±")
    kept = _user_set_limits(COLUMN_MAPS.layer(viewer, labels, name))
    look = Look(
        data,
        f"{name} ({labels.name})",
        renewed={} if kept else {"contrast_limits": limits},
        first={
            "colormap": "magma" if is_error else "viridis",
            "visible": not is_error,
            **geometry(result.image),
        },
        told={COLUMNS.key: columns} if kept else {COLUMNS.key: columns, LIMITS.key: limits},
        says_what_it_is=True,
    )
    return COLUMN_MAPS.show(viewer, labels, name, look)


def _limits(data: np.ndarray) -> tuple[float, float]:
    """Return contrast limits that a few labels do not set."""
    known = data[np.isfinite(data)]
    low, high = (float(v) for v in np.percentile(known, [1, 99])) if known.size else (0.0, 1.0)
    low = min(low, 0.0) if low < 0.5 * high else low
    return low, high if high > low else low + 1.0


def _user_set_limits(layer: Image | None) -> bool:
    given = LIMITS.of(layer)
    return layer is not None and given is not None and tuple(layer.contrast_limits) != given
