"""Finding elements: which lines of a summed spectrum are proved by counts of their own.

A greedy search by score tests. It starts from what is nearly always there; the element whose lines
explain most of what the model leaves over is added, the axis is calibrated anew where that
matters, and so on until nothing that is left can be proved. L and M lines crowd below 1 keV, so
that an element must show a line above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from napari_eds import xray
from napari_eds.acquisition import Acquisition
from napari_eds.calibration import Calibration, calibrate
from napari_eds.errors import EDSError
from napari_eds.model import DEFAULT_RESOLUTION_EV, SpectralModel
from napari_eds.refinement import corrected
from napari_eds.spectrum_image import EnergyAxis, SpectrumImage

#: Where the search starts: support or contamination, oxygen, grid.
SEEDS = ("C", "O", "Cu")

#: Range of the search in keV, as that of a recipe: above the zero peak.
ENERGY_RANGE_keV = (0.2, 19.0)
#: Alpha lines that may prove an element, in keV.
PROVING_RANGE_keV = (1.0, 17.6)
#: An element is certain if its proving line exceeds its error under the hypothesis that it is
#: absent by this factor, and holds this share of the counts of all lines.
MINIMUM_Z = 8.0
MINIMUM_SHARE = 0.005
#: A line that weighs less than this part of a fitted line within one full width is rejected: what
#: is left beside a strong line is mostly its imperfect shape.
MINIMUM_OF_NEIGHBOUR = 0.25

#: What is the matter with the model's lines and background, relative to them.
_MODEL_ERROR = 0.03
#: A family counts as excited from this multiple of its alpha energy, which is just above the edge.
_OVERVOLTAGE = 1.3
#: Without a line above 1 keV: N and F are kept out of the others' way from this share on, and
#: only suggested; Li to B are not looked for.
_SOFT = ("N", "F")
_SOFT_SHARE = 0.02
#: Suggested rather than passed over in silence.
_SUGGESTED_SHARE = 0.001
_MAX_SUGGESTIONS = 8
#: The detector's own peaks, in parts of their parents': pile-up (of the weaker one), silicon
#: escape, and the foot of a strong line, four full widths down.
_PILE_UP, _ESCAPE, _FOOT, _FOOT_WIDTHS = 0.03, 0.02, 0.03, 4.0
_SI_KA_KEV, _SI_EDGE_KEV = 1.740, 1.839
#: K lines above this energy pass a silicon detector in part: their share includes the L lines.
_HARD_KEV = 12.0

#: Explanations within this part of the best score are as good; the more common element is taken.
_NEAR_TIE = 0.8
_COMMON = frozenset(
    "C O Na Mg Al Si P S Cl K Ca Ti V Cr Mn Fe Co Ni Cu Zn Ga As Sr Zr Nb Mo Ag Sn Ba La Ce W Pt "
    "Au Pb".split()
)
#: Noble gases other than the argon of ion mills, and elements without stable or nearly stable
#: isotopes, are not looked for.
_NOT_SOUGHT = frozenset("Ne Kr Xe Tc Pm Po At Rn Fr Ra Ac Pa".split())

#: Grid, holder and preparation of a thin foil; coating of a bulk specimen. Carbon and copper
#: (grid, contamination) always count as such, the others unless their line is a main one.
_SYSTEM_THIN = frozenset({"C", "Cu", "Al", "Si", "Ga", "Pt", "Au"})
_SYSTEM_BULK = frozenset({"C", "Pt", "Au"})
_ALWAYS_SYSTEM = frozenset({"C", "Cu"})
_MAIN_SHARE = 0.2
#: Beam energy that tells the two apart where the file does not, in keV.
_THIN_FROM_KEV = 40.0

#: The axis is calibrated anew when lines with this share of the counts have come in, and once at
#: the end if it is at least the second.
_RECALIBRATE_SHARE, _FINAL_SHARE = 0.1, 0.01
_CHANNEL_KEV = 0.01
_MIN_CHANNELS = 100
_ORDER = 6
_ROUNDS = 4
_MAX_ELEMENTS = 40


@dataclass(frozen=True)
class Proposal:
    """An element found in a spectrum, and why.

    Attributes
    ----------
    element : str
    family : str
        The family that proves it: ``"K"``, ``"L"`` or ``"M"``.
    line : XRayLine
        Its alpha line.
    z : float
        Counts of the family over their error if the element were absent.
    counts, counts_error : float
        Intensity of the family, all its lines in the range together, and its standard deviation
        from counting and from the model's own errors.
    share : float
        Part of the counts of all lines that the family holds, 0 to 1.
    overlaps : tuple of str
        Fitted lines of other elements within one full width at half maximum of the alpha line.
    system : bool
        Typical of grid, holder, preparation or coating: to be fitted but not quantified.
    certain : bool
        Whether the element is proved, or only suggested.
    evidence : str
        All this in one line of plain words.
    """

    element: str
    family: str
    line: xray.XRayLine
    z: float
    counts: float
    counts_error: float
    share: float
    overlaps: tuple[str, ...]
    system: bool
    certain: bool
    evidence: str


def find_elements(
    energy: EnergyAxis,
    total: np.ndarray,
    acquisition: Acquisition,
    *,
    beam_energy_keV: float | None = None,
) -> tuple[Proposal, ...]:
    """Find the elements of a summed spectrum.

    Parameters
    ----------
    energy : EnergyAxis
    total : ndarray, (channels,)
        Summed counts.
    acquisition : Acquisition
        Gives the beam energy, the resolution to start from, and whether the specimen is a thin
        foil or bulk.
    beam_energy_keV : float, optional
        Overrides what the file says. Where neither says anything, the end of the axis is taken
        for it, as the evidence then says.

    Returns
    -------
    tuple of Proposal
        Certain ones first, each kind by falling share of the counts. Empty where the counts
        prove nothing.

    Raises
    ------
    UncalibratedError
        If the axis has no energies.
    EDSError
        If the spectrum does not fit the axis, holds negative or infinite counts, or has no
        channels in the range; or if the beam energy is not positive.

    Notes
    -----
    Elements lighter than sodium have no line above 1 keV. Of these, C and O are certain where
    they are seen, N and F are suggested, and the others are not looked for.
    """
    energy.require_calibrated()
    counts = _checked(energy, total)
    beam, note = _beam(energy, acquisition, beam_energy_keV)
    search = _Search(*_searched(energy, counts, beam), beam, acquisition)
    search.run()
    thin = acquisition.signal_type == "STEM" or (
        acquisition.signal_type is None and beam >= _THIN_FROM_KEV
    )
    found = [*search.certain(), *search.suggested()]
    return tuple(_proposal(result, thin, note) for result in found)


def find_elements_of(
    image: SpectrumImage, *, beam_energy_keV: float | None = None
) -> tuple[Proposal, ...]:
    """Find the elements of a map's summed spectrum; see `find_elements`."""
    return find_elements(
        image.energy, image.total_spectrum(), image.acquisition, beam_energy_keV=beam_energy_keV
    )


def recipe_elements(proposals: Sequence[Proposal]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a recipe would take from proposals: `elements` and `fit_only`.

    Only certain elements, by atomic number.
    """
    certain = sorted(
        (p for p in proposals if p.certain), key=lambda p: xray.atomic_number(p.element)
    )
    elements = tuple(p.element for p in certain if not p.system)
    return elements, tuple(p.element for p in certain if p.system)


@dataclass(frozen=True)
class _Result:
    """What the search knows about an element."""

    family: xray.Family
    z: float
    counts: float
    error: float
    share: float
    overlaps: tuple[str, ...]
    doubt: str = ""


@dataclass(frozen=True, eq=False)
class _Fit:
    """A weighted fit.

    Attributes
    ----------
    columns : list of int
        Families in the fit, by their place in the list of all.
    areas : ndarray, (families of the fit,)
        Alpha areas.
    fitted, variance : ndarray, (channels,)
    basis : ndarray, (channels, columns of the design)
        Orthonormal basis of the weighted design.
    net : float
        Counts of all lines.
    """

    columns: list[int]
    areas: np.ndarray
    errors: np.ndarray
    fitted: np.ndarray
    variance: np.ndarray
    basis: np.ndarray
    net: float

    def area(self, column: int) -> float:
        """Alpha area of a family, 0 if it is not in the fit."""
        return float(self.areas[self.columns.index(column)]) if column in self.columns else 0.0


@dataclass(frozen=True)
class _Candidate:
    """An element that is not in the model, with what its families would take of the residual."""

    element: str
    gain: float
    areas: dict[int, float]
    z: dict[int, float]


class _Search:
    """The elements in the model so far, on a spectrum that stays as it is."""

    def __init__(
        self, energy: EnergyAxis, counts: np.ndarray, beam: float, acquisition: Acquisition
    ) -> None:
        self.counts = counts
        self.file_model = _all_families(energy, beam, acquisition)
        self.families = self.file_model.families
        self.columns: dict[str, list[int]] = {}
        for column, family in enumerate(self.families):
            self.columns.setdefault(family.element, []).append(column)
        self.elements = [element for element in SEEDS if element in self.columns]
        self.removed: set[str] = set()
        self.start = Calibration(resolution_MnKa_eV=self.file_model.resolution_MnKa_eV)
        self.background = np.polynomial.legendre.legvander(np.linspace(-1, 1, counts.size), _ORDER)
        self._use(self.start)

    def run(self) -> None:
        """Add what is proved, then drop what no longer is, until both agree."""
        self._calibrate()
        for _ in range(_ROUNDS):
            self._add_all()
            if not self._drop_unproved():
                return

    def certain(self) -> list[_Result]:
        """Return the elements that are proved, by falling share."""
        found = [self._result(e) for e in self.elements if e not in _SOFT]
        return sorted(found, key=lambda result: -result.share)

    def suggested(self) -> list[_Result]:
        """Return elements that are seen but not proved, by falling share.

        Each is fitted along before the next is sought, so that one peak is named once.
        """
        found = [
            replace(self._result(e), doubt="no line above 1 keV")
            for e in self.elements
            if e in _SOFT
        ]
        proved = list(self.elements)
        while len(found) < _MAX_SUGGESTIONS:
            open_ones = [c for c in self._candidates(again=True) if self._is_seen(c)]
            if not open_ones:
                break
            best = _most_common(open_ones)
            doubt = self._doubt(best)
            self.elements.append(best.element)
            self._fit()
            found.append(replace(self._result(best.element), doubt=doubt))
        self.elements = proved
        self._fit()
        return sorted(found, key=lambda result: -result.share)

    def _use(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self.profiles = calibration.apply(self.file_model).profiles
        # Counts of a family per count of its alpha line: its lines in the range.
        self.sums = self.profiles.sum(axis=0)
        self._fit()

    def _calibrate(self) -> None:
        columns = self._columns_in()
        model = replace(
            self.file_model,
            families=tuple(self.families[i] for i in columns),
            lines=tuple(self.file_model.lines[i] for i in columns),
        )
        found = calibrate(model, self.counts, start=self.start)
        # A width or an offset at its bound shows that the elements are not the right ones yet. The
        # gain alone may run away where all lines are soft, and does no harm there.
        self._use(found if set(found.at_bound) <= {"gain"} else self.calibration)

    def _columns_in(self) -> list[int]:
        return [column for element in self.elements for column in self.columns[element]]

    def _fit(self) -> None:
        """Fit the families of the model; soft ones that would be negative are left out."""
        columns = self._columns_in()
        proving = {self._proof(element) for element in self.elements}
        while True:
            self.fit = self._fit_columns(columns)
            negative = {
                column
                for column, area in zip(columns, self.fit.areas, strict=True)
                if area < 0 and column not in proving
            }
            if not negative:
                return
            columns = [column for column in columns if column not in negative]

    def _fit_columns(self, columns: list[int]) -> _Fit:
        profiles = self.profiles[:, columns]
        design = np.hstack([profiles, self.background])
        n = len(columns)
        variance = np.maximum(self.counts, 1.0)
        for _ in range(_ROUNDS):
            weighted, norms = _weighted(design, variance)
            target = self.counts / np.sqrt(variance)
            solution = np.linalg.lstsq(weighted, target, rcond=None)[0] / norms
            fitted = design @ solution
            variance = self._variance(fitted, profiles @ np.maximum(solution[:n], 0))
        weighted, norms = _weighted(design, variance)
        basis, triangle = np.linalg.qr(weighted)
        return _Fit(
            columns=columns,
            areas=solution[:n],
            errors=(_errors(triangle) / norms)[:n],
            fitted=fitted,
            variance=variance,
            basis=basis,
            net=float(np.maximum(solution[:n], 0) @ self.sums[columns]),
        )

    def _variance(self, fitted: np.ndarray, lines: np.ndarray) -> np.ndarray:
        """Variance of channels: counting, and what is wrong with lines and background."""
        floor = _floor(self.counts)
        background = np.maximum(fitted - lines, 0)
        return np.maximum(fitted, floor) + _MODEL_ERROR**2 * (lines**2 + background**2)

    def _candidates(self, *, again: bool = False) -> list[_Candidate]:
        """Score the elements that are not in the model, best first.

        `again` includes those that were removed.
        """
        fit = self.fit
        weights = 1 / np.sqrt(fit.variance)
        drawn = self.profiles * weights[:, None]
        # What the model could take up by itself proves nothing.
        free = drawn - fit.basis @ (fit.basis.T @ drawn)
        score = free.T @ ((self.counts - fit.fitted) * weights)
        own, kept = (drawn**2).sum(axis=0), (free**2).sum(axis=0)
        distinct = kept > 1e-3 * np.maximum(own, 1e-12)
        left_out = set(self.elements) | (set() if again else self.removed)
        found = []
        for element, columns in self.columns.items():
            usable = [c for c in columns if distinct[c]]
            if element in left_out or not usable:
                continue
            best = _best_subset(usable, score, free)
            if best is not None:
                found.append(_Candidate(element, *best))
        return sorted(found, key=lambda candidate: -candidate.gain)

    def _add_all(self) -> None:
        """Add the best proved element until there is none."""
        pending = 0.0
        while len(self.elements) < _MAX_ELEMENTS:
            proved = [c for c in self._candidates() if self._is_proved(c)]
            if proved:
                best = _most_common(proved)
                counts = sum(area * self.sums[c] for c, area in best.areas.items())
                pending += counts / (self.fit.net + counts)
                self.elements.append(best.element)
                self._fit()
            elif pending < _FINAL_SHARE:
                return
            if not proved or pending > _RECALIBRATE_SHARE:
                self._calibrate()
                pending = 0.0

    def _drop_unproved(self) -> bool:
        """Remove what is not proved beside all the others, weakest first."""
        dropped = False
        while True:
            weak = [(self._z(e), e) for e in self.elements if not self._is_still_proved(e)]
            if not weak:
                return dropped
            element = min(weak)[1]
            self.elements.remove(element)
            self.removed.add(element)
            dropped = True
            self._fit()

    def _proof(self, element: str) -> int | None:
        """Return the column that can prove an element: K, else L; else M, which never does."""
        low, high = PROVING_RANGE_keV
        for column in self.columns[element]:
            family = self.families[column]
            # Columns are in the order K, L, M.
            if xray.atomic_number(element) < 11 or low <= family.alpha.energy_keV <= high:
                return column
        return None

    def _is_proved(self, candidate: _Candidate) -> bool:
        return self._is_seen(candidate, _share_needed(candidate.element)) and not self._doubt(
            candidate
        )

    def _is_still_proved(self, element: str) -> bool:
        column = self._proof(element)
        if column is None or self._z(element) < MINIMUM_Z:
            return False
        area = self.fit.area(column)
        z = {c: self._wald_z(c) for c in self.columns[element]}
        areas = {c: self.fit.area(c) for c in self.columns[element]}
        if self._share(_Candidate(element, 0.0, areas, z), self.fit.net) < _share_needed(element):
            return False
        if element in SEEDS and xray.atomic_number(element) < 11:
            return True
        return not self._is_drowned(column, area) and not self._artefact(column, area)

    def _is_seen(self, candidate: _Candidate, share: float = _SUGGESTED_SHARE) -> bool:
        """Whether the proving line is there by itself, and with so much of the counts."""
        column = self._proof(candidate.element)
        if column is None or candidate.z.get(column, 0.0) < MINIMUM_Z:
            return False
        if self._is_drowned(column, candidate.areas[column]):
            return False
        counts = sum(area * self.sums[c] for c, area in candidate.areas.items())
        needed = max(share, _SOFT_SHARE if candidate.element in _SOFT else 0.0)
        return self._share(candidate, self.fit.net + counts) >= needed

    def _share(self, candidate: _Candidate, net: float) -> float:
        column = self._proof(candidate.element)
        assert column is not None
        counted = {column}
        if self.families[column].alpha.energy_keV > _HARD_KEV:
            counted |= {c for c, z in candidate.z.items() if z >= MINIMUM_Z}
        counts = sum(candidate.areas[c] * self.sums[c] for c in counted)
        return counts / net if net > 0 else 0.0
