"""Maps of a comparison beside each other: ours, the other's and their difference."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import QPoint, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QToolTip, QWidget

from napari_eds._napari.compare.layers import DIVERGING, Compared
from napari_eds._napari.parts.color_bar import ColorBar, Scale
from napari_eds._napari.parts.theme import ThemeColors
from napari_eds.quantification.table import CHIP

_SEQUENTIAL = "viridis"
_LEAST_HEIGHT_PX = 40
_MOST_HEIGHT_PX = 260
#: Both results share a scale from zero, or below, to what but the outermost values exceed.
_LIMITS_PERCENT = (1, 99)
_MOST_PIXELS = 512
_SIDES = ("ours", "other", "difference")


class MapPane(QWidget):
    """A small map, as large as fits, in the proportions of its pixels.

    Attributes
    ----------
    pointed : Signal
        The pointer moves over a pixel; carries its row and column.
    clicked : Signal
        A pixel was clicked; carries its row and column.
    """

    pointed = Signal(int, int)
    clicked = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self._picture = QImage()
        self._shape = (0, 0)
        self._aspect = 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)

    def show_map(
        self, data: np.ndarray, limits: tuple[float, float], colormap: str, aspect: float
    ) -> None:
        """Show a map; pixels that are NaN stay empty. `aspect` is width over height."""
        low, high = limits
        self._shape = data.shape
        data = _thinned(data)
        colors = ensure_colormap(colormap).map(np.clip((data - low) / (high - low), 0, 1))
        rgba = np.ascontiguousarray(255 * colors + 0.5, dtype=np.uint8).reshape(*data.shape, 4)
        rgba[np.isnan(data)] = 0
        rows, columns = data.shape
        picture = QImage(rgba.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_RGBA8888)
        self._picture = picture.copy()  # a picture of its own: Qt does not keep the bytes
        self._aspect = aspect
        self._fit()
        self.update()

    def resizeEvent(self, _event: Any) -> None:
        """Take the height that the map has in this width."""
        self._fit()

    def _fit(self) -> None:
        height = round(self.width() / self._aspect)
        self.setFixedHeight(min(max(height, _LEAST_HEIGHT_PX), _MOST_HEIGHT_PX))

    def area(self) -> QRectF:
        """Return where in the pane the map lies."""
        width = min(self.width(), self.height() * self._aspect)
        height = width / self._aspect
        return QRectF((self.width() - width) / 2, 0, width, height)

    def paintEvent(self, _event: Any) -> None:
        """Draw the map; pixels stay sharp."""
        if self._picture.isNull():
            return
        painter = QPainter(self)
        painter.fillRect(self.area(), QColor(128, 128, 128, 70))
        painter.drawImage(self.area(), self._picture)

    def mouseMoveEvent(self, event: Any) -> None:
        """Tell where the pointer is."""
        self._tell(event, self.pointed)

    def mousePressEvent(self, event: Any) -> None:
        """Tell which pixel was clicked."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._tell(event, self.clicked)

    def _tell(self, event: Any, signal: Any) -> None:
        area, place = self.area(), event.position()
        if self._picture.isNull() or not area.contains(place):
            return
        rows, columns = self._shape
        row = int((place.y() - area.top()) / area.height() * rows)
        column = int((place.x() - area.left()) / area.width() * columns)
        signal.emit(min(row, rows - 1), min(column, columns - 1))


class MapsView(QWidget):
    """Three maps of one element with their scales; a click selects the label there.

    Attributes
    ----------
    label_clicked : Signal
        Carries the label's id.
    """

    label_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._compared: Compared | None = None
        self._element = ""
        self.panes = {side: MapPane() for side in _SIDES}
        self.titles = {side: QLabel() for side in _SIDES}
        self.common_bar, self.difference_bar = ColorBar(), ColorBar()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(2)
        for column, side in enumerate(_SIDES):
            # Long names must not widen the dock.
            self.titles[side].setMinimumWidth(1)
            self.titles[side].setAlignment(Qt.AlignmentFlag.AlignHCenter)
            grid.addWidget(self.titles[side], 0, column)
            grid.addWidget(self.panes[side], 1, column)
            grid.setColumnStretch(column, 1)
            self.panes[side].clicked.connect(self._on_clicked)
            self.panes[side].pointed.connect(self._on_pointed)
        grid.addWidget(self.common_bar, 2, 0, 1, 2)
        grid.addWidget(self.difference_bar, 2, 2)

    def set_colors(self, colors: ThemeColors) -> None:
        """Use the colours of a theme."""
        for bar in (self.common_bar, self.difference_bar):
            bar.set_color(colors.text)

    def show_element(self, compared: Compared | None, element: str) -> None:
        """Show the maps of one element, or nothing where there are none."""
        self._compared, self._element = compared, element
        has_maps = compared is not None and element in compared.maps.get("difference", {})
        self.setVisible(has_maps)
        if compared is None or not has_maps:
            return
        data = {side: compared.maps[side][element] for side in _SIDES}
        comparison = compared.comparison
        height, width = (
            n * size
            for n, size in zip(data["ours"].shape, comparison.ours.pixel_size, strict=True)
        )
        common = _common_scale(_thinned(data["ours"]), _thinned(data["other"]))
        limit = compared.limits[element]
        for side in _SIDES:
            limits = (-limit, limit) if side == "difference" else (common.low, common.high)
            colormap = DIVERGING if side == "difference" else _SEQUENTIAL
            self.panes[side].show_map(data[side], limits, colormap, width / height)
        self.common_bar.set_scale(common, _SEQUENTIAL)
        differences = comparison.table[f"{element}_difference"]
        low, high = bool((differences < -limit).any()), bool((differences > limit).any())
        scale = Scale(-limit, limit, beyond_low=low, beyond_high=high)
        self.difference_bar.set_scale(scale, DIVERGING)
        self._show_titles(comparison.ours.name, comparison.other.name, comparison.unit)

    def _show_titles(self, ours: str, other: str, unit: str) -> None:
        sign = "red where ours is larger, blue where it is smaller"
        texts = {
            "ours": (f"ours, {self._element} {unit}", f"{ours}: {self._element} in {unit}"),
            "other": ("other", f"{other}: {self._element} in {unit}"),
            "difference": (
                "ours − other",
                f"{ours} minus {other}, {self._element} in {unit}: {sign}",
            ),
        }
        for side, (text, tip) in texts.items():
            self.titles[side].setText(text)
            self.titles[side].setToolTip(f"{tip}. A click on the map selects the label.")

    def _label_at(self, row: int, column: int) -> int:
        if self._compared is None:
            return 0
        return int(self._compared.result.labels[row, column])

    def _on_clicked(self, row: int, column: int) -> None:
        label = self._label_at(row, column)
        if label:
            self.label_clicked.emit(label)

    def _on_pointed(self, row: int, column: int) -> None:
        """Tell the numbers of the label under the pointer."""
        label, compared = self._label_at(row, column), self._compared
        if compared is None or label not in compared.comparison.table.index:
            QToolTip.hideText()
            return
        numbers = compared.comparison.table.loc[label]
        ours, other, difference = (numbers[f"{self._element}_{side}"] for side in _SIDES)
        chip = numbers.get(CHIP, label)
        text = f"{chip}: {ours:.2f} − {other:.2f} = {difference:+.2f} {compared.comparison.unit}"
        pane = self.sender()
        where = pane.cursor().pos() if isinstance(pane, QWidget) else self.mapToGlobal(QPoint())
        QToolTip.showText(where, text, self)


def _thinned(data: np.ndarray) -> np.ndarray:
    """Return a large map with pixels left out: a pane does not show more."""
    step = max(1, -(-max(data.shape) // _MOST_PIXELS))
    return data[::step, ::step]


def _common_scale(*maps: np.ndarray) -> Scale:
    """Return a scale that both maps share."""
    values = np.concatenate([data[np.isfinite(data)] for data in maps])
    if not values.size:
        return Scale(0.0, 1.0, beyond_low=False, beyond_high=False)
    low, high = (float(v) for v in np.percentile(values, _LIMITS_PERCENT))
    low = min(low, 0.0)
    high = max(high, low + 1e-9)
    return Scale(low, high, bool(values.min() < low), bool(values.max() > high))
