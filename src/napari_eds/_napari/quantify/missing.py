"""Elements that a result lacks: peaks of its sum that no line explains, and who they may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from napari_eds._napari.state.element_choice import (
    FIT_ONLY,
    QUANTIFY,
    ElementChoice,
    certain_choices,
    with_added,
)
from napari_eds._support.progress import Progress
from napari_eds.elements.proposals import Proposal, search_elements
from napari_eds.quantification.result import Quantification

if TYPE_CHECKING:
    from napari_eds.fitting.unexplained import UnexplainedPeak

#: Elements that are named on a button.
_NAMED = 3


class Outcome(NamedTuple):
    """What came of a search: the elements to choose from now on, and what is to be said."""

    elements: tuple[ElementChoice, ...]
    news: str


def offer(peaks: tuple[UnexplainedPeak, ...]) -> str:
    """Name on a button who may be missing, the likeliest of the largest peaks first."""
    likely = list(dict.fromkeys(peak.elements[0] for peak in peaks if peak.elements))
    return f"Add {', '.join(likely[:_NAMED])}…" if likely else "Find missing elements…"


def search(result: Quantification, progress: Progress) -> tuple[Proposal, ...]:
    """Find the elements of all labels of a result together.

    Raises
    ------
    EDSError
        As `search_elements` does.
    """
    image = result.image
    return search_elements(
        image.energy,
        result.label_spectra.total(),
        image.acquisition,
        beam_energy_keV=result.recipe.beam_energy_keV,
        progress=progress,
    ).proposals


def outcome(
    present: tuple[ElementChoice, ...],
    proposals: tuple[Proposal, ...],
    peaks: tuple[UnexplainedPeak, ...],
) -> Outcome:
    """Add what is certain to the chosen elements; where nothing is, name the candidates.

    Parameters
    ----------
    present : tuple of ElementChoice
        What is chosen now, which stays as it is.
    proposals : tuple of Proposal
    peaks : tuple of UnexplainedPeak
        Of the result.
    """
    elements = with_added(present, certain_choices(proposals))
    added = elements[len(present) :]
    if added:
        told = [
            f"{words} {', '.join(c.symbol for c in added if c.role == role)}"
            for role, words in ((QUANTIFY, "to quantify:"), (FIT_ONLY, "to fit only:"))
            if any(c.role == role for c in added)
        ]
        return Outcome(elements, f"Added {'; '.join(told)}. Quantify again to use them.")
    candidates = _candidates({c.symbol for c in present}, proposals, peaks)
    if candidates:
        return Outcome(
            elements,
            "Nothing was added: no further element is certain. Candidates are "
            f"{'; '.join(candidates)}. Choose under Elements and k-factors…",
        )
    return Outcome(
        elements, "Nothing was added: all elements found are chosen. Quantify again to use them."
    )


def _candidates(
    chosen: set[str], proposals: tuple[Proposal, ...], peaks: tuple[UnexplainedPeak, ...]
) -> list[str]:
    """Name what is only suggested, and who has an alpha line where a peak is."""
    suggested = [
        f"{p.element} ({p.doubt})" for p in proposals if not p.certain and p.element not in chosen
    ]
    near = [
        f"{' or '.join(others)} at {peak.energy_keV:.2f} keV"
        for peak in peaks
        # A peak of what was chosen since is explained by it.
        if (others := peak.elements) and not chosen & set(others)
    ]
    return [*suggested, *near]
