"""Reading files: one function in, spectrum images out.

`read` returns everything a file holds, `load` one spectrum image. Nothing heavy is imported
before a file is opened, and HyperSpy not at all.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds._support.arguments import PATH, expect
from napari_eds._support.progress import Check, cancellable
from napari_eds._support.raw_files import SUFFIXES
from napari_eds.errors import MissingFileError, ReadError, ReadWarning
from napari_eds.recipe.map_part import MapPart

if TYPE_CHECKING:
    from napari_eds.readers.options import Options
    from napari_eds.recipe.map_part import Extent, MapPart, Unit
    from napari_eds.spectra.frame_series import FrameSeries
    from napari_eds.spectra.spectrum_image import AuxiliaryImage, SpectrumImage


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
    clip_negative: bool = False,
    crop: tuple[Extent, Extent] | None = None,
    crop_unit: Unit = "px",
    spectra: bool = False,
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
        First frame to sum, counted from 0, and the one after the last. By default those that the
        file has selected, or all. For event streams of Velox and JEOL `.pts`, and maps of HyperSpy
        with frames.
    energy_range_keV : (float, float), optional
        Keep the channels whose centres lie in ``low <= E < high``.
    rebin_energy : int
        Sum this many channels into one, after `energy_range_keV`; a remainder is dropped.
    energy_axis : (float, float), optional
        keV of the first channel and keV per channel of the file, in place of those it gives.
    clip_negative : bool
        Whether values below zero, which denoising leaves behind, are taken as 0 instead of being
        refused. The image's notes and every account then say so.
    crop : ((int, int), (int, int)), optional
        First row to keep, counted from 0, and the one after the last, and the same of columns;
        None is the edge of the map. Images on the map's pixels are cropped along.
    crop_unit : {"px", "nm"}
        In nm, from the upper left edge of the map, pixels are kept whose centres lie in
        ``start <= x < stop``.
    spectra : bool
        Whether the single spectra that a file holds beside maps come after these, too, but for
        those that are sums of a map. `crop` leaves them out.
    check : callable, optional
        Called without arguments while reading, at least once a second; what it raises leaves the
        reading.

    Returns
    -------
    list of SpectrumImage
        At least one. Their `part` says what of the file they are.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ReadError
        If the file cannot be read, is damaged, holds something else than EDS data, or does not
        have the detectors, frames or pixels asked for.
    UncalibratedError
        If `energy_range_keV` is given for a file without energies and without `energy_axis`.
    """
    from napari_eds.readers.options import Options

    expect(path=(path, PATH))

    options = Options.of(
        detectors,
        frames=frames,
        energy_range_keV=energy_range_keV,
        rebin_energy=rebin_energy,
        energy_axis=energy_axis,
        clip_negative=clip_negative,
        crop=crop,
        crop_unit=crop_unit,
    )
    # A spectrum has no pixels to be cropped.
    options = replace(options, spectra=spectra and crop is None)
    with cancellable(check):
        images = _read(_checked(Path(path)), options)
    several = len(images) > 1
    return [options.finish(im, number if several else None) for number, im in enumerate(images)]


def _read(path: Path, options: Options) -> list[SpectrumImage]:
    """Return every map of a file, with all of its pixels and what its reader noted."""
    with _noting(path) as told:
        images = list(_reader(path.suffix.lower()).read(path, options))
    return [_with_notes(image, told) for image in images]


@contextmanager
def _noting(path: Path) -> Iterator[list[str]]:
    """Keep what readers note, without the file's name, which errors are given."""
    from napari_eds.readers.notes import keeping_notes

    told: list[str] = []
    with keeping_notes() as notes:
        try:
            yield told
        except ReadError as error:
            if path.name in str(error):
                raise
            raise ReadError(f"{path.name}: {error}") from error
    told += [note.removeprefix(f"{path.name}: ") for note in notes]


def _with_notes(image: SpectrumImage, told: Sequence[str]) -> SpectrumImage:
    notes = tuple(dict.fromkeys((*image.notes, *told)))
    return replace(image, notes=notes) if told else image


def _reader(suffix: str) -> Any:
    """Return the module that reads files of an extension, imported at its first use."""
    name = _READERS.get(suffix, "rosetta.maps")
    if name == "rosetta.maps":
        # The process that reads gets ready while this one imports what it needs.
        from napari_eds.readers.rosetta import isolated

        isolated.warm_up(suffix)
    return importlib.import_module(f"napari_eds.readers.{name}")


def load(
    path: str | PathLike[str],
    index: int | None = None,
    *,
    part: MapPart | None = None,
    **options: Any,
) -> SpectrumImage:
    """Return one EDS map of a file.

    What is missing or wrong in it is a `ReadWarning` and stands in the image's `notes`.

    Parameters
    ----------
    path : path-like
    index : int, optional
        Which one, if the file holds several, in the order of `read` with ``spectra=True``. For
        single spectra of Velox, 0 is the sum over all detectors.
    part : MapPart, optional
        The part to read, such as that of an earlier run (``MapPart.from_recipe``, or
        ``session.source.part``). `index` and options go before what it says.
    **options
        Those of `read`.

    Raises
    ------
    ReadError
        As `read`; and if there are several and `index` chooses none of them, with a list of
        what there is.
    """
    from napari_eds.readers.options import Options

    expect(path=(path, PATH), index=(index, Integral | None), part=(part, MapPart | None))

    if part is not None:
        kept = dict(vars(part))
        if "crop" in options:
            kept.pop("crop_unit")
        options = kept | options
    index = options.pop("index", None) if index is None else index
    options.pop("index", None)
    wanted = Options.of(options.pop("detectors", None), **options)
    images = _read(_checked(Path(path)), wanted)
    if index is not None and index >= len(images):
        # Spectra that the file holds beside maps are counted after these.
        images = _read(_checked(Path(path)), replace(wanted, spectra=True))
    if index is None and len(images) == 1:
        return _with_warnings(wanted.finish(images[0], None), path)
    if index is None or not 0 <= index < len(images):
        problem = "choose one" if index is None else f"there is none with index={index}, choose"
        raise ReadError(
            f"{Path(path).name} holds {len(images)} EDS data sets; {problem} with index=\n"
            + "\n".join(f"  {number}: {_summary(image)}" for number, image in enumerate(images))
        )
    image = wanted.finish(images[index], index if len(images) > 1 else None)
    return _with_warnings(image, path)


def read_frames(
    path: str | PathLike[str],
    *,
    part: MapPart | None = None,
    check: Check | None = None,
    **options: Any,
) -> FrameSeries:
    """Return the frames of a map, kept apart.

    Streams of Velox and JEOL are decoded in one pass. Of other files with frames, they are read
    one by one.

    Parameters
    ----------
    path : path-like
    part : MapPart, optional
        The part to read; options go before what it says.
    check : callable, optional
        As of `read`.
    **options
        `detectors`, `frames`, `energy_range_keV`, `rebin_energy`, `energy_axis` and
        `clip_negative` of `read`. Frames are whole: there is no crop.

    Raises
    ------
    FileNotFoundError
    ReadError
        As `read`; if the file does not keep frames apart, or a crop is asked for.
    """
    from napari_eds.readers.options import Options

    expect(path=(path, PATH), part=(part, MapPart | None))

    if part is not None:
        kept = part.reading()
        options = kept | options
    wanted = Options.of(options.pop("detectors", None), **options)
    if wanted.crop is not None:
        raise ReadError("frames are read whole: crop labels, not the map")
    path = _checked(Path(path))
    reader = _reader(path.suffix.lower())
    with cancellable(check), _noting(path) as told:
        one_pass = getattr(reader, "read_frames", lambda *_: None)(path, wanted)
        series: FrameSeries = one_pass or _one_by_one(path, wanted)
    series = replace(series, stacked=_with_notes(series.stacked, told))
    _with_warnings(series.stacked, path)
    return series


def _one_by_one(path: Path, options: Options) -> FrameSeries:
    from napari_eds.spectra.frame_series import FrameSeries

    whole = _read(path, options)
    if len(whole) != 1 or whole[0].frames is None:
        raise ReadError(
            f"{path.name} does not keep frames apart; streams of Velox and JEOL do, and maps of "
            "HyperSpy with an axis of frames"
        )
    told = whole[0].frames
    frames = range(told.first - 1, told.last)
    one = [_read(path, replace(options, frames=(i, i + 1)))[0] for i in frames]
    return FrameSeries.of_images(one, told.of)


def read_images(path: str | PathLike[str]) -> tuple[AuxiliaryImage, ...]:
    """Return the images of a file without EDS data, nothing of one with EDS data.

    Raises
    ------
    FileNotFoundError
    ReadError
        If it cannot be read.
    """
    path = _checked(Path(path))
    reader = _reader(path.suffix.lower())
    # Formats that only hold spectra have no such function.
    found: tuple[AuxiliaryImage, ...] = getattr(reader, "read_images", lambda _: ())(path)
    return found


def _with_warnings(image: SpectrumImage, path: str | PathLike[str]) -> SpectrumImage:
    """Warn of what the reader noted."""
    for note in image.notes:
        name = Path(path).name
        text = note if name in note else f"{name}: {note}"
        warnings.warn(text, ReadWarning, stacklevel=3)
    return image


def _summary(image: SpectrumImage) -> str:
    rows, columns = image.shape
    counted = "X-rays" if image.energy.tells_xrays else "counts"
    return f"{image.name}, {rows} x {columns} pixels, {image.xray_counts:,} {counted}"


def _checked(path: Path) -> Path:
    """Return the absolute path of a file that exists, has contents and a known extension."""
    path = path.absolute()
    suffix = path.suffix.lower()
    if not path.exists():
        raise MissingFileError(f"there is no file {path}")
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
