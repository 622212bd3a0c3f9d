"""What a reader can be asked for besides the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

from napari_eds.errors import ReadError
from napari_eds.spectra.axes import EnergyAxis
from napari_eds.spectra.spectrum_image import SpectrumImage


@dataclass(frozen=True)
class Options:
    """Options of `napari_eds.read`, checked; the names and meanings are the same."""

    detectors: tuple[int | str, ...] | None = None
    frames: tuple[int, int] | None = None
    energy_range_keV: tuple[float, float] | None = None
    rebin_energy: int = 1
    energy_axis: tuple[float, float] | None = None
    clip_negative: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.rebin_energy, Integral) or self.rebin_energy < 1:
            raise ReadError(f"rebin_energy must be a whole number from 1, not {self.rebin_energy}")
        if not all(isinstance(frame, Integral) for frame in self.frames or ()):
            raise ReadError(f"frames must be whole numbers, not {self.frames}")
        for name in ("frames", "energy_range_keV", "energy_axis"):
            value = getattr(self, name)
            if value is not None and len(value) != 2:
                raise ReadError(f"{name} must be a pair of numbers, not {value}")
        if self.detectors is not None and not self.detectors:
            raise ReadError("detectors is empty: name at least one detector, or leave it out")

    @classmethod
    def of(cls, detectors: int | str | Sequence[int | str] | None, **others: object) -> Options:
        """Return the options, with a single detector allowed in place of a sequence."""
        if isinstance(detectors, int | str):
            detectors = (detectors,)
        return cls(None if detectors is None else tuple(detectors), **others)  # type: ignore[arg-type]

    def energy(self, in_file: EnergyAxis) -> EnergyAxis:
        """Return the axis to use for channels that have the axis `in_file` in the file."""
        if self.energy_axis is None:
            return in_file
        offset_keV, scale_keV = self.energy_axis
        return EnergyAxis(offset_keV, scale_keV, in_file.size)

    def channels(self, energy: EnergyAxis) -> slice:
        """Return the channels of `energy` that were asked for, enough for `rebin_energy`."""
        channels = slice(0, energy.size)
        if self.energy_range_keV is not None:
            channels = energy.channels(*self.energy_range_keV)
        n_channels = channels.stop - channels.start
        if n_channels < self.rebin_energy:
            raise ReadError(f"cannot rebin {n_channels} channels by {self.rebin_energy}")
        return channels

    def apply_to_energy(self, image: SpectrumImage) -> SpectrumImage:
        """Return `image` cropped and rebinned in energy as asked for."""
        if self.energy_range_keV is not None:
            image = image.crop_energy(*self.energy_range_keV)
        return image if self.rebin_energy == 1 else image.rebin_energy(self.rebin_energy)
