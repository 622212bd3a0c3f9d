"""Compositions from wherever they come, as one kind of table: the border of `compare`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_eds._support.files import existing_file
from napari_eds.compare import files
from napari_eds.compare.tables import CompositionTable, errors_k_given, whole
from napari_eds.errors import EDSError, LabelError
from napari_eds.exchange.session import SUFFIX, Session, counts_sha256, load_session
from napari_eds.labels.chips import describe_labels
from napari_eds.physics import lines as xray
from napari_eds.quantification.errors.budget import FITTED_PARTS
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import (
    AT_PCT,
    CHIP,
    COUNTS,
    WT_PCT,
    Quantity,
    column_of,
    error_k_of,
    error_of,
    error_total_of,
)
from napari_eds.spectra.acquisition import VendorComposition, VendorQuantification
from napari_eds.spectra.spectrum_image import SpectrumImage

#: How results are called, by engine.
_NAMES = {
    "poisson": "napari-eds",
    "linear": "HyperSpy, linear",
    "nonlinear": "HyperSpy, bounded",
}


def composition_table(
    source: Any, quantity: Quantity = AT_PCT, name: str | None = None
) -> CompositionTable:
    """Return the compositions of a source.

    Parameters
    ----------
    source : Quantification, Session, DataFrame, VendorQuantification, SpectrumImage, mapping \
or path
        A mapping is one composition in percent by element. A SpectrumImage stands for what the
        vendor's program found, as does the path of its file; other paths are of sessions or CSV
        files.
    quantity : {"at_pct", "wt_pct"}
    name : str, optional
        Replaces the source's own.

    Raises
    ------
    FileNotFoundError
    EDSError
        If no composition is found in it.
    """
    table = _from_any(source, quantity)
    return table if name is None else replace(table, name=name)


def _from_any(source: Any, quantity: Quantity) -> CompositionTable:
    if isinstance(source, CompositionTable):
        return source
    if isinstance(source, str | Path):
        return replace(_of_path(Path(source), quantity), source=Path(source))
    if isinstance(source, Mapping):
        return whole({str(e): (float(v), np.nan) for e, v in source.items()}, "composition")
    readers: tuple[tuple[type, Callable[[Any, Quantity], CompositionTable]], ...] = (
        (Quantification, _of_quantification),
        (Session, of_session),
        (pd.DataFrame, _of_frame),
        (SpectrumImage, _of_image),
        (VendorQuantification, _of_vendor),
    )
    for kind, reader in readers:
        if isinstance(source, kind):
            return reader(source, quantity)
    raise EDSError(
        f"{type(source).__name__} is no result to compare with: give a quantification, a session, "
        "a table, at.% by element, or the path of a file"
    )


def _of_frame(frame: pd.DataFrame, quantity: Quantity) -> CompositionTable:
    return files.of_frame(frame, quantity, "table")


def _of_image(image: SpectrumImage, quantity: Quantity) -> CompositionTable:
    table = of_vendor(image.acquisition.vendor, quantity, image.name)
    return replace(table, source=image.source)


def _of_vendor(vendor: VendorQuantification, quantity: Quantity) -> CompositionTable:
    return of_vendor(vendor, quantity, vendor.program)


def _of_path(path: Path, quantity: Quantity) -> CompositionTable:
    from napari_eds.readers.reading import read

    existing_file(path, EDSError)
    if path.suffix.lower() == SUFFIX:
        return replace(of_session(load_session(path), quantity), name=path.stem)
    if path.suffix.lower() in files.SUFFIXES:
        return files.read(path, quantity)
    return of_vendor(read(path)[0].acquisition.vendor, quantity, path.name)


def of_vendor(
    vendor: VendorQuantification | None, quantity: Quantity, where: str
) -> CompositionTable:
    """Return the last composition that a vendor's program wrote into a file.

    Raises
    ------
    EDSError
        If it wrote none.
    """
    if vendor is None or not vendor.compositions:
        raise EDSError(
            f"{where} holds no composition of the vendor's program: quantify it there and save it "
            "again, or give its numbers as a CSV file"
        )
    n = len(vendor.compositions)
    remark = f"the last of {n} results in the log of {vendor.program}" if n > 1 else ""
    cells = {row.element: _vendor_cell(row, quantity) for row in vendor.compositions[-1]}
    table = whole(cells, vendor.program)
    return replace(table, remarks=(remark,) if remark else ())


def _vendor_cell(row: VendorComposition, quantity: Quantity) -> tuple[float, float]:
    value, error = row.atomic_percent, row.atomic_error
    if quantity == WT_PCT:
        if row.weight_percent is None:
            raise EDSError(f"the vendor's program gave no weight percent of {row.element}")
        value, error = row.weight_percent, row.weight_error
    return value, np.nan if error is None else error


def of_maps(
    maps: Mapping[str, np.ndarray], labels: np.ndarray, name: str = "map"
) -> CompositionTable:
    """Return the means over each label of maps in percent.

    Parameters
    ----------
    maps : mapping of str to ndarray, (rows, columns)
    labels : ndarray of int, (rows, columns)

    Raises
    ------
    LabelError
        If a map is not of the shape of the labels.
    """
    from scipy import ndimage

    ids = describe_labels(labels).index
    columns = {}
    for element, data in maps.items():
        if np.shape(data) != labels.shape:
            raise LabelError(
                f"the map of {element}, {np.shape(data)}, does not fit the labels, {labels.shape}"
            )
        columns[element] = ndimage.mean(data, labels, ids)
    values = pd.DataFrame(columns, index=ids)
    unknown = values * np.nan
    return CompositionTable(name, values, unknown, unknown, "label", labels=labels)


def _of_quantification(result: Quantification, quantity: Quantity) -> CompositionTable:
    table = _of_our_table(result.table, result.elements, quantity, _NAMES[result.recipe.engine])
    return replace(
        table,
        weights=pd.Series(_amounts(result, quantity), result.table.index),
        labels=result.labels,
        pixel_size=result.image.pixel_size,
        pixel_unit=result.image.pixel_unit,
        source=result.image.source,
        errors_of_map=_errors_of_map(result) if quantity == AT_PCT else None,
        counts_key=counts_sha256(result.image),
    )


def _errors_of_map(result: Quantification) -> pd.DataFrame | None:
    """Return errors in at.% from counting and from what was fitted to the map's own sum.

    None where the engine does not tell the latter.
    """
    parts = result.composition.atomic_error_parts
    if not parts.keys() >= set(FITTED_PARTS):
        return None
    squares = [parts[part] ** 2 for part in ("counting", *FITTED_PARTS)]
    return pd.DataFrame(
        100 * np.sqrt(np.sum(squares, axis=0)), result.table.index, list(result.elements)
    )


def of_session(session: Session, quantity: Quantity) -> CompositionTable:
    """Return the compositions of a saved session."""
    elements = [name.partition("_")[0] for name in session.recipe.elements]
    return replace(
        _of_our_table(session.table, elements, quantity, _NAMES[session.recipe.engine]),
        weights=session.table[COUNTS].astype(float),
        labels=session.labels,
        pixel_size=session.source.pixel_size,
        pixel_unit=session.source.pixel_unit,
        counts_key=session.source.counts_sha256,
    )


def _of_our_table(
    table: pd.DataFrame, elements: Sequence[str], quantity: Quantity, name: str
) -> CompositionTable:
    """Read a table that `quantify` made; weight percent has no errors there."""

    def columns(of: Callable[[str], str] = str) -> pd.DataFrame:
        names = {of(column_of(e, quantity)): e for e in elements}
        return table.reindex(columns=list(names)).rename(columns=names).astype(float)

    total = columns(error_total_of)
    return CompositionTable(
        name,
        columns(),
        columns(error_of),
        errors_k_given(columns(error_k_of), total),
        "label",
        chips=table[CHIP],
        # A table of version 0.1.0 has none.
        errors_total=total if total.notna().to_numpy().any() else None,
    )


def _amounts(result: Quantification, quantity: Quantity) -> np.ndarray:
    """Amount of matter in each label, ``sum(k I a)`` or that over atomic weights: (labels,).

    With these as weights, the mean over labels is the composition of all their X-rays together.
    """
    families = result.fit.model.quantified
    n = len(families)
    scale = result.fit.model.weight_sums[:n] if result.k_factors.convention == "family" else 1.0
    k = [result.k_factors.value_for(f, result.k_factors.convention) for f in families]
    amounts = result.fit.alpha_areas[:, :n] * scale * k * result.composition.absorption_factors
    if quantity == AT_PCT:
        amounts = amounts / [xray.atomic_weight(f.element) for f in families]
    return amounts.sum(axis=1)
