"""How the user likes to see spectra: scale and switches, kept for the next time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtWidgets import QCheckBox, QComboBox, QSpinBox, QWidget

from napari_eds._napari.parts import view_memory

_SECTION = "spectrum"


class ViewSettings:
    """Restores what controls were left at, and keeps what they are set to.

    Parameters
    ----------
    controls : mapping of str to QWidget
        Lists of choices that hold data, check boxes and numbers, by the names they are kept under.
    """

    def __init__(self, controls: Mapping[str, QWidget]) -> None:
        self._controls = dict(controls)
        self._restore(view_memory.kept(_SECTION))
        for control in self._controls.values():
            _changed(control).connect(self._keep)

    def _restore(self, values: Mapping[str, Any]) -> None:
        for name, control in self._controls.items():
            if name in values:
                _set(control, values[name])

    def _keep(self, *_: Any) -> None:
        values = {name: _value(control) for name, control in self._controls.items()}
        view_memory.keep(_SECTION, values)


def _changed(control: Any) -> Any:
    if isinstance(control, QComboBox):
        return control.currentIndexChanged
    return control.toggled if isinstance(control, QCheckBox) else control.valueChanged


def _value(control: Any) -> Any:
    if isinstance(control, QComboBox):
        return control.currentData()
    return control.isChecked() if isinstance(control, QCheckBox) else control.value()


def _set(control: Any, value: Any) -> None:
    """Set a control; values that it cannot have, as of a file written by hand, are left."""
    if isinstance(control, QComboBox):
        control.setCurrentIndex(max(control.findData(value), 0))
    elif isinstance(control, QCheckBox) and isinstance(value, bool):
        control.setChecked(value)
    elif isinstance(control, QSpinBox) and isinstance(value, int):
        control.setValue(value)
