"""Work in threads: in order, bounded, left at once."""

import threading
import time

import pytest

from napari_eds._support.progress import cancellable
from napari_eds._support.threads import VARIABLE, in_order, n_threads
from napari_eds.errors import EDSError


@pytest.fixture(params=["1", "2", "5"])
def threads(request, monkeypatch):
    monkeypatch.setenv(VARIABLE, request.param)
    return int(request.param)


def test_results_come_in_order(threads):
    def slow(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number**2

    assert list(in_order(slow, range(40))) == [n**2 for n in range(40)]
    assert list(in_order(slow, [])) == []
    assert list(in_order(slow, iter([7]))) == [49]


def test_few_results_wait(threads):
    begun = []
    results = in_order(begun.append, range(100))
    next(results)
    assert len(begun) <= 2 * threads + 1
    results.close()


def test_an_error_comes_out(threads):
    def fail(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    with pytest.raises(ValueError, match="three"):
        list(in_order(fail, range(10)))


def test_work_is_left_when_cancelled(threads):
    class LeftError(Exception):
        pass

    done = []

    def check() -> None:
        if len(done) == 3:
            raise LeftError

    begun = []
    with pytest.raises(LeftError), cancellable(check):
        done.extend(iter_and_count(in_order(begun.append, range(1000)), done))
    assert len(begun) < 20
    names = [thread.name for thread in threading.enumerate()]
    assert not any(name.startswith("napari-eds") for name in names)


def iter_and_count(results, done):
    for _ in results:
        done.append(1)
    return []


@pytest.mark.parametrize("wrong", ["0", "many", "-1", "1.5"])
def test_a_wrong_number_is_refused(monkeypatch, wrong):
    monkeypatch.setenv(VARIABLE, wrong)
    with pytest.raises(EDSError, match=VARIABLE):
        n_threads()


def test_without_a_wish_there_is_one_at_least(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert 1 <= n_threads() <= 8
