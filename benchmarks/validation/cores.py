"""The same work on many things, on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: Fewer are not worth the start of processes.
FEW = 20


def spread(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Return what a function makes of each item, in order; it has to be importable."""
    cores = os.cpu_count() or 1
    if len(items) < FEW or cores == 1:
        return [function(item) for item in items]
    with ProcessPoolExecutor(cores) as pool:
        return list(pool.map(function, items, chunksize=4))
