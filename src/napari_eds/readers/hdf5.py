"""HDF5 files: their extension says little, so what they hold decides who reads them."""

from __future__ import annotations

from pathlib import Path

import h5py

from napari_eds.errors import EDSError, ReadError
from napari_eds.readers import edax_hdf5
from napari_eds.readers.damage import damage_told
from napari_eds.readers.hdf5_checks import FAULTS, check_heaps
from napari_eds.readers.hyperspy_checks import check_hdf5
from napari_eds.readers.options import Options
from napari_eds.readers.oxford import maps as oxford
from napari_eds.readers.rosetta import isolated
from napari_eds.readers.rosetta import maps as rosetta
from napari_eds.readers.velox import maps as velox
from napari_eds.spectra.frame_series import FrameSeries
from napari_eds.spectra.spectrum_image import AuxiliaryImage, SpectrumImage

#: Readers of HDF5 files that nothing else tells of than their extension.
_PLUGINS = {".emd": "emd", ".nxs": "nexus"}
#: Readers of our own, of which those of the second line run in a process of their own.
_VELOX = "velox"
_OWN = ("oxford.maps", "edax_hdf5")


def read(path: Path, options: Options) -> list[SpectrumImage]:
    """Return the EDS data of a file by Velox, AZtec, APEX or HyperSpy, or of the Berkeley `.emd`.

    Parameters
    ----------
    path : Path
    options : Options

    Raises
    ------
    ReadError
        If the file is none of these.
    """
    reader = _reader(path)
    if reader == _VELOX:
        return velox.read(path, options)
    if reader in _OWN:
        return isolated.read_own(reader, path, options)
    return rosetta.read(path, options, reader)


def read_frames(path: Path, options: Options) -> FrameSeries | None:
    """Return the frames of a Velox map; None for files of others.

    Raises
    ------
    ReadError
        As `read`.
    """
    return velox.read_frames(path, options) if _reader(path) == _VELOX else None


def read_images(path: Path) -> tuple[AuxiliaryImage, ...]:
    """Return the images of a file without EDS data, nothing of one with EDS data.

    Raises
    ------
    ReadError
        As `read`.
    """
    reader = _reader(path)
    if reader == _VELOX:
        return velox.read_images_only(path)
    return () if reader in _OWN else rosetta.read_images(path, reader)


def _reader(path: Path) -> str:
    """Return which of our own modules, or of RosettaSciIO's, reads a file."""
    try:
        check_heaps(path)
        file = h5py.File(path)
    except EDSError:
        raise
    except FAULTS as error:
        raise ReadError(f"{path.name} is no HDF5 file, or is damaged: {error}") from error
    with damage_told(path), file:
        by_velox = velox.is_velox(file)
        by_aztec = oxford.is_oxford(file)
        by_apex = edax_hdf5.is_edax(file)
        by_hyperspy = "Experiments" in file
        groups = ", ".join(sorted(file)) or "nothing"
        if not (by_velox or by_aztec or by_apex):
            check_hdf5(file)
    if by_velox:
        return _VELOX
    if by_aztec or by_apex or path.suffix.lower() == ".edaxh5":
        return "oxford.maps" if by_aztec else "edax_hdf5"
    if by_hyperspy:
        return "hspy"
    if path.suffix.lower() in _PLUGINS:
        return _PLUGINS[path.suffix.lower()]
    raise ReadError(
        f"{path.name} is an HDF5 file, but none that HyperSpy, Velox, AZtec or APEX wrote; it "
        f"holds: {groups}"
    )
