"""Cliff-Lorimer k-factors by element and family, with the convention they belong to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from napari_eds._support.brief import brief
from napari_eds._support.outputs import write_table
from napari_eds.errors import KFactorError
from napari_eds.physics import lines as xray
from napari_eds.recipe import k_factor_errors
from napari_eds.recipe.checked import Checked
from napari_eds.recipe.notebook import k_factors_html

if TYPE_CHECKING:
    import pandas as pd

#: What the intensity belonging to a k-factor is: the counts of all lines of the family, or of
#: its alpha line alone. Velox exports ``"family"``; tables of Bruker and Oxford that were seen
#: follow ``"alpha"``.
Convention = Literal["family", "alpha"]

#: What the conventions are called in sentences.
NAMES: Mapping[Convention, str] = {"family": "whole families", "alpha": "alpha lines"}

#: Ending of an alpha line's name after that of its family: ``La``, ``La1``.
_ALPHA_NAME = re.compile("[aα]1?$")

COLUMNS = ("element", "family", "k_factor")

#: Beginnings of the notes of a table, by what they are about.
ABOUT_CONVENTION, ABOUT_ERRORS, ABOUT_BEAM = "Convention: ", "Errors: ", "Beam energy: "
ABOUT_COLUMNS = "Columns: "

#: What a note on the convention says where theory contradicts the one that was taken.
CONTRADICTED = ("and taken so, although", "Theory contradicts")

#: Between the notes in a cell of a CSV.
NOTE_SEPARATOR = " | "

#: Ending of the source of a table that was changed after it was read or computed.
_BY_HAND = ", edited by hand"


def _usual_error(data: dict[str, Any]) -> float:
    return k_factor_errors.class_error(data["element"], data["family"])


class KFactor(Checked):
    """The k-factor of one family; weight-based, up to a factor common to the table.

    A relative error that is not given is that of its class of lines; see
    `k_factor_errors.class_error`. One that is given is kept, 0 included. Where it is saved, as in
    a recipe, only what was given is written, so that a reader still knows which it was.
    """

    element: Annotated[str, Field(pattern="^[A-Z][a-z]?$")]
    family: Literal["K", "L", "M"]
    value: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    relative_error: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default_factory=_usual_error
    )

    @property
    def given_error(self) -> float:
        """The relative error that was given; NaN where it is that of the class of lines."""
        return self.relative_error if self._error_is_given else float("nan")

    @property
    def _error_is_given(self) -> bool:
        return "relative_error" in self.model_fields_set

    @model_serializer(mode="wrap")
    def _without_usual_error(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        if not self._error_is_given:
            del fields["relative_error"]
        return fields


@brief
class KFactorTable(Checked):
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
    detector, date : str or None
        With what, and when, they were measured, where known.
    notes : tuple of str
        What was taken for granted and why, for every account of a result: a convention that was
        settled by comparison, errors that nobody gave.
    """

    factors: tuple[KFactor, ...]
    convention: Convention
    source: str = "given by the user"
    beam_energy_keV: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    notes: tuple[str, ...] = ()
    detector: str | None = None
    date: str | None = None

    def _brief(self) -> str:
        named = ", ".join(f"{f.element}_{f.family}" for f in self.factors[:4])
        rest = f", … {len(self.factors) - 4} more" if self.factors[4:] else ""
        beam = "" if self.beam_energy_keV is None else f", {self.beam_energy_keV:g} keV"
        return f"{named}{rest}, of {NAMES[self.convention]}{beam}, source={self.source!r}"

    def _repr_html_(self) -> str:
        return k_factors_html(self)

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
        keys; where none is given, it is that of the class of lines, which the notes say.

        Parameters
        ----------
        factors : mapping of str to float
        convention : {"family", "alpha"}
        relative_errors : mapping of str to float, optional
        source : str
            Where they come from.
        beam_energy_keV : float, optional
            That they are for.

        Raises
        ------
        KFactorError
            If a key is not an element and a family, or a value is not a positive number.
        """
        rows = []
        for key, value in factors.items():
            element, _, family = key.partition("_")
            error = (relative_errors or {}).get(key)
            rows.append((element, family_named(family), value, error))
        return checked_table(rows, convention, source, beam_energy_keV)

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
        """Stop where families are missing.

        Raises
        ------
        KFactorError
            If one is; the message names them.
        """
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

    def with_note(self, note: str) -> KFactorTable:
        """Return the table with one more note, unless it is empty or there already."""
        if not note or note in self.notes:
            return self
        return self.model_copy(update={"notes": (*self.notes, note)})

    def taken_as(self, convention: Convention) -> KFactorTable:
        """Return the table with its numbers taken for a convention that somebody chose."""
        others = tuple(n for n in self.notes if not n.startswith(ABOUT_CONVENTION))
        return self.model_copy(update={"convention": convention, "notes": others})

    @property
    def is_contradicted(self) -> bool:
        """Whether theory clearly contradicts the convention, as the table's notes then say."""
        about = [note for note in self.notes if note.startswith(ABOUT_CONVENTION)]
        return any(words in note for note in about for words in CONTRADICTED)

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a DataFrame: element, family, k_factor, relative_error.

        An error that nobody gave is NaN here, and empty in files, although that of its class of
        lines is used: it is taken anew where the table is read.
        """
        import pandas as pd

        rows = [(f.element, f.family, f.value, f.given_error) for f in self.factors]
        return pd.DataFrame(rows, columns=[*COLUMNS, "relative_error"])

    def of_all_rows(self) -> dict[str, Any]:
        """Return what all rows of a file have in common, by columns."""
        told = {
            "convention": self.convention,
            "beam_energy_keV": self.beam_energy_keV,
            "source": self.source,
        }
        if_told = {
            "detector": self.detector,
            "date": self.date,
            "notes": NOTE_SEPARATOR.join(self.notes),
        }
        return told | {name: value for name, value in if_told.items() if value}

    def to_csv(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the table as a CSV that `read_k_factors` reads back.

        Raises
        ------
        EDSError
            If the name ends as that of another kind of file.
        OutputError
            If the file is there and may not be replaced.
        OSError
            If the folder does not exist or cannot be written.
        """
        frame = self.to_frame().assign(**self.of_all_rows())
        return write_table(path, frame, overwrite=overwrite, index=False)


def family_named(name: str) -> str:
    """Return the family that is named by itself or by its alpha line: ``"La1"`` is ``"L"``."""
    return _ALPHA_NAME.sub("", name)


def checked_table(  # noqa: PLR0913 - one for each part of a table
    rows: Sequence[tuple[str, str, Any, Any]],
    convention: Convention,
    source: str,
    beam_energy_keV: float | None,
    notes: tuple[str, ...] = (),
    *,
    lines: Sequence[int] = (),
) -> KFactorTable:
    """Build a table of element, family, value and error, naming the row at fault.

    An error of None is that of its class, which a note then says. `lines` are those of a file
    that the rows come from.
    """
    factors = []
    for i, (element, family, value, error) in enumerate(rows):
        fields = {"element": element, "family": family, "value": value}
        if error is not None:
            fields["relative_error"] = error
        try:
            factors.append(KFactor.model_validate(fields))
        except ValidationError as problem:
            raise KFactorError(
                f"bad k-factor {element}_{family} = {value!r} ({_place(source, lines, i)}): "
                "expected an element, a family K, L or M, a positive number, and an error of 0 "
                "or more"
            ) from problem
    _check_named_once(rows, source, lines)
    try:
        table = KFactorTable.model_validate(
            {
                "factors": tuple(factors),
                "convention": convention,
                "source": source,
                "beam_energy_keV": beam_energy_keV,
                "notes": notes,
            }
        )
    except ValidationError as problem:
        what = "; ".join(error["msg"] for error in problem.errors())
        raise KFactorError(f"bad k-factor table ({source}): {what}") from problem
    return table.with_note(_error_note([f"{row[0]}_{row[1]}" for row in rows if row[3] is None]))


def _place(source: str, lines: Sequence[int], row: int) -> str:
    return f"{source}, line {lines[row]}" if lines else source


def _check_named_once(
    rows: Sequence[tuple[str, str, Any, Any]], source: str, lines: Sequence[int]
) -> None:
    first: dict[tuple[str, str], int] = {}
    for i, (element, family, *_) in enumerate(rows):
        before = first.setdefault((element, family), i)
        if before != i:
            where = f", lines {lines[before]} and {lines[i]}" if lines else ""
            raise KFactorError(
                f"bad k-factor table ({source}): k-factors given more than once: "
                f"{element}_{family}{where}; leave one out"
            )


def _error_note(without: list[str]) -> str:
    if not without:
        return ""
    named = ", ".join(without[:5]) + (f" and {len(without) - 5} more" if without[5:] else "")
    return f"{ABOUT_ERRORS}none given for {named}; taken as {k_factor_errors.RANGE}."
