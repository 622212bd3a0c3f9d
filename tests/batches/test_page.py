"""The page on batches shows commands and programs that can be run."""

import re
import shlex
from pathlib import Path

import pytest

from napari_eds.cli.main import parser

PAGE = Path(__file__).parents[2] / "docs" / "batch.md"

pytestmark = pytest.mark.skipif(
    not PAGE.is_file(), reason="the documents lie in the repository, not in the package"
)


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_every_command_is_understood():
    commands = [line for b in blocks("sh") for line in b.splitlines() if line.startswith("napari")]
    (rule,) = blocks("snakemake")
    (shell,) = re.findall(r'shell: "(.*)"', rule)
    names = {"input.maps": "maps", "input.recipe": "r.json", "threads": "8", "params.folder": "o"}
    commands.append(re.sub(r"\{([\w.]+)\}", lambda m: names[m[1]], shell))
    assert len(commands) == 3
    for command in commands:
        options = parser().parse_args(shlex.split(command)[1:])
        assert options.output


def test_every_program_is_python():
    programs = blocks("python")
    assert len(programs) == 2
    for program in programs:
        compile(program, "page", "exec")
