"""The dock *EDS results*: a row per label, linked with the map, in a table and in plots."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.notifications import show_info
from napari.viewer import Viewer
from qtpy.QtCore import QSignalBlocker, Qt
from superqt.utils import QSignalDebouncer

from napari_eds._napari.parts.ending import when_destroyed
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.panels import RESULTS, SPECTRUM, open_panel, open_quantification
from napari_eds._napari.parts.reasons import BUSY, lacking, offer
from napari_eds._napari.parts.saving import save_result
from napari_eds._napari.parts.theme import on_theme, theme_colors
from napari_eds._napari.results.color_choice import ColorChoice
from napari_eds._napari.results.columns import columns_of, groups_shown
from napari_eds._napari.results.footer import summary
from napari_eds._napari.results.form import BOTH_CHANGED, EDITED, OTHER_SETTINGS, ResultsForm
from napari_eds._napari.results.outdated import changed_settings
from napari_eds._napari.results.shown import ResultsState, change_state, state_of
from napari_eds._napari.state import label_edits
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.places import come_back
from napari_eds.errors import EDSError
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.statistics import ConditionError, matching, names_of
from napari_eds.quantification.table import COLUMN, ROW

#: Pause after an edit until labels and settings are compared with those of the result.
_PAUSE_MS = 150
#: What is said, by whether labels and whether settings are others.
_OUT_OF_DATE = {
    (False, False): "",
    (True, False): EDITED,
    (False, True): OTHER_SETTINGS,
    (True, True): BOTH_CHANGED,
}


class ResultsTable(ResultsForm):
    """Dock that shows the result of the labels in focus.

    It holds no state: results and selection live in the Labels layer, what is shown of them with
    the spectrum image.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.focus = focus_of(napari_viewer)
        self._viewer: Any = self.focus.viewer
        self.colors = ColorChoice(self.focus, self.color_by, self.colormap, self.color_bar)
        self._edits = QSignalDebouncer(parent=self)
        self._edits.setTimeout(_PAUSE_MS)
        self._connect()
        when_destroyed(self, on_theme(self._viewer, self._on_theme))
        self._on_theme()
        self._on_result()
        come_back(self, RESULTS)

    def _connect(self) -> None:
        focus = self.focus
        focus.result_changed.connect(self._on_result)
        focus.selection_changed.connect(self._on_selection)
        focus.labels_edited.connect(self._on_edited)
        focus.settings_changed.connect(self._on_edited)
        self._edits.triggered.connect(self._compare)
        self.model.modelReset.connect(self._on_rows)
        # The table has sorted its rows by then: it was connected first.
        self.table.header.sortIndicatorChanged.connect(self._on_sorted)
        self.table.chosen.connect(self._select)
        self.table.brought.connect(self._bring_into_sight)
        self.table.opened.connect(self._on_opened)
        self.table.columns_chosen.connect(lambda groups: self._change(groups=groups))
        self.table.unit_chosen.connect(lambda unit: self._change(unit=unit))
        self.filter.edited.connect(self._on_condition)
        self.tabs.currentChanged.connect(self._on_page)
        for plot, name in zip(self.plots, ("histogram", "scatter", "ternary"), strict=True):
            plot.chosen.connect(self._on_plot_chosen)
            plot.axes_chosen.connect(lambda axes, name=name: self._keep(**{name: axes}))
        self.merge.clicked.connect(self._on_merge)
        self.again.clicked.connect(self._on_again)
        self.save.clicked.connect(self._on_save)
        self.work.changed.connect(self._on_work)
        self.work.cancelled.connect(partial(show_info, "Cancelled: nothing was saved."))

    # What is chosen: read from the layers each time, never kept.

    @property
    def result(self) -> Quantification | None:
        """The result of the labels in focus."""
        return self.focus.result

    @property
    def state(self) -> ResultsState:
        """What of the result is shown."""
        return state_of(self.focus.map_layer)

    def _keep(self, **changes: Any) -> None:
        change_state(self.focus.map_layer, **changes)

    def _change(self, **changes: Any) -> None:
        self._keep(**changes)
        self._on_result()

    # Another result.

    def _on_result(self) -> None:
        """Show the result there is now, as it was last chosen to be shown."""
        result, state = self.result, self.state
        self.outer.setCurrentWidget(self.help if result is None else self.content)
        if result is None:
            self.model.set_content([], [])
            return
        columns = columns_of(result)
        self.filter.set_names(list(names_of(result.table, result.elements)))
        self.filter.set_condition(state.condition)
        self.table.set_choice(state.groups, state.unit)
        with QSignalBlocker(self.tabs):
            self.tabs.setCurrentIndex(state.page)
        self.pages.setCurrentIndex(state.page)
        met = self._met(state.condition)
        self.model.set_content(columns, groups_shown(state.groups, state.unit), met)
        self.model.sort_by(state.sorted_by)
        self._show_sorting()
        self.table.fit_columns()
        self.colors.show_result(self.model.columns)
        self._compare()

    def _met(self, condition: str) -> np.ndarray | None:
        """Return which labels meet a condition; None, with a message, if it is not understood."""
        result = self.result
        if result is None:
            return None
        try:
            met = matching(result.table, result.elements, condition)
        except ConditionError as error:
            self.message.setText(f"⚠ {str(error)[:1].upper()}{str(error)[1:]}.")
            self.message.setToolTip(
                "Columns: " + ", ".join(names_of(result.table, result.elements))
            )
            self.message.show()
            return None
        self.message.hide()
        return met

    def _on_condition(self, condition: str) -> None:
        met = self._met(condition)
        # The rows stay while a condition is being typed.
        if met is not None:
            self._keep(condition=condition)
            self.model.set_met(met)

    def _show_sorting(self) -> None:
        """Show the sign of sorting at its column."""
        name, descending = self.state.sorted_by or ("", False)
        names = [c.name for c in self.model.shown_columns]
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        header = self.table.header
        with QSignalBlocker(header):
            header.setSortIndicator(names.index(name) if name in names else -1, order)

    def _on_rows(self) -> None:
        """Show the selection and the plots again after rows were sorted or filtered."""
        self._draw_plot()
        self._on_selection()

    def _on_sorted(self) -> None:
        """Keep an order that the user asked for."""
        self._keep(sorted_by=self.model.sorted_by)

    def _on_page(self, page: int) -> None:
        self.pages.setCurrentIndex(page)
        self._keep(page=page)
        self._draw_plot()

    def _draw_plot(self) -> None:
        """Draw the plot in front; the others are drawn when they come to the front."""
        plot = self.pages.currentWidget()
        if plot in self.plots and self.result is not None:
            state = self.state
            axes = (state.histogram, state.scatter, state.ternary)[self.plots.index(plot)]
            plot.show_labels(self.model.columns, self.model.rows, axes)
            plot.show_selected(self.focus.selected)

    # Selected labels.

    def _on_selection(self) -> None:
        """Follow a selection, whoever made it."""
        ids, result = self.focus.selected, self.result
        if result is None:
            return
        self.table.follow(ids)
        plot = self.pages.currentWidget()
        if plot in self.plots:
            plot.show_selected(ids)
        chosen = np.intersect1d(ids, result.table.index).tolist()
        hidden = len(chosen) - len(self.model.rows_of(chosen))
        text, tip = summary(result.table, result.elements, chosen, self.state.unit, hidden)
        self.summary.setText(text)
        self.summary.setToolTip(tip)
        offer(self.merge, unless=lacking((len(ids) > 1, "Select two labels or more first.")))

    def _select(self, ids: Sequence[int]) -> None:
        """Select labels in the layer, the last of them in sight."""
        if not ids:
            # The layer always has a selected label: show it again.
            self._on_selection()
            return
        self.focus.select(ids)
        self._bring_into_sight(ids[-1])

    def _on_plot_chosen(self, ids: list[int], add: bool) -> None:  # noqa: FBT001 - Qt calls it
        before = [i for i in self.focus.selected if i not in ids] if add else []
        self._select([*before, *ids])

    def _bring_into_sight(self, label: int) -> None:
        layer, result = self.focus.labels_layer, self.result
        if layer is None or result is None or label not in result.table.index:
            return
        center = result.table.loc[label, [ROW, COLUMN]].to_numpy(float)
        if not is_in_sight(self._viewer, layer, center):
            show_position(self._viewer, layer, center)

    def _on_opened(self, label: int) -> None:
        """Show the residual of a label."""
        self.focus.select([label])
        open_panel(self._viewer, SPECTRUM).show_residual()

    def _on_theme(self) -> None:
        colors = theme_colors(self._viewer)
        for plot in self.plots:
            plot.set_colors(colors)
        self.color_bar.set_color(colors.text)
        # napari's yellow cannot be read on the light theme's background.
        warning = colors.warning
        self.model.set_warning_color(warning)
        self.edited.setStyleSheet(f"color: {warning}; font-weight: bold")
        self.message.setStyleSheet(f"color: {warning}")
        self.table.repaint_cells()

    # Labels and settings that are no longer those of the result.

    def _on_edited(self, _box: object = None) -> None:
        if self.result is not None:
            self._edits.throttle()

    def _compare(self) -> None:
        """Say whether labels and settings are still those of the result."""
        layer, result = self.focus.labels_layer, self.result
        if layer is None or result is None:
            return
        edited = not np.array_equal(np.asarray(layer.data), result.labels)
        changed = changed_settings(self.focus, layer, result)
        self.edited.setText(_OUT_OF_DATE[edited, bool(changed)])
        self.edited.setToolTip(f"Changed since: {', '.join(changed)}" if changed else "")
        self.edited.setVisible(edited or bool(changed))

    def _on_merge(self) -> None:
        """Merge the selected labels, in one step of the layer's undo history."""
        layer = self.focus.labels_layer
        if layer is None:
            return
        before = np.array(layer.data)
        try:
            done = label_edits.edit(
                before, layer.features, label_edits.merged(), self.focus.selected, None
            )
            label_edits.apply(self.focus, layer, done)
        except EDSError as error:
            notify(error)
            return
        n = len(np.unique(before[before != done.after])) + 1
        show_info(
            f"{n} labels are now label {done.joined}. Ctrl+Z over the map undoes it; "
            "quantify again for the composition of the whole."
        )

    def _on_again(self) -> None:
        open_quantification(self._viewer).start()

    def _on_work(self) -> None:
        offer(self.save, unless=lacking((not self.work, BUSY)))

    def _on_save(self) -> None:
        if self.result is not None:
            save_result(self, self.result, self.work)


def is_in_sight(viewer: Any, layer: Labels, position: np.ndarray) -> bool:
    """Whether a position in a layer's pixels is in view; only visible layers tell."""
    world = layer.data_to_world(position)
    for other in (layer, *viewer.layers):
        if other.visible and other.ndim == layer.ndim:
            first, last = other.corner_pixels
            place = np.asarray(other.world_to_data(world))
            return bool((place >= first).all() and (place <= last).all())
    return False


def show_position(viewer: Any, layer: Labels, position: np.ndarray) -> None:
    """Move the camera over a position in a layer's pixels."""
    world = dict(zip(range(-layer.ndim, 0), layer.data_to_world(position), strict=True))
    camera = camera_of(viewer)
    center = list(camera.center)
    for place, axis in zip((-2, -1), viewer.dims.displayed[-2:], strict=True):
        center[place] = world.get(axis - viewer.dims.ndim, center[place])
    camera.center = tuple(center)


def camera_of(viewer: Any) -> Any:
    """Return the camera: napari 0.9 put it into the scene, and warns of its old place."""
    return getattr(viewer, "scene", viewer).camera
