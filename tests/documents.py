"""Code blocks of the documents, as a reader runs them, and what is told to come out of them."""

import ast
import doctest
import re
import shlex
from dataclasses import dataclass

#: In a comment after an expression, before its value: ``image.shape  # → (512, 512)``.
GIVES = re.compile("#.*→(.*)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", flags=re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?![\w])")
#: What a number may differ by, relative to it, in an output that is told as an example.
NEARLY = 0.1


@dataclass(frozen=True)
class Block:
    """A block of code, its line on the page, and the output that the page shows after it."""

    language: str
    code: str
    line: int
    output: str | None = None


def blocks(text):
    """Return the blocks of a page in order; a ``text`` block is the output of the one before.

    Raises ValueError where a block tells no language, or shows two outputs.
    """
    text = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    found = []
    for fence in _FENCE.finditer(text):
        language, code = fence.groups()
        line = text[: fence.start()].count("\n") + 1
        if not language:
            raise ValueError(f"the block of line {line} does not tell its language")
        if language == "text":
            if not found:
                continue  # a drawing
            if found[-1].output is not None:
                raise ValueError(f"the output of line {line} is a second one of the same code")
            found[-1] = Block(found[-1].language, found[-1].code, found[-1].line, code)
            continue
        found.append(Block(language, code, line))
    return found


def commands(code):
    """Return the commands of a block for a shell, each as its words."""
    lines = code.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def run_python(code, known):
    """Run a block of Python; values that it tells of its expressions are compared."""
    lines = code.splitlines()
    for statement in ast.parse(code).body:
        told = GIVES.search(lines[statement.end_lineno - 1])
        source = ast.get_source_segment(code, statement)
        if not told:
            exec(source, known)
            continue
        assert isinstance(statement, ast.Expr), f"{source!r} is no expression, and has no value"
        check_output(told[1], repr(eval(source, known)))


def check_output(told, came):
    """Compare an output with what is told of it.

    ``...`` stands for anything, blanks for any blanks. If it says "about", numbers may differ by
    a tenth.
    """
    if _as_told(told, came):
        return
    raise AssertionError(f"the text tells\n{told}\nand this came:\n{came}")


def _as_told(told, came):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    if "about" in told:
        numbers = [re.findall(_NUMBER, text) for text in (told, came)]
        near = len(numbers[0]) == len(numbers[1]) and all(
            abs(value(a) - value(b)) <= NEARLY * abs(value(a))
            for a, b in zip(*numbers, strict=True)
        )
        if not near:
            return False
        told, came = (_NUMBER.sub("0", text.replace("about ", "")) for text in (told, came))
    return doctest.OutputChecker().check_output(f"{told.strip()}\n", f"{came.strip()}\n", flags)


def value(number):
    """Return a number as it is written, with commas between thousands."""
    return float(number.replace(",", ""))
