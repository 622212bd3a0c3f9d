"""k-factor tables from files: Velox's export, and a plain CSV."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_eds.errors import KFactorError
from napari_eds.physics import lines as xray
from napari_eds.recipe.k_factors import COLUMNS, Convention, KFactorTable, checked_table

#: Secondary lines of one family within this factor of the alpha row mean that the table gives
#: the family's k on every row (Velox's L rows differ by up to 20 %).
_SAME_FAMILY_FACTOR = 1.5


def read_k_factors(
    path: str | Path,
    *,
    convention: Convention | None = None,
    beam_energy_keV: float | None = None,
) -> KFactorTable:
    """Read a k-factor table from a CSV file.

    Two forms are known: Velox's export (``Line identifier, ..., K-factor`` with rows such as
    ``La-La1``), and a plain table with the columns ``element, family, k_factor`` and optionally
    ``relative_error, convention, beam_energy_keV, source``, which `KFactorTable.to_csv` writes.

    Parameters
    ----------
    path : str or Path
    convention : {"family", "alpha"}, optional
        What the factors belong to. Needed where the file does not tell: a plain table without
        that column, or an export that lists alpha lines only.
    beam_energy_keV : float, optional
        Overrides what the file says.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KFactorError
        If the file is not such a table, or its convention is neither told nor given.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise KFactorError(f"{path.name} is not a k-factor table: {error}") from error
    header = [cell.strip() for cell in rows[0]] if rows else []
    if header[:1] == ["Line identifier"] and header[-1:] == ["K-factor"]:
        return _read_velox(rows[2:], path, convention, beam_energy_keV)
    if set(COLUMNS) <= set(header):
        return _read_plain(path, convention, beam_energy_keV)
    raise KFactorError(
        f"{path.name} is not a k-factor table: expected Velox's columns 'Line identifier ... "
        f"K-factor' or the columns {', '.join(COLUMNS)}; found {', '.join(header) or 'nothing'}"
    )


def _read_velox(
    rows: list[list[str]], path: Path, convention: Convention | None, beam: float | None
) -> KFactorTable:
    """Take the alpha row of every family; the other rows tell the convention."""
    factors: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        element, _, line = row[0].strip().partition("-")
        try:
            factors.setdefault((element, line[:1]), {})[line] = float(row[-1])
        except ValueError as error:
            raise KFactorError(
                f"{path.name}: the k-factor of {row[0]!r} is not a number: {row[-1]!r}"
            ) from error
    alphas = [
        (element, family, lines[f"{family}a1"], 0.0)
        for (element, family), lines in factors.items()
        if f"{family}a1" in lines and family in xray.FAMILIES
    ]
    if convention is None:
        convention = _velox_convention(factors, path)
    return checked_table(alphas, convention, path.name, beam)


def _velox_convention(factors: dict[tuple[str, str], dict[str, float]], path: Path) -> Convention:
    """Tell a family table by its secondary rows, which repeat the alpha row's number."""
    ratios = [
        value / lines[f"{family}a1"]
        for (_, family), lines in factors.items()
        for line, value in lines.items()
        if f"{family}a1" in lines and line not in (f"{family}a1", f"{family}a2")
    ]
    if not ratios:
        raise KFactorError(
            f"{path.name} lists alpha lines only, so it does not tell whether its k-factors "
            "belong to whole families or to alpha lines. Say convention='family' (vendor "
            "programs) or convention='alpha'."
        )
    if np.median(ratios) > _SAME_FAMILY_FACTOR:
        raise KFactorError(
            f"{path.name} gives each line a k-factor of its own (the others are a median of "
            f"{np.median(ratios):.2g} times the alpha line's). If the alpha rows belong to "
            "alpha lines, say convention='alpha'."
        )
    return "family"


def _read_plain(path: Path, convention: Convention | None, beam: float | None) -> KFactorTable:
    # As text: not every version of pandas reads a number to its last bit.
    frame = pd.read_csv(path, encoding="utf-8-sig", skipinitialspace=True, dtype=str)
    told = _single(frame, "convention", path)
    chosen = convention or told
    if chosen not in ("family", "alpha"):
        raise KFactorError(
            f"{path.name} does not say its convention: add a column 'convention' with 'family' "
            f"or 'alpha', or give it (found {told!r})"
        )
    energy = _single(frame, "beam_energy_keV", path)
    errors = frame.get("relative_error", pd.Series("0", frame.index)).fillna("0")
    values = (map(_number, column) for column in (frame["k_factor"], errors))
    rows = list(zip(frame["element"], frame["family"], *values, strict=True))
    return checked_table(
        rows,
        chosen,
        str(_single(frame, "source", path) or path.name),
        beam or (None if energy is None else float(energy)),
    )


def _number(cell: str) -> float | str:
    """Return a cell as a number, or as it is: what is wrong with it is told with its row."""
    try:
        return float(cell)
    except ValueError:
        return cell


def _single(frame: pd.DataFrame, column: str, path: Path) -> Any:
    """Return the one value of a column that must not vary, or None."""
    if column not in frame:
        return None
    values = frame[column].dropna().unique()
    if len(values) > 1:
        raise KFactorError(f"{path.name}: column {column!r} mixes {', '.join(map(str, values))}")
    return values[0] if len(values) else None
