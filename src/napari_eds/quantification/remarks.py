"""What to beware of in a result: the same remarks in table, CSV, shell, window and account.

Remarks are judged on misfit relative to the lines and on errors beyond counting, so that they do
not come and go with the number of counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence, Set

import numpy as np

from napari_eds._support.numbers import counted
from napari_eds._support.progress import tell
from napari_eds.fitting.fit import Fit
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.preparation import Preparation
from napari_eds.fitting.refinement import SURE_SIGMA, relative_misfit
from napari_eds.fitting.unexplained import UnexplainedPeak, peaks_beside
from napari_eds.physics import lines as xray
from napari_eds.quantification.composition import Composition
from napari_eds.quantification.contradictions import beam_remarks, looks_bulk, table_remarks
from napari_eds.quantification.count_checks import count_remarks
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.acquisition import Acquisition

SEPARATOR = "; "
_PEAK, _NAMED, _POOR_FIT = "unexplained peak", "left out", "poor fit"
_POOR_SUM = f"{_POOR_FIT} of the sum"
_OUT_OF_RANGE = "no line in the range"
_OFF = "lines off their tables"
_NO_COUNTS, _NOTHING = "no counts", "nothing detected"
_WRONG_MODEL = "below zero: wrong model"

#: Counting error of an atomic fraction above which a label has too few counts.
FEW_COUNTS_ERROR = 0.1
#: A fit is poor where what it lacks for sure is this much, relative to the lines.
POOR_FIT = 0.02
#: An element is uncertain if its error beyond counting would make it wrong by some 5 % (of a
#: fraction below `_MINOR`, of `_MINOR` times `_MINOR_FACTOR`) and by so many errors of counting
#: more: what is less, the counting error covers, which is told beside it.
UNCERTAIN, _MINOR, _MINOR_FACTOR, _OF_COUNTING = 0.05, 0.05, 4.0, 1.5
#: Total errors by which an element, or its intensity, is below zero where the model must be wrong.
NEGATIVE_SIGMA = 3.0
#: An absorption correction above this factor rests on thickness and tables more than on counts.
STRONG_CORRECTION = 5.0
#: Up to this reduced chi-squared no peak can stand out of a label's fit.
_GOOD_CHI_SQUARED = 1.5
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
}
_METHODS = {"cliff_lorimer": "Cliff-Lorimer is", "zeta": "zeta-factors are"}
_UNCORRECTED = "absorption not corrected"
_TOO_THICK = "too thick for it"
#: Remarks whose numbers differ from label to label, and how they are summed up by element.
_WITH_NUMBERS = {
    re.compile(r"(?P<element>\w+) (?P<size>± \S+ at\.%) \((?P<cause>.+)\)"): "Uncertain ({cause})",
    re.compile(
        rf"absorption correction of (?P<element>\w+) (?P<size>x \S+): {_TOO_THICK}"
    ): "Too thick for an absorption correction",
}


def map_remarks(
    preparation: Preparation,
    total: np.ndarray,
    recipe: Recipe,
    acquisition: Acquisition,
    k_factors: KFactorTable,
) -> tuple[str, ...]:
    """Return what to beware of in all labels alike.

    Parameters
    ----------
    preparation : Preparation
    total : ndarray, (channels of the fit,)
        Summed counts.
    recipe : Recipe
    acquisition : Acquisition
    k_factors : KFactorTable
        The table that was used.
    """
    model = preparation.model
    found = beam_remarks(acquisition, model.beam_energy_keV)
    if looks_bulk(acquisition, model.beam_energy_keV):
        found.append(f"bulk specimen: {_METHODS[recipe.method]} for thin foils")
    what = "zeta-factors" if recipe.method == "zeta" else "k-factors"
    found += table_remarks(k_factors, model.beam_energy_keV, model.quantified, what=what)
    if preparation.calibration.at_bound:
        found.append(f"{' and '.join(preparation.calibration.at_bound)} of the axis at its bound")
    found += count_remarks(preparation, total)
    found += left_out(preparation, recipe, acquisition)
    elements = [family.element for family in model.quantified]
    if len(elements) == 1 and recipe.method != "zeta":
        found.append("one element alone is always 100 %")
    if "C" in elements:
        found.append("C of a film or of contamination counts as specimen")
    if recipe.engine == "poisson" and total.sum() > 0:
        fitted = preparation.sum_fit
        lines = model.counts_of_lines(fitted.coefficients[: len(model.families)])
        misfit = relative_misfit(total, fitted.expected, lines, beyond_sigma=SURE_SIGMA)
        if misfit > POOR_FIT:
            found.append(_POOR_SUM)
    return tuple(found)


def left_out(preparation: Preparation, recipe: Recipe, acquisition: Acquisition) -> list[str]:
    """Return what speaks for elements that are not in the model.

    Their peaks, the file, and lines of others that took their place.

    Parameters
    ----------
    preparation : Preparation
    recipe : Recipe
    acquisition : Acquisition
    """
    found = [f"{_PEAK} at {peak}" for peak in preparation.unexplained]
    if preparation.refinement.impossible:
        found.append(f"{_OFF}: {' '.join(preparation.refinement.impossible)}")
    asked = {name.partition("_")[0] for name in (*recipe.elements, *recipe.fit_only)}
    seen, unseen = _named_only(preparation.model, acquisition.elements, asked)
    for reason, symbols in ((_NAMED, seen), (_OUT_OF_RANGE, unseen)):
        if symbols:
            found.append(f"{reason}, though the file names it: {' '.join(symbols)}")
    return found


def _named_only(
    model: SpectralModel, elements: Sequence[str], asked: Set[str]
) -> tuple[list[str], list[str]]:
    """Return elements that are not in a model: with a line in its range, and without.

    Of those without, what was asked for is left out: the account says that it has no line.
    """
    known = {family.element for family in model.families}
    low, high = model.energy.energies_keV[[0, -1]]
    high = min(high, model.beam_energy_keV)
    seen: list[str] = []
    unseen: list[str] = []
    for symbol in dict.fromkeys(elements):
        if symbol not in xray.element_symbols() or symbol in known:
            continue
        alphas = (xray.family(symbol, letter).alpha for letter in xray.families_of(symbol))
        if any(low < alpha.energy_keV < high for alpha in alphas):
            seen.append(symbol)
        elif symbol not in asked:
            unseen.append(symbol)
    return seen, unseen


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


def _other_peaks(peaks: Sequence[UnexplainedPeak], told: Sequence[UnexplainedPeak]) -> list[str]:
    """Return remarks on the peaks that were not told."""
    return [
        f"{_PEAK} at {peak}"
        for peak in peaks
        if all(abs(peak.energy_keV - other.energy_keV) > _SAME_PEAK_keV for other in told)
    ]


def label_remarks(  # noqa: PLR0913 - keyword-only ones belong together
    fit: Fit,
    composition: Composition,
    of_map: tuple[str, ...],
    *,
    intensity_errors: np.ndarray,
    absorption_is_corrected: bool,
    bare: np.ndarray | None = None,
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
    peaks : sequence of UnexplainedPeak
        Those that the remarks of the map tell already. Labels are searched for others, which the
        sum of all labels may not show; one that has any is fitted poorly.
    """
    no_counts = fit.counts.sum(axis=1) == 0
    nothing = ~np.isfinite(composition.atomic_fractions).all(axis=1)
    noisy = composition.atomic_errors_statistical.max(axis=1) > FEW_COUNTS_ERROR
    poor = fit.misfit > POOR_FIT
    of_labels = _peaks_of_labels(fit, poor)
    elements = [family.element for family in fit.model.quantified]
    if bare is None:
        bare = np.zeros(len(fit.counts), bool)
    causes = _causes(composition, ~bare & absorption_is_corrected)
    uncertain = _uncertain(composition)
    with np.errstate(invalid="ignore"):
        negative = composition.atomic_fractions < -NEGATIVE_SIGMA * composition.atomic_errors_total
    # A label without a composition may have lost it to a family below zero.
    areas = fit.intensities[:, : fit.model.n_quantified]
    negative = np.where(nothing[:, None], areas < -NEGATIVE_SIGMA * intensity_errors, negative)
    # Of a single label, the sum says no more than the label itself.
    is_told = len(fit.counts) == 1 and _POOR_SUM in of_map
    found = []
    for i in range(len(fit.counts)):
        poorly = [_POOR_FIT] * (not is_told and bool(poor[i] or of_labels[i]))
        wrong = [f"{elements[j]} {_WRONG_MODEL}" for j in np.flatnonzero(negative[i])]
        if no_counts[i] or nothing[i]:
            own = [_NOTHING, *wrong, *poorly, *_other_peaks(of_labels[i], ())]
            found.append(_NO_COUNTS if no_counts[i] else SEPARATOR.join(own))
            continue
        own = ["few counts"] * bool(noisy[i]) + poorly + _other_peaks(of_labels[i], peaks)
        own += wrong
        own += [f"thickness 0 nm in the map: {_UNCORRECTED}"] * bool(bare[i])
        own += _too_thick(elements, composition.absorption_factors[i])
        own += [
            f"{elements[j]} ± {100 * composition.atomic_errors_total[i, j]:.2g} at.% "
            f"({causes[i][j]})"  # read again by _WITH_NUMBERS
            for j in np.flatnonzero(uncertain[i])
        ]
        found.append(SEPARATOR.join([*own, *of_map]))
    return found


def shared_remarks(remarks: Sequence[str]) -> tuple[str, ...]:
    """Return the remarks that all labels share, in their order; labels without counts aside.

    Parameters
    ----------
    remarks : sequence of str
        Of each label, joined as `label_remarks` joins them.
    """
    every = [text.split(SEPARATOR) for text in remarks]
    told = [own for own in every if own[0] not in {_NO_COUNTS, _NOTHING}]
    return tuple(r for r in told[0] if r and all(r in own for own in told)) if told else ()


def left_out_lines(remarks: Sequence[str], *, shared: bool = True) -> list[str]:
    """Say which labels look as if elements had been left out, in sentences for shell and window.

    Parameters
    ----------
    remarks : sequence of str
        Of each label, joined as `label_remarks` joins them.
    shared : bool
        Whether to say also what all labels share.
    """
    by_all = shared_remarks(remarks)
    kinds = (_PEAK, _NAMED, _OUT_OF_RANGE, _OFF, _POOR_FIT)
    lines = [f"All labels: {r}." for r in by_all if shared and r.startswith(kinds)]
    own = [[r for r in text.split(SEPARATOR) if r not in by_all] for text in remarks]
    for kind, words in ((_PEAK, "a peak that no element explains"), (_POOR_FIT, "a poor fit")):
        n = sum(any(r.startswith(kind) for r in told) for told in own)
        if n:
            lines.append(f"{n} of {len(own)} labels: {words}; the column of remarks says which.")
    return lines


def uncertain_lines(remarks: Sequence[str]) -> list[str]:
    """Say by cause which elements are uncertain, in how many labels and by how much at most.

    Of an absorption correction that is too strong, by what intensities were multiplied.

    Each label has its own numbers, which are no news label by label where one cause, as a
    thickness that is not known, makes them all.

    Parameters
    ----------
    remarks : sequence of str
        Of each label, joined as `label_remarks` joins them.
    """
    by_cause: dict[str, dict[str, list[str]]] = {}
    for text in remarks:
        for remark in text.split(SEPARATOR):
            for form, words in _WITH_NUMBERS.items():
                found = form.fullmatch(remark)
                if found is not None:
                    told = found.groupdict()
                    by_element = by_cause.setdefault(words.format(**told), {})
                    by_element.setdefault(told["element"], []).append(told["size"])
    of_all = counted(len(remarks), "label")
    return [
        f"{words}, at most: "
        + ", ".join(
            f"{element} {max(sizes, key=_number)} in {len(sizes)}"
            for element, sizes in by_element.items()
        )
        + f" of {of_all}."
        for words, by_element in by_cause.items()
    ]


def _number(size: str) -> float:
    """Return the number in ``± 8.8 at.%`` or ``x 12``."""
    return float(size.split()[1])


def _odd_lines(remarks: Sequence[str]) -> list[str]:
    """Say in how many labels nothing is detected or the model must be wrong, and of what."""
    told = [text.split(SEPARATOR) for text in remarks]
    n = sum(own[0] == _NOTHING for own in told)
    lines = [f"{n} of {counted(len(told), 'label')}: {_NOTHING}, no composition."] if n else []
    wrong = Counter(r for own in told for r in own if r.endswith(_WRONG_MODEL))
    return lines + [f"{n} of {counted(len(told), 'label')}: {r}." for r, n in wrong.items()]


def summary_lines(remarks: Sequence[str]) -> list[str]:
    """Say what all labels share, what makes elements uncertain, and which labels are odd.

    Those are the ones that look as if elements had been left out, or hold none.

    Parameters
    ----------
    remarks : sequence of str
        Of each label, joined as `label_remarks` joins them.
    """
    shared = shared_remarks(remarks)
    lines = [f"All labels: {SEPARATOR.join(shared)}."] if shared else []
    lines += uncertain_lines(_without(remarks, shared))
    return lines + _odd_lines(_without(remarks, shared)) + left_out_lines(remarks, shared=False)


def _without(remarks: Sequence[str], shared: Sequence[str]) -> list[str]:
    """Return the remarks on each label but for those that all share."""
    every = (text.split(SEPARATOR) for text in remarks)
    return [SEPARATOR.join(r for r in own if r not in shared) for own in every]


def is_described(remarks: str) -> bool:
    """Whether nothing in the remarks on a label speaks against the elements of the recipe."""
    return not any(
        remark.startswith((_PEAK, _OFF, _POOR_FIT)) or remark.endswith(_WRONG_MODEL)
        for remark in remarks.split(SEPARATOR)
    )


def _uncertain(composition: Composition) -> np.ndarray:
    """Say which elements are in doubt for other reasons than counts, (labels, elements)."""
    x = composition.atomic_fractions
    counting = composition.atomic_error_parts["counting"]
    beyond = np.sqrt(np.maximum(composition.atomic_errors_total**2 - counting**2, 0))
    limit = UNCERTAIN * np.where(x >= _MINOR, x, _MINOR * _MINOR_FACTOR)
    return np.asarray(beyond > limit + _OF_COUNTING * counting)


def _too_thick(elements: Sequence[str], factors: np.ndarray) -> list[str]:
    """Name elements whose X-rays hardly leave a label, by their absorption factors."""
    return [
        f"absorption correction of {element} x {factor:.{0 if factor >= 10 else 1}f}: {_TOO_THICK}"
        for element, factor in zip(elements, factors.tolist(), strict=True)
        if factor > STRONG_CORRECTION
    ]


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
