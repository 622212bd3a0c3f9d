"""Writes the tables of commands and options in ``docs/command-line.md`` from the parser itself.

``python docs/make_command_line.py`` writes them; with ``--check`` it writes nothing and fails if
the page tells other options than the command has.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from napari_eds.cli.examples import EXAMPLES
from napari_eds.cli.main import parser

PAGE = Path(__file__).resolve().parent / "command-line.md"
BEGIN, END = "<!-- begin: docs/make_command_line.py -->\n", "<!-- end -->"
#: Options that every command has, which stand on the page once.
COMMON = {"help", "verbose", "quiet", "log", "force"}


def main() -> int:
    """Write, or check with ``--check``, and return the exit code."""
    before = PAGE.read_text(encoding="utf-8")
    after = with_tables(before)
    if "--check" in sys.argv[1:]:
        print("up to date" if before == after else f"run python docs/{Path(__file__).name}")
        return int(before != after)
    PAGE.write_text(after, encoding="utf-8")
    return 0


def with_tables(page: str) -> str:
    """Return the page with the tables of the command as it is."""
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return page[:start] + tables() + page[end:]


def tables() -> str:
    """Return a section for every command."""
    (commands,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    helps = {choice.dest: choice.help for choice in commands._choices_actions}
    parts = []
    for name, command in commands.choices.items():
        rows = "".join(f"| {call} | {what} |\n" for call, what in options_of(command))
        example = "\n".join(EXAMPLES[name])
        parts.append(
            f"\n### {name}\n\n{sentence(helps[name])}\n\n```sh\n{example}\n```\n\n"
            f"| Argument | Means |\n|---|---|\n{rows}"
        )
    return "".join(parts)


def options_of(command: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """Yield arguments as they are called, and what they mean."""
    formatter = command._get_formatter()
    for action in command._actions:
        if action.dest in COMMON:
            continue
        value = formatter._format_args(action, action.dest.upper())
        called = ", ".join(action.option_strings)
        text = " ".join(part for part in (called, "" if action.nargs == 0 else value) if part)
        needed = " (needed)" if action.option_strings and action.required else ""
        yield cell(f"`{text}`"), cell(sentence(formatter._expand_help(action)) + needed)


def sentence(text: str | None) -> str:
    """Return a help text as one line."""
    return re.sub(r"\s+", " ", (text or "").replace("%%", "%")).strip()


def cell(text: str) -> str:
    """Return a text for a cell of a table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
