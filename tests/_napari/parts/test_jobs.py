"""Work in a thread: one answer, in the window's thread, and nothing held after it."""

import gc
import threading
import time
import weakref

import pytest

from napari_eds._napari.parts.jobs import Job, one_per_turn
from napari_eds._support.progress import begin, check_cancelled
from napari_eds.errors import EDSError
from patience import PATIENCE_s


class Heard:
    """What a job told, in order, and in which thread."""

    def __init__(self, job):
        self.news = []
        job.progressed.connect(lambda *progress: self.add("progressed", *progress))
        job.returned.connect(lambda value: self.add("returned", value))
        job.failed.connect(lambda error: self.add("failed", str(error)))
        job.cancelled.connect(lambda: self.add("cancelled"))
        job.finished.connect(lambda: self.add("finished"))

    def add(self, *what):
        assert threading.current_thread() is threading.main_thread()
        self.news.append(what)

    @property
    def is_finished(self):
        return ("finished",) in self.news


@pytest.fixture
def run(qtbot):
    def run_to_its_end(function, meanwhile=lambda _job: None):
        job = Job(function)
        heard = Heard(job)
        job.start()
        meanwhile(job)
        qtbot.waitUntil(lambda: heard.is_finished)
        return heard.news

    return run_to_its_end


def test_work_reports_and_returns(run):
    def work(report):
        report(1, 2, "half")
        return threading.current_thread() is threading.main_thread()

    assert run(work) == [("progressed", 1, 2, "half"), ("returned", False), ("finished",)]


def test_an_error_is_handed_over(run):
    def work(_report):
        raise EDSError("no good")

    assert run(work) == [("failed", "no good"), ("finished",)]


def test_cancelled_work_leaves_at_its_next_report(run):
    reached = threading.Event()
    go_on = threading.Event()

    def work(report):
        reached.set()
        go_on.wait(PATIENCE_s)
        report(1, 2, "never seen")

    def cancel(job):
        reached.wait(PATIENCE_s)
        job.cancel()
        go_on.set()

    assert run(work, cancel) == [("cancelled",), ("finished",)]


def test_work_that_only_checks_is_cancelled_and_steps_within_are_told(run):
    reached = threading.Event()

    def work(_report):
        begin("a step that knows no callback")
        reached.set()
        for _ in range(PATIENCE_s * 100):
            check_cancelled()
            time.sleep(0.01)

    def cancel(job):
        reached.wait(PATIENCE_s)
        job.cancel()

    news = run(work, cancel)
    assert news == [
        ("progressed", 0, 0, "a step that knows no callback"),
        ("cancelled",),
        ("finished",),
    ]


def test_a_step_that_reports_often_is_told_now_and_then(run):
    def work(report):
        for i in range(10_000):
            report(i, 10_000, "often")

    told = [news for news in run(work) if news[0] == "progressed"]
    assert 1 <= len(told) < 1000


def test_a_result_that_comes_after_cancelling_is_dropped(run):
    assert run(lambda _report: 1, Job.cancel) == [("cancelled",), ("finished",)]


def test_what_a_finished_job_worked_on_is_freed(run):
    class Data:
        pass

    data = Data()
    kept = weakref.ref(data)
    run(lambda _report, data=data: data is None)
    del data
    gc.collect()
    assert kept() is None


def test_steps_are_run_at_once_without_a_running_window():
    done = []
    one_per_turn([lambda: done.append(1), lambda: done.append(2)])
    assert done == [1, 2]
