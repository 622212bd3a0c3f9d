"""Fields of a form, each bound to the setting it shows."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import FloatSpinBox, SpinBox

from napari_eds._napari.state.settings import Settings


class SettingField:
    """A widget and the setting it shows.

    Parameters
    ----------
    widget : magicgui widget
    name : str
        Of a field of `Settings` or of its draft.
    unset : str, optional
        What the widget shows for None, which its least value stands for.
    """

    def __init__(self, widget: Any, name: str, *, unset: str = "") -> None:
        self.widget, self.name, self.unset = widget, name, unset
        if unset:
            widget.native.setSpecialValueText(unset)

    def value(self, settings: Settings) -> Any:
        """Return the setting."""
        return _setting(settings, self.name)

    def show(self, settings: Settings) -> None:
        """Show the setting; limits of the widget give way to a value of another hand."""
        value = self.value(settings)
        if self.unset and value is None:
            value = self.widget.min
        elif isinstance(self.widget, FloatSpinBox | SpinBox):
            self.widget.min = min(self.widget.min, value)
            self.widget.max = max(self.widget.max, value)
        if self.widget.value != value:  # else a field would be rewritten while one types in it
            self.widget.value = value

    def put(self, settings: Settings) -> Settings:
        """Return settings with what the widget says in this one's place, and no other's."""
        return settings.edited(**{self.name: self._read()})

    def _read(self) -> Any:
        value = self.widget.value
        return None if self.unset and value == self.widget.min else value


class PartField(SettingField):
    """A field for a part of a setting: one of a pair, or a field of a model.

    Parameters
    ----------
    part : int or str
    when_on : model, optional
        What to show, unavailable, of a setting that is None.
    """

    def __init__(
        self, widget: Any, name: str, part: int | str, *, unset: str = "", when_on: Any = None
    ) -> None:
        super().__init__(widget, name, unset=unset)
        self.part, self.when_on = part, when_on

    def value(self, settings: Settings) -> Any:
        """Return the part."""
        whole = _setting(settings, self.name) or self.when_on
        return whole[self.part] if isinstance(self.part, int) else getattr(whole, self.part)

    def show(self, settings: Settings) -> None:
        """Show the part, available if the setting is not None."""
        super().show(settings)
        self.widget.enabled = _setting(settings, self.name) is not None

    def put(self, settings: Settings) -> Settings:
        """Return settings with another part of the setting."""
        whole = _setting(settings, self.name)
        if isinstance(self.part, int):
            changed: Any = (*whole[: self.part], self._read(), *whole[self.part + 1 :])
        else:
            changed = {**dict(whole), self.part: self._read()}
        return settings.edited(**{self.name: changed})


class Switch(SettingField):
    """A check box for a setting that is None while it is off.

    Parameters
    ----------
    when_on : model
        What the setting is once it is switched on.
    """

    def __init__(self, widget: Any, name: str, when_on: Any) -> None:
        super().__init__(widget, name)
        self.when_on = when_on

    def show(self, settings: Settings) -> None:
        """Show whether it is on."""
        self.widget.value = self.value(settings) is not None

    def _read(self) -> Any:
        return self.when_on if self.widget.value else None


def _setting(settings: Settings, name: str) -> Any:
    return getattr(settings if name in vars(settings) else settings.draft, name)
