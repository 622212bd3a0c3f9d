"""What a reader finds missing or wrong in a file that it reads all the same, told in one way."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from napari_eds.errors import ReadWarning

_kept: ContextVar[list[str] | None] = ContextVar("notes of the file being read", default=None)


def note(text: str) -> None:
    """Have the images of the file that is being read say `text` in their notes.

    Where nobody keeps notes, as for images without a map, it is a `ReadWarning`.
    """
    notes = _kept.get()
    if notes is None:
        warnings.warn(text, ReadWarning, stacklevel=3)
    elif text not in notes:
        notes.append(text)


@contextmanager
def keeping_notes() -> Iterator[list[str]]:
    """Keep what is noted meanwhile, in the list that is given."""
    notes: list[str] = []
    token = _kept.set(notes)
    try:
        yield notes
    finally:
        _kept.reset(token)
