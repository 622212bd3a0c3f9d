"""What is greyed says why: what is lacking, and so what to do, stands first in its tooltip."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QWidget

NO_MAP = "Open an EDS map first."
NO_LABELS = "Make a grid or paint labels first."
NO_RESULT = "Quantify labels first."
BUSY = "Wait for the work that goes on, or cancel it."

#: Properties of a widget: its tooltip as it is made, and what is lacking now.
_TIP, _LACKS = "eds_tip", "eds_lacks"


def offer(*widgets: Any, unless: str = "") -> None:
    """Make widgets available, or, where something is lacking, grey them and say what.

    Parameters
    ----------
    *widgets : QWidget or widget of magicgui
    unless : str
        What to do first, as a sentence; empty where nothing is lacking.
    """
    for widget in widgets:
        native: QWidget = getattr(widget, "native", widget)
        tip = native.property(_TIP)
        if tip is None:
            tip = native.toolTip()
            native.setProperty(_TIP, tip)
        native.setEnabled(not unless)
        native.setProperty(_LACKS, unless)
        native.setToolTip("\n".join(filter(None, (unless, tip))))


def lacking(*needs: tuple[object, str]) -> str:
    """Return the first sentence whose need is not met; empty where all are.

    Parameters
    ----------
    *needs : tuple of (object, str)
        What is true, or not None, where the need is met, and what to do where it is not.
    """
    unmet = (words for met, words in needs if met is None or met is False)
    return next(unmet, "")


def reason_of(widget: QWidget) -> str:
    """Return why a widget is greyed, by itself or with what it lies in; empty without a reason."""
    around: QWidget | None = widget
    while around is not None:
        reason = around.property(_LACKS)
        if reason:
            return str(reason)
        around = around.parentWidget()
    return ""
