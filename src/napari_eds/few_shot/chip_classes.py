"""Classes of chips, as few-shot programs save them: a table read, and its labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from napari_eds.errors import LabelError
from napari_eds.labels.chips import Chips

_CHIP_FILE = re.compile(r"cropX_(?P<column>\d+)_Y_(?P<row>\d+)\.\w+$")
_IDS_IN_MESSAGE = 5


@dataclass(frozen=True, eq=False)
class ChipClasses:
    """What a program says of the chips of a grid.

    Attributes
    ----------
    chips : Chips
        A label per class in the order of the table's columns, named by it; its pixels are those
        of all chips of the class. Labels count from 1 over the classes that have chips. What was
        not classified is background.
    table : DataFrame
        One row per classified chip, indexed by its ``label`` in the grid, ascending: ``chip``,
        ``prediction``, and a probability per class under its name.
    """

    chips: Chips
    table: pd.DataFrame


def read_chip_classes(path: str | Path, grid: Chips) -> ChipClasses:
    """Read the result CSV of a few-shot program.

    It has an unnamed index column, one column of probability per class, ``prediction`` and
    ``chip`` (``R{row}C{col}``), as pnnl/Multimodal-Few-Shot writes it. Without ``chip``, the
    index holds the chip's file, ``cropX_{col}_Y_{row}.jpg``, as pnnl/pychip_gui writes it.

    Parameters
    ----------
    path : str or Path
    grid : Chips
        The chips that were classified, as `grid_chips` makes them.

    Returns
    -------
    ChipClasses

    Raises
    ------
    FileNotFoundError
    LabelError
        If the file is no such table, or its chips are not those of the grid.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    frame = _read(path)
    classes = [name for name in frame.columns if name not in ("chip", "prediction")]
    _check(path, frame, classes, grid)
    label_of = {name: label for label, name in grid.names.items()}
    frame.index = pd.Index([label_of[name] for name in frame["chip"]], name="label")
    frame = frame.sort_index()[["chip", "prediction", *classes]]
    return ChipClasses(_class_labels(frame["prediction"], classes, grid), frame)


def _read(path: Path) -> pd.DataFrame:
    """Return the table with text in ``chip`` and ``prediction`` and numbers elsewhere."""
    try:
        frame = pd.read_csv(path, index_col=0, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise LabelError(f"{path.name} cannot be read as a table: {error}") from error
    if "chip" not in frame:
        frame["chip"] = [_chip_of_file(str(name)) for name in frame.index]
    for name in frame.columns.difference(["chip", "prediction"]):
        try:
            frame[name] = pd.to_numeric(frame[name])
        except ValueError as error:
            raise LabelError(
                f"column {name} of {path.name} should hold probabilities: {error}"
            ) from error
    return frame


def _chip_of_file(name: str) -> str:
    """Return the id of the chip in a file, or the name as it is."""
    found = _CHIP_FILE.search(name)
    return f"R{int(found['row'])}C{int(found['column'])}" if found else name


def _check(path: Path, frame: pd.DataFrame, classes: list[str], grid: Chips) -> None:
    if "prediction" not in frame or not classes or frame.empty:
        raise LabelError(
            f"{path.name} is no result of a few-shot program: expected a column for each class, "
            f"'prediction' and 'chip', and found {', '.join(map(str, frame.columns))}, with "
            f"{len(frame)} rows"
        )
    problems = {
        "are not in this grid (is the chip size the same?)": sorted(
            set(frame["chip"]) - set(grid.names.values())
        ),
        "are there more than once": sorted(set(frame["chip"][frame["chip"].duplicated()])),
    }
    for problem, chips in problems.items():
        if chips:
            more = ", ..." if len(chips) > _IDS_IN_MESSAGE else ""
            raise LabelError(
                f"chips of {path.name} {problem}: {', '.join(chips[:_IDS_IN_MESSAGE])}{more}"
            )
    unknown = sorted(set(frame["prediction"]) - set(classes))
    if unknown:
        raise LabelError(
            f"{path.name} predicts {', '.join(unknown[:_IDS_IN_MESSAGE])}, and its classes are "
            f"{', '.join(classes)}"
        )


def _class_labels(prediction: pd.Series, classes: list[str], grid: Chips) -> Chips:
    """Return the chips of each class as one label."""
    there = [name for name in classes if (prediction == name).any()]
    number = {name: i for i, name in enumerate(there, start=1)}
    class_of = np.zeros(int(grid.labels.max()) + 1, np.int32)
    class_of[prediction.index] = [number[name] for name in prediction]
    names = {i: name for name, i in number.items()}
    return Chips(class_of[grid.labels], MappingProxyType(names))
