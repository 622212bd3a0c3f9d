"""Thickness maps of other methods, such as t/lambda of EELS, brought to the pixels of a map."""

from __future__ import annotations

from numbers import Real
from pathlib import Path

import numpy as np

from napari_eds._support.arguments import PATH, expect, map_shape
from napari_eds.errors import EDSError, LabelError
from napari_eds.labels.files import read_numbers


def read_thickness_map(
    path: str | Path, shape: tuple[int, int], *, nm_per_unit: float = 1.0
) -> np.ndarray:
    """Read a thickness map from a ``.npy`` or ``.tif`` file.

    A map with n x n pixels for each one of the spectrum image is averaged over them, and one with
    a pixel for each n x n of them is repeated; any other shape is refused, for how it would lie
    is not known.

    Parameters
    ----------
    path : str or Path
    shape : (int, int)
        (rows, columns) of the spectrum image.
    nm_per_unit : float
        Of the values: 1 for nm, the mean free path in nm for t/lambda.

    Returns
    -------
    ndarray of float, (rows, columns)
        Thickness in nm; NaN stays NaN.

    Raises
    ------
    FileNotFoundError
    EDSError
        If the file cannot be read, fits the image by no whole factor, holds a thickness below 0,
        or the scale is not positive.
    """
    expect(path=(path, PATH), nm_per_unit=(nm_per_unit, Real))
    shape = map_shape(shape)
    path = Path(path)
    if not 0 < nm_per_unit < np.inf:
        raise EDSError(f"nm per unit of a thickness map must be above 0, not {nm_per_unit}")
    try:
        values = read_numbers(path)
    except LabelError as error:
        raise EDSError(str(error)) from error
    if np.any(values < 0) or np.isinf(values).any():
        wrong = values[(values < 0) | np.isinf(values)][0]
        raise EDSError(
            f"{path.name} holds {wrong:g}, which is no thickness: give NaN where it is unknown"
        )
    return _binned(values * nm_per_unit, shape, path.name)


def _binned(values: np.ndarray, shape: tuple[int, int], name: str) -> np.ndarray:
    rows, columns = values.shape
    fine, coarse = rows // max(shape[0], 1), shape[0] // max(rows, 1)
    if fine and (rows, columns) == (fine * shape[0], fine * shape[1]):
        return values.reshape(shape[0], fine, shape[1], fine).mean(axis=(1, 3))
    if coarse and (rows * coarse, columns * coarse) == tuple(shape):
        return np.kron(values, np.ones((coarse, coarse)))
    raise EDSError(
        f"{name} has {rows} x {columns} pixels, which fit the {shape[0]} x {shape[1]} of the map "
        "by no whole factor: resample it to the pixels of the map, and give that"
    )
