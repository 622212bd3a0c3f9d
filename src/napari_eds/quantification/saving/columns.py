"""Maps of columns and of their combinations, as files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from napari_eds._support.arguments import PATH, each, expect
from napari_eds._support.outputs import OutputFolder, output_folder
from napari_eds.errors import EDSError
from napari_eds.quantification.combinations import Combined, label_map, numbers_of
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.saving.results import save_map

#: Pictures of ratios begin at zero and end at what is there, however little.
_LEAST_TOP = 1e-9


def save_column_maps(
    result: Quantification,
    folder: str | Path,
    *,
    columns: Iterable[str] = (),
    combinations: Iterable[Combined] = (),
    overwrite: bool = False,
) -> list[Path]:
    """Save maps of columns and of combinations of them, as TIFF and PNG.

    A combination has a map of its values, of its errors in all (``..._error_total``) and of those
    from counting (``..._error``); one whose errors cannot be stated has no maps of them.

    Parameters
    ----------
    result : Quantification
    folder : str or Path
        Made where it does not exist.
    columns : iterable of str
        Numeric columns of the table, errors included.
    combinations : iterable of Combined
    overwrite : bool
        Whether maps of an earlier run may be replaced.

    Raises
    ------
    EDSError
        If nothing is asked for, or there is no such column.
    OutputError, OSError
        If the folder cannot get them.
    """
    expect(result=(result, Quantification), folder=(folder, PATH))
    columns = each("columns", columns, str)
    combinations = each("combinations", combinations, Combined)
    maps = [(column, column, numbers_of(result, column)) for column in columns]
    for one in combinations:
        maps.append((one.stem, one.name, one.value))
        for ending, errors in (("error_total", one.total), ("error", one.counting)):
            if np.isfinite(errors).any():
                maps.append((f"{one.stem}_{ending}", f"± of {one.name}", errors))
    if not maps:
        raise EDSError("no map is asked for: name a column, or two to be combined")
    inputs = [result.image.source]
    with output_folder(folder, overwrite=overwrite, inputs=inputs) as made:
        return [path for each in maps for path in _saved(result, made, *each)]


def _saved(
    result: Quantification, folder: OutputFolder, stem: str, title: str, values: np.ndarray
) -> list[Path]:
    data = label_map(result, values)
    return save_map(data, folder, stem, title, result.image, least_top=_LEAST_TOP)
