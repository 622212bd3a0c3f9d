"""What those that show an image or hand it on need of it, whatever else it has."""

from __future__ import annotations

from typing import Protocol

from napari_eds.spectra.acquisition import Acquisition
from napari_eds.spectra.axes import EnergyAxis


class Described(Protocol):
    """An image with its name, axes and acquisition."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""

    @property
    def energy(self) -> EnergyAxis:
        """Energies of its channels."""

    @property
    def pixel_size(self) -> tuple[float, float]:
        """(row, column), in `pixel_unit`."""

    @property
    def pixel_unit(self) -> str:
        """Unit of length."""

    @property
    def acquisition(self) -> Acquisition:
        """How it was recorded."""
