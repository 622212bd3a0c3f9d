"""Saving spectra as text: one table, or one EMSA/MAS file each."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_eds._support.arguments import PATH, each, expect
from napari_eds._support.csv_cells import csv_text
from napari_eds._support.files import write_atomically
from napari_eds._support.outputs import check_files
from napari_eds._support.raw_files import MSA_MARK
from napari_eds.errors import EDSError
from napari_eds.spectra.acquisition import Acquisition
from napari_eds.spectra.axes import EnergyAxis

#: Digits after the point in keV: a hundredth of an eV.
_ENERGY_DIGITS = 5
#: Endings of files of one spectrum each.
_MSA = (".msa", ".emsa")
#: Longest part of a file name that a label may take.
_LONGEST_NAME = 80


def save_spectra(  # noqa: PLR0913 - two have defaults
    path: str | Path,
    names: Sequence[str],
    spectra: np.ndarray | Sequence[np.ndarray],
    energy: EnergyAxis,
    *,
    acquisition: Acquisition | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Save spectra in the format of the suffix.

    Parameters
    ----------
    path : str or Path
        ``.csv``: a table of a column ``energy_keV`` and one per spectrum. ``.msa`` or ``.emsa``:
        one file per spectrum in the format of ISO 22029, which every program for X-ray spectra
        reads; several are called ``name-<spectrum>.msa``.
    names : sequence of str
        What the spectra are called.
    spectra : (spectra, channels)
        Counts.
    energy : EnergyAxis
    acquisition : Acquisition, optional
        Written into ``.msa`` files as far as it is known.
    overwrite : bool
        Whether files that are there may be replaced; of ``.msa`` only those that were saved so,
        for others may be raw data.

    Returns
    -------
    list of Path
        The files written, in the order of the spectra.

    Raises
    ------
    UncalibratedError
        If the axis has no energies.
    EDSError
        If the suffix is another one, there is no spectrum, or names, spectra and axis do not
        belong together.
    OutputError
        If a file is in the way; nothing is written then.
    OSError
        If a file cannot be written. Those written before stay.
    """
    expect(
        path=(path, PATH),
        energy=(energy, EnergyAxis),
        acquisition=(acquisition, Acquisition | None),
    )
    names = each("names", names, str)
    path = Path(path)
    energy.require_calibrated()
    counts = _checked(names, spectra, energy)
    files, suffix = spectra_files(path, names), path.suffix.lower()
    if suffix not in {".csv", *_MSA}:
        raise EDSError(f"spectra are saved as .csv or .msa, not {suffix or 'without a suffix'!r}")
    check_files(files, overwrite=overwrite, raw=suffix in _MSA)
    if suffix == ".csv":
        return [write_atomically(path, _table(names, counts, energy), overwrite=overwrite)]
    entry = acquisition or Acquisition()
    return [
        write_atomically(file, _msa(name, spectrum, energy, entry), overwrite=overwrite)
        for file, name, spectrum in zip(files, names, counts, strict=True)
    ]


def _checked(
    names: Sequence[str], spectra: np.ndarray | Sequence[np.ndarray], energy: EnergyAxis
) -> np.ndarray:
    counts = np.asarray(spectra)
    if not len(names):
        raise EDSError("there is no spectrum to save")
    if counts.shape != (len(names), energy.size):
        raise EDSError(
            f"{len(names)} names and {energy.size} channels do not fit spectra of shape "
            f"{counts.shape}"
        )
    if len(set(names)) < len(names):
        raise EDSError(f"every spectrum needs a name of its own, not {', '.join(names)}")
    return counts


def _table(names: Sequence[str], counts: np.ndarray, energy: EnergyAxis) -> str:
    import pandas as pd

    table = pd.DataFrame(counts.T, columns=list(names))
    table.insert(0, "energy_keV", energy.energies_keV.round(_ENERGY_DIGITS))
    return csv_text(table, index=False)


def spectra_files(path: Path, names: Sequence[str]) -> list[Path]:
    """Return the files that `save_spectra` writes.

    Where it is one per spectrum, what file names cannot hold is left out of theirs.
    """
    if len(names) == 1 or path.suffix.lower() not in _MSA:
        return [path]
    parts = [re.sub(r"[^\w.+()-]+", "_", name)[:_LONGEST_NAME].strip("_.") for name in names]
    if len({part.casefold() for part in parts}) < len(parts) or not all(parts):
        # Names that differ only in what was left out, or in case.
        parts = [f"{number}_{part}".rstrip("_") for number, part in enumerate(parts, start=1)]
    return [path.with_name(f"{path.stem}-{part}{path.suffix}") for part in parts]


def _msa(name: str, counts: np.ndarray, energy: EnergyAxis, acquisition: Acquisition) -> bytes:
    from rsciio.msa import file_writer

    # Its writer takes a path only.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spectrum.msa"
        file_writer(str(file), _entry(name, counts, energy, acquisition), encoding="latin-1")
        # After the first line, which tells the format.
        first, rest = file.read_bytes().split(b"\n", 1)
        end = b"\r" if first.endswith(b"\r") else b""
        return b"\n".join([first, MSA_MARK + end, rest])


def _entry(
    name: str, counts: np.ndarray, energy: EnergyAxis, acquisition: Acquisition
) -> dict[str, Any]:
    """Return a spectrum as RosettaSciIO's writer wants it.

    The format knows EDS only; readers take a beam above 30 keV for that of a TEM. RosettaSciIO
    0.15 looks for an instrument called TEM until it first writes a SEM spectrum, and for one
    called SEM ever after: a TEM is claimed, so that this never happens through us, and both are
    there in case it did.
    """
    instrument = _instrument(acquisition)
    return {
        "data": counts,
        "axes": [
            {
                "size": energy.size,
                "scale": float(energy.scale_keV),
                "offset": float(energy.offset_keV),
                "name": "Energy",
                "units": "keV",
            }
        ],
        "metadata": {
            "General": {"title": " ".join(name.split())},
            "Signal": {"signal_type": "EDS_TEM"},
            "Acquisition_instrument": {"TEM": instrument, "SEM": instrument},
        },
        "original_metadata": {},
    }


def _instrument(acquisition: Acquisition) -> dict[str, Any]:
    detector = {
        "elevation_angle": acquisition.take_off_angle_deg,
        "live_time": acquisition.live_time_s,
        "real_time": acquisition.real_time_s,
        "energy_resolution_MnKa": acquisition.energy_resolution_MnKa_eV,
    }
    values = {
        "beam_energy": acquisition.beam_energy_keV,
        "beam_current": acquisition.beam_current_nA,
    }
    known = {key: float(value) for key, value in values.items() if value is not None}
    eds = {key: float(value) for key, value in detector.items() if value is not None}
    return {**known, "Detector": {"EDS": eds}}
