"""The page *Make* of the regions dock: a kind, its fields, a preview, and its use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from magicgui.widgets import PushButton
from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import QSignalDebouncer

from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.reasons import NO_MAP, lacking, offer
from napari_eds._napari.parts.widgets import WrappedText, scrolling
from napari_eds._napari.regions import preview as plans
from napari_eds._napari.regions.import_kind import ImportPage
from napari_eds._napari.regions.kind_page import KindPage
from napari_eds._napari.regions.kinds import (
    ClusterPage,
    CountsPage,
    ErrorPage,
    GridPage,
    ShapesPage,
    SuperpixelPage,
    ThresholdPage,
    WatershedPage,
)
from napari_eds._napari.state.focus import Focus
from napari_eds.errors import EDSError
from napari_eds.quantification.advice import MAJOR_AT_PCT

#: Key of what the fields say in the metadata of the map's layer.
FORM = "eds_regions_form"

_KINDS: tuple[type[KindPage], ...] = (
    GridPage,
    CountsPage,
    ErrorPage,
    SuperpixelPage,
    ThresholdPage,
    WatershedPage,
    ClusterPage,
    ShapesPage,
    ImportPage,
)
#: After the last change of a field.
_SETTLE_MS = 300
_SUMMARY_LINES = 3
_SAY = "Preview draws dashed outlines; changes of the fields then redraw them."


class MakePage(QWidget):
    """Makes regions: what the fields say lives in the map's layer, the preview in its own."""

    def __init__(self, focus: Focus, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.focus = focus
        self._told: plans.Preview | None = None
        self.kind = QComboBox()
        self.kind.setToolTip("Kind of regions to make")
        self.pages: dict[str, KindPage] = {}
        self.stack = QStackedWidget()
        for kind in _KINDS:
            page = kind(focus)
            self.pages[kind.title] = page
            self.kind.addItem(kind.title)
            self.stack.addWidget(page)
            page.edited.connect(self._on_edited)
        self.summary = WrappedText(lines=_SUMMARY_LINES)
        self.summary.setToolTip(
            "Errors are standard deviations from counting, scaled by the counts of each region "
            f"from the advice on chip sizes, or a result; of elements above {MAJOR_AT_PCT:g} at. %"
        )
        self.preview = PushButton(
            text="Preview", tooltip="Outline the regions on the map (dashed), as a layer"
        )
        self.use = PushButton(
            text="Use these regions",
            tooltip="Make a new Labels layer of these regions, with their names",
        )
        self.work = JobBar()
        self._settled = QSignalDebouncer(parent=self)
        self._settled.setTimeout(_SETTLE_MS)
        self._lay_out()
        self._connect()
        self._on_map_changed()

    def _lay_out(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(8, 8, 8, 4)
        form = QFormLayout()
        form.addRow("Kind", self.kind)
        column.addLayout(form)
        column.addWidget(self.stack)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolling(content), 1)
        # What must never scroll out of sight.
        footer = QVBoxLayout()
        footer.setContentsMargins(8, 4, 8, 8)
        footer.addWidget(self.summary)
        footer.addWidget(self.work)
        buttons = QHBoxLayout()
        buttons.addWidget(self.preview.native)
        buttons.addWidget(self.use.native, 1)
        footer.addLayout(buttons)
        outer.addLayout(footer)

    def _connect(self) -> None:
        focus = self.focus
        focus.map_changed.connect(self._on_map_changed)
        focus.settings_changed.connect(self._on_settings_changed)
        focus.layers_changed.connect(self._on_layers_changed)
        self.kind.activated.connect(self._on_kind)
        self.preview.changed.connect(self._on_preview)
        self.use.changed.connect(self._on_use)
        self.work.changed.connect(self._show_state)
        self.work.cancelled.connect(partial(self.summary.setText, "Cancelled."))
        self._settled.triggered.connect(self._on_settled)

    @property
    def page(self) -> KindPage:
        """The page of the kind that is chosen."""
        return self.pages[self.kind.currentText()]

    def choose(self, title: str) -> None:
        """Choose a kind as the user does."""
        self.kind.setCurrentText(title)
        self._on_kind()

    # What the window tells.

    def _on_map_changed(self) -> None:
        """Show what was set for the map; outlines of another map go."""
        self.work.drop()
        self._settled.cancel()
        layer = self.focus.map_layer
        kept = {} if layer is None else layer.metadata.get(FORM, {})
        with QSignalBlocker(self.kind):
            self.kind.setCurrentText(kept.get("kind", self.kind.currentText()))
        self.stack.setCurrentWidget(self.page)
        for title, page in self.pages.items():
            page.refresh()
            page.fill(kept.get(title, {}))
        if plans.preview_of(self.focus) is None:
            plans.remove_preview(self.focus)
        self._show_preview()

    def _on_layers_changed(self) -> None:
        for page in self.pages.values():
            page.refresh()
        if plans.preview_of(self.focus) is not self._told:
            self._show_preview()

    def _on_settings_changed(self) -> None:
        """Take the chip size, and elements, which other docks may change."""
        before = self.page.shown()
        for page in self.pages.values():
            page.refresh()
        if self.page.shown() != before and plans.preview_of(self.focus) is not None:
            self._settled.throttle()
        self._show_state()

    # What the user does.

    def _on_kind(self) -> None:
        self.stack.setCurrentWidget(self.page)
        self._keep()
        self._on_edited()

    def _on_edited(self) -> None:
        """Keep the fields; a preview that is shown follows them."""
        self._keep()
        if plans.preview_layer(self.focus) is not None or self.work:
            self._settled.throttle()

    def _keep(self) -> None:
        layer = self.focus.map_layer
        if layer is not None:
            kept = layer.metadata.setdefault(FORM, {})
            kept["kind"] = self.kind.currentText()
            kept[self.page.title] = self.page.values()

    def _on_settled(self) -> None:
        # Fields half filled are no reason for a notification.
        self._make(self._show_made, self._say_failed)

    def _on_preview(self) -> None:
        self._settled.cancel()
        self._make(self._show_made)

    def _on_use(self) -> None:
        """Use what the fields say now, which the preview may not show yet."""
        self._settled.cancel()
        self._make(self._use_made, may_be_shown=True)

    # Work.

    def _make(
        self,
        answer: Callable[[plans.Preview], None],
        failure: Callable[[Exception], None] = notify,
        *,
        may_be_shown: bool = False,
    ) -> None:
        """Make what the fields say in a thread, for the map that is looked at now."""
        focus = self.focus
        image, map_layer = focus.image, focus.map_layer
        if image is None or map_layer is None:
            return
        try:
            plan = self.page.plan()
        except (EDSError, OSError) as error:
            self.work.drop()
            failure(error)
            return
        shown = plans.preview_of(focus)
        same = shown is not None and plan.key is not None and shown.key == plan.key
        if may_be_shown and same and shown is not None:
            self.work.drop()
            answer(shown)
            return
        errors, map_id = plans.error_scale(focus), map_layer.unique_id
        self.work.run(
            plan.name,
            lambda _progress: plans.make_preview(plan, image, map_id, errors),
            answer,
            replaces=True,
            failure=failure,
        )

    def _say_failed(self, error: Exception) -> None:
        if not isinstance(error, (EDSError, OSError)):
            raise error
        self.summary.setText(f"{error}\nThe outlines are those of before.")

    def _show_made(self, preview: plans.Preview) -> None:
        plans.show_preview(self.focus, preview)
        self._show_preview()

    def _use_made(self, preview: plans.Preview) -> None:
        layer = plans.use_regions(self.focus, preview)
        if layer is not None:
            self._told = None
            self.summary.setText(f"{preview.summary}\nnow the labels “{layer.name}”")

    def _show_preview(self) -> None:
        """Say what the preview shows."""
        preview = self._told = plans.preview_of(self.focus)
        if self.focus.image is None:
            self.summary.setText("Open an EDS map first.")
        else:
            self.summary.setText(_SAY if preview is None else preview.summary)
        self._show_state()

    def _show_state(self) -> None:
        offer(self.preview, self.use, unless=lacking((self.focus.image, NO_MAP)))
