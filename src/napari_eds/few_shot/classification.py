"""Few-shot classification: every label goes to the class whose examples it resembles most.

A class is shown by a few chips. Their mean is its prototype, as in prototypical networks (Snell
et al. 2017), but here in features whose noise is known, so that probabilities follow from
counting statistics and from how much the examples of a class differ, not from training.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from napari_eds._support.arguments import PATH, expect
from napari_eds._support.brief import brief
from napari_eds._support.csv_cells import restored
from napari_eds._support.files import existing_file
from napari_eds._support.outputs import write_table
from napari_eds.errors import LabelError
from napari_eds.few_shot.chips import (
    ChipOrder,
    FewShotError,
    check_support,
    chip_of_pychip,
    order_chips,
)
from napari_eds.labels.chips import Chips
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import CHIP
from napari_eds.spectra.label_sums import check_labels

FeatureName = Literal["spectra", "composition"]

#: Counts that a bin of channels holds in the mean label, at least.
_COUNTS_PER_BIN = 5.0
#: Before the examples say otherwise, members of a class scatter by this part of the spread
#: between classes, beyond counting; that weighs as much as so many further examples.
_PRIOR_SCATTER = 0.1
_PRIOR_EXAMPLES = 2
#: Atomic fractions differ by rounding alone where errors from counting vanish.
_LEAST_VARIANCE = 1e-8


class _Features(NamedTuple):
    """Values of labels and their variance from counting, both (labels, features)."""

    values: np.ndarray
    variances: np.ndarray


@brief
@dataclass(frozen=True, eq=False)
class Classification:
    """Classes of the labels of a map.

    Attributes
    ----------
    table : DataFrame
        One row per chip in the order of the few-shot programs and as they write it: one column
        of probability per class, ``prediction`` (the most probable class) and ``chip`` (the id,
        which also is the index, without a name). A label without counts has no probabilities and
        an empty prediction.
    classes : tuple of str
    labels : ndarray of int64, (rows, columns)
        The label map that was classified.
    chips : ChipOrder
        Ids and labels of its chips.
    support : mapping of str to tuple of str
        Chip ids of the examples of each class; empty where read from a file.
    distances : DataFrame or None
        Root mean square difference of each chip from each class in units of what is expected of
        its members: about 1 inside a class. A chip far above it from all is like none of them.
        None where read from a file.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]
    labels: np.ndarray = field(repr=False)
    chips: ChipOrder = field(repr=False)
    support: Mapping[str, tuple[str, ...]]
    distances: pd.DataFrame | None = field(default=None, repr=False)

    @property
    def class_names(self) -> dict[int, str]:
        """Name of each value of `class_map` other than 0."""
        return dict(enumerate(self.classes, start=1))

    def class_map(self) -> np.ndarray:
        """Return the number of each pixel's class, (rows, columns) of int32; 0 is none."""
        number = {name: value for value, name in self.class_names.items()}
        label_ids = np.array([self.chips.labels[chip] for chip in self.table["chip"]])
        values = np.array([number.get(name, 0) for name in self.table["prediction"]], np.int32)
        order = np.argsort(label_ids)
        place = np.searchsorted(label_ids, self.labels, sorter=order)
        place = order[np.minimum(place, label_ids.size - 1)]
        return np.where(label_ids[place] == self.labels, values[place], 0).astype(np.int32)

    def class_labels(self) -> Chips:
        """Return the chips of each class as one label, named by the class.

        Labels count from 1 over the classes that have chips, in the order of `classes`; what has
        no class is background.
        """
        painted = self.class_map()
        there = np.unique(painted[painted > 0])
        number = np.zeros(len(self.classes) + 1, np.int32)
        number[there] = np.arange(1, there.size + 1)
        names = {int(number[value]): self.class_names[int(value)] for value in there}
        return Chips(number[painted], MappingProxyType(names))

    def to_csv(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Save the table as the few-shot programs do; `read_classification` reads it back.

        Raises
        ------
        OutputError
            If the file is there and may not be replaced.
        OSError
            If the folder does not exist or cannot be written.
        """
        return write_table(path, self.table, overwrite=overwrite)


def classify(
    result: Quantification,
    support: Mapping[str, Iterable[str | int]],
    *,
    features: Sequence[FeatureName] = ("spectra", "composition"),
) -> Classification:
    """Give every label the class whose examples it resembles most.

    *Spectra* are those of the fitted energy range, channels summed to bins of enough counts,
    made independent of a label's size and of equal noise by Anscombe's square root over its norm,
    and projected on those principal components of all labels that exceed the noise. *Composition*
    is the atomic fractions with their errors from counting; others move all chips alike.

    A chip's probability of a class is, with equal priors, the Student t density of its features
    around the prototype, the precision-weighted mean of the examples. Its scale is the counting
    noise of the chip and of a middling prototype plus the scatter of members of a class beyond
    noise, pooled over classes by the moment estimator of DerSimonian and Laird (1986) and drawn to
    a prior of a tenth of the spread between classes. Logarithms of the densities of spectra and
    composition are averaged, not added, since both come from the same counts.

    Parameters
    ----------
    result : Quantification
    support : mapping of str to iterable of str or int
        Examples of each class: chip ids (``"R1C2"``), names of labels or label ids. Two classes
        or more, each of one chip or more; three to ten are better.
    features : sequence of {"spectra", "composition"}

    Returns
    -------
    Classification

    Raises
    ------
    FewShotError
        If there are fewer than two classes, or a chip is unknown, of two classes or without
        counts.
    """
    expect(result=(result, Quantification))
    chips = order_chips(result.labels, result.table[CHIP].to_dict())
    examples = check_support(support, chips)
    if len(examples) < 2:
        raise FewShotError(f"two classes at least are needed to tell them apart; got {support}")
    rows = np.searchsorted(result.label_spectra.ids, chips.label_ids)
    counts = result.label_spectra.within(result.fit.model.channels)[rows].astype(float)
    _require_counts(examples, chips, counts)
    blocks = _features(result, rows, counts, features)
    members = [[chips.ids.index(chip) for chip in ids] for ids in examples.values()]
    densities, squares = zip(*(_log_densities(b, members) for b in blocks), strict=True)
    probabilities = _softmax(np.mean(densities, axis=0))
    probabilities[counts.sum(axis=1) == 0] = np.nan
    classes = tuple(examples)
    return Classification(
        table=_table(probabilities, classes, chips),
        classes=classes,
        labels=result.labels,
        chips=chips,
        support=examples,
        distances=pd.DataFrame(
            np.sqrt(np.mean(squares, axis=0)), index=list(chips.ids), columns=list(classes)
        ),
    )


def _require_counts(
    examples: Mapping[str, Sequence[str]], chips: ChipOrder, counts: np.ndarray
) -> None:
    total = dict(zip(chips.ids, counts.sum(axis=1), strict=True))
    for name, ids in examples.items():
        empty = [chip for chip in ids if total[chip] == 0]
        if empty:
            raise FewShotError(f"chip {empty[0]} of class {name!r} has no counts to learn from")


def _features(
    result: Quantification, rows: np.ndarray, counts: np.ndarray, names: Sequence[FeatureName]
) -> list[_Features]:
    made = []
    for name in dict.fromkeys(names):
        if name == "spectra":
            made.append(_spectra(counts))
        elif name == "composition":
            fractions = result.composition.atomic_fractions[rows]
            errors = result.composition.atomic_errors_statistical[rows]
            made.append(_composition(fractions, errors))
        else:
            raise FewShotError(f"features are spectra and composition, not {name!r}")
    if not made:
        raise FewShotError("no features to classify by; choose spectra, composition or both")
    return made


def _spectra(counts: np.ndarray) -> _Features:
    """Return principal components of spectra of equal norm and known noise."""
    binned = np.add.reduceat(counts, _bin_starts(counts.mean(axis=0)), axis=1) + 3 / 8
    values = np.sqrt(binned / binned.sum(axis=1, keepdims=True))
    # The square root of a Poisson variable has the variance 1/4 (Anscombe 1948).
    weight = 4 * np.maximum(counts.sum(axis=1), 1e-3)[:, None]
    centred = values - (weight * values).sum(axis=0) / weight.sum()
    whitened = centred * np.sqrt(weight)
    variances, directions = np.linalg.eigh(whitened.T @ whitened)
    # Noise of variance 1 gives no eigenvalue above this edge (Marchenko and Pastur 1967).
    edge = np.sum(np.sqrt(whitened.shape)) ** 2
    n_kept = max(int((variances > edge).sum()), 1)
    components = centred @ directions[:, -n_kept:]
    return _Features(components, np.broadcast_to(1 / weight, components.shape))


def _bin_starts(mean: np.ndarray) -> np.ndarray:
    """Return first channels of bins that hold enough counts in the mean label."""
    starts, held = [0], 0.0
    for channel, counts in enumerate(mean):
        if held >= _COUNTS_PER_BIN:
            starts.append(channel)
            held = 0.0
        held += counts
    return np.array(starts)


def _composition(fractions: np.ndarray, errors: np.ndarray) -> _Features:
    """Return atomic fractions; one that is not known could be anything."""
    known = np.isfinite(fractions) & np.isfinite(errors)
    values = np.where(known, fractions, 1 / fractions.shape[1])
    return _Features(values, np.where(known, errors, 1.0) ** 2 + _LEAST_VARIANCE)


def _log_densities(
    features: _Features, members: Sequence[Sequence[int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return log densities and mean squared distances, each (labels, classes)."""
    values, noise = features
    means = np.empty((len(members), values.shape[1]))
    errors = np.empty_like(means)
    squares, information, freedom = np.zeros((3, values.shape[1]))
    for i, rows in enumerate(members):
        weights = 1 / noise[rows]
        sums = weights.sum(axis=0)
        means[i] = (weights * values[rows]).sum(axis=0) / sums
        errors[i] = 1 / sums
        squares += (weights * (values[rows] - means[i]) ** 2).sum(axis=0)
        information += sums - (weights**2).sum(axis=0) / sums
        freedom += len(rows) - 1
    n_spare = freedom[0]
    beyond = np.maximum(squares - freedom, 0) / np.where(information > 0, information, 1)
    prior = _PRIOR_SCATTER**2 * means.var(axis=0)
    scatter = (_PRIOR_EXAMPLES * prior + n_spare * beyond) / (_PRIOR_EXAMPLES + n_spare)
    shots = np.array([len(rows) for rows in members])[:, None]
    # One error for all prototypes: were each given its own, the class known worst, such as the
    # composition of vacuum, would be the one that every mixed chip falls into.
    variance = noise[:, None] + np.median(errors, axis=0) + scatter * (1 + 1 / shots)
    distance = ((values[:, None] - means) ** 2 / variance).sum(axis=2)
    nu, n = _PRIOR_EXAMPLES + n_spare, values.shape[1]
    density = -(nu + n) / 2 * np.log1p(distance / nu) - np.log(variance).sum(axis=2) / 2
    return density, distance / n


def _softmax(logarithms: np.ndarray) -> np.ndarray:
    shifted = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _table(probabilities: np.ndarray, classes: Sequence[str], chips: ChipOrder) -> pd.DataFrame:
    table = pd.DataFrame(probabilities, index=list(chips.ids), columns=list(classes))
    best = np.array(classes, dtype=object)[np.nan_to_num(probabilities, nan=-1).argmax(axis=1)]
    prediction = np.where(np.isnan(probabilities).any(axis=1), "", best)
    return table.assign(prediction=prediction, chip=list(chips.ids))


def read_classification(
    path: str | Path, labels: np.ndarray, names: Mapping[int, str] | None = None
) -> Classification:
    """Read classes that we, Multimodal-Few-Shot or pychip_gui saved, for a label map.

    Parameters
    ----------
    path : str or Path
        CSV with an unnamed first column, one column of probability per class, ``prediction`` and
        ``chip``; without ``chip``, the first column names the chips, as ids or as paths such as
        ``chips/cropX_2_Y_1.jpg``.
    labels : ndarray of int, (rows, columns)
        Map of the labels that were classified.
    names : mapping of int to str, optional

    Raises
    ------
    FileNotFoundError
    FewShotError
        If it is no such table, or names chips the label map does not have.
    """
    expect(path=(path, PATH))
    path = existing_file(path, FewShotError)
    labels = check_labels(labels)
    chips = order_chips(labels, names)
    read = _read_table(path)
    ids = read["chip"] if "chip" in read else read.index.to_series()
    classes = [name for name in read.columns if name not in {"prediction", "chip"}]
    try:
        known = [chips.id_of(chip_of_pychip(str(chip))) for chip in ids]
    except FewShotError as error:
        raise FewShotError(
            f"{path.name} is of other chips (is the chip size the same?): {error}"
        ) from error
    index = pd.Index(known)
    twice = index[index.duplicated()].unique().tolist()
    if twice:
        raise FewShotError(f"{path.name} names a chip more than once: {', '.join(twice[:5])}")
    predictions = read["prediction"].fillna("").astype(str)
    strange = sorted(set(predictions) - {*classes, ""})
    if strange:
        raise FewShotError(
            f"{path.name} predicts {strange[0]!r}, which has no column; there are "
            f"{', '.join(classes)}"
        )
    table = pd.DataFrame({name: _probabilities(read[name], path) for name in classes})
    table.index = index
    table = table.assign(prediction=predictions.tolist(), chip=known)
    return Classification(table, tuple(classes), labels, chips, support={})


def _probabilities(column: pd.Series, path: Path) -> pd.Series:
    try:
        return column.astype(float)
    except ValueError as error:
        raise FewShotError(
            f"column {column.name} of {path.name} should hold probabilities: {error}"
        ) from error


def _restored(key: object) -> object:
    return restored(key) if isinstance(key, str) else key


def _read_table(path: Path) -> pd.DataFrame:
    try:
        # Blank cells alone are missing: a class may be called NA or None.
        table = pd.read_csv(
            path,
            index_col=0,
            dtype=str,  # not every version of pandas reads a number to its last bit
            keep_default_na=False,
            na_values=[""],
        )
    except FileNotFoundError:
        raise
    except ValueError as error:
        raise FewShotError(f"{path.name} is no table of classes: {error}") from error
    table = table.map(restored, na_action="ignore")
    table.index, table.columns = table.index.map(_restored), table.columns.map(_restored)
    if "prediction" not in table or not set(table.columns) - {"prediction", "chip"}:
        raise FewShotError(
            f"{path.name} is no table of classes: it needs a column of probability per class and "
            "one called prediction"
        )
    if table.empty:
        raise FewShotError(f"{path.name} names no chip")
    return table


# What the reader of a grid's classes was.


@brief
@dataclass(frozen=True, eq=False)
class ChipClasses:
    """Classes of a grid's chips. Deprecated: a `Classification` holds the same.

    Attributes
    ----------
    chips : Chips
        `Classification.class_labels`.
    table : DataFrame
        One row per chip, indexed by its ``label`` in the grid, ascending: ``chip``,
        ``prediction``, and a probability per class.
    """

    chips: Chips
    table: pd.DataFrame


def read_chip_classes(path: str | Path, grid: Chips) -> ChipClasses:
    """Read classes of a grid's chips. Deprecated: use `read_classification`.

    Parameters
    ----------
    path : str or Path
    grid : Chips

    Raises
    ------
    FileNotFoundError
    LabelError
        If the file is no such table, or its chips are not those of the grid.
    """
    warnings.warn(
        "read_chip_classes is deprecated: use read_classification(path, grid.labels) and its "
        "class_labels()",
        DeprecationWarning,
        stacklevel=2,
    )
    try:
        found = read_classification(path, grid.labels, grid.names)
    except FewShotError as error:
        raise LabelError(str(error)) from error
    labels = pd.Index([found.chips.labels[chip] for chip in found.table["chip"]], name="label")
    table = found.table.set_axis(labels).sort_index()
    return ChipClasses(found.class_labels(), table[["chip", "prediction", *found.classes]])
