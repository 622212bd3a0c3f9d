"""One job at a time around real work in threads: replaced, refused, left, failed, closed."""

import threading

import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QObject, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton

from napari_eds._napari.parts.job_bar import JobBar, OneJob, going_on, silent
from napari_eds._napari.parts.jobs import Cancelled
from napari_eds._napari.parts.widgets import WrappedText
from napari_eds.errors import EDSError


class Work:
    """Work that reports once, waits until it may go on, and tells how it ended."""

    def __init__(self, value="done", error=None):
        self.value, self.error = value, error
        self.go_on, self.started = threading.Event(), threading.Event()
        self.returned, self.was_cancelled = threading.Event(), threading.Event()

    def __call__(self, report):
        report(1, 3, "steps")
        self.started.set()
        assert self.go_on.wait(30)
        try:
            report(2, 3, "steps")
        except Cancelled:
            self.was_cancelled.set()
            raise
        if self.error is not None:
            raise self.error
        self.returned.set()
        return self.value


class Heard:
    """What a job told, in order, with whether there was work at that time."""

    def __init__(self, job):
        self.news = []
        job.changed.connect(lambda: self.news.append(("changed", bool(job))))
        job.left.connect(lambda: self.news.append(("left", bool(job))))
        job.cancelled.connect(lambda: self.news.append(("cancelled", bool(job))))

    def answer(self, value):
        assert threading.current_thread() is threading.main_thread()
        self.news.append(("answered", value))

    def failure(self, error):
        self.news.append(("failed", str(error)))


@pytest.fixture
def job(qapp):
    return OneJob()


@pytest.fixture
def heard(job):
    return Heard(job)


@pytest.fixture
def work():
    """Function that makes work, which never outlives the test."""
    made = []

    def make(*args, **kwargs):
        made.append(Work(*args, **kwargs))
        return made[-1]

    yield make
    for each in made:
        each.go_on.set()


@pytest.fixture
def bar(qtbot):
    """Function that makes a bar in a window that is shown."""

    def make(**how):
        made = JobBar(**how)
        qtbot.addWidget(made)
        return made

    return make


def end(qtbot, each, job):
    each.go_on.set()
    qtbot.waitUntil(lambda: not job)


def test_work_is_answered_before_it_is_told_to_have_ended(qtbot, job, heard, work):
    one = work("value")
    assert not job
    assert job.run("one", one, heard.answer, replaces=False)
    assert job
    end(qtbot, one, job)
    assert heard.news == [("changed", True), ("answered", "value"), ("changed", False)]


def test_progress_is_told_from_the_start(qtbot, job, work):
    told, one = [], work()
    job.progressed.connect(lambda *progress: told.append(progress))
    job.run("one", one, lambda _value: None, replaces=False)
    assert told == [(0, 0, "one")]
    end(qtbot, one, job)
    # What follows at once in the same step is told later, if at all.
    assert told[:2] == [(0, 0, "one"), (1, 3, "steps")]


def test_work_that_waits_is_refused_while_other_work_runs(qtbot, job, heard, work):
    one, two = work("one"), work("two")
    job.run("one", one, heard.answer, replaces=False)
    assert not job.run("two", two, heard.answer, replaces=False)
    end(qtbot, one, job)
    assert not two.started.is_set()
    assert [what for what in heard.news if what[0] == "answered"] == [("answered", "one")]


def test_work_that_waits_does_not_start_beside_work_that_replaces(job, heard, work):
    one, two = work("one"), work("two")
    job.run("one", one, heard.answer, replaces=True)
    assert not job.run("two", two, heard.answer, replaces=False)
    assert one.started.wait(30)
    assert not two.started.is_set()


@pytest.mark.parametrize("first_replaces", [True, False])
def test_work_that_replaces_is_the_only_one_answered(qtbot, job, heard, work, first_replaces):
    one, two = work("one"), work("two")
    job.run("one", one, heard.answer, replaces=first_replaces)
    assert one.started.wait(30)
    assert job.run("two", two, heard.answer, replaces=True)
    # Of the replaced work nothing is heard, though it ends last.
    end(qtbot, two, job)
    one.go_on.set()
    assert one.was_cancelled.wait(30)
    qtbot.waitUntil(lambda: not job)
    assert heard.news == [
        ("changed", True),
        ("changed", True),
        ("answered", "two"),
        ("changed", False),
    ]


def test_a_result_of_replaced_work_that_never_reports_is_dropped(qtbot, job, heard, work):
    go_on, ended, two = threading.Event(), threading.Event(), work("two")

    def deaf(_report):
        go_on.wait(30)
        ended.set()
        return "deaf"

    job.run("deaf", deaf, heard.answer, replaces=True)
    job.run("two", two, heard.answer, replaces=True)
    go_on.set()
    assert ended.wait(30)
    end(qtbot, two, job)
    assert ("answered", "deaf") not in heard.news


def test_replaceable_work_is_left_at_once(job, heard, work):
    one = work()
    job.run("one", one, heard.answer, replaces=True)
    assert one.started.wait(30)
    job.leave()
    assert not job
    one.go_on.set()
    assert one.was_cancelled.wait(30)
    assert heard.news == [
        ("changed", True),
        ("left", True),
        ("cancelled", False),
        ("changed", False),
    ]


def test_other_work_that_is_left_runs_until_its_thread_ends(qtbot, job, heard, work):
    one, two = work(), work("two")
    job.run("one", one, heard.answer, replaces=False)
    assert one.started.wait(30)
    job.leave()
    assert job
    assert not job.run("two", two, heard.answer, replaces=False)
    assert heard.news == [("changed", True), ("left", True)]
    end(qtbot, one, job)
    assert one.was_cancelled.is_set()
    assert heard.news[2:] == [("cancelled", False), ("changed", False)]


@pytest.mark.parametrize("replaces", [True, False])
def test_dropping_says_nothing_of_cancelling(qtbot, job, heard, work, replaces):
    one = work()
    job.run("one", one, heard.answer, replaces=replaces)
    assert one.started.wait(30)
    job.drop()
    end(qtbot, one, job)
    assert one.was_cancelled.wait(30)
    assert heard.news == [("changed", True), ("changed", False)]


def test_without_work_there_is_nothing_to_leave(job, heard):
    job.leave()
    job.drop()
    assert heard.news == []


def test_an_error_goes_to_whoever_wants_it(qtbot, job, heard, work):
    one = work(error=EDSError("no good"))
    job.run("one", one, heard.answer, replaces=False, failure=heard.failure)
    end(qtbot, one, job)
    assert heard.news == [("changed", True), ("failed", "no good"), ("changed", False)]


def test_an_error_is_a_notification_if_nobody_asks_for_it(qtbot, job, heard, work):
    notification_manager.records.clear()
    one = work(error=EDSError("no good"))
    with notification_manager:
        job.run("one", one, heard.answer, replaces=False)
        end(qtbot, one, job)
    assert [n.message for n in notification_manager.records] == ["no good"]
    assert heard.news == [("changed", True), ("changed", False)]


def test_work_can_be_started_from_an_answer(qtbot, job, heard, work):
    one, two = work("one"), work("two")
    job.run(
        "one",
        one,
        lambda _value: job.run("two", two, heard.answer, replaces=False),
        replaces=False,
    )
    one.go_on.set()
    qtbot.waitUntil(two.started.is_set)
    end(qtbot, two, job)
    assert heard.news[-2:] == [("answered", "two"), ("changed", False)]


@pytest.mark.parametrize("replaces", [True, False])
def test_work_ends_unanswered_with_its_owner(qtbot, work, replaces):
    owner, answers, one = QObject(), [], work()
    job = OneJob(owner)
    job.run("one", one, answers.append, replaces=replaces)
    assert one.started.wait(30)
    with qtbot.waitSignal(owner.destroyed):
        owner.deleteLater()
    running = job._job
    with qtbot.waitSignal(running.finished):
        one.go_on.set()
    assert one.was_cancelled.is_set()
    assert answers == []


def test_a_bar_that_stands_alone_tells_in_itself(qtbot, bar, work):
    shown, one = bar(), work()
    assert not shown.isVisible()
    assert shown.sizePolicy().retainSizeWhenHidden()
    shown.run("one", one, lambda _value: None, replaces=True)
    assert shown.isVisible()
    assert shown.progress.format() == "one"
    # A bar from 0 to 0 runs to and fro.
    assert (shown.progress.minimum(), shown.progress.maximum()) == (0, 1)
    qtbot.waitUntil(lambda: shown.progress.value() == 1)
    assert shown.progress.maximum() == 3
    assert shown.progress.format() == "steps: 1 of 3"
    QTest.mouseClick(shown.cancel, Qt.MouseButton.LeftButton)
    assert not shown
    assert not shown.isVisible()


def test_a_text_beside_the_bar_tells_what_goes_on_and_how_it_ended(qtbot, bar, work):
    text, one = WrappedText(), work()
    shown = bar(text=text, words=going_on)
    shown.cancelled.connect(lambda: shown.say("Cancelled."))
    shown.run("one", one, lambda _value: None, replaces=False)
    assert text.text() == "one…"
    qtbot.waitUntil(lambda: text.text() == "steps…")
    QTest.mouseClick(shown.cancel, Qt.MouseButton.LeftButton)
    assert text.text() == "cancelling…"
    assert shown.isVisible()
    end(qtbot, one, shown)
    assert text.text() == "Cancelled."
    assert not shown.isVisible()


@pytest.mark.parametrize("said", ["", "Saved."])
def test_the_text_keeps_only_what_was_said_in_the_end(qtbot, bar, work, said):
    text, one = WrappedText(), work()
    shown = bar(text=text)
    shown.run("one", one, lambda _value: shown.say(said) if said else None, replaces=False)
    qtbot.waitUntil(lambda: text.text() == "steps: 1 of 3")
    end(qtbot, one, shown)
    assert text.text() == said


def test_a_button_laid_out_elsewhere_stays_in_sight(qtbot, bar, work):
    button, one = QPushButton(), work()
    qtbot.addWidget(button)
    shown = bar(text=WrappedText(), cancel=button)
    assert not button.isEnabled()
    shown.run("one", one, lambda _value: None, replaces=False)
    assert button.isEnabled()
    assert one.started.wait(30)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    end(qtbot, one, shown)
    assert one.was_cancelled.is_set()
    assert not button.isEnabled()


def test_two_bars_show_one_job(qtbot, bar, job, work):
    one, quiet = work(), bar(job=job, words=silent)
    loud = bar(job=job)
    job.run("one", one, lambda _value: None, replaces=True)
    assert quiet.isVisible()
    assert not quiet.progress.format()
    assert loud.progress.format() == "one"
    end(qtbot, one, job)
    assert not quiet.isVisible()
    assert not loud.isVisible()


def test_closing_a_bar_leaves_its_work(qtbot, work):
    shown, answers, one = JobBar(), [], work()
    shown.run("one", one, answers.append, replaces=True)
    assert one.started.wait(30)
    with qtbot.waitSignal(shown.destroyed):
        shown.deleteLater()
    one.go_on.set()
    assert one.was_cancelled.wait(30)
    assert answers == []
