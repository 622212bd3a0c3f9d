"""Windows in front of detectors: of what the usual ones are made, and how files name them.

Transmissions of real windows differ from piece to piece; two descriptions of one make (that of
NIST below and that of Bruker's files) differ by 14 % at O K and by 25 % at N K.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from napari_eds.errors import EDSError
from napari_eds.physics.detector import WINDOWLESS, AbsorbingLayer, DetectorModel, SupportGrid

DetectorWindow = Literal["none", "polymer", "silicon_nitride", "beryllium"]
WINDOWS: tuple[DetectorWindow, ...] = get_args(DetectorWindow)

#: Layers and supports as NIST's programs DTSA-II and NeXL have them (N. W. M. Ritchie, public
#: domain): Moxtek AP3.3 on silicon bars, Amptek C2, and 8 µm of beryllium.
_MADE_OF: dict[DetectorWindow, tuple[tuple[AbsorbingLayer, ...], SupportGrid | None]] = {
    "none": ((), None),
    "polymer": (
        (AbsorbingLayer("C10H8O4N", 300.0, 1.39), AbsorbingLayer("Al", 40.0, 2.70)),
        SupportGrid(AbsorbingLayer("Si", 380e3, 2.33), open_fraction=0.77),
    ),
    "silicon_nitride": (
        (AbsorbingLayer("Si3N4", 40.0, 3.44), AbsorbingLayer("Al", 30.0, 2.70)),
        SupportGrid(AbsorbingLayer("Si", 15e3, 2.33), open_fraction=0.80),
    ),
    "beryllium": ((AbsorbingLayer("Be", 8000.0, 1.848),), None),
}
_IN_WORDS: dict[DetectorWindow, str] = {
    "none": "a windowless detector",
    "polymer": "a detector behind a polymer window (AP3.3)",
    "silicon_nitride": "a detector behind a window of silicon nitride (C2)",
    "beryllium": "a detector behind 8 µm of beryllium",
}
#: What files write. ISO 22029 has SIBEW, SIUTW, SIWLS and the like, Bruker "slew AP3.3".
_NAMES: tuple[tuple[str, DetectorWindow], ...] = (
    (r"wls\b|window-?less|no window|^none$", "none"),
    (r"[aus]tw\b|\bthin\b|\bslew\b|\bap ?[135]\.\d|polymer|moxtek", "polymer"),
    (r"si3n4|silicon nitride", "silicon_nitride"),
    (r"bew\b|beryllium", "beryllium"),
)


def detector_behind(window: DetectorWindow) -> DetectorModel:
    """Return a silicon drift detector behind one of the usual windows.

    Raises
    ------
    EDSError
        If there is no window of that name.
    """
    if window not in _MADE_OF:
        raise EDSError(f"no window {window!r} of a detector is known, but {', '.join(WINDOWS)}")
    layers, grid = _MADE_OF[window]
    return DetectorModel(window=(*layers, *WINDOWLESS.window), grid=grid)


def in_words(detector: DetectorModel) -> str:
    """Name a detector by its window."""
    for window in WINDOWS:
        if detector == detector_behind(window):
            return _IN_WORDS[window]
    return "the detector given"


def window_named(text: str) -> DetectorWindow | None:
    """Return the window that a file means, None where it is none of those known here."""
    plain = text.strip().lower()
    return next((window for name, window in _NAMES if re.search(name, plain)), None)
