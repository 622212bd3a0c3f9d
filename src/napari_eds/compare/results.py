"""Comparing a result with another one, label by label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from napari_eds._support.arguments import expect
from napari_eds._support.brief import brief
from napari_eds._support.csv_cells import csv_text
from napari_eds._support.figures import DPI, save_figure
from napari_eds._support.files import beside
from napari_eds._support.numbers import counted
from napari_eds._support.outputs import write_files
from napari_eds.compare import figures
from napari_eds.compare.sources import composition_table, of_maps
from napari_eds.compare.tables import CompositionTable
from napari_eds.errors import EDSError, LabelError
from napari_eds.quantification.table import AT_PCT, CHIP, LABEL, WT_PCT, Quantity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ErrorsOf = Literal["counting", "map", "total"]

#: Attributes of `CompositionTable` that hold them, and what is said of them.
_ERRORS: dict[ErrorsOf, str] = {
    "counting": "errors",
    "map": "errors_of_map",
    "total": "errors_total",
}
_TOLD: dict[ErrorsOf, str] = {
    "counting": "",
    "map": (
        "Of two maps: errors of differences hold counting and what was fitted to each map's sum "
        "(axis, ratios of lines, background); k-factors and thickness are taken to be common."
    ),
    "total": (
        "Of two maps: errors of differences are total ones, though k-factors and thickness may be "
        "common; two quantifications, not sessions, tell them apart."
    ),
}
_UNKNOWN_MAPS = (
    "Errors of differences are of counting alone, as for two results of one map; of two maps, "
    "what was fitted to each differs too, where lines overlap many times as much."
)
_UNITS = {AT_PCT: "at.%", WT_PCT: "wt.%"}


@brief
@dataclass(frozen=True, eq=False)
class Comparison:
    """Two results beside each other; differences are ours minus the other's.

    Attributes
    ----------
    ours, other : CompositionTable
        What was compared: the same labels and elements, in the same order.
    quantity : {"at_pct", "wt_pct"}
    table : DataFrame
        Per label (or ``"all"``), indexed by ``label``: ``chip`` and per element ``Fe_ours``,
        ``Fe_other``, ``Fe_difference``, ``Fe_difference_error`` and ``Fe_z``. The error is the
        root of the sum of squares of `errors_of` that are known, and z the difference over it.
    statistics : DataFrame
        Per element, over the ``n`` labels with a value in both: ``ours_mean``, ``other_mean``,
        ``mean_difference``, ``sd_difference``, ``rms_difference``, ``max_difference`` (the
        largest in size, with its sign), ``max_label``, ``correlation`` and ``rms_z``. NaN where
        there are too few labels.
    only_ours, only_other : tuple of str
        Elements of one of them.
    labels_only_ours, labels_only_other : tuple
        Labels of one of them.
    normalised : bool
        Whether both were made to add up to 100 % over the common elements.
    errors_of : {"counting", "map", "total"}
        Which errors the differences have. Of counting, where both are of one map or it is not
        known, since all others are common to results of one map; if both come from the same
        counts, so is most of their noise, and z is too small. Of two maps, what is each one's own:
        counting and what was fitted to its sum (axis, ratios of lines, background); or, where that
        is not told apart, as in a session, all errors.
    of_one_map : bool or None
        Whether both are of the same counts; None where it is not known.
    """

    ours: CompositionTable
    other: CompositionTable
    quantity: Quantity
    table: pd.DataFrame
    statistics: pd.DataFrame
    only_ours: tuple[str, ...]
    only_other: tuple[str, ...]
    labels_only_ours: tuple[Any, ...]
    labels_only_other: tuple[Any, ...]
    normalised: bool
    errors_of: ErrorsOf = "counting"
    of_one_map: bool | None = None

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements that both have, in our order."""
        return self.ours.elements

    @property
    def sources(self) -> tuple[Path, ...]:
        """Files that the results came from, as far as they came from files; never replaced."""
        return tuple(t.source for t in (self.ours, self.other) if t.source is not None)

    @property
    def unit(self) -> str:
        """Unit of the quantity, for people."""
        return _UNITS[self.quantity]

    def maps(self, what: str = "difference") -> dict[str, np.ndarray]:
        """Return a map per element, (rows, columns), NaN outside labels.

        Parameters
        ----------
        what : str
            Ending of the table's columns: ``"ours"``, ``"other"``, ``"difference"``, ``"z"``, ...

        Raises
        ------
        LabelError
            If it is not known where the labels lie.
        """
        if self.ours.labels is None:
            raise LabelError(
                "it is not known where the labels lie: compare a quantification or a session, or "
                "give the label map"
            )
        labels = self.ours.labels
        ids = self.table.index.to_numpy()
        order = np.argsort(ids)
        place = np.clip(np.searchsorted(ids[order], labels), 0, ids.size - 1)
        found = ids[order][place] == labels
        return {
            e: np.where(found, self.table[f"{e}_{what}"].to_numpy(float)[order][place], np.nan)
            for e in self.elements
        }

    def account(self) -> list[str]:
        """Say in plain words what was compared, and what could not be."""
        n = len(self.table)
        lines = [
            f"{self.ours.name} minus {self.other.name}, {self.unit}, "
            + ("one composition of everything." if self.is_whole else f"{counted(n, 'label')}.")
        ]
        if self.is_whole:
            lines.append("Means over labels weigh each with its amount of matter, where known.")
        for side, elements, labels in (
            (self.ours.name, self.only_ours, self.labels_only_ours),
            (self.other.name, self.only_other, self.labels_only_other),
        ):
            if elements:
                consequence = (
                    "" if self.normalised else ", so that percentages differ for that too"
                )
                lines.append(f"Only in {side}: {', '.join(elements)}{consequence}.")
            if labels:
                some = ", ".join(map(str, labels[:5])) + (" ..." if len(labels) > 5 else "")
                lines.append(f"{counted(len(labels), 'label')} only in {side}: {some}.")
        lines += filter(None, [_TOLD[self.errors_of]])
        if self.of_one_map is None and _have(self.ours, self.other, "errors_total"):
            lines.append(_UNKNOWN_MAPS)
        if self.normalised:
            lines.append(f"Both add up to 100 % over {', '.join(self.elements)}.")
        return lines + [
            f"{r[0].upper()}{r[1:]}." for r in (*self.ours.remarks, *self.other.remarks)
        ]

    @property
    def is_whole(self) -> bool:
        """Whether it is one composition of everything."""
        return self.ours.keyed_by == "whole"

    def to_csv(self, path: str | Path, *, overwrite: bool = False) -> list[Path]:
        """Save the table, and the statistics beside it as ``<stem>_statistics.csv``.

        Returns
        -------
        list of Path
            The files written. Each is written whole or not at all.

        Raises
        ------
        OutputError
            If a file is there that may not be replaced; nothing is written then.
        OSError
            If the folder does not exist or cannot be written.
        """
        texts = map(_csv, (self.table, self.statistics))
        files = beside(path, "_statistics.csv")
        return write_files(files, texts, overwrite=overwrite, inputs=self.sources)

    def figure(self, elements: Sequence[str] | None = None) -> Figure:
        """Draw both maps and their difference, one row per element.

        The difference has limits symmetric about zero: red where ours is larger, blue where it is
        smaller. Where the map of labels is not known, ours is drawn over the other's; a single
        composition is drawn as bars.

        Parameters
        ----------
        elements : sequence of str, optional
            Which to draw; all by default.

        Raises
        ------
        EDSError
            If an element is not compared.
        """
        return figures.draw(self, self._checked(elements))

    def save_figure(
        self,
        path: str | Path,
        elements: Sequence[str] | None = None,
        *,
        overwrite: bool = False,
    ) -> Path:
        """Save `figure`, in the format of the suffix (PNG, PDF, SVG).

        Parameters
        ----------
        path : str or Path
            Its ending tells the format, such as PNG, PDF or SVG; PNG without one.
        elements : sequence of str, optional
            See `figure`.
        overwrite : bool
            Whether a file that is there may be replaced.

        Raises
        ------
        OutputError
            If the file is there and may not be replaced.
        OSError
            If the folder does not exist or cannot be written.
        """
        figure = self.figure(elements)
        return save_figure(figure, path, dpi=DPI, overwrite=overwrite, inputs=self.sources)

    def _checked(self, elements: Sequence[str] | None) -> tuple[str, ...]:
        unknown = [e for e in elements or () if e not in self.elements]
        if unknown:
            raise EDSError(f"{unknown[0]} is not compared; there are {', '.join(self.elements)}")
        return self.elements if elements is None else tuple(elements)


def compare_results(
    result: Any,
    other: Any,
    *,
    quantity: Quantity = AT_PCT,
    normalise: bool = False,
    names: tuple[str, str] | None = None,
) -> Comparison:
    """Compare a result with another one.

    Where one of them is a single composition, such as the one in a log of Velox, it is compared
    with the other's mean over all labels.

    Parameters
    ----------
    result, other : Quantification, Session, DataFrame, path, SpectrumImage, mapping
        A path is that of a session, of a CSV file keyed by label or chip (see
        `_composition_files.read`), or of a map, whose file holds the composition that the
        vendor's program found; a SpectrumImage stands for the latter, too. A mapping gives, by
        element, percent, or a map (rows, columns) of it, which is averaged over each label.
    quantity : {"at_pct", "wt_pct"}
    normalise : bool
        Make both add up to 100 % over the elements they share: right where one has elements that
        the other left out. Errors then follow by first order, taking lines as independent.
    names : (str, str), optional
        How to call both in reports and figures.

    Raises
    ------
    FileNotFoundError
    EDSError
        If a source holds no composition, they share no element or no label, or the same label is
        another region in each.
    """
    expect(quantity=(quantity, str))
    if quantity not in _UNITS:
        raise EDSError(f"quantity must be {' or '.join(_UNITS)}, not {quantity!r}")
    ours = composition_table(result, quantity)
    theirs = _other_table(other, ours, quantity)
    if names is not None:
        ours, theirs = (replace(t, name=n) for t, n in zip((ours, theirs), names, strict=True))
    ours, theirs, unmatched = _matched(ours, theirs)
    elements = [e for e in ours.elements if e in theirs.elements]
    if not elements:
        raise EDSError(
            f"no element is in both: {ours.name} has {', '.join(ours.elements)}, {theirs.name} "
            f"has {', '.join(theirs.elements)}"
        )
    only_ours, only_other = (
        tuple(e for e in table.elements if e not in elements) for table in (ours, theirs)
    )
    ours, theirs = (_restricted(t, elements, normalise=normalise) for t in (ours, theirs))
    of_one_map = _of_one_map(ours, theirs)
    errors_of = _errors_of(ours, theirs, of_one_map=of_one_map)
    table = _difference_table(ours, theirs, _ERRORS[errors_of])
    return Comparison(
        ours=ours,
        other=theirs,
        quantity=quantity,
        table=table,
        statistics=_statistics(table, elements),
        only_ours=only_ours,
        only_other=only_other,
        labels_only_ours=unmatched[0],
        labels_only_other=unmatched[1],
        normalised=normalise,
        errors_of=errors_of,
        of_one_map=of_one_map,
    )


def _of_one_map(ours: CompositionTable, theirs: CompositionTable) -> bool | None:
    """Whether two results are of the same counts; None where it is not known."""
    if ours.counts_key is None or theirs.counts_key is None:
        return None
    return ours.counts_key == theirs.counts_key


def _errors_of(
    ours: CompositionTable, theirs: CompositionTable, *, of_one_map: bool | None
) -> ErrorsOf:
    """Return which errors a difference of two results has."""
    if of_one_map is not False:
        return "counting"
    kinds: tuple[ErrorsOf, ...] = ("map", "total")
    both = (k for k in kinds if _have(ours, theirs, _ERRORS[k]))
    return next(both, "counting")


def _have(ours: CompositionTable, theirs: CompositionTable, errors: str) -> bool:
    return getattr(ours, errors) is not None and getattr(theirs, errors) is not None


def _other_table(other: Any, ours: CompositionTable, quantity: Quantity) -> CompositionTable:
    if isinstance(other, Mapping) and any(np.ndim(value) for value in other.values()):
        if ours.labels is None:
            raise LabelError("maps can be compared only where the map of labels is known")
        return of_maps(other, ours.labels)
    return composition_table(other, quantity)


def _restricted(
    table: CompositionTable, elements: Sequence[str], *, normalise: bool
) -> CompositionTable:
    if normalise:
        return table.only(elements)
    kept = {name: getattr(table, name)[list(elements)] for name in ("percent", *table.error_names)}
    return replace(table, **kept)


def _matched(
    ours: CompositionTable, theirs: CompositionTable
) -> tuple[CompositionTable, CompositionTable, tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Return both with the same rows in the same order, and the rows that only one has."""
    if "whole" in (ours.keyed_by, theirs.keyed_by):
        ours, theirs = (t if t.keyed_by == "whole" else t.total() for t in (ours, theirs))
        return ours, theirs, ((), ())
    _check_same_labels(ours, theirs)
    if ours.keyed_by != theirs.keyed_by:
        ours, theirs = _by_label(ours, theirs.chips), _by_label(theirs, ours.chips)
    common = [key for key in ours.percent.index if key in theirs.percent.index]
    if not common:
        raise EDSError(
            f"no {ours.percent.index.name} is in both: {ours.name} has {_some(ours)}, "
            f"{theirs.name} has {_some(theirs)}"
        )
    left = tuple(k for k in ours.percent.index if k not in theirs.percent.index)
    right = tuple(k for k in theirs.percent.index if k not in ours.percent.index)
    return ours.rows(common), theirs.rows(common), (left, right)


def _by_label(table: CompositionTable, chips: pd.Series | None) -> CompositionTable:
    """Return a table keyed by chip as one keyed by the label of that name."""
    if table.keyed_by == "label":
        return table
    if chips is None:
        raise EDSError(f"{table.name} names chips, the other result only labels")
    if chips.duplicated().any():
        twice = chips[chips.duplicated()].iloc[0]
        raise EDSError(f"the chip {twice} is there more than once: compare by label")
    ids = {name: label for label, name in chips.items()}
    index = pd.Index([ids.get(name, name) for name in table.percent.index], name=LABEL)
    frames = {
        name: getattr(table, name).set_axis(index)
        for name in ("percent", *table.error_names, "weights")
        if getattr(table, name) is not None
    }
    return replace(table, keyed_by="label", **frames)


def _check_same_labels(ours: CompositionTable, theirs: CompositionTable) -> None:
    """Make sure that a label is the same region in both, as far as they tell."""
    if ours.labels is not None and theirs.labels is not None:
        if ours.labels.shape != theirs.labels.shape:
            raise LabelError(
                f"the label maps are of different shapes: {ours.labels.shape} and "
                f"{theirs.labels.shape}"
            )
        common = np.intersect1d(ours.percent.index, theirs.percent.index)
        in_both = np.isin(ours.labels, common) | np.isin(theirs.labels, common)
        differing = np.count_nonzero(in_both & (ours.labels != theirs.labels))
        if differing:
            raise LabelError(
                f"the same label is another region in each: {differing:,} pixels differ. Quantify "
                "both with the same label map"
            )
    if ours.chips is not None and theirs.chips is not None:
        pairs = pd.concat([ours.chips, theirs.chips], axis=1, join="inner", keys=["ours", "other"])
        bad = pairs[pairs["ours"].astype(str) != pairs["other"].astype(str)]
        if len(bad):
            raise LabelError(
                f"label {bad.index[0]} is {bad['ours'].iloc[0]} in {ours.name} and "
                f"{bad['other'].iloc[0]} in {theirs.name}: the results are of different label maps"
            )


def _difference_table(
    ours: CompositionTable, theirs: CompositionTable, errors_of: str
) -> pd.DataFrame:
    """Put values, differences and their errors of each label into one row."""
    of_ours, of_theirs = getattr(ours, errors_of), getattr(theirs, errors_of)
    index = pd.Index(ours.percent.index, name=LABEL)
    columns: dict[str, Any] = {}
    chips = ours.chips if ours.chips is not None else theirs.chips
    if ours.keyed_by == "label" and chips is not None:
        columns[CHIP] = chips.reindex(index).to_numpy()
    for e in ours.elements:
        a, b = ours.percent[e].to_numpy(float), theirs.percent[e].to_numpy(float)
        errors = np.stack([of_ours[e].to_numpy(float), of_theirs[e].to_numpy(float)])
        error = np.sqrt(np.nansum(errors**2, axis=0))
        error[np.isnan(errors).all(axis=0)] = np.nan
        columns[f"{e}_ours"], columns[f"{e}_other"] = a, b
        columns[f"{e}_difference"] = a - b
        columns[f"{e}_difference_error"] = error
        columns[f"{e}_z"] = (a - b) / np.where(error > 0, error, np.nan)
    return pd.DataFrame(columns, index=index)


def _statistics(table: pd.DataFrame, elements: Sequence[str]) -> pd.DataFrame:
    rows = []
    for e in elements:
        columns = table[[f"{e}_ours", f"{e}_other", f"{e}_difference", f"{e}_z"]]
        known = columns[columns[f"{e}_difference"].notna()]
        a, b, d, z = (known[c].to_numpy(float) for c in known.columns)
        varies = d.size > 1 and a.std() > 0 and b.std() > 0
        largest = int(np.argmax(np.abs(d))) if d.size else None
        seen = z[np.isfinite(z)]
        rows.append(
            {
                "element": e,
                "n": d.size,
                "ours_mean": a.mean() if d.size else np.nan,
                "other_mean": b.mean() if d.size else np.nan,
                "mean_difference": d.mean() if d.size else np.nan,
                "sd_difference": d.std(ddof=1) if d.size > 1 else np.nan,
                "rms_difference": np.sqrt((d**2).mean()) if d.size else np.nan,
                "max_difference": np.nan if largest is None else d[largest],
                "max_label": None if largest is None else known.index[largest],
                "correlation": np.corrcoef(a, b)[0, 1] if varies else np.nan,
                "rms_z": np.sqrt((seen**2).mean()) if seen.size else np.nan,
            }
        )
    return pd.DataFrame(rows).set_index("element")


def _some(table: CompositionTable) -> str:
    keys = [str(key) for key in table.percent.index[:3]]
    return ", ".join(keys) + (" ..." if len(table.percent) > 3 else "")


def _csv(table: pd.DataFrame) -> str:
    return csv_text(table, float_format="%.6g")
