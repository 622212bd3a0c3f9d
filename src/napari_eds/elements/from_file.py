"""The elements that a file names: what of them to quantify, and what only to fit."""

from __future__ import annotations

from napari_eds._support.arguments import expect
from napari_eds.elements import prior
from napari_eds.spectra.acquisition import Acquisition


def file_elements(acquisition: Acquisition) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return `elements` and `fit_only` of a recipe, from what a file names.

    Parameters
    ----------
    acquisition : Acquisition

    Returns
    -------
    (tuple of str, tuple of str)
        Where the vendor's program marked elements as quantified, these are; else all but what is
        typical of grid, holder, preparation or coating. With the family that the program chose,
        where it did. Empty where the file names none.
    """
    expect(acquisition=(acquisition, Acquisition))
    named = named_in_file(acquisition)
    return tuple(e for e, own in named if own), tuple(e for e, own in named if not own)


def named_in_file(acquisition: Acquisition) -> tuple[tuple[str, bool], ...]:
    """Return elements as a recipe names them, in the file's order, and whether to quantify."""
    vendor = acquisition.vendor
    families = vendor.families if vendor else {}
    quantified = set(vendor.quantified) if vendor else set()
    foil = acquisition.is_foil()
    return tuple(
        (
            f"{symbol}_{families[symbol]}" if symbol in families else symbol,
            symbol in quantified if quantified else not prior.is_system(symbol, foil=foil),
        )
        for symbol in dict.fromkeys([*acquisition.elements, *families])
    )
