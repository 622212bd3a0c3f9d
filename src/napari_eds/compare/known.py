"""Comparing measured at.% with a formula: normalised over its elements, percent error of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_eds._support.arguments import each
from napari_eds._support.brief import brief
from napari_eds._support.csv_cells import csv_text
from napari_eds._support.figures import DPI, save_figure
from napari_eds._support.files import beside
from napari_eds._support.outputs import write_files
from napari_eds.compare import figures
from napari_eds.compare.sources import composition_table
from napari_eds.compare.tables import CompositionTable, normalised_errors
from napari_eds.errors import EDSError, LabelError
from napari_eds.physics.formulas import to_atoms
from napari_eds.quantification.table import CHIP, LABEL

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@brief
@dataclass(frozen=True, eq=False)
class KnownComparison:
    """Labels of a result beside a known composition.

    Attributes
    ----------
    name : str
        What the result is called.
    formula : str
    labels : tuple
        Ids (or chip names) of the labels that were averaged.
    left_out : tuple
        Labels asked for that have no composition.
    table : DataFrame
        Per element of the formula: ``expected_at_pct``; ``summed_at_pct``, the sum over labels
        over their number, each label weighing the same; ``normalised_at_pct``, the same made to
        add up to 100 % over the formula's elements, with ``error_total`` (of all that is
        uncertain, or of counting and k-factors where the result tells no more), ``error``
        (counting) and ``error_k`` (k-factors) in at.%; ``percent_error``, (normalised - expected)
        / expected; ``absolute_percent_error``; ``percent_error_error_total``,
        ``percent_error_error`` and ``percent_error_error_k``, its standard deviations; and ``z``,
        over the total, or over counting where that is all that is known. NaN where errors are
        unknown.
    has_total : bool
        Whether the result tells total errors.
    source : Path or None
        File that the result came from; never replaced.
    others : mapping of str to float
        Mean at.% of the elements that the formula does not contain.
    per_label : DataFrame
        Per label and element of the formula: ``Sr_normalised_at_pct`` and ``Sr_percent_error``.
    """

    name: str
    formula: str
    labels: tuple[Any, ...]
    left_out: tuple[Any, ...]
    table: pd.DataFrame
    others: Mapping[str, float]
    per_label: pd.DataFrame
    has_total: bool = False
    source: Path | None = None

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements of the formula, in its order."""
        return tuple(self.table.index)

    def account(self) -> list[str]:
        """Say in plain words what was compared with what."""
        n = len(self.labels)
        what = f"{self.name}, {n} label{'s' if n != 1 else ''}, beside {self.formula}"
        lines = [f"{what}; normalised over {', '.join(self.elements)}."]
        if self.others:
            rest = ", ".join(f"{e} {value:.2f}" for e, value in self.others.items())
            lines.append(f"Not in the formula, and left out (mean at.%): {rest}.")
        if self.has_total:
            lines.append("z is over the total error, of all that is uncertain.")
        elif self.table["error_k"].isna().all():
            lines.append("Errors of the k-factors are not known: z, if any, is of counting alone.")
        if self.left_out:
            some = ", ".join(map(str, self.left_out[:5])) + (" ..." if self.left_out[5:] else "")
            lines.append(f"Without a composition: {some}.")
        return lines

    def to_csv(self, path: str | Path, *, overwrite: bool = False) -> list[Path]:
        """Save the table, and that of single labels beside it as ``<stem>_labels.csv``.

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
        tables = (self.table, self.per_label)
        texts = (csv_text(table, float_format="%.6g") for table in tables)
        files = beside(path, "_labels.csv")
        return write_files(files, texts, overwrite=overwrite, inputs=[self.source])

    def figure(self) -> Figure:
        """Draw found and expected at.% as bars, with percent errors written above."""
        return figures.draw_known(self)

    def save_figure(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Save `figure`, in the format of the suffix (PNG, PDF, SVG).

        Raises
        ------
        OutputError
            If the file is there and may not be replaced.
        OSError
            If the folder does not exist or cannot be written.
        """
        inputs = [self.source]
        return save_figure(self.figure(), path, dpi=DPI, overwrite=overwrite, inputs=inputs)


def compare_known(
    result: Any,
    composition: str | Mapping[str, float],
    labels: Sequence[int | str] | None = None,
) -> KnownComparison:
    """Compare at.% of labels with a known composition.

    At.% are averaged over the labels, then made to add up to 100 % over the elements of the
    composition; whatever else was quantified (a grid, a neighbouring layer) is left out of that.
    Counting errors of labels are independent, so that of a mean falls with their number; others,
    such as those of k-factors, are the same in all labels and do not. All are carried through the
    normalisation taking the lines of different elements as independent.

    Parameters
    ----------
    result : Quantification, Session, DataFrame, path, SpectrumImage, mapping
        As in `compare_results`; a mapping is at.% by element.
    composition : str or mapping of str to float
        Such as ``"SrTiO3"``, or atoms by element. To leave out an element that was not measured,
        give the others: ``{"Sr": 1, "Ti": 1}``.
    labels : sequence of int or str, optional
        Ids or chip names; all labels by default.

    Raises
    ------
    FileNotFoundError
    EDSError
        If an element of the composition was not quantified, or nothing is left to compare.
    LabelError
        If a label is not in the result.
    """
    expected = to_atoms(composition)
    source = composition_table(result)
    missing = [e for e in expected if e not in source.elements]
    if missing:
        raise EDSError(
            f"{source.name} has no {', '.join(missing)}: quantify it, or give the atoms of the "
            'other elements alone, such as {"Sr": 1, "Ti": 1}'
        )
    chosen = source if labels is None else source.rows(keys_of(source, labels))
    known = chosen.percent[list(expected)].notna().all(axis=1)
    if not known.any():
        raise EDSError("none of the labels has a composition")
    left_out = tuple(chosen.percent.index[~known])
    chosen = chosen.rows(chosen.percent.index[known])
    elements = list(expected)
    target = 100 * np.array(list(expected.values())) / sum(expected.values())
    means = chosen.percent.mean()
    return KnownComparison(
        name=source.name,
        formula=_formula(composition, expected),
        labels=tuple(chosen.percent.index),
        left_out=left_out,
        table=_table(chosen, elements, target),
        others={e: float(means[e]) for e in source.elements if e not in expected},
        per_label=_per_label(chosen, elements, target),
        has_total=_common(chosen) is not None,
        source=source.source,
    )


def _formula(composition: str | Mapping[str, float], atoms: Mapping[str, float]) -> str:
    if isinstance(composition, str):
        return composition
    return "".join(e if n == 1 else f"{e}{n:g}" for e, n in atoms.items())


def keys_of(source: CompositionTable, labels: Sequence[int | str]) -> list[Any]:
    """Return rows of the table by label id or chip name, each once."""
    chips = {} if source.chips is None else {str(c): i for i, c in source.chips.items()}
    keys = []
    for label in dict.fromkeys(each("labels", labels, Integral | str)):
        key = label if label in source.percent.index else chips.get(str(label))
        if key is None:
            raise LabelError(f"{source.name} has no label {label}; choose one of the table's")
        keys.append(key)
    if not keys:
        raise LabelError("no label is chosen")
    return list(dict.fromkeys(keys))


def _table(chosen: CompositionTable, elements: list[str], target: np.ndarray) -> pd.DataFrame:
    n = len(chosen.percent)
    mean = chosen.percent.mean().to_numpy()
    summed = chosen.percent[elements].mean().to_numpy()
    normalised = _normalised(summed)
    counting = np.sqrt((chosen.errors.to_numpy() ** 2).sum(axis=0)) / n
    from_k = chosen.errors_k.to_numpy().mean(axis=0)
    common = _common(chosen)
    rest = from_k if common is None else common.mean(axis=0)
    error, error_k, error_rest = (
        100 * normalised_errors(mean / 100, e / 100, chosen.elements, elements)
        for e in (counting, from_k, rest)
    )
    total = np.hypot(error, error_rest)
    # Counting alone is no total, but what the difference can be compared with.
    in_all = np.where(np.isfinite(total), total, error)
    percent = 100 * (normalised - target) / target
    return pd.DataFrame(
        {
            "expected_at_pct": target,
            "summed_at_pct": summed,
            "normalised_at_pct": normalised,
            "error_total": total,
            "error": error,
            "error_k": error_k,
            "percent_error": percent,
            "absolute_percent_error": np.abs(percent),
            "percent_error_error_total": 100 * total / target,
            "percent_error_error": 100 * error / target,
            "percent_error_error_k": 100 * error_k / target,
            "z": (normalised - target) / np.where(in_all > 0, in_all, np.nan),
        },
        index=pd.Index(elements, name="element"),
    )


def _common(chosen: CompositionTable) -> np.ndarray | None:
    """Return what moves all labels alike; None unless it is known of all labels and elements."""
    common = chosen.common_errors()
    return common if common is not None and np.isfinite(common).all() else None


def _per_label(chosen: CompositionTable, elements: list[str], target: np.ndarray) -> pd.DataFrame:
    normalised = np.apply_along_axis(_normalised, 1, chosen.percent[elements].to_numpy())
    columns: dict[str, Any] = {}
    if chosen.chips is not None:
        columns[CHIP] = chosen.chips.to_numpy()
    for i, e in enumerate(elements):
        columns[f"{e}_normalised_at_pct"] = normalised[:, i]
        columns[f"{e}_percent_error"] = 100 * (normalised[:, i] - target[i]) / target[i]
    return pd.DataFrame(columns, index=pd.Index(chosen.percent.index, name=LABEL))


def _normalised(values: np.ndarray) -> np.ndarray:
    """Values made to add up to 100; NaN where their sum is not positive."""
    total = values.sum()
    return 100 * values / (total if total > 0 else np.nan)
