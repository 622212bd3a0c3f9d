"""Which files are raw data: what an instrument measured, which nothing may ever replace."""

from __future__ import annotations

from pathlib import Path

#: Extensions of the files that are read, in lower case.
SUFFIXES = (
    ".asw",
    ".bcf",
    ".dm3",
    ".dm4",
    ".edaxh5",
    ".eds",
    ".elid",
    ".emd",
    ".emi",
    ".ems",
    ".emsa",
    ".h5",
    ".h5oina",
    ".hdf5",
    ".hspy",
    ".lsd",
    ".mas",
    ".msa",
    ".nxs",
    ".pts",
    ".rpl",
    ".ser",
    ".spc",
    ".spd",
    ".spx",
    ".zspy",
)

#: The one of them that is a folder, as a rule.
RAW_FOLDER = ".zspy"

#: Of files that belong to those: Ripple's data, EDAX's and JEOL's pictures.
_COMPANIONS = (".img", ".ipr", ".map", ".raw")

#: How files of such formats begin, whatever they are called: HDF5 (Velox, HyperSpy, Bruker and
#: others), Bruker's container, TIA, EMSA/MAS, and Gatan's versions 3 and 4.
_BEGINNINGS = (
    b"\x89HDF\r\n\x1a\n",
    b"AAMVHFSS",
    b"II\x97\x01",
    b"#FORMAT",
    b"\x00\x00\x00\x03\x00\x00",
    b"\x00\x00\x00\x04\x00\x00",
)

#: Line by which spectra in the format of ISO 22029 that were written here are known again.
MSA_MARK = b"#COMMENT     : written by napari-eds"
#: How much of a file is looked at for that line, in bytes: its header is shorter.
_MSA_HEADER = 4096


def has_raw_name(path: Path) -> bool:
    """Whether a path ends as raw data do."""
    return path.suffix.lower() in (*SUFFIXES, *_COMPANIONS)


def is_raw(path: Path) -> bool:
    """Whether a file or folder that is there holds raw data, by its name or how it begins.

    Files of such formats that were written here are none: spectra (``.msa``) and label spectra
    for HyperSpy (``.hspy``).

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if path.is_dir():
        return has_raw_name(path)
    with path.open("rb") as file:
        beginning = file.read(_MSA_HEADER)
    if not has_raw_name(path) and not beginning.startswith(_BEGINNINGS):
        return False
    return not (MSA_MARK in beginning or _is_our_hspy(path, beginning))


def _is_our_hspy(path: Path, beginning: bytes) -> bool:
    if path.suffix.lower() != ".hspy" or not beginning.startswith(_BEGINNINGS[0]):
        return False
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return any("metadata/napari_eds" in entry for entry in file["Experiments"].values())
    except (OSError, KeyError, AttributeError, TypeError, RuntimeError):
        # Damaged or of another layout: then it is not known to be ours.
        return False
