"""The kinds of regions the dock can make: the fields of each, and the plan they describe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, SpinBox
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QListWidget, QListWidgetItem

from napari_eds._napari.parts.numbers import grouped
from napari_eds._napari.regions.kind_page import NO_MAP, KindPage, require
from napari_eds._napari.regions.preview import ErrorScale, Made, Plan
from napari_eds._napari.regions.sources import on_map, shapes_choices, shapes_on_map
from napari_eds._napari.state.element_choice import QUANTIFY
from napari_eds.labels.chips import Chips, grid_chips
from napari_eds.labels.from_counts import adaptive_chips
from napari_eds.labels.from_images import superpixels, threshold_regions, watershed_regions
from napari_eds.labels.from_shapes import labels_from_shapes
from napari_eds.labels.from_spectra import cluster_labels
from napari_eds.quantification.advice import (
    WANTED_ERROR_AT_PCT,
    counts_for_error,
    counts_in_range,
)

_MOST = 100_000
_LIST_HEIGHT_PX = 96
_VALUE = "value"


class GridPage(KindPage):
    """Equal squares; their side is the chip size of the settings."""

    title = "grid"

    def make_fields(self) -> None:
        """Make the fields."""
        self.by = self.add(
            "by",
            "Given by",
            ComboBox(choices=["side", "columns"], tooltip="What tells how large the chips are"),
        )
        self.side = self.add(
            "side", "Side (px)", SpinBox(value=16, min=1, max=_MOST, tooltip="Side in pixels")
        )
        self.columns = self.add(
            "columns",
            "Columns",
            SpinBox(value=8, min=1, max=_MOST, tooltip="Number of square chips side by side"),
        )

    def offer(self) -> None:
        """Take the size of the settings."""
        super().offer()
        if self.focus.settings is not None:
            self.side.value = self.focus.settings.chip_size

    def values(self) -> dict[str, Any]:
        """Leave out the side, whose home are the settings."""
        return {name: value for name, value in super().values().items() if name != "side"}

    def show_rows(self) -> None:
        """Show the field that counts."""
        self.form.setRowVisible(self.side.native, self.by.value == "side")
        self.form.setRowVisible(self.columns.native, self.by.value == "columns")

    def on_edited(self, value: Any = None) -> None:
        """Keep the size in the settings."""
        settings = self.focus.settings
        if self.listening and settings is not None:
            self.focus.set_settings(replace(settings, chip_size=self.side.value))
        super().on_edited(value)

    def plan(self) -> Plan:
        """Return what is to be made."""
        image = require(self.focus.image, NO_MAP)
        size = self.side.value
        if self.by.value == "columns":
            size = max(image.shape[1] // self.columns.value, 1)
        return Plan(f"chips {size} px", lambda: Made(grid_chips(image.shape, size)))


class CountsPage(KindPage):
    """Rectangles that hold enough counts."""

    title = "adaptive, by counts"

    def make_fields(self) -> None:
        """Make the fields."""
        self.counts = self.add(
            "counts",
            "Counts",
            SpinBox(
                value=5000,
                min=1,
                max=1_000_000_000,
                step=500,
                tooltip="X-rays above the noise peak that every chip holds at least",
            ),
        )
        self.smallest, self.largest = _add_limits(self)

    def plan(self) -> Plan:
        """Return what is to be made."""
        image = require(self.focus.image, NO_MAP)
        counts, limits = self.counts.value, _limits(self)

        def make() -> Made:
            counted = image.energy.counted
            return Made(adaptive_chips(image.counts_map(), counts, **limits, counted=counted))

        return Plan(f"chips of {grouped(counts, 0)} counts", make)


class ErrorPage(KindPage):
    """Rectangles in which an element has a wanted error."""

    title = "adaptive, by error"

    def make_fields(self) -> None:
        """Make the fields."""
        self.element = self.add(
            "element",
            "Element",
            ComboBox(choices=self._elements, tooltip="Quantified element whose error counts"),
        )
        self.error = self.add(
            "error",
            "Error (at. %)",
            FloatSpinBox(
                value=WANTED_ERROR_AT_PCT,
                min=0.01,
                max=50,
                step=0.1,
                tooltip="Standard deviation from counting in at. %, for chips of the mean "
                "composition of the map",
            ),
        )
        self.smallest, self.largest = _add_limits(self)

    def _elements(self, _widget: Any = None) -> list[str]:
        settings = self.focus.settings
        chosen = settings.elements if settings is not None else ()
        return [c.symbol for c in chosen if c.role == QUANTIFY]

    def plan(self) -> Plan:
        """Return what is to be made."""
        image = require(self.focus.image, NO_MAP)
        element = require(self.element.value, "choose an element to quantify first")
        settings = require(self.focus.settings, NO_MAP)
        error, limits, recipe = self.error.value, _limits(self), settings.recipe()

        def make() -> Made:
            # As adaptive_chips_for_error does, with the counts kept to tell each chip's error.
            counts = counts_for_error(image, recipe, element, error)
            in_range = counts_in_range(image, recipe)
            chips = adaptive_chips(in_range, counts, **limits)
            return Made(chips, ErrorScale(error * counts**0.5, element, in_range))

        return Plan(f"chips {element} ± {error:g} at. %", make)


class SuperpixelPage(KindPage):
    """Regions that follow the edges in images."""

    title = "superpixels"

    def make_fields(self) -> None:
        """Make the fields."""
        self.images = QListWidget()
        self.images.setToolTip("Images whose edges the regions follow, equally weighted")
        self.images.setFixedHeight(_LIST_HEIGHT_PX)
        # Names often differ only at their end.
        self.images.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.images.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.form.addRow("Images", self.images)
        self.images.itemChanged.connect(self.on_edited)
        self.mean_size = self.add(
            "mean_size",
            "Mean size (px)",
            SpinBox(value=100, min=1, max=_MOST, step=10, tooltip="Mean area in pixels"),
        )
        self.compactness = self.add(
            "compactness",
            "Compactness",
            FloatSpinBox(
                value=0.1,
                min=0.001,
                max=100,
                step=0.05,
                tooltip="Weight of closeness against likeness, no unit: 1 gives nearly squares, "
                "0.01 follows every edge",
            ),
        )
        self.smoothing = self.add("smoothing", "Smoothing (px)", _smoothing_field())

    def offer(self) -> None:
        """Offer the images there are now; what was chosen stays so."""
        super().offer()
        chosen = self.chosen()
        choices = self.images_now()
        if not any(layer in chosen for _, layer in choices):
            chosen = self._first_choice(choices)
        self.images.clear()
        for name, layer in choices:
            item = QListWidgetItem(name)
            item.setToolTip(name)
            item.setData(Qt.ItemDataRole.UserRole, layer)
            checked = Qt.CheckState.Checked if layer in chosen else Qt.CheckState.Unchecked
            item.setCheckState(checked)
            self.images.addItem(item)

    def _first_choice(self, choices: list[tuple[str, Any]]) -> list[Any]:
        """Return the dark-field image, whose edges are sharper than those of few counts."""
        dark_field = [layer for name, layer in choices if "HAADF" in name]
        return dark_field[:1] or [self.focus.map_layer]

    def chosen(self) -> list[Any]:
        """Return the layers that are ticked."""
        items = [self.images.item(i) for i in range(self.images.count())]
        return [
            item.data(Qt.ItemDataRole.UserRole)
            for item in items
            if item is not None and item.checkState() == Qt.CheckState.Checked
        ]

    def plan(self) -> Plan:
        """Return what is to be made."""
        map_layer = require(self.focus.map_layer, NO_MAP)
        sources = [on_map(layer, map_layer) for layer in self.chosen()]
        size, compactness = self.mean_size.value, self.compactness.value
        smoothing = self.smoothing.value

        def make() -> Made:
            return Made(
                superpixels(
                    [source() for source in sources],
                    mean_pixels=size,
                    compactness=compactness,
                    smoothing_px=smoothing,
                )
            )

        return Plan(f"superpixels {size} px", make)


class ImagePage(KindPage):
    """What a threshold parts from the rest of an image."""

    def make_fields(self) -> None:
        """Make the fields."""
        self.layer = self.add(
            "layer", "Image", ComboBox(choices=self.images_now, tooltip="Image that is parted")
        )
        self.method = self.add(
            "method",
            "Threshold",
            ComboBox(
                choices=["otsu", "li", "triangle", _VALUE],
                tooltip="How the threshold is found from the histogram, or its value",
            ),
        )
        self.value = self.add(
            "value",
            "Value",
            FloatSpinBox(min=-1e12, max=1e12, tooltip="Threshold in units of the image"),
        )
        self.dark = self.add(
            "dark", "Dark parts", CheckBox(text="", tooltip="Take what is darker, not brighter")
        )
        self.make_own_fields()
        self.smallest = self.add(
            "smallest",
            "Smallest (px)",
            SpinBox(value=10, min=1, max=_MOST, tooltip="Parts of fewer pixels are left out"),
        )
        self.smoothing = self.add("smoothing", "Smoothing (px)", _smoothing_field())

    def make_own_fields(self) -> None:
        """Make the fields of the kind itself."""
        raise NotImplementedError

    def show_rows(self) -> None:
        """Show the number where it is asked for."""
        self.form.setRowVisible(self.value.native, self.method.value == _VALUE)

    def settings(self) -> dict[str, Any]:
        """Return what the fields say, as the functions that part images take it."""
        value = self.value.value if self.method.value == _VALUE else self.method.value
        return {
            "method": value,
            "dark": self.dark.value,
            "min_pixels": self.smallest.value,
            "smoothing_px": self.smoothing.value,
        }

    def source(self) -> tuple[Callable[[], np.ndarray], str]:
        """Return how to get the image that is chosen, and its name."""
        map_layer = require(self.focus.map_layer, NO_MAP)
        layer = require(self.layer.value, "choose an image first")
        return on_map(layer, map_layer), layer.name


class ThresholdPage(ImagePage):
    """What is brighter, or darker, than a threshold."""

    title = "threshold"

    def make_own_fields(self) -> None:
        """Make the fields of the kind itself."""
        self.connected = self.add(
            "connected",
            "Each part",
            CheckBox(value=True, text="", tooltip="A region for each connected part, or one"),
        )

    def plan(self) -> Plan:
        """Return what is to be made."""
        source, name = self.source()
        settings = {**self.settings(), "connected": self.connected.value}
        return Plan(f"threshold {name}", lambda: Made(threshold_regions(source(), **settings)))


class WatershedPage(ImagePage):
    """Particles that touch."""

    title = "watershed"

    def make_own_fields(self) -> None:
        """Make the fields of the kind itself."""
        self.markers = self.add(
            "markers",
            "Parted at",
            ComboBox(
                choices=[("necks", "distance"), ("dark valleys", "peaks")],
                tooltip="Where touching particles are parted: where they are narrow, or along "
                "the valleys of the image",
            ),
        )
        self.distance = self.add(
            "distance",
            "Distance (px)",
            SpinBox(value=5, min=1, max=_MOST, tooltip="Least distance of two middles in pixels"),
        )

    def plan(self) -> Plan:
        """Return what is to be made."""
        source, name = self.source()
        settings = {
            **self.settings(),
            "markers": self.markers.value,
            "min_distance": self.distance.value,
        }
        return Plan(f"watershed {name}", lambda: Made(watershed_regions(source(), **settings)))


class ClusterPage(KindPage):
    """Pixels of like spectra."""

    title = "clusters"

    def make_fields(self) -> None:
        """Make the fields."""
        self.number = self.add(
            "number",
            "Clusters",
            SpinBox(value=3, min=2, max=50, tooltip="Number of clusters; vacuum is one too"),
        )
        self.method = self.add(
            "method",
            "Method",
            ComboBox(
                choices=[("k-means", "kmeans"), ("non-negative factors", "nmf")],
                tooltip="k-means of the leading components, or non-negative factors",
            ),
        )
        self.block = self.add(
            "block",
            "Block (px, 0: auto)",
            SpinBox(
                value=0,
                min=0,
                max=_MOST,
                tooltip="Side in pixels of the blocks that are compared; 0: as large as needed "
                "for 200 counts",
            ),
        )

    def plan(self) -> Plan:
        """Return what is to be made."""
        image = require(self.focus.image, NO_MAP)
        number, method, block = self.number.value, self.method.value, self.block.value or None

        def make() -> Made:
            return Made(cluster_labels(image, number, method=method, bin_px=block))

        # Seconds on a large map, so a preview is not made again to be used.
        key = (self.title, image, number, method, block)
        return Plan(f"{number} clusters", make, is_colored=True, key=key)


class ShapesPage(KindPage):
    """Drawn shapes."""

    title = "shapes"

    def make_fields(self) -> None:
        """Make the fields."""
        self.shapes = self.add(
            "shapes",
            "Shapes",
            ComboBox(
                choices=lambda _: shapes_choices(self.focus),
                tooltip="Layer of polygons, rectangles or ellipses; a column of its features "
                "called chip, name or label gives names",
            ),
        )
        how = QLabel("Draw polygons, rectangles or ellipses in a Shapes layer over the map.")
        how.setWordWrap(True)
        self.form.addRow(how)

    def plan(self) -> Plan:
        """Return what is to be made."""
        map_layer = require(self.focus.map_layer, NO_MAP)
        layer = require(self.shapes.value, "add a Shapes layer and draw in it first")
        shapes, names = shapes_on_map(layer, map_layer)
        shape = map_layer.data.shape

        def make() -> Made:
            chips: Chips = labels_from_shapes(shapes, shape, names)
            return Made(chips)

        return Plan(f"regions of {layer.name}", make, is_colored=True)


# Fields that several kinds share.


def _add_limits(page: KindPage) -> tuple[Any, Any]:
    smallest = page.add(
        "smallest",
        "Smallest (px)",
        SpinBox(value=1, min=1, max=_MOST, tooltip="Shortest side of a chip in pixels"),
    )
    largest = page.add(
        "largest",
        "Largest (px, 0: any)",
        SpinBox(
            value=0,
            min=0,
            max=_MOST,
            tooltip="Longest side in pixels; what needs more, such as vacuum, is left out. "
            "0: no limit",
        ),
    )
    return smallest, largest


def _limits(page: CountsPage | ErrorPage) -> dict[str, Any]:
    return {"smallest": page.smallest.value, "largest": page.largest.value or None}


def _smoothing_field() -> FloatSpinBox:
    return FloatSpinBox(
        value=1.0,
        min=0,
        max=100,
        step=0.5,
        tooltip="Standard deviation in pixels of a Gaussian that smooths the image first",
    )
