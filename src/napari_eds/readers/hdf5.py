"""HDF5 files: their extension says little, so what they hold decides who reads them."""

from __future__ import annotations

from pathlib import Path

import h5py

from napari_eds.errors import EDSError, ReadError
from napari_eds.readers.hdf5_checks import FAULTS, check_heaps
from napari_eds.readers.hyperspy_checks import check_hdf5
from napari_eds.readers.options import Options
from napari_eds.readers.rosetta import maps as rosetta
from napari_eds.readers.velox import maps as velox
from napari_eds.spectra.spectrum_image import AuxiliaryImage, SpectrumImage


def read(path: Path, options: Options) -> list[SpectrumImage]:
    """Return the EDS data of a file by Velox, by HyperSpy, or in the Berkeley form of `.emd`.

    Parameters
    ----------
    path : Path
    options : Options

    Raises
    ------
    ReadError
        If the file is none of these.
    """
    plugin = _plugin(path)
    return velox.read(path, options) if plugin is None else rosetta.read(path, options, plugin)


def read_images(path: Path) -> tuple[AuxiliaryImage, ...]:
    """Return the images of a file without EDS data, nothing of one with EDS data.

    Raises
    ------
    ReadError
        As `read`.
    """
    plugin = _plugin(path)
    return velox.read_images_only(path) if plugin is None else rosetta.read_images(path, plugin)


def _plugin(path: Path) -> str | None:
    """Return the module of RosettaSciIO that reads a file; None for our own of Velox."""
    try:
        check_heaps(path)
        with h5py.File(path) as file:
            by_velox = velox.is_velox(file)
            by_hyperspy = "Experiments" in file
            groups = ", ".join(sorted(file)) or "nothing"
            if not by_velox:
                check_hdf5(file)
    except EDSError:
        raise
    except FAULTS as error:
        raise ReadError(f"{path.name} is no HDF5 file, or is damaged: {error}") from error
    if by_velox:
        return None
    if by_hyperspy or path.suffix.lower() == ".emd":
        return "hspy" if by_hyperspy else "emd"
    raise ReadError(
        f"{path.name} is an HDF5 file, but neither HyperSpy nor Velox wrote it; it holds: {groups}"
    )
