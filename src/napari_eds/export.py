"""Saving results: table, spectra and recipe, side by side."""

from __future__ import annotations

from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_eds.files import write_atomically

if TYPE_CHECKING:
    from napari_eds.analysis import Quantification

#: Significant digits of the table: more than any EDS result holds, few enough to read.
_TABLE_DIGITS = 6


def account(result: Quantification) -> list[str]:
    """Say in plain words what was done to get a result and what was not.

    Returns
    -------
    list of str
        Sentences on elements, k-factors and their convention, absorption, model and axis.
    """
    recipe, model = result.recipe, result.fit.model
    k = recipe.k_factors
    families = ", ".join(str(f) for f in model.quantified)
    fitted = {family.element for family in model.families}
    others = [
        name if name.partition("_")[0] in fitted else f"{name} (no line in the range)"
        for name in recipe.fit_only
    ]
    convention = {
        "family": "they belong to whole families, as the intensities do",
        "alpha": "they belong to alpha lines and were divided by the family's line weights",
    }[k.convention]
    beam = "" if k.beam_energy_keV is None else f", {k.beam_energy_keV:g} kV"
    low, high = model.energy.energies_keV[[0, -1]]
    return [
        f"Quantified: {families}. Fitted only: {', '.join(others) or 'nothing'}.",
        f"k-factors: {k.source}{beam}; {convention}.",
        "Absorption in the specimen: not corrected; O, N and C read low unless the foil is thin.",
        (
            f"Model: eXSpy's lines and a polynomial background of order {model.background_order}, "
            f"{low:.3f} to {high:.3f} keV, resolution {model.resolution_MnKa_eV:g} eV at Mn Ka, "
            f"{recipe.engine} least squares with equal weights."
        ),
        "Energy axis: as the file gives it, not calibrated on the spectrum.",
    ]


def save_csv(result: Quantification, path: str | Path, *, spectra: bool = False) -> list[Path]:
    """Save a result as CSV, with the recipe and, if asked, the spectra beside it.

    Parameters
    ----------
    result : Quantification
    path : str or Path
        The table. Its neighbours are ``<stem>_recipe.json`` and ``<stem>_spectra.csv``; the
        latter has one row per label and one column per channel, headed by its energy in keV.
    spectra : bool
        Whether to save the spectra.

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
    result.recipe.to_json(recipe_path)
    written.append(recipe_path)
    if spectra:
        spectra_path = path.with_name(f"{path.stem}_spectra.csv")
        written.append(write_atomically(spectra_path, spectra_csv(result)))
    return written


def save_maps(result: Quantification, folder: str | Path) -> list[Path]:
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
        stem = f"{element}_at_pct"
        written.append(write_atomically(folder / f"{stem}.tif", _tiff(data)))
        picture = _picture(data, f"{element} (at. %)", result)
        written.append(write_atomically(folder / f"{stem}.png", picture))
    return written


def _tiff(data: np.ndarray) -> bytes:
    import tifffile

    buffer = BytesIO()
    tifffile.imwrite(buffer, data.astype(np.float32))
    return buffer.getvalue()


def _picture(data: np.ndarray, title: str, result: Quantification) -> bytes:
    """Draw a map with its colour bar and a true scale, as PNG."""
    from matplotlib.figure import Figure

    height, width = (
        size * pixel for size, pixel in zip(data.shape, result.image.pixel_size, strict=True)
    )
    figure = Figure(figsize=(5.5, 4.5), layout="constrained")
    axes = figure.subplots()
    top = np.nanpercentile(data, 99) if np.isfinite(data).any() else 1.0
    drawn = axes.imshow(
        data, extent=(0, width, height, 0), vmin=0, vmax=max(float(top), 1.0), cmap="viridis"
    )
    axes.set_facecolor("0.85")  # what is not labelled
    axes.set(title=title, xlabel=result.image.pixel_unit, ylabel=result.image.pixel_unit)
    figure.colorbar(drawn, ax=axes)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def table_csv(result: Quantification) -> str:
    """Return the table as CSV text, numbers to six significant digits."""
    buffer = StringIO()
    result.table.to_csv(buffer, float_format=f"%.{_TABLE_DIGITS}g", lineterminator="\n")
    return buffer.getvalue()


def spectra_csv(result: Quantification) -> str:
    """Return the spectra as CSV text: ``label, chip``, then one column per channel in keV."""
    header = ",".join(["label", "chip", *(f"{energy:.6g}" for energy in result.energies_keV)])
    rows = [
        f"{label},{_quoted(chip)},{_joined(counts)}"
        for label, chip, counts in zip(
            result.table.index, result.table["chip"], result.spectra, strict=True
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
