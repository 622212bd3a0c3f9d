"""Single spectra beside the maps of a file: what is wrong with them keeps no map from opening."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from napari_eds.errors import EDSError
from napari_eds.readers.hdf5_checks import FAULTS
from napari_eds.readers.notes import note
from napari_eds.spectra.spectrum_image import SpectrumImage


def readable(readers: Iterable[Callable[[], SpectrumImage]]) -> list[SpectrumImage]:
    """Return what can be read of spectra beside maps; what cannot is a note."""
    found = []
    for read in readers:
        try:
            found.append(read())
        except (EDSError, *FAULTS) as error:
            note(f"a spectrum beside the maps is left out: {error}")
    return found
