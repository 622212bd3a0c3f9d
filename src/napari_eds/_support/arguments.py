"""What public functions are given: checked where it comes in, all in one way.

Annotations say what an argument is; a script finds out here, before anything is computed, and in
words, where Python would name an attribute that something else deep inside does not have.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, get_args

from napari_eds._support.brief import shortened
from napari_eds.errors import ArgumentError, EDSError

if TYPE_CHECKING:
    import numpy as np

Kind = type | UnionType
Item = TypeVar("Item")

#: What `Path` takes.
PATH: Any = str | os.PathLike

_CALLED: Mapping[type, str] = {
    str: "a text",
    os.PathLike: "a path",
    Real: "a number",
    Integral: "a whole number",
    Mapping: "a mapping such as {...}",
    type(None): "None",
}
#: NumPy's, which is not imported for its name.
_ARRAY = "ndarray"
#: Where a script has one from, by the name of the class: rooms above this one are not imported.
_COMES_FROM: Mapping[str, str] = {
    "Acquisition": "image.acquisition is one",
    "Chips": "grid_chips(image.shape, 15) makes them",
    "EnergyAxis": "image.energy is one",
    "Figure": "map_figure(result) draws one",
    "FrameSeries": "read_frames(path) reads one",
    "KFactorTable": "read_k_factors(path) reads one",
    "Line": "Line([(row, column), (row, column)], width_px) makes one",
    "LineProfile": "line_profile(image, line, recipe) makes one",
    "Overlay": "overlay({name: map}) makes one",
    "Quantification": "quantify(image, labels, recipe) makes one",
    "Recipe": 'Recipe(elements=("Fe", "O")) makes one, Recipe.from_json(path) reads one',
    "Session": "load_session(path) reads one",
    "SpectrumImage": "load(path) reads one",
    "ZetaFactorTable": "read_zeta_factors(path) reads one",
}


def expect(**arguments: tuple[object, Any]) -> None:
    """Check arguments by their names, each given as its value and what it must be.

    Raises
    ------
    ArgumentError
        If one is something else; the message says which, and where a script has the right one
        from.
    """
    for name, (value, kind) in arguments.items():
        if not isinstance(value, kind):
            hint = _hint(name, value, kind)
            raise ArgumentError(f"{name} must be {_called(kind)}, not {told(value)}{hint}")


def each(name: str, values: Iterable[Item], kind: Any) -> tuple[Item, ...]:
    """Return the items of an argument, each of which must be of one kind.

    A single text is none: its letters would be taken for the items.

    Raises
    ------
    ArgumentError
        If it has no items, or another one among them.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ArgumentError(
            f"{name} must be several, each {_called(kind)}, not {told(values)}: put it into [...]"
        )
    items = tuple(values)
    for item in items:
        expect(**{f"each of {name}": (item, kind)})
    return items


def map_shape(shape: Iterable[int]) -> tuple[int, int]:
    """Return the shape of a map, two whole numbers.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    is_pair = isinstance(shape, Iterable) and not isinstance(shape, str | Mapping)
    extents = tuple(shape) if is_pair else ()
    if len(extents) != 2 or not all(isinstance(n, Integral) and n > 0 for n in extents):
        what = told(extents if is_pair else shape)
        raise ArgumentError(
            f"shape must be the (rows, columns) of a map, not {what}: image.shape is one"
        )
    return int(extents[0]), int(extents[1])


def pair(name: str, values: Iterable[float]) -> tuple[float, float]:
    """Return an argument as two numbers.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    items = each(name, values, Real)
    if len(items) != 2:
        raise ArgumentError(f"{name} must be two numbers, not {told(values)}")
    return float(items[0]), float(items[1])


def numbers(name: str, values: Any, error: type[EDSError] = ArgumentError) -> np.ndarray:
    """Return an argument as an array of real numbers.

    Raises
    ------
    EDSError
        Of the kind `error`, if it is none.
    """
    import numpy as np

    try:
        array = np.asarray(values)
    except ValueError:  # rows of several lengths
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        hint = _hint(name, values, np.ndarray)
        raise error(f"{name} must be an array of numbers, not {told(values)}{hint}")
    return array


def told(value: object) -> str:
    """Return what somebody gave, for a message."""
    if value is None:
        return "None"
    if _is_array(value):
        return f"an array of shape {value.shape} and type {value.dtype}"
    kind = type(value).__name__
    if isinstance(value, str | os.PathLike | Real | tuple | list):
        # Numbers of NumPy tell their type, too.
        shown = repr(value.tolist() if hasattr(value, "tolist") else value)
        if isinstance(value, os.PathLike):
            shown, kind = repr(os.fspath(value)), "path"
        return f"{shortened(shown, 60)} ({kind})"
    return f"{'an' if kind[0] in 'AEIOaeio' else 'a'} {kind}"


def _called(kind: Any) -> str:
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    plain = [k for k in kinds if k is not str or os.PathLike not in kinds]
    return " or ".join(map(_called_kind, plain))


def _called_kind(kind: type) -> str:
    if kind.__name__ == _ARRAY:
        return "an array"
    name = kind.__name__
    return _CALLED.get(kind) or f"{'an' if name[0] in 'AEIO' else 'a'} {name}"


def _is_array(value: object) -> TypeGuard[np.ndarray]:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _hint(name: str, value: object, kind: Any) -> str:
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    from_where = next((_COMES_FROM[k.__name__] for k in kinds if k.__name__ in _COMES_FROM), "")
    if any(k.__name__ == _ARRAY for k in kinds):
        # Layers of napari, our own regions, and images beside a map.
        for attribute in ("labels", "data"):
            if _is_array(getattr(value, attribute, None)):
                from_where = f"give its array, {name}.{attribute}"
                break
    return f": {from_where}" if from_where else ""
