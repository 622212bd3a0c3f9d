"""Tables of text as spreadsheets and people write them: encodings, separators, decimal commas."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from pathlib import Path

from napari_eds._support.csv_cells import restored
from napari_eds._support.files import existing_file
from napari_eds.errors import KFactorError

#: Byte order marks and what they stand for.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: Excel's line that tells the separator.
_SEPARATOR_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)

#: Either a thousand or a number of three decimals, where commas separate columns, too.
_AMBIGUOUS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")


@dataclass(frozen=True)
class TextTable:
    """The cells of a table of text, stripped, without empty rows and comments.

    Attributes
    ----------
    header : list of str
        Empty, if there is nothing at all.
    rows : list of list of str
        As many cells as the header has; missing ones are empty.
    separator : str
        Between columns.
    lines : list of int
        Lines of the file, counted from 1, in which the rows are.
    """

    header: list[str]
    rows: list[list[str]]
    separator: str
    lines: list[int]

    def number(self, cell: str) -> float | str | None:
        """Return a cell as a number, None if it is empty, or the text if it is no number."""
        if not cell:
            return None
        decimal_comma = "," in cell and "." not in cell
        if decimal_comma and not (self.separator == "," and _AMBIGUOUS.fullmatch(cell)):
            cell = cell.replace(",", ".", 1)
        try:
            return float(cell)
        except ValueError:
            return cell


def read_text_table(path: Path) -> TextTable:
    """Read a table with ``,``, ``;`` or tabs between columns, in UTF-8, UTF-16 or Windows-1252.

    Lines that start with ``#`` are comments. UTF-16 is known by its byte order mark.

    Raises
    ------
    FileNotFoundError
    KFactorError
        If the file is no text, a row has more cells than the header, or a quotation mark is not
        closed in its line; with the number of the line.
    """
    existing_file(path, KFactorError)
    lines = [
        (number, line)
        for number, line in enumerate(_text(path).splitlines(keepends=True), start=1)
        if line.strip(" \t\r\n,;") and not _is_comment(line)
    ]
    separator = _separator(lines[0][1]) if lines else ","
    if lines and _SEPARATOR_LINE.fullmatch(lines[0][1]):
        del lines[0]
    found = [_row(line, number, separator, path) for number, line in lines]
    cells = [[restored(cell.strip()) for cell in row] for row in found]
    numbered = [(number, row) for (number, _), row in zip(lines, cells, strict=True) if any(row)]
    header = numbered[0][1] if numbered else []
    rows = [_filled(row, header, number, path) for number, row in numbered[1:]]
    return TextTable(header, rows, separator, [number for number, _ in numbered[1:]])


def _row(line: str, number: int, separator: str, path: Path) -> list[str]:
    """Split a line, which holds all of its cells."""
    if line.count('"') % 2:
        raise KFactorError(
            f"{path.name}, line {number}: a quotation mark is opened and not closed in "
            f"{line.strip()[:80]!r}. Close it, or leave it out"
        )
    try:
        return next(
            csv.reader([line], delimiter=separator, skipinitialspace=separator != "\t"), []
        )
    except csv.Error as error:
        raise KFactorError(f"{path.name}, line {number}: {error}") from error


def _text(path: Path) -> str:
    data = path.read_bytes()
    marked = [encoding for mark, encoding in _MARKS if data.startswith(mark)]
    # UTF-8 is tried first: text of Windows-1252 with a letter beyond ASCII hardly ever is UTF-8.
    for encoding in marked or ["utf-8", "cp1252"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise KFactorError(
        f"{path.name} is no table of factors: it is no text of UTF-8, UTF-16 or Windows-1252"
    )


def _is_comment(line: str) -> bool:
    return line.lstrip(' \t"').startswith("#")


def _separator(first_line: str) -> str:
    """Return what separates the columns of the header, whose names contain no separators."""
    told = _SEPARATOR_LINE.fullmatch(first_line)
    if told:
        return told[1]
    return next((s for s in "\t;" if s in first_line), ",")


def _filled(row: list[str], header: list[str], number: int, path: Path) -> list[str]:
    if any(row[len(header) :]):
        raise KFactorError(
            f"{path.name}, line {number}: the row {', '.join(row)!r} has more cells "
            "than the header. Where numbers have decimal commas, columns must be "
            "separated by ; or tabs"
        )
    return (row + [""] * len(header))[: len(header)]
