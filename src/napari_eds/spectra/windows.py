"""Maps of energy windows, with the background taken from windows beside them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from numbers import Real

import numpy as np

from napari_eds._support.arguments import each, expect
from napari_eds.errors import EDSError
from napari_eds.physics import lines as xray
from napari_eds.spectra.axes import EnergyAxis
from napari_eds.spectra.spectrum_image import SpectrumImage

Window = tuple[float, float]

#: Width of a line's window, and what side windows leave free beside it and beside other lines, in
#: full widths: 1.1 of them away from a line, the sum of the window's half and the gap, a Gaussian
#: has fallen to 3 %.
WINDOW_FWHM = 1.2
_GAP_FWHM = 0.5
#: Side windows begin at most this many full widths farther out, and hold at least this part of
#: the window's width.
_FARTHEST_FWHM = 3.0
_NARROWEST = 0.25
#: Lines weaker than this part of the alpha line do not spoil a background.
_SPOILING_WEIGHT = 0.03


def window_map(
    image: SpectrumImage,
    low_keV: float,
    high_keV: float,
    *,
    side_windows: bool = False,
    lines_keV: Collection[float] = (),
) -> np.ndarray:
    """Sum the counts of every pixel in ``low_keV <= E < high_keV``.

    Parameters
    ----------
    image : SpectrumImage
    low_keV, high_keV : float
    side_windows : bool
        Whether to subtract a background, taken as a straight line between the windows of
        `side_windows_of`.
    lines_keV : collection of float
        Energies of lines to keep clear of while taking the background.

    Returns
    -------
    ndarray, (rows, columns)
        Counts. Net counts are float64, negative where chance has put more beside the window than
        into it: cutting them off would make sums too large.

    Raises
    ------
    UncalibratedError
        If the axis has no energies.
    EDSError
        If the window holds no channel, or there is no room for any side window.
    """
    expect(image=(image, SpectrumImage), low_keV=(low_keV, Real), high_keV=(high_keV, Real))
    if not side_windows:
        return image.window_map(low_keV, high_keV)
    window = (low_keV, high_keV)
    image.energy.channels(*window)  # says so if there is none
    resolution = image.acquisition.resolution_MnKa_eV()
    sides = side_windows_of(image.energy, window, resolution, lines_keV=lines_keV)
    if not sides:
        raise EDSError(
            f"beside {low_keV:g} to {high_keV:g} keV is no room for a background: lines or the "
            "ends of the axis are too near"
        )
    weights = _weights(image.energy, window, sides)
    return image.project(weights[:, None]).reshape(image.shape)


def side_windows_of(
    energy: EnergyAxis,
    window: Window,
    resolution_MnKa_eV: float,
    *,
    lines_keV: Collection[float] = (),
) -> tuple[Window, ...]:
    """Return the windows beside a window that show its background: below, above, or one of them.

    Each is as wide as the window where there is room, and begins half a full width of the
    resolution away from it. Where other lines are in the way it lies farther out or is narrower;
    where nothing wide enough is near, or the axis ends, it is left out.
    """
    energy.require_calibrated()
    low, high = window
    width = float(xray.fwhm_keV((low + high) / 2, resolution_MnKa_eV))
    gap, reach = _GAP_FWHM * width, _FARTHEST_FWHM * width
    half = energy.scale_keV / 2
    first = energy.offset_keV - half
    last = energy.offset_keV + energy.scale_keV * energy.size - half
    clear = WINDOW_FWHM / 2 * width + gap
    # A line within the window is what the window is for.
    taken = [(line - clear, line + clear) for line in lines_keV if not low <= line <= high]
    above = _nearest_room((high + gap, last), taken, high - low, reach)
    mirrored = [(-stop, -start) for start, stop in taken]
    below = _nearest_room((gap - low, -first), mirrored, high - low, reach)
    found = [below and (-below[1], -below[0]), above]
    return tuple(side for side in found if side and _channels(energy, side))


def _nearest_room(
    span: Window, taken: Sequence[Window], wanted: float, reach: float
) -> Window | None:
    """Return the first free stretch of a span that is wide enough, at most `wanted` wide."""
    start, end = span
    latest = start + reach
    for stop_at, go_on_at in [*sorted(taken), (end, end)]:
        stop = min(stop_at, end, start + wanted)
        if start <= latest and stop - start >= _NARROWEST * wanted:
            return start, stop
        start = max(start, go_on_at)
    return None


def family_windows(
    families: Collection[xray.Family], energy: EnergyAxis, resolution_MnKa_eV: float
) -> dict[xray.Family, Window]:
    """Return the window around the alpha line of every family that lies on the axis.

    Windows are 1.2 full widths wide, which holds 84 % of a line and weighs it well against the
    background beneath.
    """
    energy.require_calibrated()
    windows = {}
    for family in families:
        at = family.alpha.energy_keV
        half = WINDOW_FWHM / 2 * float(xray.fwhm_keV(at, resolution_MnKa_eV))
        window = (at - half, at + half)
        on_axis = energy.offset_keV <= at <= energy.offset_keV + energy.scale_keV * energy.size
        if on_axis and _channels(energy, window):
            windows[family] = window
    return windows


def element_maps(
    image: SpectrumImage, families: Collection[xray.Family], *, side_windows: bool = True
) -> dict[xray.Family, np.ndarray]:
    """Return a map of the alpha line of every family that lies on the axis.

    All of them come from one product of the counts with a matrix of windows.

    Parameters
    ----------
    image : SpectrumImage
    families : collection of Family
    side_windows : bool
        Whether to subtract the background beside each line. Nothing is subtracted where the lines
        of the other families leave no room for it: `side_windows_of` tells.

    Returns
    -------
    dict of Family to ndarray, (rows, columns)

    Raises
    ------
    UncalibratedError
        If the axis has no energies.
    """
    expect(image=(image, SpectrumImage))
    families = each("families", families, xray.Family)
    resolution = image.acquisition.resolution_MnKa_eV()
    windows = family_windows(families, image.energy, resolution)
    if not windows:
        return {}
    lines = main_lines_keV(families)
    columns = []
    for window in windows.values():
        sides = (
            side_windows_of(image.energy, window, resolution, lines_keV=lines)
            if side_windows
            else ()
        )
        columns.append(_weights(image.energy, window, sides))
    maps = image.project(np.stack(columns, axis=1)).reshape(*image.shape, -1)
    return {family: maps[..., i] for i, family in enumerate(windows)}


def main_lines_keV(families: Collection[xray.Family]) -> tuple[float, ...]:
    """Energies of the lines of families that are strong enough to spoil a background."""
    return tuple(
        line.energy_keV
        for family in families
        for line in family.lines
        if line.weight > _SPOILING_WEIGHT
    )


def _channels(energy: EnergyAxis, window: Window) -> slice | None:
    try:
        return energy.channels(*window)
    except EDSError:
        return None


def _weights(energy: EnergyAxis, window: Window, sides: Sequence[Window]) -> np.ndarray:
    """Return the weight of every channel: 1 in the window, less than 0 in the side windows.

    The straight line between the mean of both side windows is summed over the window; with one
    side window its mean goes on as it is.
    """
    weights = np.zeros(energy.size)
    inside = energy.channels(*window)
    weights[inside] = 1
    slices = [energy.channels(*side) for side in sides]
    centre = (inside.start + inside.stop) / 2
    centres = [(s.start + s.stop) / 2 for s in slices]
    shares = [1.0] * len(slices)
    if len(slices) == 2:
        upper = (centre - centres[0]) / (centres[1] - centres[0])
        shares = [1 - upper, upper]
    for channels, share in zip(slices, shares, strict=True):
        n = channels.stop - channels.start
        weights[channels] -= share * (inside.stop - inside.start) / n
    return weights
