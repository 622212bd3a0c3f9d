"""The energy axis of spectra, and units of length."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
        """Raise `UncalibratedError` where the file gave no energies."""
        if not self.calibrated:
            raise UncalibratedError(
                "the energy axis is not calibrated: the file gives no offset and scale. Set them "
                "with image.with_energy_axis(offset_keV=..., scale_keV=...)"
            )

    def channels(self, low_keV: float, high_keV: float) -> slice:
        """Return the channels whose centres lie in ``low_keV <= E < high_keV``.

        Raises
        ------
        EDSError
            If no channel lies in the window.
        """
        self.require_calibrated()
        # A centre that equals a bound up to rounding counts as equal to it.
        edges = (np.array([low_keV, high_keV]) - self.offset_keV) / self.scale_keV
        start, stop = np.clip(np.ceil(edges - 1e-6), 0, self.size).astype(int)
        if start >= stop:
            raise EDSError(
                f"no channel lies between {low_keV:g} and {high_keV:g} keV: the axis runs from "
                f"{self.offset_keV:.3f} to {self.last_keV:.3f} keV"
            )
        return slice(int(start), int(stop))

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
