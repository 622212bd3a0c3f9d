"""Remarks on single labels: on their counts, their fit and their composition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_eds._support.progress import tell
from napari_eds.fitting.fit import Fit
from napari_eds.fitting.unexplained import UnexplainedPeak, peaks_beside
from napari_eds.quantification.methods.composition import Composition
from napari_eds.quantification.remarks.forms import (
    CONTRADICTED,
    FITTED_ONLY,
    NO_COUNTS,
    NOTHING,
    OWN_BACKGROUND,
    POOR_FIT,
    POOR_SUM,
    TOO_THICK,
    UNCERTAIN,
    UNEVEN,
    UNEXPLAINED_PEAK,
    UNLIKE_OTHERS,
    WRONG_MODEL,
    joined,
    ranged,
)
from napari_eds.quantification.remarks.of_map import POOR
from napari_eds.quantification.thickness.contradictions import Contradiction
from napari_eds.quantification.thickness.evenness import Evenness

#: Counting error of an atomic fraction above which a label has too few counts.
FEW_COUNTS_ERROR = 0.1
#: An element is uncertain if its error beyond counting would make it wrong by some 5 % (of a
#: fraction below `_MINOR`, of `_MINOR` times `_MINOR_FACTOR`) and by so many errors of counting
#: more: what is less, the counting error covers, which is told beside it.
UNCERTAIN_PART, _MINOR, _MINOR_FACTOR, _OF_COUNTING = 0.05, 0.05, 4.0, 1.5
#: Total errors by which an element, or its intensity, is below zero where the model must be wrong.
NEGATIVE_SIGMA = 3.0
#: Of all atoms: what is no farther below zero than this leaves the others as they are.
_LEAST_NEGATIVE = 0.001
#: An absorption correction above this factor rests on thickness and tables more than on counts.
STRONG_CORRECTION = 5.0
#: Up to this reduced chi-squared no peak can stand out of a label's fit.
_GOOD_CHI_SQUARED = 1.5
#: Counts of an element that is not quantified, over these and those of all that are, from which it
#: is told: the composition is that of the smaller part. Grid and support may hold more.
_LARGE_PART, _LARGE_PART_OF_GRID, _GRID = 0.33, 0.9, ("C", "Cu")
#: ... and errors of counting by which it is above zero.
_SURE_PART = 3.0
#: Peaks this near to each other are one.
_SAME_PEAK_keV = 0.08
#: Labels after which is told how far a search of them is: some 50 ms of work.
_TOLD_LABELS = 64

_CAUSES = {
    "k_factors": "k-factors",
    "axis": "lines that overlap",
    "ratios": "line ratios",
    "line_shapes": "line shapes",
    "background": "background",
    "thickness": "thickness",
    "density": "density",
    "attenuation": "attenuation coefficients",
    "dose": "dose or solid angle",
    "bulk": "bulk not corrected",
}
_UNCORRECTED = "absorption not corrected"


def label_remarks(  # noqa: PLR0913 - keyword-only ones belong together
    fit: Fit,
    composition: Composition,
    of_map: tuple[str, ...],
    *,
    intensity_errors: np.ndarray,
    absorption_is_corrected: bool,
    bare: np.ndarray | None = None,
    contradictions: Sequence[Contradiction | None] = (),
    evenness: Evenness | None = None,
    peaks: Sequence[UnexplainedPeak] = (),
) -> list[str]:
    """Return per label what to beware of, as one text; empty where nothing is.

    Parameters
    ----------
    fit : Fit
    composition : Composition
    of_map : tuple of str
        Those of `map_remarks`.
    intensity_errors : ndarray, (labels, quantified families)
        Of whole families from counting and shapes.
    absorption_is_corrected : bool
    bare : ndarray of bool, (labels,), optional
        Labels without a thickness in the map that others are corrected by.
    contradictions : sequence of Contradiction or None
        Of each label, what its soft families say against its thickness.
    evenness : Evenness, optional
        How thick labels are beside each other.
    peaks : sequence of UnexplainedPeak
        Those that the remarks of the map tell already. Labels are searched for others, which the
        sum of all labels may not show; one that has any is fitted poorly.
    """
    n = len(fit.counts)
    if bare is None:
        bare = np.zeros(n, bool)
    fits = _Fits.of(fit, composition, intensity_errors)
    corrected = ~bare & absorption_is_corrected
    unlike = np.zeros(n, bool) if fit.backgrounds is None else fit.backgrounds.unlike
    doubts = _Doubts(composition, fits.elements, bare=bare, corrected=corrected, unlike=unlike)
    # Of a single label, the sum says no more than the label itself.
    is_told = n == 1 and POOR_SUM() in of_map
    against = contradictions or [None] * n
    found = []
    for i in range(n):
        poorly = [] if is_told else fits.poorly(i)
        if not fits.counted[i]:
            own = [NO_COUNTS()]
        elif fits.nothing[i]:
            own = [NOTHING(), *fits.wrong(i), *poorly, *fits.other_peaks(i, ())]
        else:
            own = [*doubts.few_counts(i), *poorly, *fits.other_peaks(i, peaks), *fits.wrong(i)]
            own += [
                *fits.fitted_only(i),
                *_contradicted(against[i]),
                *_uneven(evenness, i),
                *doubts.of_thickness(i),
                *doubts.uncertain(i),
                *doubts.of_background(i),
                *of_map,
            ]
        found.append(joined(own))
    return found


def _contradicted(against: Contradiction | None) -> list[str]:
    if against is None:
        return []
    stated = f"{against.stated_nm:.3g}"
    if against.beside_others:
        seen = "thinner" if against.is_thinner else "thicker"
        return [UNLIKE_OTHERS(stated=stated, pairs=against.pairs, seen=seen)]
    seen = ranged(against.low_nm, against.high_nm)
    return [CONTRADICTED(stated=stated, pairs=against.pairs, seen=seen)]


def _uneven(evenness: Evenness | None, i: int) -> list[str]:
    if evenness is None or not evenness.told[i]:
        return []
    return [UNEVEN(number=f"{evenness.relative[i]:.2g}")]


@dataclass(frozen=True, eq=False)
class _Fits:
    """How well labels are fitted.

    Attributes
    ----------
    elements : list of str
    counted, nothing, poor : ndarray of bool, (labels,)
        Labels with counts, without a composition, and whose misfit is large.
    negative : ndarray of bool, (labels, elements)
    peaks : list of tuple of UnexplainedPeak
        That the model lacks in each label.
    unasked : mapping of str to ndarray, (labels,)
        Elements that are only fitted, and the part that they are of their counts and those that
        are quantified; 0 where it is not sure.
    """

    elements: list[str]
    counted: np.ndarray
    nothing: np.ndarray
    poor: np.ndarray
    negative: np.ndarray
    peaks: list[tuple[UnexplainedPeak, ...]]
    unasked: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, fit: Fit, composition: Composition, intensity_errors: np.ndarray) -> _Fits:
        x = composition.atomic_fractions
        nothing, poor = ~np.isfinite(x).all(axis=1), fit.misfit > POOR
        with np.errstate(invalid="ignore"):
            negative = x < -np.maximum(
                NEGATIVE_SIGMA * composition.atomic_errors_total, _LEAST_NEGATIVE
            )
        # A label without a composition may have lost it to a family below zero.
        areas = fit.intensities[:, : fit.model.n_quantified]
        return cls(
            elements=[family.element for family in fit.model.quantified],
            counted=fit.counts.sum(axis=1) != 0,
            nothing=nothing,
            poor=poor,
            negative=np.where(
                nothing[:, None], areas < -NEGATIVE_SIGMA * intensity_errors, negative
            ),
            peaks=_peaks_of_labels(fit, poor),
            unasked=_unasked(fit),
        )

    def fitted_only(self, i: int) -> list[str]:
        return [
            FITTED_ONLY(element=element, number=f"{100 * part[i]:.0f}")
            for element, part in self.unasked.items()
            if part[i] > (_LARGE_PART_OF_GRID if element in _GRID else _LARGE_PART)
        ]

    def poorly(self, i: int) -> list[str]:
        return [POOR_FIT()] if self.poor[i] or self.peaks[i] else []

    def wrong(self, i: int) -> list[str]:
        return [WRONG_MODEL(element=self.elements[j]) for j in np.flatnonzero(self.negative[i])]

    def other_peaks(self, i: int, told: Sequence[UnexplainedPeak]) -> list[str]:
        """Return remarks on the peaks that were not told."""
        return [
            UNEXPLAINED_PEAK(peak=str(peak))
            for peak in self.peaks[i]
            if all(abs(peak.energy_keV - other.energy_keV) > _SAME_PEAK_keV for other in told)
        ]


def _unasked(fit: Fit) -> dict[str, np.ndarray]:
    """Return the counts of each element that is only fitted, over these and the quantified."""
    n, families = fit.model.n_quantified, fit.model.families
    asked = {family.element for family in families[:n]}
    counts = np.maximum(fit.intensities, 0)
    quantified = [i for i, family in enumerate(families) if family.element in asked]
    others = np.maximum(counts[:, quantified].sum(axis=1), 1.0)
    found = {}
    for element in dict.fromkeys(f.element for f in families if f.element not in asked):
        places = [i for i, family in enumerate(families) if family.element == element]
        own = counts[:, places].sum(axis=1)
        variance = fit.covariance[:, places][:, :, places].sum(axis=(1, 2))
        found[element] = np.where(own > _SURE_PART * np.sqrt(variance), own / (own + others), 0.0)
    return found


def _peaks_of_labels(fit: Fit, poor: np.ndarray) -> list[tuple[UnexplainedPeak, ...]]:
    """Return the peaks that the model lacks in each label; none where the fit is good."""
    with np.errstate(invalid="ignore"):
        searched = poor | (fit.reduced_chi_squared > _GOOD_CHI_SQUARED)
    found: list[tuple[UnexplainedPeak, ...]] = [()] * len(searched)
    places = np.flatnonzero(searched).tolist()
    for done, i in enumerate(places):
        if done % _TOLD_LABELS == 0:
            tell(done, len(places), "looking for peaks that no line explains")
        expected = fit.expected_of(slice(i, i + 1))[0]
        found[i] = peaks_beside(fit.model, fit.counts[i], fit.alpha_areas[i], expected)
    return found


class _Doubts:
    """How sure the compositions of labels are.

    Parameters
    ----------
    composition : Composition
    elements : list of str
    bare, corrected : ndarray of bool, (labels,)
        Labels without a thickness in a map of it, and those whose absorption is corrected.
    unlike : ndarray of bool, (labels,)
        Labels whose background differs from that of the sum.
    """

    def __init__(
        self,
        composition: Composition,
        elements: list[str],
        *,
        bare: np.ndarray,
        corrected: np.ndarray,
        unlike: np.ndarray,
    ) -> None:
        self._elements, self._bare = elements, bare
        self._factors = composition.absorption_factors
        self._percent = 100 * composition.atomic_errors_total
        self._noisy = composition.atomic_errors_statistical.max(axis=1) > FEW_COUNTS_ERROR
        self._uncertain = _uncertain(composition)
        self._causes = _causes(composition, corrected)
        self._unlike = unlike

    def few_counts(self, i: int) -> list[str]:
        return ["few counts"] if self._noisy[i] else []

    def of_thickness(self, i: int) -> list[str]:
        """Say where absorption is not corrected, or of which elements hardly an X-ray leaves."""
        own = [f"thickness 0 nm in the map: {_UNCORRECTED}"] if self._bare[i] else []
        for element, factor in zip(self._elements, self._factors[i].tolist(), strict=True):
            if factor > STRONG_CORRECTION:
                number = f"{factor:.{0 if factor >= 10 else 1}f}"
                own.append(TOO_THICK(element=element, number=number))
        return own

    def uncertain(self, i: int) -> list[str]:
        return [
            UNCERTAIN(
                element=self._elements[j],
                number=f"{self._percent[i, j]:.2g}",
                cause=self._causes[i][j],
            )
            for j in np.flatnonzero(self._uncertain[i])
        ]

    def of_background(self, i: int) -> list[str]:
        """Say where a background of its own makes a label uncertain more than all else."""
        causes = [self._causes[i][j] for j in np.flatnonzero(self._uncertain[i])]
        told = self._unlike[i] and _CAUSES["background"] in causes
        return [OWN_BACKGROUND()] if told else []


def _uncertain(composition: Composition) -> np.ndarray:
    """Say which elements are in doubt for other reasons than counts, (labels, elements)."""
    x = composition.atomic_fractions
    counting = composition.atomic_error_parts["counting"]
    beyond = np.sqrt(np.maximum(composition.atomic_errors_total**2 - counting**2, 0))
    limit = UNCERTAIN_PART * np.where(x >= _MINOR, x, _MINOR * _MINOR_FACTOR)
    return np.asarray(beyond > limit + _OF_COUNTING * counting)


def _causes(composition: Composition, corrected: np.ndarray) -> list[list[str]]:
    """Name the largest part of each error beyond counting, [labels][elements].

    `corrected`, (labels,), says where absorption is.
    """
    parts = [part for part in composition.atomic_error_parts if part != "counting"]
    sizes = np.stack([composition.atomic_error_parts[part] for part in parts])
    largest = np.argmax(np.nan_to_num(sizes), axis=0)
    return [
        [_UNCORRECTED if parts[j] == "thickness" and not known else _CAUSES[parts[j]] for j in row]
        for row, known in zip(largest, corrected, strict=True)
    ]
