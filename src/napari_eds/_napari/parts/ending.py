"""Listening that ends, and what is done when a widget is destroyed."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject

#: Held until they are called. A function that only Qt holds is garbage together with its widget;
#: the collector clears it first, and Qt's call of what is left of it ends the process.
_waiting: set[Callable[..., None]] = set()


def when_destroyed(owner: QObject, function: Callable[[], object]) -> None:
    """Call a function once when an object of Qt is destroyed.

    Parameters
    ----------
    owner : QObject
    function : callable
        Needs nothing of the owner, which is gone then, and should not hold it: it would keep an
        owner without parents alive.
    """

    def call(*_: Any) -> None:
        _waiting.discard(call)
        function()

    _waiting.add(call)
    owner.destroyed.connect(call)


def listen(emitter: Any, answer: Callable[..., None]) -> Callable[[], None]:
    """Connect a bound method to an event of napari, which holds it weakly; return what ends it.

    Nor does the function that is returned hold the method's object.
    """
    held = weakref.WeakMethod(answer)

    def end() -> None:
        method = held()
        if method is not None:
            emitter.disconnect(method)

    emitter.connect(answer)
    return end


class Listening:
    """Events that are listened to together, those of one layer at a time; ends with an owner."""

    def __init__(self, owner: QObject) -> None:
        self._ends: list[Callable[[], None]] = []
        when_destroyed(owner, self.end)

    def to(self, *heard: tuple[Any, Callable[..., None]]) -> None:
        """Listen to these events, each with the bound method that answers, and to no others."""
        self.end()
        self._ends += [listen(emitter, answer) for emitter, answer in heard]

    def end(self) -> None:
        """Listen to nothing."""
        while self._ends:
            self._ends.pop()()
