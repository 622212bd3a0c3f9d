"""How large chips must be: the statistical error of atomic % that a chip's counts allow.

Atomic fractions depend on ratios of intensities only, and the covariance of intensities goes with
the counts. So the error of a chip of n pixels is that of a region of N pixels of the same kind,
times ``sqrt(N / n)``. Errors of other causes, such as k-factors, are the same for any size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd

from napari_eds._support.arguments import each, expect
from napari_eds._support.brief import brief
from napari_eds.errors import EDSError, LabelError
from napari_eds.fitting.shape_errors import SHAPE_PARTS
from napari_eds.labels.chips import Chips, chip_size
from napari_eds.labels.from_counts import adaptive_chips
from napari_eds.quantification.remarks.sums import is_described, summary_lines
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.run import quantify
from napari_eds.quantification.table import COUNTS, FLAG, at_pct, error_of, error_total_of
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.label_sums import check_labels
from napari_eds.spectra.products import sums_of_window
from napari_eds.spectra.spectrum_image import SpectrumImage

#: An element above this many atomic % is a major one, whose error chips and kernels must keep.
MAJOR_AT_PCT = 5.0
#: Error in atomic % that no major element should exceed, where none is asked for.
WANTED_ERROR_AT_PCT = 2.0
#: Error in atomic % from shapes above which elements that do not explain all peaks do not describe
#: a map: a forgotten grid of Cu costs 1, a forgotten phase 4 to 60.
POORLY_DESCRIBED_AT_PCT = 2.0

_SIZES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)


@brief
@dataclass(frozen=True, eq=False)
class ChipSizeAdvice:
    """Errors that chips of several sizes would have, and the smallest size that is good enough.

    Attributes
    ----------
    frame : DataFrame
        One row per size, indexed by ``size_px`` (side of a square chip, in pixels): ``size_nm``
        (NaN where the pixels have no length), ``n_chips`` (of a grid, wholly inside the region),
        ``counts`` (mean X-rays above the noise peak per chip), per element ``Sr_at_pct_error``
        (predicted standard deviation from counting) and ``Sr_at_pct_error_total`` (in all: other
        parts do not fall with the size), and ``worst_error`` and ``worst_error_total`` (the
        largest of the major elements).
    major : tuple of str
        Elements above `MAJOR_AT_PCT`, in one label at least.
    error_at_pct : float
        What the worst error was to stay below.
    recommended_px : int or None
        The smallest size whose `worst_error` does not exceed `error_at_pct`; None if none does. It
        is decided on counting, since no size makes up for other parts. None also where the recipe
        does not describe the regions, see `is_described`.
    remarks : tuple of str
        What to beware of in the regions, as in the result of quantifying them.
    is_described : bool
        Whether the recipe describes the regions: their spectra look as if no element was left out,
        or what that puts in doubt, the shapes of lines and background, costs major elements no
        more than `POORLY_DESCRIBED_AT_PCT`.
    """

    frame: pd.DataFrame
    major: tuple[str, ...]
    error_at_pct: float
    recommended_px: int | None
    remarks: tuple[str, ...] = ()
    is_described: bool = True


def chip_size_advice(
    image: SpectrumImage,
    recipe: Recipe,
    sizes: Iterable[int] | None = None,
    *,
    labels: np.ndarray | None = None,
    error_at_pct: float = WANTED_ERROR_AT_PCT,
) -> ChipSizeAdvice:
    """Predict the errors of square chips by size, and recommend a size.

    The whole map, or each of the given labels, is quantified as one region; its error is scaled
    to the number of pixels of a chip. This holds for chips of the region's mean composition and
    counts: where these vary, give a label to each phase, and the worst label counts.

    Parameters
    ----------
    image : SpectrumImage
    recipe : Recipe
    sizes : iterable of int, optional
        Sides in pixels; by default some twenty that fit the map.
    labels : ndarray of int, (rows, columns), optional
        Regions to predict for; 0 is left out.
    error_at_pct : float
        Wanted standard deviation of major elements from counting, in atomic %.

    Returns
    -------
    ChipSizeAdvice

    Raises
    ------
    LabelError
        If `labels` are no labels of the map, or a size does not fit it.
    EDSError
        If the error is not positive, or no label shows an element; `quantify` raises others.
    """
    expect(image=(image, SpectrumImage), recipe=(recipe, Recipe))
    check_error(error_at_pct)
    sides = _checked_sizes(sizes, image.shape)
    result = _region_result(image, recipe, labels)
    per_pixel = _errors_of_one_pixel(result)
    major = 100 * result.composition.atomic_fractions > MAJOR_AT_PCT
    worst_per_pixel = _largest(np.where(major, per_pixel, np.nan))
    in_all = np.hypot(per_pixel / sides[:, None, None], common_errors(result))
    inside = result.labels > 0
    frame = pd.DataFrame(
        {
            "size_nm": sides * image.pixel_side_nm,
            "n_chips": [_chips_inside(inside, side) for side in sides],
            COUNTS: sides**2 * (result.table[COUNTS].sum() / inside.sum()),
            **{
                error_of(at_pct(element)): _largest(per_pixel[:, [i]]) / sides
                for i, element in enumerate(result.elements)
            },
            **{
                error_total_of(at_pct(element)): [_largest(errors[:, [i]]) for errors in in_all]
                for i, element in enumerate(result.elements)
            },
            "worst_error": worst_per_pixel / sides,
            "worst_error_total": [_largest(np.where(major, errors, np.nan)) for errors in in_all],
        },
        index=pd.Index(sides, name="size_px"),
    )
    good = frame.index[(frame["worst_error"] <= error_at_pct) & (frame["n_chips"] > 0)]
    flags = result.table[FLAG].tolist()
    of_shapes = _largest(np.where(major, _shape_errors(result), np.nan))
    described = all(map(is_described, flags)) or of_shapes <= POORLY_DESCRIBED_AT_PCT
    return ChipSizeAdvice(
        frame=frame,
        major=tuple(np.array(result.elements)[major.any(axis=0)].tolist()),
        error_at_pct=float(error_at_pct),
        recommended_px=int(good[0]) if len(good) and described else None,
        remarks=tuple(summary_lines(flags)),
        is_described=described,
    )


def counts_for_error(
    image: SpectrumImage,
    recipe: Recipe,
    element: str,
    error_at_pct: float,
    *,
    labels: np.ndarray | None = None,
) -> float:
    """Return the X-rays in the recipe's energy range at which an element has a given error.

    Of a range that begins below the noise peak's end, those above it.

    Parameters
    ----------
    image : SpectrumImage
    recipe : Recipe
    element : str
        One of the recipe's.
    error_at_pct : float
        Standard deviation in atomic %.
    labels : ndarray of int, (rows, columns), optional
        Regions to predict from, the whole map by default; the one that needs most counts.

    Raises
    ------
    LabelError, EDSError
        As `chip_size_advice`, and if the element is not quantified.
    """
    expect(image=(image, SpectrumImage), recipe=(recipe, Recipe), element=(element, str))
    check_error(error_at_pct)
    result = _region_result(image, recipe, labels)
    if element not in result.elements:
        raise EDSError(f"{element} is not quantified; choose one of {', '.join(result.elements)}")
    per_pixel = _errors_of_one_pixel(result)[:, result.elements.index(element)]
    channels = _xray_channels(image, recipe)
    counts = result.label_spectra.sums.in_window(channels)
    counts_per_pixel = counts / result.label_spectra.n_pixels
    return _largest(counts_per_pixel * (per_pixel / error_at_pct) ** 2)


def counts_in_range(image: SpectrumImage, recipe: Recipe) -> np.ndarray:
    """Return the X-rays above the noise peak in the recipe's energy range, (rows, columns)."""
    channels = _xray_channels(image, recipe)
    return sums_of_window(image.counts, channels).reshape(image.shape)


def _xray_channels(image: SpectrumImage, recipe: Recipe) -> slice:
    fitted, xrays = image.energy.channels(*recipe.energy_range_keV), image.energy.xray_channels
    return slice(max(fitted.start, xrays.start), fitted.stop)


def _region_result(
    image: SpectrumImage, recipe: Recipe, labels: np.ndarray | None
) -> Quantification:
    """Quantify the regions that tell the errors; at least one shows an element."""
    if labels is None:
        labels = np.ones(image.shape, np.int64)
    result = quantify(image, check_labels(labels, image.shape), recipe)
    if not np.isfinite(result.composition.atomic_fractions).any():
        raise EDSError(
            "no element of the recipe is detected here, so no error can be predicted; check the "
            "elements"
        )
    return result


def _errors_of_one_pixel(result: Quantification) -> np.ndarray:
    """Return errors in atomic % scaled to one pixel, (labels, elements); NaN for empty labels."""
    errors = 100 * result.composition.atomic_errors_statistical
    return errors * np.sqrt(result.label_spectra.n_pixels)[:, None]


def common_errors(result: Quantification) -> np.ndarray:
    """Return errors in atomic % that do not fall with counts, (labels, elements)."""
    composition = result.composition
    counting = composition.atomic_error_parts["counting"]
    rest = composition.atomic_errors_total**2 - counting**2
    return 100 * np.sqrt(np.maximum(rest, 0))


def _shape_errors(result: Quantification) -> np.ndarray:
    """Return errors in atomic % from what is open of shapes, (labels, elements)."""
    parts = result.composition.atomic_error_parts
    known = [parts[part] ** 2 for part in SHAPE_PARTS if part in parts]
    return 100 * np.sqrt(sum(known, np.zeros_like(result.composition.atomic_fractions)))


def _largest(values: np.ndarray) -> float:
    """Return the largest value that is known; NaN if there is none."""
    known = values[np.isfinite(values)]
    return float(known.max()) if known.size else np.nan


def check_error(error_at_pct: float) -> None:
    """Say what is wrong with a wanted error in atomic %, if anything is.

    Raises
    ------
    EDSError
        If it is no positive number.
    """
    expect(error_at_pct=(error_at_pct, Real))
    if not (np.isfinite(error_at_pct) and error_at_pct > 0):
        raise EDSError(f"the wanted error must be a positive number of at.%, not {error_at_pct}")


def _checked_sizes(sizes: Iterable[int] | None, shape: tuple[int, int]) -> np.ndarray:
    """Return the sides of chips, ascending, each of which fits the map."""
    if sizes is None:
        sizes = [side for side in _SIZES if side <= min(shape)]
    sides = sorted({chip_size(shape, side)[0] for side in each("sizes", sizes, Real)})
    if not sides:
        raise LabelError("no chip size is given")
    return np.array(sides)


def _chips_inside(inside: np.ndarray, side: int) -> int:
    """Count the chips of a grid whose every pixel is inside."""
    rows, columns = (extent // side for extent in inside.shape)
    tiles = inside[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return int(tiles.all(axis=(1, 3)).sum())


def adaptive_chips_for_error(  # noqa: PLR0913 - the last three have defaults
    image: SpectrumImage,
    recipe: Recipe,
    element: str,
    error_at_pct: float,
    *,
    labels: np.ndarray | None = None,
    smallest: int = 1,
    largest: int | None = None,
) -> Chips:
    """Cut a map into chips in which the atomic % of an element has at most a given error.

    The error is the statistical one of the sum of all labels, scaled to the counts of a chip in
    the recipe's energy range, without the noise peak; see `counts_for_error`. It holds for chips
    of the sum's composition: in a map of several phases, give a label to each, or the error of an
    element will be larger in the phase that holds it.

    Parameters
    ----------
    image : SpectrumImage
    recipe : Recipe
    element : str
        One of the recipe's.
    error_at_pct : float
        Standard deviation in atomic %.
    labels : ndarray of int, (rows, columns), optional
        Region whose summed spectrum tells the error; the whole map by default.
    smallest, largest : int, optional
        See `adaptive_chips`, as for the names and errors.
    """
    counts = counts_for_error(image, recipe, element, error_at_pct, labels=labels)
    in_range = counts_in_range(image, recipe)
    return adaptive_chips(in_range, counts, smallest=smallest, largest=largest)
