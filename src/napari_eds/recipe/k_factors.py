"""Cliff-Lorimer k-factors by element and family, with the convention they belong to."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_eds.errors import EDSError, KFactorError
from napari_eds.physics import emission
from napari_eds.physics import lines as xray

#: What the intensity belonging to a k-factor is: the counts of all lines of the family, or of
#: its alpha line alone. Vendor programs fit families as a whole and export ``"family"``.
Convention = Literal["family", "alpha"]

#: Secondary lines of one family within this factor of the alpha row mean that the table gives
#: the family's k on every row (Velox's L rows differ by up to 20 %).
_SAME_FAMILY_FACTOR = 1.5

#: Ending of an alpha line's name after that of its family: ``La``, ``La1``.
_ALPHA_NAME = re.compile("a1?$")

_COLUMNS = ("element", "family", "k_factor")

#: Ending of the source of a table that was changed after it was read or computed.
_BY_HAND = ", edited by hand"

#: Beam energies for which k-factors are computed: below, films are not thin.
_THEORY_RANGE_keV = (40.0, 400.0)


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
        relative_errors: Mapping[str, float] | None = None,
        source: str = "given by the user",
        beam_energy_keV: float | None = None,
    ) -> KFactorTable:
        """Build a table from a mapping such as ``{"O_K": 1.134, "La_L": 2.327}``.

        A family may be named by its alpha line (``"La_La"``). Relative errors have the same
        keys; they are 0 where none is given.

        Raises
        ------
        KFactorError
            If a key is not an element and a family, or a value is not a positive number.
        """
        rows = []
        for key, value in factors.items():
            element, _, family = key.partition("_")
            error = (relative_errors or {}).get(key, 0.0)
            rows.append((element, _ALPHA_NAME.sub("", family), value, error))
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

    def check_beam_energy(self, beam_energy_keV: float, *, tolerance: float = 0.02) -> None:
        """Raise if the table is for another beam energy; one that tells none passes.

        From 200 to 300 keV, the k-factor of Sr K relative to that of O K falls by 8 %.

        Parameters
        ----------
        beam_energy_keV : float
            Of the measurement.
        tolerance : float
            Relative difference that is allowed.

        Raises
        ------
        KFactorError
            If they differ by more.
        """
        ours = self.beam_energy_keV
        if ours is None or abs(beam_energy_keV / ours - 1) <= tolerance:
            return
        raise KFactorError(
            f"the k-factors ({self.source}) are for {ours:g} keV, the measurement was made at "
            f"{beam_energy_keV:g} keV. Use a table for that beam energy, or set "
            "allow_beam_energy_mismatch=True in the recipe to take them all the same."
        )

    def with_factor(self, factor: KFactor) -> KFactorTable:
        """Return the table with a factor in the place of its family's, or added to the end.

        The source then says that the table was edited by hand.
        """
        key = (factor.element, factor.family)
        others = [f for f in self.factors if (f.element, f.family) != key]
        place = len(others)
        if len(others) < len(self.factors):
            place = [(f.element, f.family) for f in self.factors].index(key)
        factors = (*others[:place], factor, *others[place:])
        source = self.source.removesuffix(_BY_HAND) + _BY_HAND
        return self.model_copy(update={"factors": factors, "source": source})

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


def theoretical_k_factors(
    beam_energy_keV: float,
    detector: emission.DetectorModel = emission.WINDOWLESS,
    *,
    convention: Convention = "family",
    elements: Iterable[str] | None = None,
) -> KFactorTable:
    """Compute a table from first principles, relative to Si K; see `theoretical_k_factor`.

    For where no measured table is at hand, and for any beam energy. The relative errors are by
    classes of the alpha line's energy: 5 % for K of 3-20 keV, 10 % for K of 1-3 keV, 25 % for
    L of 3-20 keV, 50 % for M, 30 % for the rest. They come from a comparison with a table that
    Velox exported for 200 keV, relative to Ti K: it lies within 2 % (K, 3-8 keV), 10 % (K, 1-3
    and 8-20 keV), 17 % (K below 1 keV, where the dead layer of the detector matters most), at
    0.77 to 0.81 of theory for L of 3-20 keV, and at half of it for M. Neither being a measurement,
    theory is left as it is: when K lines of some elements are quantified with L lines of others,
    expect such a bias of the ratio, and remove it with a region of known composition.

    Parameters
    ----------
    beam_energy_keV : float
        40 to 400.
    detector : DetectorModel
    convention : {"family", "alpha"}
    elements : iterable of str, optional
        Symbols; all from B to Cf by default.

    Returns
    -------
    KFactorTable
        Every family with lines of 0.1-40 keV that the beam excites.

    Raises
    ------
    KFactorError
        If the beam energy is out of range, or an element is unknown.
    """
    low, high = _THEORY_RANGE_keV
    if not low <= beam_energy_keV <= high:
        raise KFactorError(
            f"k-factors can be computed for beam energies of {low:g} to {high:g} keV, not "
            f"{beam_energy_keV:g} keV"
        )
    table = _theory(float(beam_energy_keV), detector, convention)
    if elements is None:
        return table
    wanted = set(elements)
    missing = sorted(wanted - {factor.element for factor in table.factors})
    if missing:
        raise KFactorError(
            f"k-factors cannot be computed for {', '.join(map(repr, missing))}: expected symbols "
            "from B to Cf"
        )
    chosen = tuple(factor for factor in table.factors if factor.element in wanted)
    return table.model_copy(update={"factors": chosen})


@cache
def _theory(
    beam_energy_keV: float, detector: emission.DetectorModel, convention: Convention
) -> KFactorTable:
    found: dict[tuple[str, str], float] = {}
    for element in emission.element_symbols():
        for family in emission.FAMILIES:
            try:
                k = emission.theoretical_k_factor(
                    element, family, beam_energy_keV, detector, convention
                )
            except EDSError:  # no line of this family in the range
                continue
            if np.isfinite(k):
                found[element, family] = float(k)
    rows = []
    for (element, family), value in found.items():
        energy = emission.alpha_energy_keV(element, family, beam_energy_keV)
        rows.append((element, family, value / found["Si", "K"], _theory_error(family, energy)))
    source = "first principles (Bote-Salvat cross-sections, xraylib), not measured"
    return _table(rows, convention, source, beam_energy_keV)


def _theory_error(family: str, alpha_energy_keV: float) -> float:
    """Relative error of a computed k-factor, by class; see `theoretical_k_factors`."""
    if family == "M":
        return 0.50
    if 3 <= alpha_energy_keV <= 20:
        return 0.05 if family == "K" else 0.25
    return 0.10 if family == "K" and 1 <= alpha_energy_keV < 3 else 0.30


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
                "family K, L or M, a positive number, and an error of 0 or more"
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
