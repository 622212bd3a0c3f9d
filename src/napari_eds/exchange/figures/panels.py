"""What a figure of maps shows: each map by its name, with its data and its unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_eds._support.arguments import each, expect
from napari_eds.errors import EDSError, UncalibratedError
from napari_eds.physics import lines as xray
from napari_eds.quantification.pixels.maps import PixelMaps
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import (
    AT_PCT,
    WT_PCT,
    composition_column,
)
from napari_eds.quantification.table import COUNTS as COLUMN_OF_COUNTS
from napari_eds.spectra.spectrum_image import AuxiliaryImage, SpectrumImage
from napari_eds.spectra.windows import element_maps

Source = SpectrumImage | Quantification | PixelMaps

#: Name of the map of all X-rays, and what stands after an element for the counts of its line.
COUNTS = "counts"
OF_COUNTS = ":counts"

_UNITS = {AT_PCT: "at.%", WT_PCT: "wt.%"}
_KINDS = {
    "value": "",
    "error_total": " error",
    "error": " counting error",
    "error_k": " k-factor error",
}
_HAADF = "HAADF"


@dataclass(frozen=True, eq=False)
class Panel:
    """One map of a figure.

    Attributes
    ----------
    title : str
    data : ndarray, (rows, columns), or (rows, columns, 3 or 4) of a picture in colours
        NaN where there is no value.
    unit : str
        Empty for a picture, which has no colour bar.
    from_zero : bool
        Whether the scale of colours begins at zero.
    """

    title: str
    data: np.ndarray
    unit: str
    from_zero: bool = True

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture in grey or colours, whose numbers have no unit."""
        return not self.unit

    def limits(self) -> tuple[float, float]:
        """Return the ends of the scale: all but the outermost half percent of values.

        Shares end at 100 %: labels with hardly a count of any element may have far more.
        """
        values = self.data[np.isfinite(self.data)]
        if not values.size:
            return 0.0, 1.0
        low, high = (float(v) for v in np.percentile(values, [0.5, 99.5]))
        if self.from_zero:
            low = 0.0
            high = min(high, 100.0) if self.unit in _UNITS.values() else high
        return low, high if high > low else low + 1.0


def image_of(source: Source) -> SpectrumImage:
    """Return the spectrum image that something is of."""
    expect(source=(source, SpectrumImage | Quantification | PixelMaps))
    return source if isinstance(source, SpectrumImage) else source.image


def default_maps(source: Source) -> list[str]:
    """Return what is shown if nothing is said: the HAADF image, and a map of every element.

    Of a spectrum image without a result these are the elements that its file names, as counts;
    the X-ray counts where it names none.
    """
    image = image_of(source)
    pictures = [i.name for i in image.images if _HAADF in i.name and i.fits(image.shape)][:1]
    if not isinstance(source, SpectrumImage):
        return [*pictures, *source.elements]
    named = [e for e in image.acquisition.elements if e in xray.element_symbols()]
    shown = [e for e in named if _is_on_axis(image, e)]
    return [*pictures, *(shown or [COUNTS])]


def available_maps(source: Source) -> list[str]:
    """Return the names of all maps that `panels` knows of a source, counts of elements last."""
    image = image_of(source)
    pictures = [i.name for i in image.images if i.fits(image.shape)]
    if isinstance(source, SpectrumImage):
        return [*dict.fromkeys([*pictures, COUNTS, *default_maps(source)])]
    columns = []
    if isinstance(source, Quantification):
        # Those that say where a label is come before its counts: they have no meaning as a map.
        table = source.table.iloc[:, source.table.columns.get_loc(COLUMN_OF_COUNTS) :]
        columns = [str(c) for c in table.columns if table[c].dtype.kind in "fiu" and c != COUNTS]
    counts = [f"{e}{OF_COUNTS}" for e in source.elements]
    return [*dict.fromkeys([*pictures, COUNTS, *source.elements, *counts, *columns])]


def panels(source: Source, names: Iterable[str]) -> list[Panel]:
    """Return the maps of these names, in their order.

    Parameters
    ----------
    source : SpectrumImage, Quantification or PixelMaps
    names : iterable of str
        An image of the file (``"HAADF"``), ``"counts"`` for all X-rays; ``"Fe"`` for the at.% of
        a result, the counts of a spectrum image; ``"Fe:counts"`` or ``"Fe_L:counts"`` for the
        net counts of a line beside any result; a column of a result's table, such as
        ``"Fe_wt_pct"`` or ``"reduced_chi_squared"``.

    Raises
    ------
    EDSError
        If there is no such map; the message names those there are.
    """
    names = each("maps", names, str)
    if not names:
        raise EDSError("a figure shows at least one map: name one")
    image = image_of(source)
    plain, found = _plain(source, names), {}
    families = {n: _family(source, n) for n in names if n not in plain}
    if families:
        counted = element_maps(image, list(dict.fromkeys(families.values())))
        for name, family in families.items():
            if family not in counted:
                raise EDSError(f"{family.alpha} lies outside of the energy axis of {image.name}")
            title = f"{family.element} {family.family}α"
            found[name] = Panel(title, counted[family], "counts")
    return [plain.get(name) or found[name] for name in names]


def _plain(source: Source, names: Sequence[str]) -> dict[str, Panel]:
    """Return the maps among `names` that need no sum over windows."""
    image, found = image_of(source), {}
    pictures = {i.name: i for i in image.images if i.fits(image.shape)}
    result = source if isinstance(source, Quantification) else None
    of_elements = {} if isinstance(source, SpectrumImage) else source.maps()
    for name in names:
        if name in pictures:
            found[name] = _picture(pictures[name])
        elif name == COUNTS:
            found[name] = Panel("X-ray counts", image.counts_map(), "counts")
        elif name in of_elements:
            found[name] = Panel(name, of_elements[name], _UNITS[AT_PCT])
        elif result is not None and name in result.table.columns:
            found[name] = _column(result, name)
    return found


def _picture(image: AuxiliaryImage) -> Panel:
    return Panel(image.name, image.data, "", from_zero=False)


def _column(result: Quantification, name: str) -> Panel:
    """Return the map of a column of the table, named as people would."""
    if result.table[name].dtype.kind not in "fiu":
        raise EDSError(f"the column {name} holds text, which has no map")
    data = result.map_of(name)
    column = composition_column(name)
    if column is None:
        return Panel(name.replace("_", " "), data, " ")
    title = f"{column.element}{_KINDS[column.kind]}"
    return Panel(title, data, _UNITS[column.quantity])


def _family(source: Source, name: str) -> xray.Family:
    """Return the family whose line a name such as ``"Fe"`` or ``"Fe_L:counts"`` means."""
    image = image_of(source)
    asked = name.removesuffix(OF_COUNTS)
    element, _, shell = asked.partition("_")
    known = element in xray.element_symbols()
    if known and shell and shell in xray.families_of(element):
        return xray.family(element, shell)
    if known and not shell:
        quantified = [] if isinstance(source, SpectrumImage) else _quantified(source)
        chosen = [f for f in quantified if f.element == element]
        return chosen[0] if chosen else _default_family(image, element)
    raise EDSError(
        f"there is no map {name!r} of {image.name}; there are "
        f"{', '.join(available_maps(source))}, and counts of any element, such as Fe{OF_COUNTS}"
    )


def _quantified(source: Quantification | PixelMaps) -> tuple[xray.Family, ...]:
    if isinstance(source, Quantification):
        return source.fit.model.quantified
    return source.families


def _is_on_axis(image: SpectrumImage, element: str) -> bool:
    """Whether a line of an element can be mapped."""
    try:
        _default_family(image, element)
    except EDSError:
        return False
    return True


def _default_family(image: SpectrumImage, element: str) -> xray.Family:
    """Return the family that would be quantified; any beam excites it where none is known."""
    if not image.energy.calibrated:
        raise UncalibratedError(f"{image.name} has no energy axis: no line can be mapped")
    low, high = (float(e) for e in image.energy.energies_keV[[0, -1]])
    beam = image.acquisition.beam_energy_keV or high
    return xray.default_family(element, max(low, 0.0), high, beam)
