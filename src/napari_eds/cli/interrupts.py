"""Ctrl-C at any time: remembered even where a library swallows it."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """Whether the user pressed Ctrl-C while the command worked.

    Libraries turn an interrupt that falls into an import or a callback of C code into another
    error, or print it and go on. The command asks here what an error really was.
    """

    came = False

    def __enter__(self) -> Interrupts:
        self._hook: Any = sys.unraisablehook
        self._handler: Any = None
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._on_signal)
        sys.unraisablehook = self._on_unraisable
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        sys.unraisablehook = self._hook
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.came = True
        raise KeyboardInterrupt

    def _on_unraisable(self, found: Any) -> None:
        if isinstance(found.exc_value, KeyboardInterrupt):
            self.came = True
        else:
            self._hook(found)

    def check(self) -> None:
        """Raise the interrupt that a library swallowed."""
        if self.came:
            raise KeyboardInterrupt


#: Those of the command that runs.
INTERRUPTS = Interrupts()
