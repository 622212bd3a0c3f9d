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
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Readers of HDF5 files that nothing else tells of than their extension.
_PLUGINS = {".emd": "emd", ".nxs": "nexus"}


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
        return velox.read(path, options)
    if by_aztec:
        return isolated.read_own("oxford.maps", path, options)
    if by_apex or path.suffix.lower() == ".edaxh5":
        return isolated.read_own("edax_hdf5", path, options)
    if by_hyperspy:
        return rosetta.read(path, options, plugin="hspy")
    if path.suffix.lower() in _PLUGINS:
        return rosetta.read(path, options, plugin=_PLUGINS[path.suffix.lower()])
    raise ReadError(
        f"{path.name} is an HDF5 file, but none that HyperSpy, Velox, AZtec or APEX wrote; it "
        f"holds: {groups}"
    )
