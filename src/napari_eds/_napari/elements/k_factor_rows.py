"""The chosen elements beside their k-factors, as plain rows, and what an edit makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from napari_eds._napari.elements.facts import ElementFacts, beam_energy
from napari_eds._napari.state.element_choice import FIT_ONLY, ElementChoice
from napari_eds._napari.state.settings import FROM_FILE, Settings
from napari_eds.errors import EDSError, KFactorError
from napari_eds.physics import lines as xray
from napari_eds.recipe import k_factor_errors
from napari_eds.recipe.k_factor_comparison import beam_energy_remark
from napari_eds.recipe.k_factor_files import UnsettledConventionError, read_k_factors
from napari_eds.recipe.k_factors import NAMES, KFactor, KFactorTable
from napari_eds.spectra.spectrum_image import SpectrumImage

COMPUTED, BY_HAND = "computed", "by hand"


@dataclass(frozen=True)
class KFactorsInUse:
    """The k-factors that a run would take, and what is wrong with them.

    Attributes
    ----------
    table : KFactorTable or None
        The table that is edited, else that of the file, else the computed one; None while it is
        computed, or where there is none.
    base : KFactorTable or None
        Of an edited table, what it was before.
    computed : bool
        Whether `table` comes from first principles.
    error : str
        Why there is no table.
    """

    table: KFactorTable | None = None
    base: KFactorTable | None = None
    computed: bool = False
    error: str = ""


def in_use(settings: Settings, theory: KFactorTable | EDSError | None) -> KFactorsInUse:
    """Return the k-factors of settings; `theory` is taken where there are no others."""
    error = str(theory) if isinstance(theory, EDSError) else ""
    computed = theory if isinstance(theory, KFactorTable) else None
    from_file = None
    if settings.k_factor_file is not None:
        try:
            from_file = settings.edited(k_factors=None).k_factors()
            error = ""
        except UnsettledConventionError as problem:
            error = f"{problem.reason}: choose above"
        except (EDSError, OSError) as problem:
            error = str(problem)
    edited = settings.draft.k_factors
    if edited is not None:
        base = computed if settings.k_factor_file is None else from_file
        return KFactorsInUse(edited, base)
    if settings.k_factor_file is not None:
        return KFactorsInUse(from_file, error=error)
    return KFactorsInUse(computed, computed=True, error=error)


@dataclass(frozen=True)
class Row:
    """An element that is chosen, the family that counts, and its k-factor.

    `origin` says where the k-factor comes from, `problem` why there is none that can be used.
    """

    choice: ElementChoice
    facts: ElementFacts | None
    factor: KFactor | None = None
    origin: str = ""
    problem: str = ""

    @property
    def needs_factor(self) -> bool:
        """Whether the element is quantified."""
        return self.choice.role != FIT_ONLY

    @property
    def family(self) -> str:
        """The family that is quantified; empty while it is not known, or if there is none."""
        if self.facts is None:
            return ""
        return self.facts.resolve(self.choice.family)


def rows_of(
    settings: Settings, facts: Mapping[str, ElementFacts], k_factors: KFactorsInUse
) -> tuple[Row, ...]:
    """Return a row for each chosen element."""
    return tuple(_row(choice, facts.get(choice.symbol), k_factors) for choice in settings.elements)


def _row(choice: ElementChoice, facts: ElementFacts | None, used: KFactorsInUse) -> Row:
    row = Row(choice, facts)
    if facts is None or not row.needs_factor:
        return row
    if not row.family:
        return replace(row, problem=facts.reason)
    if used.table is None:
        return replace(row, problem=used.error)
    factor = used.table.find(choice.symbol, row.family)
    if factor is None:
        return replace(row, problem=_missing(choice.symbol, row.family, used.table))
    base = used.base and used.base.find(choice.symbol, row.family)
    origin = COMPUTED if used.computed else used.table.source
    if used.base is not None:
        origin = _origin_of_base(used.base) if factor == base else BY_HAND
    return replace(row, factor=factor, origin=origin)


def _origin_of_base(base: KFactorTable) -> str:
    return COMPUTED if base.source.startswith("first principles") else base.source


def _fits(table: KFactorTable, beam_keV: float) -> bool:
    try:
        table.check_beam_energy(beam_keV)
    except KFactorError:
        return False
    return True


def _missing(symbol: str, family: str, table: KFactorTable) -> str:
    try:
        table.require([xray.family(symbol, family)])
    except EDSError as error:
        return str(error)
    return ""


def with_factor(
    used: KFactorsInUse,
    row: Row,
    *,
    value: float | None = None,
    relative_error: float | None = None,
) -> KFactorTable:
    """Return the table in use with the k-factor of a row changed or added.

    Where none can be computed, that is the first of a new table, of whole families.

    Raises
    ------
    KFactorError
        If there is no table yet, or the number is not one of a k-factor.
    """
    table = used.table
    if table is None and used.computed and used.error:
        # Nothing can be computed: a table begins with what is typed.
        table = KFactorTable(factors=(), convention="family")
    if table is None or not row.family:
        raise KFactorError(row.problem or "the k-factors are still being computed")
    old = row.factor
    if value is None and old is None:
        raise KFactorError(f"give {row.choice.symbol} a k-factor first, then its error")
    try:
        factor = KFactor.model_validate(
            {
                "element": row.choice.symbol,
                "family": row.family,
                "value": old.value if value is None and old else value,
                **_error_of(old, relative_error),
            }
        )
    except ValidationError as problem:
        raise KFactorError(
            "a k-factor is a number above 0, its error one of 0 % or more"
        ) from problem
    return table.with_factor(factor)


def _error_of(old: KFactor | None, relative_error: float | None) -> dict[str, float]:
    """Return the error that is given or was there; without one it is that of the class."""
    if relative_error is None and old is not None and not isnan(old.given_error):
        relative_error = old.given_error
    return {} if relative_error is None else {"relative_error": relative_error}


def with_file(settings: Settings, path: Path) -> Settings:
    """Return settings that use a file of k-factors, with the convention it tells.

    A file that is right but for not telling its convention is taken: then the user must.

    Raises
    ------
    KFactorError, OSError
        If the file cannot be used.
    """
    with suppress(UnsettledConventionError):
        read_k_factors(path)
    return settings.edited(k_factor_file=path, convention=FROM_FILE, k_factors=None)


def with_theory(settings: Settings) -> Settings:
    """Return settings that use computed k-factors."""
    return settings.edited(k_factor_file=None, convention=FROM_FILE, k_factors=None)


def with_convention(
    settings: Settings, convention: Literal["from file", "family", "alpha"]
) -> Settings:
    """Return settings whose k-factors belong to whole families or to alpha lines.

    An edited table keeps its numbers; they are only taken for something else.
    """
    table = settings.draft.k_factors
    if table is None:
        return replace(settings, convention=convention)
    if convention == FROM_FILE:
        return settings
    changed = table.taken_as(convention)
    kept = settings.convention if settings.k_factor_file is None else convention
    return settings.edited(convention=kept, k_factors=changed)


def status(
    image: SpectrumImage, settings: Settings, used: KFactorsInUse, rows: tuple[Row, ...]
) -> tuple[str, list[str]]:
    """Return what k-factors are used, and what is wrong with them."""
    table, warnings = used.table, []
    if table is None:
        return ("", [used.error]) if used.error else ("Computing k-factors…", [])
    beam = beam_energy(image, settings)
    told = f"{len(table.factors)} k-factors of {NAMES[table.convention]}"
    if table.beam_energy_keV is not None:
        told += f" for {table.beam_energy_keV:g} keV"
    else:
        told += ", beam energy not told"
    told += f": {table.source}"
    if used.computed:
        told = (
            f"k-factors computed for {table.beam_energy_keV:g} keV, not measured "
            f"(± {k_factor_errors.RANGE})"
        )
    remark = "" if beam is None else beam_energy_remark(table, beam)
    told = "\n".join([told, *table.with_note(remark).notes])
    if beam is not None and not _fits(table, beam):
        taken = settings.draft.allow_beam_energy_mismatch
        warnings.append(
            f"these k-factors are for {table.beam_energy_keV:g} keV, the map was recorded at "
            f"{beam:g} keV: they will be {'taken all the same' if taken else 'refused'}"
        )
    missing = [f"{r.choice.symbol} {r.family}" for r in rows if r.needs_factor and r.problem]
    if missing:
        warnings.append(f"no k-factor for {', '.join(missing)}")
    return told, warnings
