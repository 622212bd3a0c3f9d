"""k-factor tables from files: Velox's export, and a plain CSV."""

from __future__ import annotations

from numbers import Real
from pathlib import Path

import numpy as np

from napari_eds._support.arguments import PATH, expect
from napari_eds.errors import KFactorError
from napari_eds.physics import lines as xray
from napari_eds.recipe.k_factor_columns import K_FACTORS, columns_of, squashed
from napari_eds.recipe.k_factor_comparison import ConventionEvidence, convention_evidence
from napari_eds.recipe.k_factor_text import TextTable, read_text_table
from napari_eds.recipe.k_factors import (
    ABOUT_CONVENTION,
    COLUMNS,
    CONTRADICTED,
    NAMES,
    Convention,
    KFactorTable,
    checked_table,
)
from napari_eds.recipe.plain_tables import FactorRows, read_plain

#: Secondary lines of one family within this factor of the alpha row mean that the table gives
#: the family's k on every row (Velox's L rows differ by up to 20 %).
_SAME_FAMILY_FACTOR = 1.5

_TAKEN_ALTHOUGH, _THEORY_CONTRADICTS = CONTRADICTED

#: First and last column of Velox's export.
_OF_VELOX = ("lineidentifier", "kfactor")


class UnsettledConventionError(KFactorError):
    """A table that is right but for not telling what its factors belong to.

    Attributes
    ----------
    reason : str
        Why it could not be settled.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason}. Say convention='family' (as Velox means them) or convention='alpha' (as "
            "tables of Bruker and Oxford seen so far); a mix-up costs up to a factor of two."
        )
        self.reason = reason

    def __reduce__(self) -> tuple[type[UnsettledConventionError], tuple[str]]:
        # An exception is made anew from its text, which here is more than the reason.
        return type(self), (self.reason,)


def read_k_factors(
    path: str | Path,
    *,
    convention: Convention | None = None,
    beam_energy_keV: float | None = None,
    map_beam_energy_keV: float | None = None,
) -> KFactorTable:
    """Read a k-factor table from a CSV file.

    Two forms are known: Velox's export (``Line identifier, ..., K-factor`` with rows such as
    ``La-La1``), and a plain table with the columns ``element, family, k_factor`` and optionally
    ``relative_error, convention, beam_energy_keV, source, notes, detector, date``, which
    `KFactorTable.to_csv` writes. Families may be named by their alpha line. Columns are separated
    by ``,``, ``;`` or tabs, the last two with decimal commas if need be; lines that start with
    ``#`` are comments. Case, blanks, underscores and dashes in names of columns do not matter, and
    ``line``, ``error``, ``error percent``, ``beam energy``, ``kV`` and ``HT`` are understood, too.
    The table's notes name columns that are not known.

    A convention that neither file nor caller tells is settled by comparison with theory, if that
    is clear (`convention_evidence`). One that is told is taken, even if theory contradicts it.
    The table's notes say which was taken and why. Errors that the file does not give are those
    of the class of lines (`k_factor_errors.class_error`).

    Parameters
    ----------
    path : str or Path
    convention : {"family", "alpha"}, optional
        What the factors belong to. Needed where neither the file nor theory tells.
    beam_energy_keV : float, optional
        Overrides what the file says.
    map_beam_energy_keV : float, optional
        Of the measurement: theory is that for it, where there is no other beam energy.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KFactorError
        If the file is not such a table, its convention is not told and not clear, or an error is
        larger than its k-factor.
    """
    expect(
        path=(path, PATH),
        convention=(convention, str | None),
        beam_energy_keV=(beam_energy_keV, Real | None),
        map_beam_energy_keV=(map_beam_energy_keV, Real | None),
    )
    path = Path(path)
    text = read_text_table(path)
    if tuple(squashed(name) for name in (text.header[:1] + text.header[-1:])) == _OF_VELOX:
        read = _read_velox(text, path)
    elif set(COLUMNS) <= set((columns := columns_of(text.header, path.name, K_FACTORS)).places):
        read = read_plain(text, columns, path, "k_factor")
    else:
        raise KFactorError(
            f"{path.name} is not a k-factor table: expected Velox's columns 'Line identifier ... "
            f"K-factor' or the columns {', '.join(COLUMNS)}; found "
            f"{', '.join(text.header) or 'nothing'}"
        )
    beam = beam_energy_keV or read.beam_energy_keV
    told = convention or read.convention
    table = checked_table(
        read.rows, told or "family", read.source, beam, read.notes, lines=read.lines
    )
    table = table.model_copy(update={"detector": read.detector, "date": read.date})
    evidence = convention_evidence(table.factors, beam, map_beam_energy_keV=map_beam_energy_keV)
    if told is not None:
        return table.with_note(_contradiction(told, evidence))
    taken, note = _settled(read, evidence, path)
    return table.taken_as(taken).with_note(note)


def _settled(
    read: FactorRows, evidence: ConventionEvidence | None, path: Path
) -> tuple[Convention, str]:
    """Return the convention of a table that tells none, and the note that says why."""
    nearer = evidence and evidence.nearer
    if read.repeats is not None and read.repeats <= _SAME_FAMILY_FACTOR:
        note = (
            f"{ABOUT_CONVENTION}taken as {NAMES['family']}, since all lines of a family have the "
            "same factor"
        )
        if nearer == "alpha":
            note += f". {_THEORY_CONTRADICTS}: {evidence}; see which is right"
        elif evidence is not None:
            note += f"; {evidence}"
        return "family", f"{note}."
    if nearer:
        return nearer, (
            f"{ABOUT_CONVENTION}not told by the table; taken as {NAMES[nearer]}, for {evidence}."
        )
    reason = (
        f"{path.name} does not tell whether its k-factors are of whole families or alpha lines"
    )
    if read.repeats is not None:
        reason += (
            "; it gives each line a k-factor of its own (the others are a median of "
            f"{read.repeats:.2g} times the alpha line's)"
        )
    if evidence is None:
        raise UnsettledConventionError(
            f"{reason}, and a comparison with theory needs L rows of 1-20 keV beside K rows of "
            "3-20 keV, for a beam of 40 to 400 keV"
        )
    raise UnsettledConventionError(f"{reason}, and theory does not settle it: {evidence}")


def _contradiction(told: Convention, evidence: ConventionEvidence | None) -> str:
    """Return a note where theory says clearly that a convention was told wrongly."""
    if evidence is None or evidence.nearer in (None, told):
        return ""
    return (
        f"{ABOUT_CONVENTION}said to be {NAMES[told]}, {_TAKEN_ALTHOUGH} {evidence}: see "
        "whether that is right."
    )


def _read_velox(text: TextTable, path: Path) -> FactorRows:
    """Take the alpha row of every family; the other rows tell the convention."""
    factors: dict[tuple[str, str], dict[str, float]] = {}
    places: dict[tuple[str, str], int] = {}
    for number, row in zip(text.lines, text.rows, strict=True):
        element, _, line = row[0].partition("-")
        if not element:  # units
            continue
        value = text.number(row[-1])
        if not isinstance(value, float):
            raise KFactorError(
                f"{path.name}, line {number}: the k-factor of {row[0]!r} is not a number: "
                f"{row[-1]!r}"
            )
        lines = factors.setdefault((element, line[:1]), {})
        if line in lines:
            raise KFactorError(
                f"{path.name}, line {number}: k-factors given more than once: {row[0]}"
            )
        lines[line] = value
        if line == f"{line[:1]}a1":
            places[element, line[:1]] = number
    alphas = [
        (element, family, lines[f"{family}a1"], None)
        for (element, family), lines in factors.items()
        if f"{family}a1" in lines and family in xray.FAMILIES
    ]
    ratios = [
        value / lines[f"{family}a1"]
        for (_, family), lines in factors.items()
        for line, value in lines.items()
        if lines.get(f"{family}a1") and line not in (f"{family}a1", f"{family}a2")
    ]
    return FactorRows(
        alphas,
        f"{path.name} (Velox's layout)",
        lines=tuple(places[element, family] for element, family, *_ in alphas),
        repeats=float(np.median(ratios)) if ratios else None,
    )
