"""Edits of a Labels layer: written so that napari's undo takes them back, names and all."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from napari.layers import Labels
from qtpy.QtCore import QObject
from superqt.utils import QSignalDebouncer

from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import QUANTIFICATION, features_of
from napari_eds.errors import LabelError
from napari_eds.labels.edits import (
    fill_holes,
    grow_labels,
    merge_labels,
    reading_order,
    remove_small_labels,
    shrink_labels,
    smooth_labels,
    split_labels,
)
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import CHIP, COUNTS, FLAG, N_PIXELS

#: What the features of a label whose pixels changed say until it is quantified.
EDITED = "edited, not yet quantified"

#: Key of the features that belong to earlier states of a layer's pixels, in its metadata.
_FEATURES_OF = "eds_features_of_pixels"
#: As many states as napari's undo keeps.
_MOST_STATES = 100
#: Pause after an edit until features are compared with those of the pixels.
_SETTLE_MS = 100
#: Keys over the map while no Labels layer is active, as napari has them in one.
_UNDO, _REDO = "Control-Z", "Control-Shift-Z"
_COUNTED = {"index", CHIP, FLAG, N_PIXELS}


class Edit(NamedTuple):
    """An edit in words, and the function that gives the new labels; `ids` None means all.

    `features` tells what becomes of them: labels were joined, have other numbers, or other shapes.
    """

    words: str
    function: Callable[[np.ndarray, Sequence[int] | None], np.ndarray]
    features: Literal["joined", "numbers", "shapes"] = "shapes"


class _State(NamedTuple):
    """Features of labels, and the result there was at the time."""

    features: pd.DataFrame
    result: Quantification | None


class Edited(NamedTuple):
    """Labels before and after an edit, what the features say afterwards, and the joined label."""

    before: np.ndarray
    after: np.ndarray
    features: pd.DataFrame
    joined: int | None = None


def merged() -> Edit:
    """Join labels into the lowest of them."""

    def merge(labels: np.ndarray, ids: Sequence[int] | None) -> np.ndarray:
        return merge_labels(labels, np.unique(labels) if ids is None else ids)

    return Edit("merged", merge, "joined")


def split() -> Edit:
    """Make labels of parts that do not touch."""
    return Edit("split into parts", split_labels)


def grown(pixels: float, *, into_labels: bool) -> Edit:
    """Let labels reach further."""
    return Edit(
        f"grown by {pixels:g} px",
        lambda labels, ids: grow_labels(labels, pixels, ids=ids, into_labels=into_labels),
    )


def shrunk(pixels: float) -> Edit:
    """Let labels end earlier."""
    return Edit(
        f"shrunk by {pixels:g} px", lambda labels, ids: shrink_labels(labels, pixels, ids=ids)
    )


def smoothed(radius: int) -> Edit:
    """Smooth borders; with ids, only where their labels gain or lose pixels."""

    def smooth(labels: np.ndarray, ids: Sequence[int] | None) -> np.ndarray:
        after = smooth_labels(labels, radius)
        if ids is None:
            return after
        return np.where(np.isin(labels, ids) | np.isin(after, ids), after, labels)

    return Edit(f"smoothed within {radius} px", smooth)


def without_small(min_pixels: int, *, into_neighbour: bool) -> Edit:
    """Remove small labels; with ids, only those."""

    def remove(labels: np.ndarray, ids: Sequence[int] | None) -> np.ndarray:
        after = remove_small_labels(labels, min_pixels, into_neighbour=into_neighbour)
        return after if ids is None else np.where(np.isin(labels, ids), after, labels)

    return Edit(f"rid of those below {min_pixels} px", remove)


def filled() -> Edit:
    """Give labels the background they enclose."""
    return Edit("filled", fill_holes)


def in_order() -> Edit:
    """Count labels from 1 in reading order; with ids, these share their numbers anew."""

    def relabel(labels: np.ndarray, ids: Sequence[int] | None) -> np.ndarray:
        return renumbered(labels, _new_ids(labels, ids))

    return Edit("in reading order", relabel, "numbers")


def _new_ids(labels: np.ndarray, ids: Sequence[int] | None) -> dict[int, int]:
    if ids is None:
        return reading_order(labels)
    chosen = np.where(np.isin(labels, ids), labels, 0)
    order = list(reading_order(chosen))
    return dict(zip(order, sorted(order), strict=True))


def renumbered(labels: np.ndarray, new: dict[int, int]) -> np.ndarray:
    """Return labels with other ids; those not named keep theirs."""
    ids, dense = np.unique(labels, return_inverse=True)
    renamed = np.array([new.get(int(i), int(i)) for i in ids], labels.dtype)
    return renamed[dense.reshape(labels.shape)]


def edit(
    labels: np.ndarray,
    features: pd.DataFrame,
    what: Edit,
    ids: Sequence[int] | None,
    counts_map: np.ndarray | None,
) -> Edited:
    """Do an edit on a copy of labels; called in another thread.

    Raises
    ------
    LabelError
        If nothing changes, or the edit says so.
    """
    joined = None
    after = what.function(labels, ids)
    if after.dtype != labels.dtype:
        raise LabelError(f"there are more labels than {labels.dtype} can count")
    if np.array_equal(labels, after):
        raise LabelError("the labels are so already")
    if what.features == "numbers":
        changed = _features_renumbered(features, _new_ids(labels, ids))
    elif what.features == "joined":
        differs = labels != after
        joined = int(after[differs][0])
        changed = features_after_merge(features, joined, np.unique(labels[differs]))
    else:
        changed = _features_after(features, labels, after, counts_map)
    return Edited(labels, after, changed, joined)


def features_after_merge(
    features: pd.DataFrame, lowest: int, others: Iterable[int]
) -> pd.DataFrame:
    """Return features in which the lowest label has the pixels and counts of all.

    Its composition is not known: it is NaN, and ``flag`` says why. The rows of the other labels
    stay, as undoing brings the labels back.
    """
    if "index" not in features:
        return features
    changed = features.copy()
    row = changed["index"] == lowest
    joined = changed["index"].isin([lowest, *others])
    for name in changed.columns.drop("index"):
        if name in {N_PIXELS, COUNTS}:
            changed.loc[row, name] = changed.loc[joined, name].sum()
        elif name == FLAG:
            changed.loc[row, name] = EDITED
        elif pd.api.types.is_float_dtype(changed[name]):
            changed.loc[row, name] = np.nan
    return changed


def _features_renumbered(features: pd.DataFrame, new: dict[int, int]) -> pd.DataFrame:
    """Let rows follow their labels; those of labels that are not there go."""
    if "index" not in features:
        return features
    changed = features[features["index"].isin(new)].copy()
    changed["index"] = [new[int(i)] for i in changed["index"]]
    others = features[~features["index"].isin([*new, *new.values()])]
    return pd.concat([changed, others]).sort_values("index").reset_index(drop=True)


def _features_after(
    features: pd.DataFrame, before: np.ndarray, after: np.ndarray, counts_map: np.ndarray | None
) -> pd.DataFrame:
    """Return features with rows of new labels, and nothing known of those that changed."""
    if "index" not in features:
        return features
    differs = before != after
    touched = np.union1d(before[differs], after[differs])
    parts = _parts_of(before, after)
    changed = features.copy()
    new = [i for i in parts if i not in set(features["index"])]
    if new:
        rows = pd.DataFrame({"index": new})
        if CHIP in changed:
            rows[CHIP] = [_part_name(features, parts[i], i) for i in new]
        changed = pd.concat([changed, rows], ignore_index=True)
    return _forget(changed, touched[touched > 0], after, counts_map)


def _parts_of(before: np.ndarray, after: np.ndarray) -> dict[int, int]:
    """Return the labels that were not there before, with the label they come from."""
    fresh = np.setdiff1d(after, before)
    if not fresh.size:
        return {}
    ids, first = np.unique(after, return_index=True)
    origin = dict(zip(ids.tolist(), before.ravel()[first].tolist(), strict=True))
    return {int(i): origin[int(i)] for i in fresh}


def _part_name(features: pd.DataFrame, origin: int, part: int) -> str:
    names = features.loc[features["index"] == origin, CHIP]
    name = names.iloc[0] if len(names) and isinstance(names.iloc[0], str) else origin
    return f"{name}, part {part}"


def _forget(
    features: pd.DataFrame,
    touched: np.ndarray,
    after: np.ndarray,
    counts_map: np.ndarray | None,
) -> pd.DataFrame:
    """Count touched labels anew; their compositions are not known."""
    row = features["index"].isin(touched)
    if not row.any():
        return features
    ids = features.loc[row, "index"].to_numpy()
    for name in features.columns.drop(list(_COUNTED), errors="ignore"):
        if pd.api.types.is_float_dtype(features[name]):
            features.loc[row, name] = np.nan
    if N_PIXELS in features:
        features.loc[row, N_PIXELS] = _sums(after, np.ones(after.shape), ids)
        if features[N_PIXELS].notna().all():
            features[N_PIXELS] = features[N_PIXELS].astype(np.int64)
    if COUNTS in features and counts_map is not None:
        features.loc[row, COUNTS] = _sums(after, counts_map, ids)
    if FLAG in features:
        features.loc[row, FLAG] = EDITED
    return features


def _sums(labels: np.ndarray, values: np.ndarray, ids: np.ndarray) -> np.ndarray:
    # By place among those that are there: ids may be larger than memory.
    present, place = np.unique(np.append(labels, ids), return_inverse=True)
    sums = np.bincount(
        place.ravel()[: labels.size], weights=values.ravel(), minlength=present.size
    )
    return sums[np.searchsorted(present, ids)]


# Layers.


def apply(focus: Focus, layer: Labels, done: Edited) -> int:
    """Write an edit into its layer as one step of its undo; return how many pixels changed.

    Labels that were joined are then selected as the one they are.

    Raises
    ------
    LabelError
        If the layer was painted on meanwhile.
    """
    if not np.array_equal(layer.data, done.before):
        raise LabelError("the labels were changed meanwhile, so nothing was done; try again")
    pixels = np.nonzero(done.before != done.after)
    _remember(layer, done.before, layer.features)
    layer.data_setitem(pixels, done.after[pixels])
    if not features_equal(layer.features, done.features):
        layer.features = done.features
    _remember(layer, done.after, layer.features)
    (focus.findChild(_UndoFollower) or _UndoFollower(focus)).follow(layer)
    if done.joined is not None and layer is focus.labels_layer:
        focus.select([done.joined])
    return int(pixels[0].size)


class _UndoFollower(QObject):
    """Lets undo and redo reach edited layers, and features follow them, whatever is active.

    napari's own keys undo in the Labels layer that is active. Over any other layer, the same keys
    undo in the labels that are looked at, or else in those edited last.
    """

    def __init__(self, focus: Focus) -> None:
        super().__init__(focus)
        self._focus = focus
        self._edited: list[weakref.ref[Labels]] = []
        self._unsettled: weakref.WeakSet[Labels] = weakref.WeakSet()
        self._settled = QSignalDebouncer(parent=self)
        self._settled.setTimeout(_SETTLE_MS)
        self._settled.triggered.connect(self._on_settled)
        for keys, answer in ((_UNDO, self.undo), (_REDO, self.redo)):
            try:
                focus.viewer.bind_key(keys, answer)
            except ValueError:  # the user, or another plugin, has these keys
                continue

    def follow(self, layer: Labels) -> None:
        """Follow a layer from now on, as the one that was edited last."""
        known = [x for x in (ref() for ref in self._edited) if x is not None]
        if layer not in known:
            for event in (layer.events.paint, layer.events.set_data, layer.events.data):
                event.connect(self._on_edited)
        others = [x for x in known if x is not layer]
        self._edited = [weakref.ref(x) for x in (*others, layer)]

    def undo(self, _viewer: object) -> None:
        """Take back the last step in the labels."""
        layer = self._reached()
        if layer is not None:
            layer.undo()

    def redo(self, _viewer: object) -> None:
        """Do again what was taken back."""
        layer = self._reached()
        if layer is not None:
            layer.redo()

    def _reached(self) -> Labels | None:
        if self._focus.labels_layer is not None:
            return self._focus.labels_layer
        there = [ref() for ref in self._edited]
        return next((x for x in reversed(there) if x in self._focus.viewer.layers), None)

    def _on_edited(self, event: Any) -> None:
        self._unsettled.add(event.source)
        self._settled.throttle()

    def _on_settled(self) -> None:
        layers = list(self._unsettled)
        self._unsettled.clear()
        for layer in layers:
            _follow_undo(layer)


def _follow_undo(layer: Labels) -> None:
    """Give labels that an edit left, or came from, the features they had then.

    Labels that were quantified since have those of their result.
    """
    states: dict[str, _State] = layer.metadata.get(_FEATURES_OF, {})
    known = states.get(_digest(np.asarray(layer.data))) if states else None
    if known is None:
        return
    features, result = known.features, layer.metadata.get(QUANTIFICATION)
    newer = result is not None and result is not known.result
    if newer and np.array_equal(result.labels, layer.data):
        features = features_of(result)
    if not features_equal(features, layer.features):
        layer.features = features.copy()


def _remember(layer: Labels, labels: np.ndarray, features: pd.DataFrame) -> None:
    states: dict[str, _State] = layer.metadata.setdefault(_FEATURES_OF, {})
    key = _digest(labels)
    states.pop(key, None)
    states[key] = _State(features.copy(), layer.metadata.get(QUANTIFICATION))
    while len(states) > _MOST_STATES:
        del states[next(iter(states))]


def features_equal(one: Any, other: Any) -> bool:
    """Whether two tables of features say the same."""
    return list(one.columns) == list(other.columns) and one.equals(other)


def _digest(labels: np.ndarray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(labels).tobytes(), digest_size=16).hexdigest()
