"""How the few-shot programs tile a map, name its chips and order them.

Read from the sources of pnnl/Multimodal-Few-Shot and pnnl/pychip_gui: both crop the remainder at
the right and bottom and go down each column of chips in turn.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real

import numpy as np
import pandas as pd

from napari_eds._support.arguments import each, expect, map_shape
from napari_eds.errors import EDSError, LabelError
from napari_eds.labels.chips import CHIP, LABEL, N_PIXELS, Chips, describe_labels, grid_chips
from napari_eds.spectra.label_sums import check_labels

#: Part of a chip's painted pixels that must be of one class; the rest counts as spilled over.
_CLEAR_MAJORITY = 0.75
_PYCHIP_NAME = re.compile(r"cropX_(\d+)_Y_(\d+)")


class FewShotError(EDSError):
    """A few-shot folder, support set or table of classes cannot be made or read."""


def few_shot_grid(shape: tuple[int, int], n_columns: int) -> Chips:
    """Tile a map into squares as the few-shot programs do.

    A chip measures ``floor(columns of the map / n_columns)`` pixels each way. As many chips as
    fit are made, which can be more columns than asked for; the remainder at the right and bottom
    stays unlabelled.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns) of the map.
    n_columns : int

    Raises
    ------
    LabelError
        If the columns are no whole number from 1 to the width, or a chip is taller than the map.

    Examples
    --------
    >>> chips = few_shot_grid((100, 100), 30)
    >>> chips.size, chips.grid
    ((3, 3), (33, 33))
    """
    shape = map_shape(shape)
    expect(n_columns=(n_columns, Real))
    width = shape[1]
    if not np.isfinite(n_columns) or n_columns != int(n_columns) or not 1 <= n_columns <= width:
        raise LabelError(
            f"a map {width} pixels wide has 1 to {width} columns of chips, not {n_columns}"
        )
    return grid_chips(shape, width // int(n_columns))


@dataclass(frozen=True, eq=False)
class ChipOrder:
    """Labels of a map as the few-shot programs name and order them.

    Attributes
    ----------
    ids : tuple of str
        Chip ids in the order of export: ``R{row}C{column}`` down each column of a grid in turn,
        ``L{label}`` in ascending order for labels that are no grid.
    label_ids : tuple of int
        The label of each chip.
    table : DataFrame
        What `describe_labels` says of each chip, in the same order, indexed by ``chip`` id, with
        the label's id as ``label`` and its name as ``name``.
    size : tuple of int or None
        Size of a chip of the grid in pixels along (rows, columns).
    grid : tuple of int or None
        How many chips of that size fit along (rows, columns), labelled or not.
    """

    ids: tuple[str, ...]
    label_ids: tuple[int, ...]
    table: pd.DataFrame
    size: tuple[int, int] | None
    grid: tuple[int, int] | None

    @property
    def cells(self) -> list[tuple[int, int]]:
        """Row and column of each chip in the grid."""
        if self.size is None:
            raise FewShotError("labels that are no grid of chips have no rows and columns")
        starts = self.table[["row_start", "column_start"]].to_numpy() // self.size
        return [(int(row), int(column)) for row, column in starts]

    @property
    def pychip_names(self) -> tuple[str, ...]:
        """File name of each chip of a grid in pychip_gui."""
        return tuple(f"cropX_{column}_Y_{row}.jpg" for row, column in self.cells)

    def id_of(self, chip: str | int) -> str:
        """Return the chip that a chip id, the name of a label or a label id means.

        Raises
        ------
        FewShotError
            If there is none, or a name that several labels bear.
        """
        if chip in self.labels and isinstance(chip, str):
            return chip
        if isinstance(chip, str):
            found = self.table.index[self.table["name"] == chip].tolist()
        else:
            found = [self._ids_by_label[chip]] if chip in self._ids_by_label else []
        if len(found) != 1:
            problem = "several labels bear the name" if found else "there is no chip"
            some = ", ".join(self.ids[:5])
            raise FewShotError(f"{problem} {chip!r}; chips are called {some}, ... or by label id")
        return found[0]

    @cached_property
    def labels(self) -> dict[str, int]:
        """Label of each chip id."""
        return dict(zip(self.ids, self.label_ids, strict=True))

    @cached_property
    def _ids_by_label(self) -> dict[int, str]:
        return dict(zip(self.label_ids, self.ids, strict=True))


def order_chips(labels: np.ndarray, names: Mapping[int, str] | None = None) -> ChipOrder:
    """Name and order the labels of a map.

    They count as a grid where every label is a rectangle of one size that starts at a multiple
    of that size; chips may be missing.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)
    names : mapping of int to str, optional

    Raises
    ------
    LabelError
        If it is no label map or nothing is labelled.
    """
    table = describe_labels(labels, names)
    if table.empty:
        raise LabelError("no pixel is labelled; paint a region or make a grid first")
    size = _grid_size(table)
    if size is None:
        ids = [f"L{label}" for label in table.index]
        grid = None
    else:
        rows, columns = (table[f"{a}_start"] // s for a, s in zip(_AXES, size, strict=True))
        table = table.iloc[np.lexsort((rows, columns))]
        cells = zip(rows[table.index], columns[table.index], strict=True)
        ids = [f"R{row}C{column}" for row, column in cells]
        grid = (labels.shape[0] // size[0], labels.shape[1] // size[1])
    table = table.rename(columns={CHIP: "name"}).reset_index()
    table.index = pd.Index(ids, name=CHIP)
    return ChipOrder(tuple(ids), tuple(map(int, table[LABEL])), table, size, grid)


_AXES = ("row", "column")


def _grid_size(table: pd.DataFrame) -> tuple[int, int] | None:
    """Return the chip size where the labels are chips of a grid."""
    sizes = {axis: table[f"{axis}_stop"] - table[f"{axis}_start"] for axis in _AXES}
    rows, columns = (int(sizes[axis].iloc[0]) for axis in _AXES)
    is_grid = (
        (sizes["row"] == rows)
        & (sizes["column"] == columns)
        & (table[N_PIXELS] == rows * columns)
        & (table["row_start"] % rows == 0)
        & (table["column_start"] % columns == 0)
    )
    return (rows, columns) if is_grid.all() else None


def chip_of_pychip(name: str) -> str:
    """Return the chip id that a file name of pychip_gui means, other text unchanged."""
    match = _PYCHIP_NAME.search(name)
    return f"R{match[2]}C{match[1]}" if match else name


def check_support(
    support: Mapping[str, Iterable[str | int]], chips: ChipOrder
) -> dict[str, tuple[str, ...]]:
    """Return a support set by chip ids, each class in the order of the chips given.

    Raises
    ------
    FewShotError
        If a class has no name or no chip, or a chip is unknown or of two classes.
    """
    expect(support=(support, Mapping))
    checked: dict[str, tuple[str, ...]] = {}
    owner: dict[str, str] = {}
    for name, members in support.items():
        if not isinstance(name, str) or not name.strip() or name in {"prediction", "chip"}:
            raise FewShotError(
                f"a class needs a name other than prediction and chip, not {name!r}"
            )
        if isinstance(members, str):
            raise FewShotError(f"class {name!r} needs a list of chips, not {members!r}")
        given = each(f"class {name!r}", members, Integral | str)
        ids = tuple(dict.fromkeys(map(chips.id_of, given)))
        if not ids:
            raise FewShotError(f"class {name!r} has no chip; give it one or leave it out")
        twice = [chip for chip in ids if chip in owner]
        if twice:
            raise FewShotError(
                f"chip {twice[0]} stands for two classes, {owner[twice[0]]!r} and {name!r}"
            )
        owner |= dict.fromkeys(ids, name)
        checked[name] = ids
    return checked


def support_from_painting(
    labels: np.ndarray | Chips,
    painting: np.ndarray,
    class_names: Mapping[int, str] | None = None,
) -> dict[str, tuple[str, ...]]:
    """Read a support set from classes painted over the chips.

    A chip with a painted pixel is an example of that class. Where a stroke of another class
    touches it, too, the class with three quarters of the chip's painted pixels has it, with a
    warning.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns), or Chips
    painting : ndarray of int, (rows, columns)
        Class of each pixel; 0 is none.
    class_names : mapping of int to str, optional
        A class without a name is called ``class 3``.

    Returns
    -------
    dict of str to tuple of str
        Chip ids of each class, classes in ascending order of their numbers.

    Raises
    ------
    FewShotError
        If a chip is painted with several classes and none prevails, or no chip is painted.
    LabelError
        If either is no label map or they differ in shape.
    """
    expect(class_names=(class_names, Mapping | None))
    labels = labels.labels if isinstance(labels, Chips) else labels
    labels = check_labels(labels)
    painting = check_labels(painting, labels.shape)
    chips = order_chips(labels)
    both = (labels > 0) & (painting > 0)
    if not both.any():
        raise FewShotError("no chip is painted with a class; paint over a few chips of each")
    class_ids, class_of = np.unique(painting[both], return_inverse=True)
    called = {int(i): (class_names or {}).get(int(i), f"class {i}") for i in class_ids}
    if len(set(called.values())) < len(called):
        raise FewShotError(f"two painted classes bear one name: {', '.join(called.values())}")
    label_ids, label_of = np.unique(labels[both], return_inverse=True)
    painted = np.zeros((label_ids.size, class_ids.size), np.int64)
    np.add.at(painted, (label_of, class_of), 1)
    share = painted.max(axis=1) / painted.sum(axis=1)
    _report_mixed(chips, label_ids[share < 1], label_ids[share < _CLEAR_MAJORITY])
    winner = dict(zip(label_ids.tolist(), class_ids[painted.argmax(axis=1)], strict=True))
    support = {
        called[int(i)]: tuple(
            chip for chip, label in chips.labels.items() if winner.get(label) == i
        )
        for i in class_ids
    }
    return {name: members for name, members in support.items() if members}


def _report_mixed(chips: ChipOrder, touched: np.ndarray, unclear: np.ndarray) -> None:
    """Refuse chips of no clear class; warn of those another stroke touches."""
    if unclear.size:
        names = ", ".join(chips.id_of(int(label)) for label in unclear[:5])
        raise FewShotError(
            f"painted with more than one class: {names}{' and more' if unclear.size > 5 else ''}; "
            "erase one of them there"
        )
    if touched.size:
        names = ", ".join(chips.id_of(int(label)) for label in touched[:5])
        warnings.warn(
            f"strokes of another class touch {names}{' and more' if touched.size > 5 else ''}; "
            "the class with most of the painted pixels has them",
            stacklevel=3,
        )
