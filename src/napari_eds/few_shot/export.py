"""Exporting chips to a folder that the few-shot programs take as it is.

The programs are pnnl/Multimodal-Few-Shot (pictures and spectra) and pnnl/pychip_gui (pictures).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_eds._support.arguments import PATH, expect
from napari_eds._support.files import folder_aside, remove_stale
from napari_eds._support.outputs import check_folder, check_place
from napari_eds._support.progress import Progress
from napari_eds.errors import LabelError
from napari_eds.few_shot.chips import (
    ChipOrder,
    FewShotError,
    check_support,
    order_chips,
)
from napari_eds.few_shot.folder import (
    FewShotFormat,
    Job,
    MapSize,
    binned,
    map_size,
    write,
)
from napari_eds.few_shot.provenance import files_of, of_others, write_provenance
from napari_eds.labels.chips import Chips
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import CHIP
from napari_eds.spectra.label_sums import check_labels
from napari_eds.spectra.spectrum_image import SpectrumImage


def export_few_shot(  # noqa: PLR0913 - all but the first two have defaults
    folder: str | Path,
    source: Quantification | SpectrumImage,
    labels: np.ndarray | Chips | None = None,
    *,
    picture: np.ndarray | None = None,
    names: Mapping[int, str] | None = None,
    support: Mapping[str, Iterable[str | int]] | None = None,
    settings: FewShotFormat | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write chips, their spectra and all that belongs to them into one folder.

    The folder appears whole or not at all. With `overwrite` it replaces an earlier export, but
    only where nobody has put anything else in or changed a file. It holds, chips always in
    the order of ``chip_ids.json``:

    - ``chips/`` pictures by chip id; for a grid also ``chips_pychip/`` as pychip_gui names them,
      for other labels ``masks/``
    - ``picture.png``, ``picture.npy``: the picture in 8 bit and in its own numbers
    - ``spectra_sum.npy``, ``spectra_normalised.npy``: float64 (chips, channels), counts and
      counts over their sum (0 where there are none); ``energies_keV.npy``
    - ``map.npy``: (rows, columns, channels) where asked for
    - ``quantification.csv`` and ``recipe.json`` of a `Quantification`
    - ``support_set.json`` and, for a grid, ``support_set_pychip.json``
    - ``bounding_boxes.csv``, ``labels.npy``, ``provenance.json``

    For a grid, picture and map are cropped to whole chips, as the programs do.

    Parameters
    ----------
    folder : str or Path
    source : Quantification or SpectrumImage
    labels : ndarray of int, (rows, columns), or Chips, optional
        Needed with an image; a quantification brings its own.
    picture : ndarray, (rows, columns), optional
        Any picture on the pixels of the map. None takes the first picture of the file that has
        the map's pixels (mostly HAADF), else the X-rays of each pixel.
    names : mapping of int to str, optional
        Names of the labels.
    support : mapping of str to iterable of str or int, optional
        Examples of each class by chip id, name or label id; see `support_from_painting`.
    settings : FewShotFormat, optional
    overwrite : bool
        Whether an earlier export in this folder may be replaced.
    progress : callable, optional
        Called with (done, total, what); raising in it cancels, and nothing is left behind.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    LabelError
        If the labels do not fit the map or the quantification, or there are none.
    FewShotError
        If the folder holds anything else, the picture does not fit, the support set is
        inconsistent or the disk is too small for the map.
    OSError
        If the folder cannot be written.
    """
    expect(
        folder=(folder, PATH),
        source=(source, Quantification | SpectrumImage),
        settings=(settings, FewShotFormat | None),
        support=(support, Mapping | None),
    )
    job = _prepare(source, labels, names, picture, support, settings or FewShotFormat(), progress)
    image = source if isinstance(source, SpectrumImage) else source.image
    folder = check_target(folder, overwrite=overwrite, inputs=[image.source])
    folder.parent.mkdir(parents=True, exist_ok=True)
    if job.settings.save_map:
        _check_space(folder.parent, map_size(job.image, job.pixels, job.settings))
    try:
        remove_stale(folder.parent)
        with folder_aside(folder.parent) as temporary:
            made = temporary / "new"
            made.mkdir()
            write(made, job)
            write_provenance(made, job)
            _put_in_place(made, folder, temporary / "old")
    except OSError as error:
        if error.errno is None:
            # NumPy and Pillow only say how much of it was written.
            raise OSError(f"{folder} was not written, the disk may be full: {error}") from error
        if error.filename is not None:
            # Name what the user named, not the temporary folder.
            error.filename, error.filename2 = str(folder), None
        raise
    return folder


def few_shot_map_size(
    image: SpectrumImage, labels: np.ndarray | Chips, settings: FewShotFormat
) -> MapSize:
    """Return how large ``map.npy`` would be; nothing is computed or written.

    Parameters
    ----------
    image : SpectrumImage
    labels : ndarray of int, (rows, columns), or Chips
    settings : FewShotFormat

    Raises
    ------
    LabelError
        If the labels do not fit the image.
    """
    expect(image=(image, SpectrumImage), settings=(settings, FewShotFormat))
    labels = check_labels(labels.labels if isinstance(labels, Chips) else labels, image.shape)
    return map_size(image, _pixels(labels, order_chips(labels)), settings)


def _prepare(  # noqa: PLR0913, PLR0917 - the arguments of export_few_shot, in their order
    source: Quantification | SpectrumImage,
    labels: np.ndarray | Chips | None,
    names: Mapping[int, str] | None,
    picture: np.ndarray | None,
    support: Mapping[str, Iterable[str | int]] | None,
    settings: FewShotFormat,
    progress: Progress | None,
) -> Job:
    """Check everything before anything is written."""
    result = source if isinstance(source, Quantification) else None
    image = source.image if isinstance(source, Quantification) else source
    if isinstance(labels, Chips):
        names = labels.names if names is None else names
        labels = labels.labels
    if labels is None:
        if result is None:
            raise LabelError("an image needs labels to export; give a label map or a grid")
        labels = result.labels
    labels = check_labels(labels, image.shape)
    if result is not None:
        if not np.array_equal(labels, result.labels):
            raise LabelError("the labels are not those of the quantification; quantify them first")
        names = result.table[CHIP].to_dict() if names is None else names
    chips = order_chips(labels, names)
    pixels = _pixels(labels, chips)
    name, data = _picture(image, picture)
    return Job(
        image=image,
        binned=binned(image, settings),
        result=result,
        chips=chips,
        labels=labels,
        pixels=pixels,
        picture=data[: pixels[0], : pixels[1]],
        picture_name=name,
        support=check_support(support or {}, chips),
        settings=settings,
        progress=progress,
    )


def _pixels(labels: np.ndarray, chips: ChipOrder) -> tuple[int, int]:
    """Return (rows, columns) of the map without the remainder beside a grid."""
    if chips.size is None or chips.grid is None:
        return labels.shape[0], labels.shape[1]
    return chips.grid[0] * chips.size[0], chips.grid[1] * chips.size[1]


def _picture(image: SpectrumImage, picture: np.ndarray | None) -> tuple[str, np.ndarray]:
    """Return name and numbers of the picture to cut into chips."""
    if picture is not None:
        picture = np.asarray(picture)
        if picture.shape != image.shape or picture.dtype.kind not in "biuf":
            raise FewShotError(
                f"a picture of {picture.dtype} and shape {picture.shape} does not fit the map: "
                f"real numbers of shape {image.shape} are needed; resample it to the map's pixels"
            )
        return "given", picture
    for candidate in image.images:
        if candidate.data.ndim == 2 and candidate.fits(image.shape):
            return candidate.name, np.asarray(candidate.data)
    return "counts", image.counts_map()


def check_target(
    folder: str | Path, *, overwrite: bool = False, inputs: Sequence[Path | None] = ()
) -> Path:
    """Return where a folder really lies, if an export may be put there.

    Raises
    ------
    FewShotError
        If it holds anything but an export that nobody has added to or changed, or one that may
        not be replaced.
    OutputError
        If it cannot be made or written.
    """
    folder = Path(folder).resolve()
    if folder.exists() and not folder.is_dir():
        raise FewShotError(f"{folder} is a file; choose a folder")
    check_folder(folder, overwrite=True, inputs=inputs)
    # It is put in place as a whole.
    check_place(folder.parent, make=True)
    _recover(folder)
    if files_of(folder) and not overwrite:
        _check_others(of_others(folder)[0], folder)
        raise FewShotError(
            f"{folder} holds an earlier export: choose another folder, or give overwrite=True"
        )
    others, changed = of_others(folder)
    _check_others(others, folder)
    if changed:
        raise FewShotError(
            f"{folder} holds an earlier export of which {_named(changed)} may have been changed "
            "since; changed files are not replaced: choose another folder, or move what is to be "
            "kept away and remove the rest"
        )
    return folder


def _check_others(others: Sequence[str], folder: Path) -> None:
    if others:
        raise FewShotError(
            f"{folder} holds {others[0]}, which no few-shot export wrote; choose another folder "
            "or move it away"
        )


def _named(files: Sequence[str]) -> str:
    """Name the first few of some files."""
    more = f" and {len(files) - 3} more" if files[3:] else ""
    return ", ".join(files[:3]) + more


def _check_space(parent: Path, size: MapSize) -> None:
    free = shutil.disk_usage(parent).free
    if free < size.n_bytes:
        raise FewShotError(
            f"map.npy takes {size.n_bytes / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free; rebin, "
            "choose a smaller energy range or leave the map out"
        )


def _put_in_place(made: Path, folder: Path, old: Path) -> None:
    """Rename `made` to `folder`; what was there goes to `old`, by way of a name that is found.

    Where the program is killed between two of these steps, `_recover` ends them: no export is
    ever left where nobody looks for it.
    """
    if not folder.exists():
        made.rename(folder)
        return
    earlier = _earlier(folder)
    folder.rename(earlier)
    try:
        made.rename(folder)
    except OSError:
        earlier.rename(folder)
        raise
    earlier.rename(old)


def _earlier(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.earlier")


def _recover(folder: Path) -> None:
    """End what a program began that was killed: put the earlier export back, or remove it.

    Raises
    ------
    FewShotError
        If there is something else of that name.
    """
    earlier = _earlier(folder)
    if not os.path.lexists(earlier):
        return
    if not earlier.is_dir() or any(of_others(earlier)):
        raise FewShotError(
            f"{earlier} is in the way: the export before this one would lie there for a moment; "
            "move it away"
        )
    if not folder.exists():
        earlier.rename(folder)
        return
    with folder_aside(folder.parent) as temporary:
        earlier.rename(temporary / "old")
