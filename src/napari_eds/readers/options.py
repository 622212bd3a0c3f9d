"""What a reader can be asked for besides the file, and how it is done."""

from __future__ import annotations

from dataclasses import dataclass, replace

from napari_eds.errors import ReadError
from napari_eds.recipe.map_part import MapPart
from napari_eds.spectra.axes import EnergyAxis
from napari_eds.spectra.spectrum_image import SpectrumImage


@dataclass(frozen=True)
class Options(MapPart):
    """Options of `napari_eds.read`, checked; the names and meanings are the same."""

    spectra: bool = False

    @property
    def part(self) -> MapPart:
        """The options as the value that images keep."""
        return MapPart(**self.reading(), index=self.index)

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

    def finish(self, image: SpectrumImage, index: int | None) -> SpectrumImage:
        """Return `image`, whole in its pixels, cropped as asked for, and told what part it is.

        Parameters
        ----------
        image : SpectrumImage
        index : int or None
            Which of several it is in its file; None where it is the only one.
        """
        # Readers have done the energies and all else; pixels are cropped here, once for all.
        image = replace(image, part=replace(self.part, crop=None, crop_unit="px", index=index))
        if self.crop is None:
            return image
        return image.crop(*self.pixels(image.shape, image.pixel_size_nm or (None, None)))
