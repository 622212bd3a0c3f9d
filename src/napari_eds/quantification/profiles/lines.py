"""Compositions along lines: bins of whole pixels, each fitted as any other label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from napari_eds._support.arguments import PATH, each, expect
from napari_eds._support.brief import brief
from napari_eds._support.csv_cells import csv_text
from napari_eds._support.files import beside
from napari_eds._support.outputs import write_files
from napari_eds._support.progress import Progress, begin, tells_steps
from napari_eds.errors import EDSError
from napari_eds.labels.along_lines import (
    Line,
    LinePixels,
    length_on_map_px,
    line_bins,
    line_pixels,
)
from napari_eds.quantification.advice import MAJOR_AT_PCT, WANTED_ERROR_AT_PCT, check_error
from napari_eds.quantification.profiles.interfaces import Interface, fit_interface
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.run import quantify
from napari_eds.quantification.saving.results import recipe_json
from napari_eds.quantification.table import (
    AT_PCT,
    COUNTS,
    WT_PCT,
    column_of,
    error_of,
    error_total_of,
    intensity,
)
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.spectrum_image import SpectrumImage

#: What a profile shows against distance.
ProfileQuantity = Literal["at_pct", "wt_pct", "intensity", "counts"]
QUANTITIES: tuple[ProfileQuantity, ...] = ("at_pct", "wt_pct", "intensity", "counts")
QUANTITY_WORDS: dict[ProfileQuantity, str] = {
    "at_pct": "at. %",
    "wt_pct": "wt. %",
    "intensity": "counts of the line family",
    "counts": "X-ray counts",
}
#: Columns of a saved profile that its table does not have.
LINE, DISTANCE_NM, DISTANCE_PX = "line", "distance_nm", "distance_px"


class Curve(NamedTuple):
    """A quantity along a line, (bins,) each, with its errors from counting and in all."""

    value: np.ndarray
    counting: np.ndarray
    total: np.ndarray


@brief
@dataclass(frozen=True, eq=False)
class LineProfile:
    """A line, its bins and their compositions.

    Attributes
    ----------
    line : Line
    pixels : LinePixels
    bin_px : float
        Length of the bins, in mean pixels.
    result : Quantification
        Of the bins as labels, 1 at the beginning of the line.
    """

    line: Line
    pixels: LinePixels
    bin_px: float
    result: Quantification

    def _brief(self) -> str:
        return f"{self.line!r}, {len(self.result.table)} bins of {self.bin_px:g} px"

    @property
    def elements(self) -> tuple[str, ...]:
        """Quantified elements."""
        return self.result.elements

    @property
    def unit(self) -> str:
        """``"nm"``, or ``"px"`` where pixels have no length."""
        return "nm" if np.isfinite(self.result.image.pixel_side_nm) else "px"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What to beware of in the line itself; `result` has remarks on its bins.

        A line may end beside the map, as one that is drawn over its border does. More than a pixel
        there is told: so much of what was asked for has no bins.
        """
        image, whole = self.result.image, self.pixels.length_px
        on_map = length_on_map_px(self.line, image.shape, image.pixel_size)
        if whole - on_map <= 1:
            return ()
        nm = image.pixel_side_nm if self.unit == "nm" else 1.0
        rows, columns = image.shape
        lies = f"{on_map * nm:.4g} of its {whole * nm:.4g} {self.unit} lie on it"
        left = f"leaves the map of {rows} x {columns} pixels"
        return (f"{self.line.name} {left}: {lies}, the rest has no bins",)

    @property
    def distances(self) -> np.ndarray:
        """Mean distance of the pixels of every bin from the first point, in `unit`, (bins,)."""
        bins, places = self._places()
        return np.bincount(bins, places) / np.bincount(bins)

    def curve(self, element: str, quantity: ProfileQuantity = "at_pct") -> Curve:
        """Return a quantity along the line, with errors.

        Errors of wt. % follow from those of at. %, the other elements keeping their proportions;
        those of X-ray counts are of counting alone.

        Raises
        ------
        EDSError
            If the element is not quantified, or there is no such quantity.
        """
        table = self.result.table
        if quantity == "counts":
            values = table[COUNTS].to_numpy(float)
            return Curve(values, np.sqrt(values), np.sqrt(values))
        if element not in self.elements:
            raise EDSError(
                f"{element} is not quantified along {self.line.name}: there are "
                f"{', '.join(self.elements)}"
            )
        place = self.elements.index(element)
        if quantity == "intensity":
            column = intensity(self.result.fit.model.quantified[place])
            total = self.result.intensity_errors_total[:, place]
            return Curve(table[column].to_numpy(), table[error_of(column)].to_numpy(), total)
        if quantity not in (AT_PCT, WT_PCT):
            raise EDSError(f"a profile shows one of {', '.join(QUANTITIES)}, not {quantity!r}")
        column = column_of(element, AT_PCT)
        percent = table[column].to_numpy()
        curve = Curve(
            percent, *(table[of(column)].to_numpy() for of in (error_of, error_total_of))
        )
        if quantity == AT_PCT:
            return curve
        weight = table[column_of(element, WT_PCT)].to_numpy()
        slope = _weight_per_atomic(percent, weight)
        return Curve(weight, curve.counting * slope, curve.total * slope)

    def interface(self, element: str, quantity: ProfileQuantity = "at_pct") -> Interface:
        """Fit position and width of an interface along the line; see `fit_interface`."""
        curve = self.curve(element, quantity)
        bins, places = self._places()
        return fit_interface(curve.value, curve.counting, bins, places, unit=self.unit)

    def table(self) -> pd.DataFrame:
        """Return the table of the result with the line and the distances in front."""
        nm = self.result.image.pixel_side_nm
        in_px = self.distances / (nm if self.unit == "nm" else 1.0)
        table = self.result.table.copy()
        table.insert(0, LINE, self.line.name)
        table.insert(1, DISTANCE_NM, in_px * nm)
        table.insert(2, DISTANCE_PX, in_px)
        return table

    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the row in the table and the distance of every pixel of the line."""
        labels = self.result.labels
        covered = labels > 0
        rows = np.searchsorted(self.result.label_spectra.ids, labels[covered])
        nm = self.result.image.pixel_side_nm
        scale = nm if np.isfinite(nm) else 1.0
        return rows, self.pixels.distances[covered] * scale


@tells_steps
def line_profile(  # noqa: PLR0913 - the last four have defaults
    image: SpectrumImage,
    line: Line,
    recipe: Recipe,
    *,
    bin_px: float | None = None,
    error_at_pct: float = WANTED_ERROR_AT_PCT,
    progress: Progress | None = None,
) -> LineProfile:
    """Quantify a map along a line.

    The pixels of the line are cut into bins, and these are quantified as labels are: the model is
    settled on their sum, each bin is fitted by it, and the errors are those of any result.

    Parameters
    ----------
    image : SpectrumImage
    line : Line
    recipe : Recipe
    bin_px : float, optional
        Length of a bin in pixels; by default the shortest that keeps the error wanted.
    error_at_pct : float
        Wanted standard deviation of major elements in a bin from counting.
    progress : callable, optional
        See `quantify`.

    Raises
    ------
    LabelError
        If the line covers no pixel of the map, or the length is not positive.
    EDSError
        As `quantify`.
    """
    expect(image=(image, SpectrumImage), recipe=(recipe, Recipe), bin_px=(bin_px, Real | None))
    pixels = line_pixels(line, image.shape, image.pixel_size)
    if bin_px is None:
        begin("advising the length of bins")
        bin_px = advised_bin_px(image, line, recipe, error_at_pct=error_at_pct)
    bins = line_bins(pixels, bin_px)
    return LineProfile(line, pixels, bin_px, quantify(image, bins, recipe, progress=progress))


def advised_bin_px(
    image: SpectrumImage,
    line: Line,
    recipe: Recipe,
    *,
    error_at_pct: float = WANTED_ERROR_AT_PCT,
) -> float:
    """Return the shortest bins, in pixels, whose counts keep an error, or the whole line.

    The line is quantified as one region and as its two halves; the worst major element in any of
    them counts. Its error from counting is scaled to the counts of a bin. Bins are not shorter
    than a pixel reaches along the line.

    Parameters
    ----------
    image : SpectrumImage
    line : Line
    recipe : Recipe
    error_at_pct : float
        Standard deviation from counting that a bin may have, in atomic %.

    Raises
    ------
    LabelError, EDSError
        As `quantify`, or if the wanted error is not a positive number.
    """
    expect(image=(image, SpectrumImage), recipe=(recipe, Recipe))
    check_error(error_at_pct)
    pixels = line_pixels(line, image.shape, image.pixel_size)
    whole = pixels.length_px + pixels.step_px
    halves = quantify(image, line_bins(pixels, whole / 2), recipe)
    x = 100 * halves.composition.atomic_fractions
    errors = 100 * halves.composition.atomic_errors_statistical
    of_one = np.where(x > MAJOR_AT_PCT, errors, np.nan)
    of_one = of_one * np.sqrt(halves.label_spectra.n_pixels)[:, None]
    if not np.isfinite(of_one).any():
        return float(whole)
    needed = (np.nanmax(of_one) / error_at_pct) ** 2
    steps = np.ceil(needed / pixels.per_step)
    return float(min(max(steps, 1.0) * pixels.step_px, whole))


def profile_files(path: str | Path) -> list[Path]:
    """Return the files that `save_profiles` writes: the table and the recipe."""
    return beside(path, "_recipe.json")


def save_profiles(
    profiles: Iterable[LineProfile], path: str | Path, *, overwrite: bool = False
) -> list[Path]:
    """Save profiles as one CSV, a row per bin, and the recipe of the first beside it.

    Columns are those of the table of results after ``line``, ``distance_nm`` and ``distance_px``.

    Parameters
    ----------
    profiles : iterable of LineProfile
    path : str or Path
        The table.
    overwrite : bool
        Whether files that are there may be replaced.

    Raises
    ------
    EDSError
        If there is no profile.
    OutputError
        If a file is there and may not be replaced.
    """
    expect(path=(path, PATH))
    profiles = each("profiles", profiles, LineProfile)
    if not profiles:
        raise EDSError("there is no profile to save")
    table = pd.concat([profile.table() for profile in profiles])
    contents = [csv_text(table, float_format="%.6g"), recipe_json(profiles[0].result, Path(path))]
    inputs = [profile.result.image.source for profile in profiles]
    return write_files(profile_files(path), contents, overwrite=overwrite, inputs=inputs)


def named(lines: Iterable[Line]) -> list[Line]:
    """Return lines with names that tell them apart: ``line 1``, ``line 2``, ..."""
    return [replace(line, name=f"line {i}") for i, line in enumerate(lines, start=1)]


def _weight_per_atomic(atomic: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return d wt.% / d at.% of an element beside others that keep their proportions.

    ``w / (1 - w) = x / (1 - x) A / B`` with the mean atomic weight B of the others, so that
    ``dw / dx = w (1 - w) / (x (1 - x))``; where that is 0 / 0 it is 1.
    """
    moves = atomic * (100 - atomic)
    safe = np.where(np.abs(moves) > 1e-9, moves, np.nan)
    slope = weight * (100 - weight) / safe
    return np.where(np.isnan(slope) & np.isfinite(atomic), 1.0, slope)
