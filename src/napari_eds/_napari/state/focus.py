"""Which map and which labels the docks of a window look at, and what changed in them.

Docks never talk to each other. What they show lives in the layers; `Focus` says which layers are
looked at and tells every dock when something in them changed, whoever changed it.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels, Layer
from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal

from napari_eds._napari.parts.ending import Listening
from napari_eds._napari.parts.keyboard import KeyboardFocus
from napari_eds._napari.parts.keyed_jobs import Jobs
from napari_eds._napari.parts.notices import whole_notices
from napari_eds._napari.parts.reasons import NO_LABELS
from napari_eds._napari.state import layers as eds_layers
from napari_eds._napari.state import spectra, units
from napari_eds._napari.state.belonging import (
    hide_if_elsewhere,
    last_used,
    let_go_if_copied,
    note_in_use,
    owners_of,
    show_only,
)
from napari_eds._napari.state.column_maps import renew_column_maps
from napari_eds._napari.state.covering import give_way, is_picture_of_result, pictures_beside
from napari_eds._napari.state.grid_lines import GridLines
from napari_eds._napari.state.layers import QUANTIFICATION, SETTINGS, SPECTRUM_IMAGE
from napari_eds._napari.state.names import tell_full_name
from napari_eds._napari.state.outlines import SelectionOutline
from napari_eds._napari.state.scale_bar import ScaleBar
from napari_eds._napari.state.settings import Settings, default_settings
from napari_eds._napari.state.thickness_maps import show_thickness
from napari_eds.quantification.result import Quantification
from napari_eds.spectra.spectrum_image import SpectrumImage

if TYPE_CHECKING:
    from napari.components import ViewerModel

#: Key of the labels chosen together in a Labels layer: napari itself can select one only.
_SELECTED = "eds_selected_labels"

#: Key of whether the user was told that labels lie beside their map.
_TOLD_ELSEWHERE = "eds_told_elsewhere"

_focus_by_viewer: weakref.WeakKeyDictionary[ViewerModel, Focus] = weakref.WeakKeyDictionary()


def focus_of(viewer: ViewerModel) -> Focus:
    """Return the focus of a viewer, the same for all its docks.

    napari hands plugins a proxy of the viewer, whose layers are proxies too; the focus's own
    `viewer` is the real one, whose layers can be told apart by identity.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _focus_by_viewer:
        _focus_by_viewer[viewer] = Focus(viewer)
    return _focus_by_viewer[viewer]


class Focus(QObject):
    """The spectrum image and the labels a window is about; it follows the active layer.

    Attributes
    ----------
    map_changed : Signal
        Another spectrum image, or none, or its energy axis was replaced.
    labels_changed : Signal
        Another Labels layer, or none.
    labels_edited : Signal
        Pixels of the Labels layer changed, after every dab, fill, undo and redo. Carries the box
        that holds them, (row slice, column slice), or None where it may be anywhere or nowhere.
    selection_changed : Signal
        Other labels are selected.
    settings_changed : Signal
        Other settings of the spectrum image; also emitted with `map_changed`.
    result_changed : Signal
        Another result, or none; also emitted with `labels_changed`.
    layers_changed : Signal
        A layer was added, removed or renamed.
    """

    map_changed = Signal()
    labels_changed = Signal()
    labels_edited = Signal(object)
    selection_changed = Signal()
    settings_changed = Signal()
    result_changed = Signal()
    layers_changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        whole_notices()  # every panel and reader comes by here first
        self._viewer = weakref.ref(viewer)
        self._map: Image | None = None
        self._labels: Labels | None = None
        self._last_selected: tuple[int, ...] = ()
        self._follows = True
        self._heard = Listening(self)
        self._renewing = Jobs(self)
        self._scale_bar = ScaleBar(viewer)
        self._keyboard = KeyboardFocus(self, viewer)
        self.outline = SelectionOutline(self)
        self.grid_lines = GridLines(self)
        events = viewer.layers.events
        events.inserted.connect(self._on_inserted)
        for event in (events.inserted, events.removed, events.renamed):
            event.connect(self._on_layers)
        viewer.layers.selection.events.active.connect(self._on_active)
        self._on_layers()
        self._on_active()

    @property
    def viewer(self) -> ViewerModel:
        """The viewer; it outlives every dock that asks."""
        viewer = self._viewer()
        if viewer is None:
            raise RuntimeError("the viewer of these docks is gone")
        return viewer

    @property
    def is_orphaned(self) -> bool:
        """Whether the viewer is gone."""
        return self._viewer() is None

    # The map.

    @property
    def map_layer(self) -> Image | None:
        """Layer of the spectrum image."""
        return self._map

    @property
    def image(self) -> SpectrumImage | None:
        """The spectrum image."""
        return eds_layers.spectrum_image_of(self._map)

    def map_layers(self) -> list[Image]:
        """Return all layers of spectrum images."""
        return [layer for layer in self.viewer.layers if SPECTRUM_IMAGE in layer.metadata]

    def set_map_layer(self, layer: Image | None) -> None:
        """Look at another spectrum image, and at labels made for it, if there are any."""
        if layer is self._map:
            return
        self._map = layer
        self._show_map()
        choices = self.label_layers()
        kept = self._labels if self._labels in choices else None
        other_labels = self._take_labels(kept or last_used(layer, choices))
        self._highlight()
        # Told only now, when map and labels belong together.
        self.map_changed.emit()
        self.settings_changed.emit()
        if other_labels:
            self._tell_labels()

    def _show_map(self) -> None:
        """Show the map with its layers, fit the view to it, and hide other maps."""
        if self._map is not None:
            show_only(self.viewer, self._map, self.map_layers())
            units.agree(self.viewer, self._map)
            self.fit_view()

    def _highlight(self) -> None:
        """Make layers in use the active one in place of labels, or a layer of a map, that are not.

        Layers of no map, and images of the one looked at, are left to the user.
        """
        selection = self.viewer.layers.selection
        active = selection.active
        if not self._follows or active is None:
            return
        owners = owners_of(self.viewer, active, self.map_layers())
        elsewhere = bool(owners) and self._map not in owners
        other_labels = (
            isinstance(active, Labels)
            and active is not self._labels
            and self.map_for(active) is not None
        )
        wanted = self._labels or self._map
        if (elsewhere or other_labels) and wanted in self.viewer.layers:
            selection.active = wanted

    def fit_view(self) -> None:
        """Fit the view to the map: an overview image beside it would make it a speck."""
        self._scale_bar.follow(eds_layers.is_spectrum(self.image))
        if self._map is not None and self._map in self.viewer.layers:
            units.fit_view(self.viewer, self._map)
        else:
            self.viewer.reset_view()

    def replace_image(self, image: SpectrumImage) -> None:
        """Put another spectrum image into the layer, such as one with an energy axis."""
        if self._map is not None:
            eds_layers.put_image(self._map, image)
            self.map_changed.emit()
            self.settings_changed.emit()

    def add_image(self, image: SpectrumImage) -> None:
        """Show another spectrum image, such as a part of this one, with its settings.

        The layer of the one looked at before is hidden, so that the new one can be seen.
        """
        before, settings = self._map, self.settings
        for data, attributes, kind in eds_layers.layers_of([image])[0]:
            layer = Layer.create(data, attributes, kind)
            units.fit_in(self.viewer, layer)
            self.viewer.add_layer(layer)
        added = next(m for m in self.map_layers() if m.metadata[SPECTRUM_IMAGE] is image)
        if settings is not None:
            added.metadata[SETTINGS] = settings
        if before is not None:
            before.visible = False
        self.viewer.layers.selection.active = added
        self.set_map_layer(added)

    # Settings, which belong to the map.

    @property
    def settings(self) -> Settings | None:
        """Settings of the spectrum image; those of its file until the user changed some."""
        image = self.image
        if self._map is None or image is None:
            return None
        if SETTINGS not in self._map.metadata:
            self._map.metadata[SETTINGS] = default_settings(image)
        return self._map.metadata[SETTINGS]

    def set_settings(self, settings: Settings) -> None:
        """Keep settings with the spectrum image."""
        if self._map is not None and settings != self.settings:
            self._map.metadata[SETTINGS] = settings
            self.settings_changed.emit()

    # Labels.

    @property
    def labels_layer(self) -> Labels | None:
        """Layer of the labels."""
        return self._labels

    def label_layers(self) -> list[Labels]:
        """Return all Labels layers that can be used with the map: they fit no other one better."""
        if self._map is None:
            return []
        return [
            layer
            for layer in self.viewer.layers
            if isinstance(layer, Labels) and self.map_for(layer) is self._map
        ]

    @property
    def no_labels(self) -> str:
        """What to do where no labels can be used with the map; those that do not fit are named.

        The active layer is meant first, else the uppermost.
        """
        active, image = self.viewer.layers.selection.active, self.image
        layers = [active, *reversed(self.viewer.layers)]
        misfits = [x for x in layers if isinstance(x, Labels) and self.map_for(x) is None]
        if image is None or not misfits:
            return NO_LABELS
        return (
            f"Labels of shape {misfits[0].data.shape} do not fit the map of "
            f"{tuple(image.shape)}: make a grid or paint others."
        )

    def set_labels_layer(self, layer: Labels | None) -> None:
        """Look at another Labels layer, which is then the active one, too."""
        if self._take_labels(layer):
            self._highlight()
            self._tell_labels()

    def _take_labels(self, layer: Labels | None) -> bool:
        """Listen to another Labels layer, if it is one."""
        if layer is self._labels:
            return False
        self._labels = layer
        note_in_use(self._map, layer)
        self._place(layer)
        self._listen(layer)
        return True

    def _place(self, layer: Labels | None) -> None:
        """Lay labels on their map: what is seen under them is what is summed."""
        if layer is None or self._map is None or eds_layers.is_spectrum(self.image):
            return
        if not units.place_on(layer, self._map) and not layer.metadata.get(_TOLD_ELSEWHERE):
            layer.metadata[_TOLD_ELSEWHERE] = True
            show_warning(
                f"{layer.name} lies elsewhere than {self._map.name}, with as many pixels: each of "
                "its pixels is taken for that of the map in the same row and column. To see them "
                "there, give the layer the scale and translate of the map."
            )

    def _tell_labels(self) -> None:
        self.labels_changed.emit()
        self.result_changed.emit()
        self._on_selected()

    def map_for(self, labels: Labels) -> Image | None:
        """Return the map that labels belong to: the one they were made for, else one that fits."""
        fitting = [
            m for m in self.map_layers() if eds_layers.fits(labels, m.metadata[SPECTRUM_IMAGE])
        ]
        bound = [m for m in fitting if eds_layers.made_for(labels, m)]
        if bound or self._map not in fitting:
            return next(iter(bound or fitting), None)
        return self._map

    # Labels that are selected.

    @property
    def selected(self) -> tuple[int, ...]:
        """Ids of the selected labels; the layer's own selected label is the last of them."""
        if self._labels is None:
            return ()
        current = int(self._labels.selected_label)
        together = self._labels.metadata.get(_SELECTED, ())
        if together and together[-1] == current:
            return together
        return (current,) if current else ()

    @property
    def selected_in_panel(self) -> bool:
        """Whether the selected labels were chosen in a panel, not just taken up by the brush."""
        if self._labels is None:
            return False
        together = self._labels.metadata.get(_SELECTED, ())
        return bool(together) and together[-1] == int(self._labels.selected_label)

    def select(self, ids: Iterable[int]) -> None:
        """Select labels; the last of them becomes the layer's own selected label."""
        if self._labels is None:
            return
        together = tuple(int(i) for i in ids)
        self._labels.metadata[_SELECTED] = together
        if together:
            self._labels.selected_label = together[-1]
        self._on_selected()
        # The brush may have had the label before, of which nothing was told.
        self.outline.follow_soon()

    # The result, which belongs to the labels.

    @property
    def result(self) -> Quantification | None:
        """The result of the labels."""
        return None if self._labels is None else self._labels.metadata.get(QUANTIFICATION)

    def show_result(self, labels: Labels, result: Quantification) -> None:
        """Put a result into its layers, whichever labels are looked at now."""
        if spectra.keep_elsewhere(self.map_for(labels), labels, result):
            return
        eds_layers.show_result(self.viewer, labels, result, staying=self.staying)
        show_thickness(self.viewer, labels, result, self.staying)
        renew_column_maps(self._renewing, self.viewer, labels, result)
        if labels is self._labels:
            self.result_changed.emit()

    @contextmanager
    def staying(self) -> Iterator[None]:
        """Go on looking at the same layers while others are added.

        napari makes a new layer the active one; afterwards the one before is active again, or,
        where that is a map or labels other than those chosen in a list, the chosen ones.
        """
        selection = self.viewer.layers.selection
        active, self._follows = selection.active, False
        try:
            yield
            selection.active = active if self._agrees(active) else self._labels or self._map
        finally:
            self._follows = True

    def _agrees(self, layer: Layer | None) -> bool:
        """Whether a layer may be active: it is looked at, or is neither a map nor labels."""
        owner = eds_layers.owner_of(self.viewer, layer)
        candidate = isinstance(owner, Labels) or (
            owner is not None and SPECTRUM_IMAGE in owner.metadata
        )
        return not candidate or owner in (self._labels, self._map)

    # What napari tells.

    def _on_inserted(self, event: Any) -> None:
        """Fit a new layer in with the others."""
        layer = event.value
        tell_full_name(layer)
        let_go_if_copied(self.viewer, layer)
        if eds_layers.spectra_of(layer):
            layer.name_overlay.visible = True  # there is nothing else to be seen of it
        hide_if_elsewhere(self.viewer, layer, self._map, self.map_layers())
        if layer.visible and is_picture_of_result(layer):
            maps = self.map_layers()
            for covered in pictures_beside(self.viewer, layer, maps, of_counts=False):
                give_way(self.viewer, covered)
        if self._map is not None:
            units.agree(self.viewer, self._map)

    def _on_layers(self, _event: Any = None) -> None:
        """Let go of layers that are gone; without a map, take one that is there."""
        maps = self.map_layers()
        if self._map not in maps:
            self.set_map_layer(next(iter(maps), None))
        if self._labels not in self.label_layers():
            self.set_labels_layer(last_used(self._map, self.label_layers()))
        self.layers_changed.emit()

    def _on_active(self, _event: Any = None) -> None:
        """Look at what the user chose in the layer list, which stays highlighted."""
        layer = eds_layers.owner_of(self.viewer, self.viewer.layers.selection.active)
        if layer is None or not self._follows:
            return
        self._follows = False
        try:
            self._look_at(layer)
        finally:
            self._follows = True

    def _look_at(self, layer: Layer) -> None:
        """Look at a map, at labels, or at the map of any other layer."""
        if SPECTRUM_IMAGE in layer.metadata:
            self.set_map_layer(layer)
        elif isinstance(layer, Labels):
            belongs_to = self.map_for(layer)
            if belongs_to is not None:
                self.set_map_layer(belongs_to)
                self.set_labels_layer(layer)
            elif self._labels is None:
                self.layers_changed.emit()  # what is said of labels that do not fit names this one
        else:
            owners = owners_of(self.viewer, layer, self.map_layers())
            if owners and self._map not in owners:
                self.set_map_layer(owners[-1])

    def _listen(self, layer: Labels | None) -> None:
        if layer is None:
            self._heard.end()
            return
        events = layer.events
        self._heard.to(
            (events.labels_update, self._on_dab),
            (events.paint, self._on_data),
            (events.set_data, self._on_data),
            (events.data, self._on_data),
            (events.selected_label, self._on_selected),
        )

    def _on_dab(self, event: Any) -> None:
        """Tell the box a dab changed; it is in the order in which axes are displayed."""
        if tuple(self.viewer.dims.displayed_order) != tuple(range(2)):
            self.labels_edited.emit(None)
            return
        rows, columns = (
            slice(start, start + length)
            for start, length in zip(event.offset, event.data.shape, strict=True)
        )
        self.labels_edited.emit((rows, columns))

    def _on_data(self, _event: Any = None) -> None:
        """Fill, undo and redo, data replaced; napari also tells so when nothing changed."""
        self.labels_edited.emit(None)

    def _on_selected(self, _event: Any = None) -> None:
        if self.selected != self._last_selected:
            self._last_selected = self.selected
            self.selection_changed.emit()
