"""Saving results: table, spectra and recipe, side by side."""

from __future__ import annotations

from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_eds._support.files import write_atomically

if TYPE_CHECKING:
    from napari_eds.fitting.preparation import Preparation
    from napari_eds.quantification.run import Quantification
    from napari_eds.recipe.k_factors import KFactorTable
    from napari_eds.recipe.recipe import Recipe
    from napari_eds.spectra.spectrum_image import SpectrumImage

#: Significant digits of the table: more than any EDS result holds, few enough to read.
_TABLE_DIGITS = 6


class Accountable(Protocol):
    """What an account needs to know of a result, whether of labels or of pixels."""

    @property
    def image(self) -> SpectrumImage:
        """Its pixel size and take-off angle."""

    @property
    def recipe(self) -> Recipe:
        """Settings of the run."""

    @property
    def k_factors(self) -> KFactorTable:
        """The table that was used."""

    @property
    def preparation(self) -> Preparation:
        """What was settled on the summed spectrum."""


def account(result: Accountable) -> list[str]:
    """Say in plain words what was done to get a result and what was not.

    Returns
    -------
    list of str
        Sentences on elements, k-factors and their convention, absorption, model and axis.
    """
    return [
        _elements_account(result),
        _k_account(result),
        _absorption_account(result),
        _model_account(result),
        _calibration_account(result),
        _refinement_account(result),
    ]


def _elements_account(result: Accountable) -> str:
    model = result.preparation.model
    fitted = {family.element for family in model.families}
    others = [
        name if name.partition("_")[0] in fitted else f"{name} (no line in the range)"
        for name in result.recipe.fit_only
    ]
    families = ", ".join(str(f) for f in model.quantified)
    return f"Quantified: {families}. Fitted only: {', '.join(others) or 'nothing'}."


def _k_account(result: Accountable) -> str:
    k = result.k_factors
    measured = result.preparation.model.beam_energy_keV
    beam = "" if k.beam_energy_keV is None else f", {k.beam_energy_keV:g} keV"
    if k.beam_energy_keV is not None and not np.isclose(k.beam_energy_keV, measured, rtol=0.02):
        beam += f" although the map was taken at {measured:g} keV"
    of = {"family": "of whole families", "alpha": "of alpha lines"}[k.convention]
    return f"k-factors: {k.source}{beam}; {of}, as are the intensities they are used with."


def _absorption_account(result: Accountable) -> str:
    absorption = result.recipe.absorption
    if absorption is None:
        soft = [f.element for f in result.preparation.model.quantified if f.alpha.energy_keV < 1]
        caution = f"; {', '.join(soft)} read low unless the foil is thin" if soft else ""
        return f"Absorption in the specimen: not corrected{caution}."
    angle = absorption.take_off_angle_deg or result.image.acquisition.take_off_angle_deg
    return (
        f"Absorption in the specimen: corrected for {absorption.thickness_nm:g} nm (or a map of "
        f"thickness), {absorption.density_g_cm3:g} g/cm³, take-off angle {angle:g}°."
    )


def _model_account(result: Accountable) -> str:
    preparation = result.preparation
    model = preparation.model
    low, high = model.energy.energies_keV[[0, -1]]
    lines = "eXSpy's lines"
    if model.integrated:
        lines += " with K doublets and K beta from xraylib"
    weights = {
        "poisson": "weighted by expected counts",
        "linear": "all channels weighing the same (HyperSpy)",
        "nonlinear": "all channels weighing the same, label by label (HyperSpy)",
    }[result.recipe.engine]
    return (
        f"Model: {lines}, {low:.3f} to {high:.3f} keV, {weights}; background: "
        f"{preparation.background}. Reduced chi-squared of the summed spectrum "
        f"{preparation.reduced_chi_squared:.2f}."
    )


def _calibration_account(result: Accountable) -> str:
    c = result.preparation.calibration

    def value(number: float, error: float, unit: str) -> str:
        return f"{number:.3g}{f' ± {error:.2g}' if error else ''} {unit}"

    return (
        f"Energy axis: {c.source}; offset {value(c.offset_eV, c.offset_error_eV, 'eV')}, gain "
        f"{value(c.gain_percent, c.gain_error_percent, '%')}, resolution at Mn Ka "
        f"{value(c.resolution_MnKa_eV, c.resolution_error_eV, 'eV')}."
    )


def _refinement_account(result: Accountable) -> str:
    refinement = result.preparation.refinement
    if not refinement.ratios:
        return "Line ratios inside families: as in the table."
    moved = sorted(refinement.ratios.items(), key=lambda item: -abs(np.log(item[1])))[:3]
    text = ", ".join(f"{name} x {ratio:.2f}" for name, ratio in moved)
    bound = ""
    if refinement.at_bound:
        bound = f" At the bound: {', '.join(refinement.at_bound)}."
    return (
        f"Line ratios inside strong families: refined on the summed spectrum, {text} moved most."
        f"{bound}"
    )


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
        stem = folder / f"{element}_at_pct"
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


def table_csv(result: Quantification) -> str:
    """Return the table as CSV text, numbers to six significant digits."""
    buffer = StringIO()
    result.table.to_csv(buffer, float_format=f"%.{_TABLE_DIGITS}g", lineterminator="\n")
    return buffer.getvalue()


def spectra_csv(result: Quantification) -> str:
    """Return the spectra as CSV text: ``label, chip``, then one column per channel in keV."""
    header = ",".join(["label", "chip", *(f"{energy:.5f}" for energy in result.energies_keV)])
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
