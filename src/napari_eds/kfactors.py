"""Cliff-Lorimer k-factors by element and family, with the convention they belong to."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_eds import xray
from napari_eds.errors import KFactorError

#: What the intensity belonging to a k-factor is: the counts of all lines of the family, or of
#: its alpha line alone. Vendor programs fit families as a whole and export ``"family"``.
Convention = Literal["family", "alpha"]

#: Secondary lines of one family within this factor of the alpha row mean that the table gives
#: the family's k on every row (Velox's L rows differ by up to 20 %).
_SAME_FAMILY_FACTOR = 1.5

#: Ending of an alpha line's name after that of its family: ``La``, ``La1``.
_ALPHA_NAME = re.compile("a1?$")

_COLUMNS = ("element", "family", "k_factor")


class KFactor(BaseModel):
    """The k-factor of one family; weight-based, up to a factor common to the table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    element: Annotated[str, Field(pattern="^[A-Z][a-z]?$")]
    family: Literal["K", "L", "M"]
    value: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    relative_error: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class KFactorTable(BaseModel):
    """A table of k-factors: ``C_A / C_B = (k_A I_A) / (k_B I_B)`` with weight fractions C.

    Attributes
    ----------
    factors : tuple of KFactor
    convention : {"family", "alpha"}
        Whether the factors belong to the counts of a whole family or of its alpha line.
        Mixing them up costs up to a factor of two.
    source : str
        Where the numbers come from, for every output.
    beam_energy_keV : float or None
        Beam energy they are for, where known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    factors: tuple[KFactor, ...]
    convention: Convention
    source: str = "given by the user"
    beam_energy_keV: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _check_unique(self) -> KFactorTable:
        keys = [(f.element, f.family) for f in self.factors]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            names = ", ".join(sorted(f"{e}_{f}" for e, f in twice))
            raise ValueError(f"k-factors given more than once: {names}")
        return self

    @classmethod
    def from_mapping(
        cls,
        factors: Mapping[str, float],
        convention: Convention,
        *,
        source: str = "given by the user",
        beam_energy_keV: float | None = None,
    ) -> KFactorTable:
        """Build a table from a mapping such as ``{"O_K": 1.134, "La_L": 2.327}``.

        A family may be named by its alpha line (``"La_La"``).

        Raises
        ------
        KFactorError
            If a key is not an element and a family, or a value is not a positive number.
        """
        rows = []
        for key, value in factors.items():
            element, _, family = key.partition("_")
            rows.append((element, _ALPHA_NAME.sub("", family), value, 0.0))
        return _table(rows, convention, source, beam_energy_keV)

    def find(self, element: str, family: str) -> KFactor | None:
        """Return the k-factor of a family, or None."""
        for factor in self.factors:
            if (factor.element, factor.family) == (element, family):
                return factor
        return None

    def value_for(self, family: xray.Family, convention: Convention) -> float:
        """Return the k-factor of a family for intensities of the given convention.

        A family holds ``weight_sum`` times the counts of its alpha line, so
        ``k_family = k_alpha / weight_sum``.

        Raises
        ------
        KFactorError
            If the table has no factor for the family.
        """
        factor = self.find(family.element, family.family)
        if factor is None:
            raise KFactorError(self._missing([family]))
        if convention == self.convention:
            return factor.value
        if convention == "family":
            return factor.value / family.weight_sum
        return factor.value * family.weight_sum

    def require(self, families: list[xray.Family]) -> None:
        """Raise `KFactorError`, naming them, if families are missing."""
        missing = [f for f in families if self.find(f.element, f.family) is None]
        if missing:
            raise KFactorError(self._missing(missing))

    def _missing(self, families: list[xray.Family]) -> str:
        names = ", ".join(str(f) for f in families)
        hints = []
        for f in families:
            others = [g.family for g in self.factors if g.element == f.element]
            if others:
                hints.append(f" For {f.element} it has the family {' and '.join(others)}.")
        return (
            f"no k-factor for {names} in the table ({self.source}).{''.join(hints)} Add it, "
            "choose another family, or make the element fitted only."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a DataFrame: element, family, k_factor, relative_error."""
        rows = [(f.element, f.family, f.value, f.relative_error) for f in self.factors]
        return pd.DataFrame(rows, columns=[*_COLUMNS, "relative_error"])

    def to_csv(self, path: str | Path) -> None:
        """Write the table as a CSV that `read_k_factors` reads back."""
        frame = self.to_frame()
        frame["convention"] = self.convention
        frame["beam_energy_keV"] = self.beam_energy_keV
        frame["source"] = self.source
        frame.to_csv(path, index=False)


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
    if set(_COLUMNS) <= set(header):
        return _read_plain(path, convention, beam_energy_keV)
    raise KFactorError(
        f"{path.name} is not a k-factor table: expected Velox's columns 'Line identifier ... "
        f"K-factor' or the columns {', '.join(_COLUMNS)}; found {', '.join(header) or 'nothing'}"
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
    return _table(alphas, convention, path.name, beam)


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
    frame = pd.read_csv(path, encoding="utf-8-sig", skipinitialspace=True)
    told = _single(frame, "convention", path)
    chosen = convention or told
    if chosen not in ("family", "alpha"):
        raise KFactorError(
            f"{path.name} does not say its convention: add a column 'convention' with 'family' "
            f"or 'alpha', or give it (found {told!r})"
        )
    energy = _single(frame, "beam_energy_keV", path)
    errors = frame.get("relative_error", pd.Series(0.0, frame.index)).fillna(0.0)
    rows = list(zip(frame["element"], frame["family"], frame["k_factor"], errors, strict=True))
    return _table(
        rows,
        chosen,
        str(_single(frame, "source", path) or path.name),
        beam or (None if energy is None else float(energy)),
    )


def _single(frame: pd.DataFrame, column: str, path: Path) -> Any:
    """Return the one value of a column that must not vary, or None."""
    if column not in frame:
        return None
    values = frame[column].dropna().unique()
    if len(values) > 1:
        raise KFactorError(f"{path.name}: column {column!r} mixes {', '.join(map(str, values))}")
    return values[0] if len(values) else None


def _table(
    rows: list[tuple[str, str, float, float]],
    convention: Convention,
    source: str,
    beam_energy_keV: float | None,
) -> KFactorTable:
    """Build a table, naming the row at fault."""
    factors = []
    for element, family, value, error in rows:
        try:
            factors.append(
                KFactor.model_validate(
                    {"element": element, "family": family, "value": value, "relative_error": error}
                )
            )
        except ValidationError as problem:
            raise KFactorError(
                f"bad k-factor {element}_{family} = {value!r} ({source}): expected an element, a "
                "family K, L or M, and a positive number"
            ) from problem
    try:
        return KFactorTable(
            factors=tuple(factors),
            convention=convention,
            source=source,
            beam_energy_keV=beam_energy_keV,
        )
    except ValidationError as problem:
        what = "; ".join(error["msg"] for error in problem.errors())
        raise KFactorError(f"bad k-factor table ({source}): {what}") from problem
