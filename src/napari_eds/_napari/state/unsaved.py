"""Work that nobody saved yet is kept, and offered when its map is opened the next time.

Every change of labels or settings is kept a moment after it, as a copy on the disk: see
`napari_eds.exchange.autosave`. The window's thread only copies the labels; a thread packs and
writes them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import numpy as np
import pandas as pd
from napari.layers import Image, Labels
from napari.utils.notifications import show_warning
from qtpy.QtCore import QCoreApplication, QObject, QTimer, Signal

from napari_eds._napari.state.derived import CLASSES
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import (
    SETTINGS,
    SPECTRUM_IMAGE,
    add_chips,
    bind,
    geometry,
    names_in,
    spectra_of,
)
from napari_eds._napari.state.settings import Settings, default_settings
from napari_eds.errors import EDSError
from napari_eds.exchange.autosave import Unsaved, UnsavedCopy, UnsavedLabels, prune
from napari_eds.quantification.table import CHIP
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Pause after a change until it is kept, and the longest while changes follow each other.
SETTLE_MS, LONGEST_MS = 1000, 5000
#: Pause until it is tried again while the change before is being written.
_BUSY_MS = 100
#: So many states that were saved are remembered of a map, and layers that were deleted.
_MOST_SAVED, _MOST_DELETED = 8, 5
_NAMES = ["index", CHIP]


class _Saved(NamedTuple):
    """What a session holds of a map."""

    labels: np.ndarray
    names: Mapping[int, str]
    recipe: Recipe


class _Piece(NamedTuple):
    """A Labels layer at a moment, for the thread that writes."""

    name: str
    labels: np.ndarray
    features: pd.DataFrame
    outlines: int


@dataclass(eq=False)
class _Map:
    """A map of the window: its copy, what others left there, what was saved and deleted."""

    layer: Image
    copy: UnsavedCopy | None = None
    others: list[Unsaved] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    saved: list[_Saved] = field(default_factory=list)
    deleted: list[Labels] = field(default_factory=list)
    changed: bool = False

    @property
    def image(self) -> SpectrumImage:
        return self.layer.metadata[SPECTRUM_IMAGE]


@dataclass(eq=False)
class _Labels:
    """A Labels layer, the map that it belongs to, and an array its data are copied into."""

    layer: Labels
    map_id: UUID
    buffer: np.ndarray | None = None

    def prepare(self) -> None:
        """Copy the layer once in the thread: the first touch of new memory is what takes time."""
        self.buffer = np.array(self.layer.data)

    def piece(self, *, fresh: bool) -> _Piece:
        """Copy the layer; a fresh array leaves alone what may still be read."""
        data = np.asarray(self.layer.data)
        known = self.buffer
        if fresh or known is None or (known.shape, known.dtype) != (data.shape, data.dtype):
            known = self.buffer = np.empty_like(data)
        np.copyto(known, data)
        features = self.layer.features
        names = features[_NAMES].copy() if set(_NAMES) <= set(features) else pd.DataFrame()
        return _Piece(self.layer.name, known, names, int(self.layer.contour))


class UnsavedWork(QObject):
    """Keeps what is unsaved of every map of a window, and brings back what others left.

    Attributes
    ----------
    found : Signal
        There is unsaved work of earlier on a map; carries its layer.
    kept : Signal
        What changed is on the disk now.
    """

    found = Signal(object)
    kept = Signal()
    _looked = Signal(object)
    _ended = Signal(object)

    def __init__(self, focus: Focus, place: Path | None = None) -> None:
        super().__init__(focus)
        self._focus, self._place, self._writer = focus, place, uuid4().hex
        self._maps: dict[UUID, _Map] = {}
        self._labels: dict[UUID, _Labels] = {}
        self._gone: list[_Labels] = []
        self._pool = ThreadPoolExecutor(1, "keep unsaved work")
        self._writing, self._since, self._warned = 0, 0.0, False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_settled)
        self._looked.connect(self._on_looked)
        self._ended.connect(self._on_ended)
        focus.layers_changed.connect(self._on_layers)
        focus.settings_changed.connect(self._on_settings)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._keep_all)
        self._on_layers()

    # What is there.

    def others(self, layer: Image | None) -> list[Unsaved]:
        """Return the work that was left on a map earlier and is not yet restored or discarded."""
        known = None if layer is None else self._maps.get(layer.unique_id)
        return [] if known is None else list(known.others)

    def _on_layers(self) -> None:
        """Take up layers that came, and let go of those that went."""
        maps = {layer.unique_id: layer for layer in self._focus.map_layers()}
        labels = self._label_layers()
        for key in self._labels.keys() - labels.keys():
            gone = self._labels.pop(key)
            self._listen(gone.layer, connect=False)
            self._gone.append(gone)
            self._note_deleted(gone)
            self._on_changed(gone.map_id)
        for key in self._maps.keys() - maps.keys():
            self._on_map_gone(key)
        for key in maps.keys() - self._maps.keys():
            self._maps[key] = _Map(maps[key])
            self._submit(self._look, self._maps[key])
        for key, (layer, map_id) in labels.items():
            if key not in self._labels:
                self._labels[key] = _Labels(layer, map_id)
                self._note_back(layer, map_id)
                self._listen(layer, connect=True)
                self._submit(self._prepare, self._labels[key])
                self._on_changed(map_id)
            elif self._labels[key].map_id != map_id:
                self._on_changed(self._labels[key].map_id)
                self._labels[key].map_id = map_id
                self._on_changed(map_id)

    def _label_layers(self) -> dict[UUID, tuple[Labels, UUID]]:
        """Return the layers a user made or may have painted on, with the map of each."""
        found = {}
        for layer in self._focus.viewer.layers:
            if isinstance(layer, Labels) and CLASSES.origin(layer) is None:
                belongs_to = self._focus.map_for(layer)
                # The only label of a spectrum comes with it, and nobody paints on it.
                if belongs_to is not None and not spectra_of(belongs_to):
                    found[layer.unique_id] = (layer, belongs_to.unique_id)
        return found

    def _listen(self, layer: Labels, *, connect: bool) -> None:
        events = layer.events
        for event in (
            events.labels_update,
            events.paint,
            events.set_data,
            events.data,
            events.features,
            events.name,
            events.contour,
        ):
            (event.connect if connect else event.disconnect)(self._on_labels)

    def _on_labels(self, event: Any) -> None:
        known = self._labels.get(event.source.unique_id)
        if known is not None:
            self._on_changed(known.map_id)

    def _on_settings(self) -> None:
        layer = self._focus.map_layer
        if layer is not None:
            self._on_changed(layer.unique_id)

    # Keeping.

    def _on_changed(self, map_id: UUID) -> None:
        """Keep a change once nothing follows it for a moment."""
        known = self._maps.get(map_id)
        if known is None:
            return
        known.changed = True
        now = time.monotonic()
        if not self._timer.isActive():
            self._since = now
        if now - self._since < LONGEST_MS / 1000:
            self._timer.start(SETTLE_MS)

    def _on_settled(self) -> None:
        if self._writing:
            self._timer.start(_BUSY_MS)
            return
        for known in self._maps.values():
            if known.changed:
                self._keep(known)
        # Layers that were deleted while their map stayed have left the copy.
        self._gone.clear()

    def _on_map_gone(self, key: UUID) -> None:
        """Keep what changed of a map that is closed, labels that went with it included."""
        known = self._maps.pop(key)
        mine = [gone for gone in self._gone if gone.map_id == key]
        if known.changed:
            self._keep(known, mine, fresh=True)
        self._gone = [gone for gone in self._gone if gone.map_id != key]

    def _keep_all(self) -> None:
        """Keep what changed at once: the program ends, and waits for the thread."""
        self._timer.stop()
        for key, known in self._maps.items():
            if known.changed:
                self._keep(known, [g for g in self._gone if g.map_id == key], fresh=True)

    def _keep(self, known: _Map, gone: Iterable[_Labels] = (), *, fresh: bool = False) -> None:
        """Copy what there is of a map, and let the thread write it."""
        known.changed = False
        mine = [x for x in self._labels.values() if x.map_id == known.layer.unique_id]
        shape = tuple(known.image.shape)
        pieces = [
            labels.piece(fresh=fresh)
            for labels in (*mine, *gone)
            # Those that were given other pixels since are no labels of the map any more.
            if labels.layer.data.shape == shape
        ]
        self._submit(
            self._write, known, pieces, known.layer.metadata.get(SETTINGS), frozenset(known.done)
        )

    def _submit(self, function: Any, *arguments: Any) -> None:
        self._writing += 1
        self._pool.submit(function, *arguments)

    def _on_ended(self, how: tuple[Exception | None, bool]) -> None:
        error, wrote = how
        self._writing -= 1
        if error is None:
            self._warned &= not wrote
            if wrote:
                self.kept.emit()
        elif isinstance(error, (OSError, EDSError)):
            if not self._warned:
                show_warning(f"Unsaved work cannot be kept, save it yourself: {error}")
            self._warned = True
        else:
            raise error

    # In the thread.

    def _look(self, known: _Map) -> None:
        """Find the copy of a map, and what others left there."""
        error: Exception | None = None
        try:
            known.copy = UnsavedCopy(known.image, self._writer, self._place)
            prune(self._place, keep=[known.copy.path])
            found = known.copy.others()
            if found:
                _emit(self._looked, (known, found))
        except Exception as problem:  # noqa: BLE001 - told in the window's thread
            error = problem
        _emit(self._ended, (error, False))

    def _prepare(self, labels: _Labels) -> None:
        error: Exception | None = None
        try:
            labels.prepare()
        except Exception as problem:  # noqa: BLE001 - told in the window's thread
            error = problem
        _emit(self._ended, (error, False))

    def _write(
        self,
        known: _Map,
        pieces: list[_Piece],
        settings: Settings | None,
        done: frozenset[str],
    ) -> None:
        error: Exception | None = None
        try:
            if known.copy is None:
                known.copy = UnsavedCopy(known.image, self._writer, self._place)
            work = _unsaved(self._writer, known, pieces, settings)
            known.copy.write(work, without=done)
        except Exception as problem:  # noqa: BLE001 - told in the window's thread
            error = problem
        _emit(self._ended, (error, True))

    # Restoring.

    def _on_looked(self, what: tuple[_Map, list[Unsaved]]) -> None:
        known, found = what
        if known.layer.unique_id in self._maps:
            known.others = found
            self.found.emit(known.layer)

    def restore(self, layer: Image) -> list[Labels]:
        """Add the labels that were left on a map, beside those that are there.

        Settings are brought back where those of the map are still the ones of its file.
        """
        known = self._maps.get(layer.unique_id)
        if known is None:
            return []
        self._focus.set_map_layer(layer)
        added = []
        for work in known.others:
            added += [_add(self._focus, layer, labels) for labels in work.layers]
            settings = _settings_of(work)
            if settings is not None and self._focus.settings == default_settings(known.image):
                self._focus.set_settings(settings)
        if added:
            self._focus.set_labels_layer(added[-1])
        self._forget(known)
        return added

    def deleted_labels(self, layer: Image | None) -> list[Labels]:
        """Return the layers of labels of a map that were deleted in this window, the last last."""
        known = None if layer is None else self._maps.get(layer.unique_id)
        return [] if known is None else list(known.deleted)

    def bring_back(self, layer: Image) -> Labels | None:
        """Add the labels of a map again that were deleted last, as they were."""
        deleted = self.deleted_labels(layer)
        if not deleted:
            return None
        labels = deleted[-1]
        self._focus.viewer.add_layer(labels)
        self._focus.set_labels_layer(labels)
        return labels

    def _note_deleted(self, gone: _Labels) -> None:
        known, data = self._maps.get(gone.map_id), gone.layer.data
        # An empty layer is no loss; one on the disk is not read for that.
        if known is None or (isinstance(data, np.ndarray) and not data.any()):
            return
        known.deleted = [*known.deleted, gone.layer][-_MOST_DELETED:]

    def _note_back(self, layer: Labels, map_id: UUID) -> None:
        known = self._maps.get(map_id)
        if known is not None:
            known.deleted = [other for other in known.deleted if other is not layer]

    def discard(self, layer: Image) -> None:
        """Let go of the work that was left on a map earlier."""
        known = self._maps.get(layer.unique_id)
        if known is not None:
            self._forget(known)

    def _forget(self, known: _Map) -> None:
        known.done |= {work.writer for work in known.others}
        known.others = []
        self._on_changed(known.layer.unique_id)

    def note_saved(self, labels: np.ndarray, names: Mapping[int, str], recipe: Recipe) -> None:
        """Take note that a session holds labels and settings of the map that is looked at."""
        layer = self._focus.map_layer
        known = None if layer is None else self._maps.get(layer.unique_id)
        if known is not None:
            known.saved = [*known.saved, _Saved(labels, names, recipe)][-_MOST_SAVED:]
            self._on_changed(known.layer.unique_id)


def watch(focus: Focus, place: Path | None = None) -> UnsavedWork:
    """Keep unsaved work of a window from now on."""
    return unsaved_of(focus) or UnsavedWork(focus, place)


def unsaved_of(focus: Focus) -> UnsavedWork | None:
    """Return what keeps the unsaved work of a window, if anything does."""
    return focus.findChild(UnsavedWork)


def note_saved(focus: Focus, labels: np.ndarray, names: Mapping[int, str], recipe: Recipe) -> None:
    """Take note that a session holds labels and settings of the map that is looked at."""
    work = unsaved_of(focus)
    if work is not None:
        work.note_saved(labels, names, recipe)


def told(works: Iterable[Unsaved]) -> str:
    """Say what there is of unsaved work, in plain words."""
    works = list(works)
    n = sum(len(work.layers) for work in works)
    parts = [f"{n} label layer{'s' * (n != 1)}"] if n else []
    parts += ["settings"] if any(work.settings is not None for work in works) else []
    latest = max((work.saved for work in works), default="")
    return f"{' and '.join(parts)}, {latest.replace('T', ' ').replace('+00:00', ' UTC')}"


def _emit(signal: Any, value: object) -> None:
    try:
        signal.emit(value)
    except RuntimeError:  # the window is gone, and nobody listens
        return


def _unsaved(
    writer: str, known: _Map, pieces: Iterable[_Piece], settings: Settings | None
) -> Unsaved:
    """Return what of a map is in no session: painted labels, and settings that were changed."""
    layers = []
    for piece in pieces:
        names = names_in(piece.features)
        if piece.labels.any() and not any(_holds(s, piece.labels, names) for s in known.saved):
            layers.append(UnsavedLabels(piece.name, piece.labels, names, piece.outlines))
    changed = settings is not None and settings != default_settings(known.image)
    if not changed or settings is None or _is_saved(settings, known.saved):
        return Unsaved(writer, tuple(layers))
    return Unsaved(writer, tuple(layers), settings.to_json())


def _holds(saved: _Saved, labels: np.ndarray, names: Mapping[int, str]) -> bool:
    same = all(saved.names.get(i, name) == name for i, name in names.items())
    return same and np.array_equal(saved.labels, labels)


def _is_saved(settings: Settings, saved: list[_Saved]) -> bool:
    if not saved:
        return False
    try:
        recipe = settings.recipe()
    except (EDSError, OSError):
        return False
    return any(s.recipe == recipe for s in saved)


def _settings_of(work: Unsaved) -> Settings | None:
    try:
        return None if work.settings is None else Settings.from_json(work.settings)
    except EDSError:
        return None


def _add(focus: Focus, map_layer: Image, unsaved: UnsavedLabels) -> Labels:
    image = map_layer.metadata[SPECTRUM_IMAGE]
    labels = unsaved.labels
    if labels.dtype.itemsize < np.dtype(np.int32).itemsize or labels.dtype == bool:
        # Packed in as few bits as possible: painting further takes more.
        labels = labels.astype(np.int32)
    add = (
        partial(add_chips, focus.viewer, labels, image)
        if unsaved.outlines
        else partial(focus.viewer.add_labels, labels, opacity=0.5, **geometry(image))
    )
    features = {"index": list(unsaved.names), CHIP: list(unsaved.names.values())}
    layer = add(
        name=f"{unsaved.name} (restored)", **({"features": features} if unsaved.names else {})
    )
    bind(layer, map_layer)
    return layer
