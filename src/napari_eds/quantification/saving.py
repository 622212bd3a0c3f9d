"""Saving results: table, spectra and recipe, side by side."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from napari_eds._support.csv_cells import csv_text, defused
from napari_eds._support.files import write_atomically
from napari_eds.quantification.table import CHIP, LABEL, at_pct

if TYPE_CHECKING:
    from napari_eds.recipe.recipe import Recipe
    from napari_eds.spectra.spectrum_image import SpectrumImage

#: Significant digits of the table: more than any EDS result holds, few enough to read.
_TABLE_DIGITS = 6


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
    def spectra(self) -> np.ndarray:
        """Counts, (labels, channels)."""

    @property
    def energies_keV(self) -> np.ndarray:
        """Calibrated energies of the channels, (channels,)."""

    def maps(self) -> dict[str, np.ndarray]:
        """Return the at. % map of each element, (rows, columns)."""

    def error_budget(self) -> pd.DataFrame:
        """Return the parts of every error, one row per label and element."""


def save_csv(
    result: Saveable, path: str | Path, *, spectra: bool = False, errors: bool = False
) -> list[Path]:
    """Save a result as CSV, with the recipe and, if asked, spectra and parts of errors beside it.

    Parameters
    ----------
    result : Quantification
    path : str or Path
        The table. Its neighbours are ``<stem>_recipe.json``, ``<stem>_spectra.csv``, with one
        row per label and one column per channel, headed by its energy in keV, and
        ``<stem>_errors.csv``, with one row per label and element and one column per part.
    spectra, errors : bool
        Whether to save the spectra, and what the errors are made of.

    Returns
    -------
    list of Path
        The files written. Each is written whole or not at all.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written.
    """
    path = Path(path)
    recipe_path = path.with_name(f"{path.stem}_recipe.json")
    written = [write_atomically(path, table_csv(result))]
    result.recipe.to_json(recipe_path, image=about_image(result.image))
    written.append(recipe_path)
    if spectra:
        spectra_path = path.with_name(f"{path.stem}_spectra.csv")
        written.append(write_atomically(spectra_path, spectra_csv(result)))
    if errors:
        errors_path = path.with_name(f"{path.stem}_errors.csv")
        written.append(write_atomically(errors_path, _csv(result.error_budget(), index=False)))
    return written


def about_image(image: SpectrumImage) -> dict[str, Any]:
    """Return what a recipe says of the counts it was used on."""
    return {
        "file": None if image.source is None else image.source.name,
        "name": image.name,
        "frames": None if image.frames is None else str(image.frames),
        "notes": list(image.notes),
    }


def save_maps(result: Saveable, folder: str | Path) -> list[Path]:
    """Save the at. % map of every element as numbers (TIFF) and as a picture (PNG).

    Parameters
    ----------
    result : Quantification
    folder : str or Path
        Gets ``Sr_at_pct.tif`` (32-bit floats, NaN outside labels) and ``Sr_at_pct.png`` for each
        element; made where it does not exist.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    OSError
        If the folder cannot be made or written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for element, data in result.maps().items():
        stem = folder / at_pct(element)
        written += save_map(data, stem, f"{element} (at. %)", result.image)
    return written


def save_map(data: np.ndarray, stem: Path, title: str, image: SpectrumImage) -> list[Path]:
    """Save one map of an image as 32-bit floats (``.tif``) and as a picture (``.png``).

    Parameters
    ----------
    data : ndarray, (rows, columns)
    stem : Path
        Path without its ending, in a folder that exists.
    title : str
        Of the picture.
    image : SpectrumImage
        Its pixel size gives the scale.
    """
    picture = _picture(data, title, image)
    return [
        write_atomically(stem.with_name(f"{stem.name}.tif"), _tiff(data)),
        write_atomically(stem.with_name(f"{stem.name}.png"), picture),
    ]


def _tiff(data: np.ndarray) -> bytes:
    import tifffile

    buffer = BytesIO()
    tifffile.imwrite(buffer, data.astype(np.float32))
    return buffer.getvalue()


def _picture(data: np.ndarray, title: str, image: SpectrumImage) -> bytes:
    """Draw a map with its colour bar and a true scale, as PNG."""
    from matplotlib.figure import Figure

    height, width = (
        size * pixel for size, pixel in zip(data.shape, image.pixel_size, strict=True)
    )
    figure = Figure(figsize=(5.5, 4.5), layout="constrained")
    axes = figure.subplots()
    top = np.nanpercentile(data, 99) if np.isfinite(data).any() else 1.0
    drawn = axes.imshow(
        data, extent=(0, width, height, 0), vmin=0, vmax=max(float(top), 1.0), cmap="viridis"
    )
    axes.set_facecolor("0.85")  # what is not labelled
    axes.set(title=title, xlabel=image.pixel_unit, ylabel=image.pixel_unit)
    figure.colorbar(drawn, ax=axes)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def table_csv(result: Saveable) -> str:
    """Return the table as CSV text, numbers to six significant digits."""
    return _csv(result.table)


def _csv(table: pd.DataFrame, *, index: bool = True) -> str:
    return csv_text(table, index=index, float_format=f"%.{_TABLE_DIGITS}g")


def spectra_csv(result: Saveable) -> str:
    """Return the spectra as CSV text: ``label, chip``, then one column per channel in keV."""
    header = ",".join([LABEL, CHIP, *(f"{energy:.5f}" for energy in result.energies_keV)])
    rows = [
        f"{label},{_quoted(defused(chip))},{_joined(counts)}"
        for label, chip, counts in zip(
            result.table.index, result.table[CHIP], result.spectra, strict=True
        )
    ]
    return "\n".join([header, *rows, ""])


def _joined(counts: np.ndarray) -> str:
    """Return a row of counts as text; `tolist` makes this several times faster than pandas."""
    return ",".join(map(repr, counts.tolist()))


def _quoted(text: str) -> str:
    """Quote a CSV cell where it needs it (RFC 4180)."""
    if any(mark in text for mark in ',"\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text
