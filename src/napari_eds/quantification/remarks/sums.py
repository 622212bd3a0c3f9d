"""What the remarks on all labels come to, for window, shell and reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from napari_eds._support.numbers import counted
from napari_eds.quantification.remarks.forms import (
    CONTRADICTED,
    FITTED_ONLY,
    LEFT_OUT,
    LINES_OFF,
    NO_COUNTS,
    NOTHING,
    OUT_OF_RANGE,
    POOR_FIT,
    POOR_SUM,
    TOO_THICK,
    UNCERTAIN,
    UNEVEN,
    UNEXPLAINED_PEAK,
    UNLIKE_OTHERS,
    WRONG_MODEL,
    Form,
    fits_any,
    joined,
    range_of,
    ranged,
    split,
)

_POORLY = (POOR_FIT, POOR_SUM)
#: Forms whose numbers differ from label to label, and how they are summed up: a heading, and the
#: number of each element.
_WITH_NUMBERS = {
    UNCERTAIN: ("Uncertain ({cause})", "± {number} at.%"),
    TOO_THICK: ("Too thick for an absorption correction", "x {number}"),
    FITTED_ONLY: ("Much is only fitted", "{number} %"),
}


def shared_remarks(remarks: Sequence[str]) -> tuple[str, ...]:
    """Return the remarks that all labels share, in their order; labels without counts aside.

    Parameters
    ----------
    remarks : sequence of str
        Of each label, joined as `label_remarks` joins them.
    """
    every = [split(text) for text in remarks]
    told = [own for own in every if not fits_any(own[0], (NO_COUNTS, NOTHING))]
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
    forms = (UNEXPLAINED_PEAK, LEFT_OUT, OUT_OF_RANGE, LINES_OFF, *_POORLY)
    lines = [f"All labels: {r}." for r in by_all if shared and fits_any(r, forms)]
    own = [set(split(text)).difference(by_all) for text in remarks]
    every = set().union(*own)
    for kind, words in (
        ((UNEXPLAINED_PEAK,), "a peak that no element explains"),
        (_POORLY, "a poor fit"),
    ):
        of_kind = {r for r in every if fits_any(r, kind)}
        n = sum(not of_kind.isdisjoint(told) for told in own)
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
    numbers: dict[tuple[str, str], dict[str, list[str]]] = {}
    for remark in (r for text in remarks for r in split(text)):
        for form, (heading, size) in _WITH_NUMBERS.items():
            told = form.parts_of(remark)
            if told is not None:
                by_element = numbers.setdefault((heading.format(**told), size), {})
                by_element.setdefault(told["element"], []).append(told["number"])
    return [
        f"{heading}, at most: "
        + ", ".join(
            f"{element} {size.format(number=max(found, key=float))} in {len(found)}"
            for element, found in by_element.items()
        )
        + f" of {counted(len(remarks), 'label')}."
        for (heading, size), by_element in numbers.items()
    ]


def summary_lines(remarks: Sequence[str]) -> list[str]:
    """Say what all labels share, what makes elements uncertain, and which labels are odd.

    Those are the ones that look as if elements had been left out, or hold none.

    Parameters
    ----------
    remarks : sequence of str
        Of each label, joined as `label_remarks` joins them.
    """
    shared = shared_remarks(remarks)
    lines = [f"All labels: {joined(shared)}."] if shared else []
    own = _without(remarks, shared)
    return [
        *lines,
        *uncertain_lines(own),
        *thickness_lines(own),
        *_odd_lines(own),
        *left_out_lines(remarks, shared=False),
    ]


def thickness_lines(remarks: Sequence[str]) -> list[str]:
    """Say in how many labels soft families or X-rays per pixel contradict the thickness.

    Parameters
    ----------
    remarks : sequence of str
        Of each label, joined as `label_remarks` joins them.
    """
    of_all = counted(len(remarks), "label")
    contradicted = _told(remarks, CONTRADICTED)
    lines = []
    if contradicted:
        lows, highs = zip(*(range_of(parts["seen"]) for parts in contradicted), strict=True)
        lines.append(
            f"{len(contradicted)} of {of_all}: thickness contradicted by the ratios of "
            f"{_pairs(contradicted)}, which look like {ranged(min(lows), max(highs))} nm."
        )
    unlike = _told(remarks, UNLIKE_OTHERS)
    if unlike:
        seen = " or ".join(dict.fromkeys(parts["seen"] for parts in unlike))
        lines.append(
            f"{len(unlike)} of {of_all}: thickness contradicted beside others by "
            f"{_pairs(unlike)}, which look {seen}."
        )
    return lines + _uneven_lines(_told(remarks, UNEVEN), of_all)


def _uneven_lines(told: Sequence[dict[str, str]], of_all: str) -> list[str]:
    if not told:
        return []
    numbers = sorted({parts["number"] for parts in told}, key=float)
    spread = " to ".join(dict.fromkeys((numbers[0], numbers[-1])))
    return [f"{len(told)} of {of_all}: {UNEVEN(number=spread)}."]


def _told(remarks: Sequence[str], form: Form) -> list[dict[str, str]]:
    """Return the parts of all remarks of a form."""
    told = [form.parts_of(remark) for text in remarks for remark in split(text)]
    return [parts for parts in told if parts is not None]


def _pairs(told: Sequence[dict[str, str]]) -> str:
    """Name the pairs of families of several remarks, each once."""
    return ", ".join(dict.fromkeys(p for parts in told for p in parts["pairs"].split(", ")))


def _without(remarks: Sequence[str], shared: Sequence[str]) -> list[str]:
    """Return the remarks on each label but for those that all share."""
    return [joined(r for r in split(text) if r not in shared) for text in remarks]


def _odd_lines(remarks: Sequence[str]) -> list[str]:
    """Say in how many labels nothing is detected or the model must be wrong, and of what."""
    told = [split(text) for text in remarks]
    of_all = counted(len(told), "label")
    n = sum(NOTHING.fits(own[0]) for own in told)
    lines = [f"{n} of {of_all}: {NOTHING()}, no composition."] if n else []
    wrong = Counter(r for own in told for r in own if WRONG_MODEL.fits(r))
    return lines + [f"{n} of {of_all}: {r}." for r, n in wrong.items()]


def is_described(remarks: str) -> bool:
    """Whether nothing in the remarks on a label speaks against the elements of the recipe."""
    against = (UNEXPLAINED_PEAK, LINES_OFF, *_POORLY, WRONG_MODEL)
    return not any(fits_any(remark, against) for remark in split(remarks))
