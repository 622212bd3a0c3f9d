"""Less, more and into a file; help; and Ctrl-C at any time."""

import argparse
import ast
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import napari_eds
from napari_eds.cli.examples import EXAMPLES
from napari_eds.cli.interrupts import INTERRUPTS
from napari_eds.cli.main import main, parser
from napari_eds.cli.run import TerminalProgress
from napari_eds.cli.usage import UsageError, bad_options, in_shell_words
from napari_eds.errors import EDSError

PACKAGE = Path(napari_eds.__file__).parent
RUN = ("quantify", "map.emd", "--recipe", "run_recipe.json", "--grid", "8")


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    for name in ("map.emd", "run_recipe.json"):
        shutil.copy(made / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands():
    (found,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return found.choices


def test_every_command_has_an_example_that_it_takes():
    for name, command in commands().items():
        text = command.format_help()
        for line in EXAMPLES[name]:
            assert line in text
        joined = " ".join(EXAMPLES[name]).replace("\\", "")
        for call in joined.split("napari-eds ")[1:]:
            assert parser().parse_args(call.split()).run
        assert not re.search(r"\bNone\b", text)


def test_quiet_says_nothing_and_a_log_everything(folder, capsys):
    assert main([*RUN, "-o", "a.csv", "-q", "--log", "run.log"]) == 0
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""
    log = (folder / "run.log").read_text(encoding="utf-8")
    for part in ("napari-eds", "map.emd", "4 labels quantified", "Saved a.csv", "fitt", "took"):
        assert part in log
    assert main([*RUN, "-o", "a.csv", "-q"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main([*RUN, "-o", "b.csv", "--log", "run.log"]) == 1, "a log replaces nothing, either"
    assert (folder / "run.log").read_text(encoding="utf-8") == log
    assert main(["-q", "info", "map.emd"]) == 0
    assert "16 x 16 pixels" in capsys.readouterr().out


def test_verbose_says_more_on_standard_error(folder, capsys):
    assert main(["-v", *RUN, "-o", "a.csv"]) == 0
    printed = capsys.readouterr()
    assert "4 labels quantified" in printed.out
    assert "took" in printed.err


def test_a_fault_of_ours_is_a_line_and_with_verbose_a_place(folder, monkeypatch, capsys):
    def fail(*_, **__):
        raise KeyError("what nobody thought of")

    monkeypatch.setattr("napari_eds.readers.reading.read", fail)
    assert main(["info", "map.emd"]) == 1
    error = capsys.readouterr().err
    assert "unexpected KeyError" in error
    assert "Traceback" not in error
    assert main(["info", "map.emd", "-v"]) == 1
    assert "in fail" in capsys.readouterr().err


def test_memory_that_does_not_suffice_is_told(folder, monkeypatch, capsys):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr("napari_eds.readers.reading.read", fail)
    assert main(["info", "map.emd"]) == 1
    assert "the memory does not suffice" in capsys.readouterr().err


def test_errors_are_told_in_shell_words():
    assert in_shell_words("choose with index=\n  0: map") == "choose with --index:\n  0: map"
    assert in_shell_words("/data/index=3/a.emd is gone") == "/data/index=3/a.emd is gone"
    with (
        pytest.raises(UsageError, match=r"^--energy-range: empty; --uncertainty x: bad$"),
        bad_options(),
    ):
        raise EDSError("energy_range_keV: empty; uncertainties.x: bad")


def test_no_error_names_an_argument_of_python():
    """Every text of an error, as a shell shows it, but for options a shell does not have."""
    others = ("frames=", "rebin_energy", "weight_percent", "at_pct")
    found = []
    for path in PACKAGE.rglob("*.py"):
        if "_napari" in path.parts or "cli" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and node.exc is not None:
                text = "".join(
                    part.value
                    for part in ast.walk(node.exc)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )
                told = in_shell_words(text)
                if re.search(r"\w+=(?!=)", told) and not any(name in told for name in others):
                    found.append(told)
    assert found == []


def test_an_interrupt_ends_with_130_also_where_a_library_swallows_it(folder, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    def swallow(*_, **__):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("a module failed to import") from None

    for fail in (interrupt, swallow):
        monkeypatch.setattr("napari_eds.readers.reading.load", fail)
        assert main([*RUN, "-o", "a.csv"]) == 130
        assert capsys.readouterr().err == "napari-eds: interrupted\n"
    assert sorted(path.name for path in folder.iterdir()) == ["map.emd", "run_recipe.json"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_work_stops_at_its_next_step_after_an_interrupt_that_was_swallowed(monkeypatch):
    monkeypatch.setattr(INTERRUPTS, "came", True)
    with TerminalProgress() as report, pytest.raises(KeyboardInterrupt):
        report(0, 1, "fitting")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal for one process")
@pytest.mark.parametrize("delay", [0.0, 0.5, 1.5])
def test_ctrl_c_at_any_time(folder, delay):
    """While modules are imported, the file is read, and after."""
    code = (
        "import sys; from napari_eds.__main__ import main; print('up', flush=True); "
        "sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *RUN, "-o", "a.csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "up\n"
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert "Traceback" not in error
    names = {path.name for path in folder.iterdir()}
    # On a fast machine it was done before; while Python takes itself down, the signal ends it.
    done = "a.csv" in names and process.returncode in (0, -signal.SIGINT)
    assert done or process.returncode == 130
    assert names <= {"map.emd", "run_recipe.json", "a.csv", "a_recipe.json"}


def test_it_is_a_module_too(folder):
    done = subprocess.run(
        [sys.executable, "-m", "napari_eds", "info", "gone.emd"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "gone.emd" in done.stderr
    assert "Traceback" not in done.stderr
