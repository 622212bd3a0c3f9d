"""Saving results: table, spectra and recipe, side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from napari_eds._support.arguments import PATH, expect, told
from napari_eds._support.csv_cells import csv_text, defused
from napari_eds._support.files import CSV, beside, check_ending
from napari_eds._support.outputs import OutputFolder, output_folder, write_files
from napari_eds._support.progress import tell
from napari_eds.errors import ArgumentError, EDSError
from napari_eds.quantification.saving import tiff
from napari_eds.quantification.saving.excel import XLSX, check_excel, workbook
from napari_eds.quantification.table import AT_PCT, CHIP, LABEL, at_pct
from napari_eds.spectra.spectrum_image import SpectrumImage

if TYPE_CHECKING:
    from napari_eds.recipe.recipe import Recipe
    from napari_eds.spectra.label_sums import LabelSpectra

#: Significant digits of the table: more than any EDS result holds, few enough to read.
_TABLE_DIGITS = 6
#: Ending of tables in Parquet.
PARQUET = ".parquet"
#: Endings of tables of results.
TABLES = (*CSV, XLSX, PARQUET)


class Saveable(Protocol):
    """What files are written from: the result of quantifying labels."""

    @property
    def image(self) -> SpectrumImage:
        """Its pixel size gives pictures their scale."""

    @property
    def recipe(self) -> Recipe:
        """Settings of the run."""

    @property
    def table(self) -> pd.DataFrame:
        """One row per label."""

    @property
    def label_spectra(self) -> LabelSpectra:
        """Counts of each label."""

    @property
    def energies_keV(self) -> np.ndarray:
        """Calibrated energies of the channels, (channels,)."""

    def maps(self) -> dict[str, np.ndarray]:
        """Return the at. % map of each element, (rows, columns)."""

    def account(self) -> list[str]:
        """Say in plain words what was done and what was not."""

    def error_budget(self) -> pd.DataFrame:
        """Return the parts of every error, one row per label and element."""


def csv_files(path: str | Path, *, spectra: bool = False, errors: bool = False) -> list[Path]:
    """Return the files that `save_csv` writes: the table, the recipe, and what is asked for.

    Raises
    ------
    EDSError
        If the package that writes the table is missing: pyarrow for Parquet, openpyxl for Excel.
    """
    if Path(path).suffix.lower() == PARQUET:
        _check_parquet()
    if Path(path).suffix.lower() == XLSX:
        check_excel()
    endings = {"_recipe.json": True, "_spectra.csv": spectra, "_errors.csv": errors}
    return beside(path, *(ending for ending, asked in endings.items() if asked))


def save_csv(
    result: Saveable,
    path: str | Path,
    *,
    spectra: bool = False,
    errors: bool = False,
    overwrite: bool = False,
) -> list[Path]:
    """Save a result as CSV, with the recipe and, if asked, spectra and parts of errors beside it.

    A table whose name ends in ``.parquet`` is saved as Parquet, exactly; see `table_parquet`. One
    in ``.xlsx`` becomes a workbook of Excel; see `table_xlsx`.

    Parameters
    ----------
    result : Quantification
    path : str or Path
        The table. Its neighbours are ``<stem>_recipe.json``, which names the map, too, and tells
        what part of the file was read, where it was not all, ``<stem>_spectra.csv``, with one
        row per label and one column per channel, headed by its energy in keV, and
        ``<stem>_errors.csv``, with one row per label and element and one column per part.
    spectra, errors : bool
        Whether to save the spectra, and what the errors are made of.
    overwrite : bool
        Whether files that are there may be replaced. Raw data and the map itself never are.

    Returns
    -------
    list of Path
        The files written. Each is written whole or not at all.

    Raises
    ------
    OutputError
        If a file is in the way; nothing is written then.
    OSError
        If the folder does not exist or cannot be written.
    EDSError
        If tables are not saved as what the name ends in, or the package that writes them is
        missing: pyarrow for Parquet, openpyxl for Excel.
    """
    files = csv_files(path, spectra=spectra, errors=errors)
    writers = {PARQUET: table_parquet, XLSX: table_xlsx}
    table: Callable[[Saveable], str | bytes] = writers.get(files[0].suffix.lower(), table_csv)

    def of_labels() -> str | bytes:
        check_ending(files[0], TABLES)  # after what else may be wrong with the place
        return table(result)

    contents: list[Callable[[], str | bytes]] = [
        of_labels,
        lambda: recipe_json(result, files[0]),
    ]
    contents += [lambda: spectra_csv(result)] if spectra else []
    contents += [lambda: _csv(result.error_budget(), index=False)] if errors else []
    return write_files(
        files,
        (content() for content in contents),
        overwrite=overwrite,
        inputs=[result.image.source],
    )


def recipe_json(result: Saveable, table: Path) -> str:
    """Return the recipe of a result as it is saved beside a table, naming the map."""
    image = result.image
    return result.recipe.as_json(_seen_from(table, image.source), image.part, about_image(image))


def about_image(image: SpectrumImage) -> dict[str, Any]:
    """Return what a recipe says of the counts it was used on."""
    return {
        "name": image.name,
        "frames": None if image.frames is None else str(image.frames),
        "notes": list(image.notes),
    }


def _seen_from(path: Path, source: Path | None) -> str | None:
    """Return where a map's file lies, as seen from the folder of a table."""
    if source is None:
        return None
    try:
        return Path(os.path.relpath(source, path.parent)).as_posix()
    except ValueError:  # on another drive
        return source.name


def save_maps(
    result: Saveable, folder: str | Path, *, ome_tiff: bool = False, overwrite: bool = False
) -> list[Path]:
    """Save the at. % map of every element as numbers (TIFF) and as a picture (PNG).

    Parameters
    ----------
    result : Quantification
    folder : str or Path
        Gets ``Sr_at_pct.tif`` (32-bit floats, NaN outside labels) and ``Sr_at_pct.png`` for each
        element; made where it does not exist. It holds the maps of one run.
    ome_tiff : bool
        Whether to save them also as the channels of one OME-TIFF, ``at_pct.ome.tif``.
    overwrite : bool
        Whether the folder may hold anything: what an earlier run wrote there is then replaced,
        and what others put there stays.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    ArgumentError
        If the result is none.
    OutputError
        If the folder is not empty; nothing is written then.
    OSError
        If the folder cannot be made or written.
    """
    expect(folder=(folder, PATH))
    if not isinstance(getattr(result, "image", None), SpectrumImage):
        raise ArgumentError(f"result must be what quantify or pixel_maps made, not {told(result)}")
    with output_folder(folder, overwrite=overwrite, inputs=[result.image.source]) as made:
        written = write_maps(result, made)
        return written + ([write_ome_tiff(result.maps(), made, result.image)] if ome_tiff else [])


def write_ome_tiff(
    maps: Mapping[str, np.ndarray], folder: OutputFolder, image: SpectrumImage
) -> Path:
    """Write the at. % map of every element of an image, (rows, columns), as one OME-TIFF."""
    content = tiff.ome_tiff(maps, image.pixel_size, image.pixel_unit)
    return folder.write(f"{AT_PCT}.ome.tif", content)


def save_maps_file(result: Saveable, path: str | Path, *, overwrite: bool = False) -> Path:
    """Save the at. % maps of all elements as the channels of one OME-TIFF.

    The file holds the size of the pixels; see `tiff.ome_tiff`.

    Raises
    ------
    EDSError
        If the name does not end in ``.ome.tif`` or ``.ome.tiff``.
    OutputError
        If the file is there and may not be replaced.
    """
    path = Path(path)
    if not path.name.lower().endswith((".ome.tif", ".ome.tiff")):
        raise EDSError(f"{path.name}: the maps in one file end in .ome.tif")
    image = result.image
    content = tiff.ome_tiff(result.maps(), image.pixel_size, image.pixel_unit)
    return write_files([path], [content], overwrite=overwrite, inputs=[image.source])[0]


def write_maps(result: Saveable, folder: OutputFolder) -> list[Path]:
    """Write what `save_maps` does into a folder that also gets other files."""
    written = []
    for element, data in result.maps().items():
        written += save_map(data, folder, at_pct(element), f"{element} (at. %)", result.image)
    return written


def save_map(  # noqa: PLR0913 - a map, where it goes, and what it is
    data: np.ndarray,
    folder: OutputFolder,
    stem: str,
    title: str,
    image: SpectrumImage,
    *,
    least_top: float = 1.0,
) -> list[Path]:
    """Save one map of an image as 32-bit floats (``.tif``) and as a picture (``.png``).

    The TIFF holds the size of its pixels, too; see `tiff.map_tiff`.

    Parameters
    ----------
    data : ndarray, (rows, columns)
    folder : OutputFolder
    stem : str
        Name without its ending.
    title : str
        Of the picture.
    image : SpectrumImage
        Its pixel size gives the scale.
    least_top : float
        Of the picture's range, which noise shall not fill.
    """
    picture = _picture(data, title, image, least_top)
    return [
        folder.write(f"{stem}.tif", tiff.map_tiff(data, image.pixel_size, image.pixel_unit)),
        folder.write(f"{stem}.png", picture),
    ]


def _look(data: np.ndarray, least_top: float) -> tuple[float, float, str]:
    """Return limits and colours: from zero, or around it where a good part lies below."""
    if not np.isfinite(data).any():
        return 0.0, least_top, "viridis"
    low, high = np.nanpercentile(data, [1, 99])
    if low < -0.1 * high:
        reach = float(max(-low, high))
        return -reach, reach, "RdBu_r"
    return 0.0, float(high) if high > least_top else least_top, "viridis"


def _picture(data: np.ndarray, title: str, image: SpectrumImage, least_top: float) -> bytes:
    """Draw a map with its colour bar and a true scale, as PNG."""
    from matplotlib.figure import Figure

    height, width = (
        size * pixel for size, pixel in zip(data.shape, image.pixel_size, strict=True)
    )
    figure = Figure(figsize=(5.5, 4.5), layout="constrained")
    axes = figure.subplots()
    low, high, colors = _look(data, least_top)
    drawn = axes.imshow(data, extent=(0, width, height, 0), vmin=low, vmax=high, cmap=colors)
    axes.set_facecolor("0.85")  # what is not labelled
    axes.set(title=title, xlabel=image.pixel_unit, ylabel=image.pixel_unit)
    figure.colorbar(drawn, ax=axes)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def table_csv(result: Saveable) -> str:
    """Return the table as CSV text, numbers to six significant digits."""
    return _csv(result.table)


def table_parquet(result: Saveable) -> bytes:
    """Return the table as Parquet: every number as it is, labels as the index."""
    buffer = BytesIO()
    result.table.to_parquet(buffer, engine="pyarrow")
    return buffer.getvalue()


def table_xlsx(result: Saveable) -> bytes:
    """Return a workbook: the table, what its errors are made of, and what was done."""
    said = pd.DataFrame({"what was done and what was not": result.account()})
    return workbook(
        {
            "labels": result.table.reset_index(),
            "errors": result.error_budget(),
            "account": said,
        }
    )


def _check_parquet() -> None:
    if find_spec("pyarrow") is None:
        raise EDSError(
            "a Parquet file needs the package pyarrow, which is not installed: "
            "pip install pyarrow, or save the table as .csv"
        )


def _csv(table: pd.DataFrame, *, index: bool = True) -> str:
    return csv_text(table, index=index, float_format=f"%.{_TABLE_DIGITS}g")


def spectra_csv(result: Saveable) -> str:
    """Return the spectra as CSV text: ``label, chip``, then one column per channel in keV."""
    header = ",".join([LABEL, CHIP, *(f"{energy:.5f}" for energy in result.energies_keV)])
    n = len(result.table)
    rows: list[str] = []
    for label, chip, counts in zip(
        result.table.index,
        result.table[CHIP],
        chain.from_iterable(result.label_spectra.blocks()),
        strict=True,
    ):
        tell(len(rows), n, "writing spectra")
        rows.append(f"{label},{_quoted(defused(chip))},{_joined(counts)}")
    return "\n".join([header, *rows, ""])


def _joined(counts: np.ndarray) -> str:
    """Return a row of counts as text; `tolist` makes this several times faster than pandas."""
    return ",".join(map(repr, counts.tolist()))


def _quoted(text: str) -> str:
    """Quote a CSV cell where it needs it (RFC 4180)."""
    if any(mark in text for mark in ',"\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text
