"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

#: Called with (done, total, what); it may raise to cancel.
Progress = Callable[[int, int, str], None]
