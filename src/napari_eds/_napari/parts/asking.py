"""Which viewer asks a reader for the layers of a file."""

from __future__ import annotations

import inspect

from napari import current_viewer
from napari.components import ViewerModel


def asking_viewer() -> ViewerModel | None:
    """Return the viewer that opens a file, else the one that was active last, if any.

    napari tells a reader nothing but the path, and the viewer that is active need not be the one
    that asks: a file is dropped onto another window, or a script opens it there. Whoever asks
    waits for the reader, and so stands in the stack of calls.
    """
    frame = inspect.currentframe()
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, ViewerModel):
            return caller
        frame = frame.f_back
    return current_viewer()
