"""k-factor tables beside theory: what they belong to, and which beam energy they fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.physics import emission
from napari_eds.physics import lines as xray
from napari_eds.physics.detector import WINDOWLESS, DetectorModel
from napari_eds.recipe.k_factor_errors import class_error
from napari_eds.recipe.k_factor_theory import why_not_computed
from napari_eds.recipe.k_factors import ABOUT_BEAM, NAMES, Convention, KFactor, KFactorTable

#: Where neither table nor measurement tells: 80 to 300 keV move the L rows relative to the K rows
#: by less than 10 %, conventions by 35 to 70 %.
USUAL_BEAM_keV = 200.0
BeamIsOf = Literal["table", "map", "nobody"]
#: How a comparison calls the beam energy of its theory.
_BEAM_OF: Mapping[BeamIsOf, str] = {
    "table": "{:g} keV",
    "map": "the map's {:g} keV, as the table tells no beam energy",
    "nobody": "{:g} keV, as the table tells no beam energy",
}

#: Alpha lines that are compared. Below, efficiency and yields are too uncertain: Velox's L lines
#: below 1 keV are 1.8 of theory. K lines of 3-20 keV are those that tables agree on.
_K_RANGE_keV, _L_RANGE_keV = (3.0, 20.0), (1.0, 20.0)

#: By how much, in logarithms, one convention must lie nearer to theory than the other, beyond
#: twice the standard error. Vendors' L rows are 0.8 to 1.1 of theory in the convention they are
#: made for.
_MARGIN = 0.2

#: Farther from theory than this (a factor of 1.4), a table fits neither convention.
_FARTHEST = 0.35

#: Fewer rows than these do not settle anything: vendors' single rows lie up to 30 % off.
_LEAST_TO_SETTLE: Mapping[str, int] = {"K": 4, "L": 8}

#: Least scatter of single rows about theory: that of vendors' tables.
_LEAST_SCATTER: Mapping[str, float] = {"K": 0.05, "L": 0.15}

#: A single row contradicts theory beyond so many errors of its class of lines, and this factor.
#: Single rows of vendors' tables are up to 1.8 of theory.
_SINGLE_SIGMA, _SINGLE_FACTOR = 3.0, 2.0
#: Ce. M lines of lighter elements are not compared: their M4 yields are extrapolated.
_FIRST_4F = 58

#: Beam energies that a table may be for.
_BEAMS_keV = (80.0, 100.0, 120.0, 200.0, 300.0)

#: A beam energy is doubted where K rows scatter by more than this about theory. A table of Velox
#: scatters by 0.06 about that of its own beam energy.
_DOUBTFUL_SCATTER = 0.1
_LEAST_ROWS = 6


@dataclass(frozen=True)
class ConventionEvidence:
    """How the L rows of a table lie to theory in both conventions, relative to its K rows.

    Attributes
    ----------
    ratios : mapping of Convention to float
        Median of table / theory over the L rows, divided by that over the K rows.
    rows : mapping of str to int
        Number of rows compared, of K and L.
    standard_error : float
        Of the logarithm of the ratios.
    beam_energy_keV : float
        Of the theory.
    beam_is_of : {"table", "map", "nobody"}
        Who told it; nobody, where it is the usual one.
    """

    ratios: Mapping[Convention, float]
    rows: Mapping[str, int]
    standard_error: float
    beam_energy_keV: float
    beam_is_of: BeamIsOf = "table"

    @property
    def nearer(self) -> Convention | None:
        """The convention that is clearly nearer to theory, or None; also where rows are few."""
        distances = {c: abs(float(np.log(ratio))) for c, ratio in self.ratios.items()}
        near, far = sorted(distances, key=lambda c: distances[c])
        clear = distances[far] - distances[near] > _MARGIN + 2 * self.standard_error
        enough = all(self.rows[family] >= least for family, least in _LEAST_TO_SETTLE.items())
        return near if enough and clear and distances[near] < _FARTHEST else None

    def __str__(self) -> str:
        """Say the numbers."""
        of = " and ".join(f"{ratio:.2f} as {NAMES[c]}" for c, ratio in self.ratios.items())
        beam = _BEAM_OF[self.beam_is_of].format(self.beam_energy_keV)
        return (
            f"table / theory is {of} (median of {_count(self.rows['L'], 'L row')} relative to "
            f"{_count(self.rows['K'], 'K row')}, theory for {beam})"
        )


def convention_evidence(
    factors: Iterable[KFactor],
    beam_energy_keV: float | None = None,
    *,
    map_beam_energy_keV: float | None = None,
) -> ConventionEvidence | None:
    """Compare a table with theory in both conventions.

    A vendor's table comes with no word on what its factors belong to. For K families, the two
    conventions differ by 15 % at most; for L families of 1-20 keV by 35 to 100 %, so that these,
    relative to the K rows, tell them apart.

    Parameters
    ----------
    factors : iterable of KFactor
    beam_energy_keV : float, optional
        Of the table.
    map_beam_energy_keV : float, optional
        Of the measurement, where the table tells none.

    Returns
    -------
    ConventionEvidence or None
        None where there are no K rows of 3-20 keV, no L rows of 1-20 keV, or no theory.
    """
    beam = beam_energy_keV or map_beam_energy_keV or USUAL_BEAM_keV
    otherwise: BeamIsOf = "map" if map_beam_energy_keV else "nobody"
    beam_is_of: BeamIsOf = "table" if beam_energy_keV else otherwise
    if why_not_computed(beam):
        return None
    rows = _compared_rows(factors)
    if not rows["K"] or not rows["L"]:
        return None
    conventions: tuple[Convention, ...] = get_args(Convention)
    logs = {
        convention: {
            family: _log_ratios(rows[family], (beam,), convention)[:, 0] for family in rows
        }
        for convention in conventions
    }
    variances = {
        family: max(
            _LEAST_SCATTER[family] ** 2,
            min(_robust_spread(logs[c][family]) for c in conventions) ** 2,
        )
        / len(rows[family])
        for family in rows
    }
    return ConventionEvidence(
        ratios={
            c: float(np.exp(np.median(of["L"]) - np.median(of["K"]))) for c, of in logs.items()
        },
        rows={family: len(found) for family, found in rows.items()},
        # A median scatters 1.25 times as much as a mean.
        standard_error=1.25 * float(np.sqrt(sum(variances.values()))),
        beam_energy_keV=beam,
        beam_is_of=beam_is_of,
    )


def beam_energy_remark(table: KFactorTable, beam_energy_keV: float) -> str:
    """Say where a table that tells no beam energy fits another one better than the map's.

    By the scatter of table / theory over the K rows of 3-20 keV, after a common factor: hard
    lines gain with beam energy. From 200 to 300 keV they gain 4 % per factor of e in line energy,
    which is less than vendors differ from theory; 80 keV is told from 200 keV.

    Parameters
    ----------
    table : KFactorTable
    beam_energy_keV : float
        Of the measurement.

    Returns
    -------
    str
        A sentence, or nothing.
    """
    if table.beam_energy_keV is not None or why_not_computed(beam_energy_keV):
        return ""
    rows = _compared_rows(table.factors)["K"]
    if len(rows) < _LEAST_ROWS:
        return ""
    others = tuple(b for b in _BEAMS_keV if abs(b / beam_energy_keV - 1) > 0.1)
    logs = _log_ratios(rows, (beam_energy_keV, *others), table.convention)
    own, *spreads = map(_robust_spread, logs.T)
    best = int(np.argmin(spreads))
    if own < _DOUBTFUL_SCATTER or spreads[best] > own / 2:
        return ""
    return (
        f"{ABOUT_BEAM}not told by the table. Its {len(rows)} K rows of 3-20 keV scatter by "
        f"{100 * own:.0f} % about theory for the map's {beam_energy_keV:g} keV, but by "
        f"{100 * spreads[best]:.0f} % about that for {others[best]:g} keV: see whether it is for "
        "another beam energy."
    )


def rows_far_from_theory(
    table: KFactorTable,
    beam_energy_keV: float,
    detector: DetectorModel = WINDOWLESS,
) -> dict[KFactor, float]:
    """Return the factors that theory contradicts one by one, and how large they are beside it.

    A slip of one row, or factors that are the inverse of what they should be, leave the
    convention of a table plain. Theory is that of the table's beam energy, or else the
    measurement's, and lies where the median of the K rows of 3-20 keV does: those tables agree on.

    Parameters
    ----------
    table : KFactorTable
    beam_energy_keV : float
        Of the measurement.
    detector : DetectorModel
        That of the measurement.

    Returns
    -------
    dict of KFactor to float
        Table / theory; empty also where there is no theory.
    """
    beam = table.beam_energy_keV or beam_energy_keV
    if why_not_computed(beam):
        return {}
    logs = _log_ratios_known(table, beam, detector)
    if not logs:
        return {}
    middle = np.median([logs[f] for f in _compared_rows(logs)["K"] or logs])
    return {
        factor: float(np.exp(log - middle))
        for factor, log in logs.items()
        if abs(log - middle) > max(np.log(_SINGLE_FACTOR), _SINGLE_SIGMA * _error(factor))
    }


def _log_ratios_known(
    table: KFactorTable, beam_keV: float, detector: DetectorModel
) -> dict[KFactor, float]:
    """Logarithms of table / theory, up to a common constant, of rows that theory knows."""
    found: dict[KFactor, float] = {}
    for factor in table.factors:
        try:
            if factor.family == "M" and xray.atomic_number(factor.element) < _FIRST_4F:
                continue
            (theory,) = _computed(
                factor.element, factor.family, (beam_keV,), table.convention, detector
            )
        except EDSError:
            continue
        found[factor] = float(np.log(factor.value / theory))
    return found


def _error(factor: KFactor) -> float:
    """Return the relative error of a factor beside theory, which is no better than its class."""
    return max(factor.relative_error, class_error(factor.element, factor.family))


def _compared_rows(factors: Iterable[KFactor]) -> dict[str, list[KFactor]]:
    """Return the K and L rows whose alpha lines lie in the ranges."""
    ranges = {"K": _K_RANGE_keV, "L": _L_RANGE_keV}
    rows: dict[str, list[KFactor]] = {family: [] for family in ranges}
    for factor in factors:
        low, high = ranges.get(factor.family, (np.inf, -np.inf))
        if low <= _alpha_energy_keV(factor.element, factor.family) <= high:
            rows[factor.family].append(factor)
    return rows


def _log_ratios(
    rows: list[KFactor], beams_keV: tuple[float, ...], convention: Convention
) -> np.ndarray:
    """Logarithms of table / theory, up to a common constant: (rows, beam energies)."""
    computed = [_computed(row.element, row.family, beams_keV, convention) for row in rows]
    return np.log(np.array([[row.value] for row in rows])) - np.log(computed)


def _robust_spread(values: np.ndarray) -> float:
    """Return the standard deviation from the median absolute deviation."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


@cache
def _alpha_energy_keV(element: str, family: str) -> float:
    """Energy of the alpha line; NaN if there is none, or no theory of it."""
    try:
        return emission.alpha_energy_keV(element, family, USUAL_BEAM_keV)
    except EDSError:
        return float("nan")


@cache
def _computed(
    element: str,
    family: str,
    beams_keV: tuple[float, ...],
    convention: Convention,
    detector: DetectorModel = WINDOWLESS,
) -> tuple[float, ...]:
    k = emission.theoretical_k_factor(element, family, beams_keV, detector, convention)
    return tuple(map(float, k))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
