"""Kernels that average single pixels with their neighbours, so that they hold enough counts."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Literal, get_args

import numpy as np
from scipy import ndimage

from napari_eds._support.arguments import expect
from napari_eds.errors import EDSError

Shape = Literal["mean", "gaussian"]
Unit = Literal["px", "nm"]

#: The units that readers give sizes of pixels in.
_NM_PER_UNIT = {"nm": 1.0, "µm": 1e3}
#: Full width at half maximum of a Gaussian in standard deviations.
_FWHM = 2 * np.sqrt(2 * np.log(2))
#: A Gaussian ends at so many standard deviations, where it is a hundredth of its height.
_TRUNCATE = 3.0
#: A kernel that reaches into a pixel by less than this part of it does so by rounding of units.
_ROUNDING_PX = 1e-9


@dataclass(frozen=True)
class Kernel:
    """How pixels are averaged with their neighbours.

    Attributes
    ----------
    shape : {"mean", "gaussian"}
        ``"mean"``: all pixels of a square weigh the same. ``"gaussian"``: nearer ones weigh more.
    size : float
        Side of the square, or full width at half maximum of the Gaussian. A side that is not an
        odd number of pixels lets the outermost pixels weigh by the part of them that it covers.
    unit : {"px", "nm"}

    Raises
    ------
    EDSError
        If there is no such shape or unit, or the size is not a positive number.
    """

    shape: Shape = "mean"
    size: float = 1.0
    unit: Unit = "px"

    def __post_init__(self) -> None:
        expect(shape=(self.shape, str), size=(self.size, Real), unit=(self.unit, str))
        for what, value, known in [("shape", self.shape, Shape), ("unit", self.unit, Unit)]:
            if value not in get_args(known):
                raise EDSError(
                    f"a kernel's {what} is {' or '.join(get_args(known))}, not {value!r}"
                )
        if not 0 < self.size < np.inf:
            raise EDSError(f"a kernel's size must be a positive number, not {self.size}")

    def __str__(self) -> str:
        shape = {"mean": "square of side", "gaussian": "Gaussian, full width at half maximum"}
        return f"{shape[self.shape]} {self.size:g} {self.unit}"

    def weights(
        self, pixel_size: tuple[float, float] = (1.0, 1.0), pixel_unit: str = "pixel"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights along rows and along columns, each odd in length and of sum 1.

        The weight of a pixel is the product of the two.

        Parameters
        ----------
        pixel_size : tuple of float
            (row, column), in `pixel_unit`.
        pixel_unit : str

        Raises
        ------
        EDSError
            If the size is in nm and that of the pixels is not known as a length.
        """
        rows, columns = (self._weights(size) for size in self._sizes_px(pixel_size, pixel_unit))
        return rows, columns

    def n_pixels(
        self, pixel_size: tuple[float, float] = (1.0, 1.0), pixel_unit: str = "pixel"
    ) -> float:
        """Return how many independent pixels of equal weight would have the same noise."""
        rows, columns = self.weights(pixel_size, pixel_unit)
        return float(1 / ((rows**2).sum() * (columns**2).sum()))

    def _sizes_px(self, pixel_size: tuple[float, float], pixel_unit: str) -> list[float]:
        if self.unit == "px":
            return [self.size, self.size]
        if pixel_unit not in _NM_PER_UNIT or min(pixel_size) <= 0:
            raise EDSError(
                f"pixels have a size in {pixel_unit!r}, not in nm or µm: give the kernel's "
                "size in px"
            )
        return [self.size / (length * _NM_PER_UNIT[pixel_unit]) for length in pixel_size]

    def _weights(self, size_px: float) -> np.ndarray:
        if self.shape == "mean":
            radius = _whole((size_px - 1) / 2)
            distance = np.abs(np.arange(-radius, radius + 1))
            weights = np.clip(size_px / 2 - distance + 0.5, 0, 1)
        else:
            sigma = size_px / _FWHM
            radius = _whole(_TRUNCATE * sigma)
            weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        return weights / weights.sum()


def _whole(radius_px: float) -> int:
    """Return the whole pixels that a radius reaches into, beside the one in the middle."""
    return max(int(np.ceil(radius_px - _ROUNDING_PX)), 0)


def smoothed(fields: np.ndarray, along_rows: np.ndarray, along_columns: np.ndarray) -> np.ndarray:
    """Sum pixels with the weights of a kernel; what lies outside the map counts as 0.

    Parameters
    ----------
    fields : ndarray, (rows, columns, ...)
    along_rows, along_columns : ndarray
        Weights of a pixel's neighbours in its column, and in its row; see `Kernel.weights`.
    """
    rows = ndimage.correlate1d(fields, along_rows, axis=0, mode="constant")
    return ndimage.correlate1d(rows, along_columns, axis=1, mode="constant")
