"""Work in threads, block by block, with results that do not depend on their number.

NumPy and SciPy let other threads run while they count, sort and multiply. Blocks are fixed by the
work and come back in their order, and linear algebra has one thread inside of each, so that the
same numbers are added in the same order on any machine.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, islice
from typing import TypeVar

from napari_eds._support.progress import check_cancelled
from napari_eds.errors import EDSError

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Environment variable that says how many threads a run may use.
VARIABLE = "NAPARI_EDS_THREADS"
#: More gain little: memory is read as fast as it can be.
_MOST = 8


def n_threads() -> int:
    """Return how many threads a run may use: what `VARIABLE` says, or the processors at hand.

    Raises
    ------
    EDSError
        If the variable is no whole number of 1 or more.
    """
    asked = os.environ.get(VARIABLE, "").strip()
    if asked:
        if not asked.isdecimal() or int(asked) < 1:
            raise EDSError(f"{VARIABLE} must be a whole number of 1 or more, not {asked!r}")
        return int(asked)
    # Where the system tells, those that this process may run on.
    affinity = getattr(os, "sched_getaffinity", None)
    return min(len(affinity(0)) if affinity else os.cpu_count() or 1, _MOST)


def in_order(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield ``function(item)`` of every item, in order, some of them worked on at a time.

    No more than two results for each thread wait to be taken. Checks for cancelling happen in the
    thread that takes them; what has begun then is finished, nothing else is begun.
    """
    n, left = n_threads(), iter(items)
    begun = list(islice(left, 2))
    left = chain(begun, left)
    if n == 1 or len(begun) < 2:
        for item in left:
            check_cancelled()
            yield function(item)
        return
    with ThreadPoolExecutor(n, thread_name_prefix="napari-eds") as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            waiting.extend(pool.submit(function, item) for item in islice(left, 2 * n))
            while waiting:
                check_cancelled()
                done = waiting.popleft().result()
                waiting.extend(pool.submit(function, item) for item in islice(left, 1))
                yield done
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def one_thread_of_algebra() -> Iterator[None]:
    """Hold linear algebra at one thread: blocks are spread over threads outside of it."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
