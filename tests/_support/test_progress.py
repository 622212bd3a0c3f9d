"""Progress through layers that know nothing of it, and ways out of work that looks at no flag."""

import threading
import time

import pytest

from napari_eds._support.progress import (
    begin,
    cancellable,
    check_cancelled,
    leavable,
    tell,
    telling,
    tells_steps,
)


class LeftError(Exception):
    pass


def leave():
    raise LeftError


def test_steps_are_told_to_the_innermost_progress_only_while_it_is_there():
    outer, inner = [], []
    begin("nobody hears")
    with telling(lambda *told: outer.append(told)):
        begin("first")
        with telling(lambda *told: inner.append(told)):
            tell(1, 3, "second")
        with telling(None):
            begin("third")
    begin("nobody hears")
    assert outer == [(0, 0, "first"), (0, 0, "third")]
    assert inner == [(1, 3, "second")]


def test_progress_that_raises_leaves_work_that_only_checks():
    begun = time.monotonic()

    def progress(_done, _total, _what):
        if time.monotonic() > begun + 0.3:
            raise LeftError

    def work():
        begin("loop")
        while time.monotonic() < begun + 20:
            check_cancelled()
            time.sleep(0.01)

    with pytest.raises(LeftError), telling(progress):
        work()
    assert time.monotonic() < begun + 2


def test_a_check_of_none_keeps_the_one_around_it():
    with pytest.raises(LeftError), cancellable(leave), cancellable(None):
        check_cancelled()


def test_a_decorated_function_tells_the_progress_that_it_is_given():
    told = []

    @tells_steps
    def work(number, *, progress=None):
        begin(f"step {number}")
        return number + 1

    assert work(1, progress=lambda *t: told.append(t)) == 2
    assert work(2) == 3
    assert told == [(0, 0, "step 1")]


def test_work_of_a_library_is_left_at_once_and_its_errors_come_through():
    go = threading.Event()
    waited = []

    def library(value, *, more):
        waited.append(go.wait(20))
        return value + more

    flag = threading.Event()

    def check():
        if flag.is_set():
            raise LeftError

    threading.Timer(0.2, flag.set).start()
    begun = time.monotonic()
    with pytest.raises(LeftError), cancellable(check):
        leavable(library, 1, more=2)
    assert time.monotonic() < begun + 5
    go.set()
    with cancellable(lambda: None):
        assert leavable(library, 1, more=2) == 3
        with pytest.raises(ZeroDivisionError):
            leavable(lambda: 1 / 0)
    assert leavable(library, 2, more=2) == 4
