"""Reading files: one function in, spectrum images out.

`read` returns everything a file holds, `load` one spectrum image. Nothing heavy is imported
before a file is opened, and HyperSpy not at all.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds._support.progress import Check, cancellable
from napari_eds.errors import ReadError

if TYPE_CHECKING:
    from napari_eds.spectra.spectrum_image import SpectrumImage

__all__ = ["SUFFIXES", "load", "read"]

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

#: Modules that read files of an extension; of all others it is RosettaSciIO's door.
_READERS = {
    **dict.fromkeys((".edaxh5", ".emd", ".h5", ".h5oina", ".hdf5", ".hspy", ".nxs"), "hdf5"),
    **dict.fromkeys((".lsd", ".spd"), "edax"),
    ".asw": "jeol.project",
    ".pts": "jeol.maps",
}


def read(  # noqa: PLR0913 - one keyword for each thing that can be asked for
    path: str | PathLike[str],
    *,
    detectors: int | str | Sequence[int | str] | None = None,
    frames: tuple[int, int] | None = None,
    energy_range_keV: tuple[float, float] | None = None,
    rebin_energy: int = 1,
    energy_axis: tuple[float, float] | None = None,
    check: Check | None = None,
) -> list[SpectrumImage]:
    """Return every EDS map of a file.

    A file without a map gives its line scans as maps of 1 x n pixels and its spectra as maps of
    1 x 1 pixel. Among several spectra of Velox, the first is the sum over all detectors.

    Parameters
    ----------
    path : path-like
        File; its extension is one of `SUFFIXES`.
    detectors : int, str, or sequence of them, optional
        Detectors to sum, by position (in the order of their names) or by name, such as
        ``"SuperXG21"``. All by default. Velox and Oxford `.h5oina` only.
    frames : (int, int), optional
        First frame to sum, counted from 0, and the one after the last. All by default. Velox
        and JEOL `.pts` only.
    energy_range_keV : (float, float), optional
        Keep the channels whose centres lie in ``low <= E < high``.
    rebin_energy : int
        Sum this many channels into one, after `energy_range_keV`; a remainder is dropped.
    energy_axis : (float, float), optional
        keV of the first channel and keV per channel of the file, in place of those it gives.
    check : callable, optional
        Called without arguments while reading, at least once a second; what it raises leaves the
        reading.

    Returns
    -------
    list of SpectrumImage
        At least one.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ReadError
        If the file cannot be read, is damaged, holds something else than EDS data, or does not
        have the detectors or frames asked for.
    UncalibratedError
        If `energy_range_keV` is given for a file without energies and without `energy_axis`.
    """
    path = _checked(Path(path))

    from napari_eds.readers.options import Options

    options = Options.of(
        detectors,
        frames=frames,
        energy_range_keV=energy_range_keV,
        rebin_energy=rebin_energy,
        energy_axis=energy_axis,
    )
    with cancellable(check):
        return list(_reader(path.suffix.lower()).read(path, options))


def _reader(suffix: str) -> Any:
    """Return the module that reads files of an extension, imported at its first use."""
    name = _READERS.get(suffix, "rosetta.maps")
    if name == "rosetta.maps":
        # The process that reads gets ready while this one imports what it needs.
        from napari_eds.readers.rosetta import isolated

        isolated.warm_up(suffix)
    return importlib.import_module(f"napari_eds.readers.{name}")


def load(path: str | PathLike[str], index: int | None = None, **options: Any) -> SpectrumImage:
    """Return one EDS map of a file.

    Parameters
    ----------
    path : path-like
    index : int, optional
        Which one, if the file holds several, in the order of `read`. For single spectra of
        Velox, 0 is the sum over all detectors.
    **options
        Those of `read`.

    Raises
    ------
    ReadError
        As `read`; and if there are several and `index` chooses none of them, with a list of
        what there is.
    """
    images = read(path, **options)
    if index is None and len(images) == 1:
        return images[0]
    if index is None or not 0 <= index < len(images):
        problem = "choose one" if index is None else f"there is none with index={index}, choose"
        raise ReadError(
            f"{Path(path).name} holds {len(images)} EDS data sets; {problem} with index=\n"
            + "\n".join(f"  {number}: {_summary(image)}" for number, image in enumerate(images))
        )
    return images[index]


def _summary(image: SpectrumImage) -> str:
    rows, columns = image.shape
    counted = "X-rays" if image.energy.tells_xrays else "counts"
    return f"{image.name}, {rows} x {columns} pixels, {image.xray_counts:,} {counted}"


def _checked(path: Path) -> Path:
    """Return the absolute path of a file that exists, has contents and a known extension."""
    path = path.absolute()
    suffix = path.suffix.lower()
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    if suffix not in SUFFIXES:
        raise ReadError(
            f"{path.name} has none of the extensions that can be read: {', '.join(SUFFIXES)}"
        )
    # HyperSpy's .zspy is a folder as well as a file.
    if path.is_dir() and suffix != ".zspy":
        raise ReadError(f"{path} is a folder, not a file")
    if path.is_file() and path.stat().st_size == 0:
        raise ReadError(f"{path.name} is empty")
    return path
