"""The energy axis of spectra, and units of length."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_eds.errors import EDSError, UncalibratedError

#: Units of length that files give, in nm.
NM_PER_UNIT = {
    "pm": 1e-3,
    "Å": 0.1,
    "nm": 1.0,
    "um": 1e3,
    "µm": 1e3,  # the micro sign
    "μm": 1e3,  # the Greek letter
    "mm": 1e6,
    "m": 1e9,
}

#: (row, column) size of a pixel, and its unit.
PixelSize = tuple[tuple[float, float], str]
NO_SIZE: PixelSize = ((1.0, 1.0), "pixel")

#: Pixels of the largest map that is believed in: 8192 x 8192. A damaged header claims any number,
#: and every pixel costs memory even if it is empty.
MOST_PIXELS = 2**26

#: Energy in keV from which counts are X-rays. Below lies the noise peak (zero or strobe peak):
#: readings of the detector without an X-ray, around 0 keV and as wide as its electronic noise.
#: They are 82 to 99 % of all counts in measured Velox maps. In those, as in maps of Bruker and
#: JEOL, X-rays prevail from 0.15 to 0.2 keV on. Of the lines that may be asked for, Be K
#: (0.109 keV) and B K (0.183 keV) lie below it; it is the lower end of the default fitted range.
NOISE_PEAK_END_keV = 0.2


def pixel_size(row: float, column: float, unit: Any) -> PixelSize:
    """Return the (row, column) size of a pixel in nm, or in µm from 1 µm on, and that unit."""
    in_nm = NM_PER_UNIT.get(unit) if isinstance(unit, str) else None
    if in_nm is None or not (row > 0 and column > 0):
        return NO_SIZE
    nm, unit = (in_nm, "nm") if column * in_nm < 1000 else (in_nm / 1000, "µm")
    return (float(row) * nm, float(column) * nm), unit


@dataclass(frozen=True)
class EnergyAxis:
    """A linear energy axis; channel `i` is centred on ``offset_keV + i * scale_keV``.

    `calibrated` is false where a file gives no energies: offset and scale then mean nothing,
    and whatever needs an energy raises `UncalibratedError`.
    """

    offset_keV: float
    scale_keV: float
    size: int
    calibrated: bool = True

    def __post_init__(self) -> None:
        if self.size < 1:
            raise EDSError(f"an energy axis needs at least one channel, not {self.size}")
        if not (np.isfinite(self.offset_keV) and np.isfinite(self.scale_keV)):
            raise EDSError(f"energy offset and scale must be finite, not {self}")
        if self.scale_keV <= 0:
            raise EDSError(f"keV per channel must be positive, not {self.scale_keV}")

    @classmethod
    def uncalibrated(cls, size: int) -> EnergyAxis:
        """Return an axis that counts channels only."""
        return cls(0.0, 1.0, size, calibrated=False)

    @property
    def energies_keV(self) -> np.ndarray:
        """Channel centres in keV, shape (channels,)."""
        self.require_calibrated()
        return self.offset_keV + self.scale_keV * np.arange(self.size)

    @property
    def last_keV(self) -> float:
        """Centre of the last channel, in keV; that of the first is `offset_keV`."""
        self.require_calibrated()
        return self.offset_keV + self.scale_keV * (self.size - 1)

    def require_calibrated(self) -> None:
        """Stop where the channels have no energies.

        Raises
        ------
        UncalibratedError
            If the file gave none.
        """
        if not self.calibrated:
            raise UncalibratedError(
                "the energy axis is not calibrated: the file gives no offset and scale. Set them "
                "with image.with_energy_axis(offset_keV=..., scale_keV=...)"
            )

    @property
    def tells_xrays(self) -> bool:
        """Whether X-rays can be told from the noise peak: energies are known, and reach above."""
        return self.calibrated and self._first_channel(NOISE_PEAK_END_keV) < self.size

    @property
    def xray_channels(self) -> slice:
        """Channels of X-rays above the noise peak: from `NOISE_PEAK_END_keV` to the last.

        All channels where X-rays cannot be told from it (`tells_xrays`).
        """
        return slice(self._first_channel(NOISE_PEAK_END_keV) if self.tells_xrays else 0, self.size)

    @property
    def counted(self) -> str:
        """What is counted in `xray_channels`, in plain words."""
        if self.tells_xrays:
            return f"X-rays above the noise peak, from {NOISE_PEAK_END_keV:g} keV on"
        why = "ends below" if self.calibrated else "has no energies to tell X-rays from"
        return f"all channels, for the axis {why} the noise peak"

    def channels(self, low_keV: float, high_keV: float) -> slice:
        """Return the channels whose centres lie in ``low_keV <= E < high_keV``.

        Raises
        ------
        EDSError
            If no channel lies in the window.
        """
        self.require_calibrated()
        start, stop = self._first_channel(low_keV), self._first_channel(high_keV)
        if start >= stop:
            raise EDSError(
                f"no channel lies between {low_keV:g} and {high_keV:g} keV: the axis runs from "
                f"{self.offset_keV:.3f} to {self.last_keV:.3f} keV"
            )
        return slice(start, stop)

    def _first_channel(self, energy_keV: float) -> int:
        """Return the first channel whose centre is not below an energy; `size` if none is."""
        # A centre that equals a bound up to rounding counts as equal to it.
        position = np.ceil((energy_keV - self.offset_keV) / self.scale_keV - 1e-6)
        return int(np.clip(position, 0, self.size))

    def crop(self, channels: slice) -> EnergyAxis:
        """Return the axis of a contiguous slice of channels."""
        start, stop, _ = channels.indices(self.size)
        return replace(
            self, offset_keV=self.offset_keV + start * self.scale_keV, size=stop - start
        )

    def rebin(self, factor: int) -> EnergyAxis:
        """Return the axis after summing groups of `factor` channels, the remainder dropped."""
        return replace(
            self,
            offset_keV=self.offset_keV + (factor - 1) / 2 * self.scale_keV,
            scale_keV=self.scale_keV * factor,
            size=self.size // factor,
        )
