"""What is said and chosen after a search for elements that a result lacks."""

from dataclasses import replace

import pytest

from napari_eds._napari.quantify.missing import offer, outcome
from napari_eds._napari.state.element_choice import FIT_ONLY, QUANTIFY, ElementChoice
from napari_eds.elements.proposals import Proposal
from napari_eds.fitting.unexplained import UnexplainedPeak
from napari_eds.physics import lines as xray

PLATINUM = UnexplainedPeak(2.06, 0.1, ("Pt",))
PRESENT = (ElementChoice("Fe"), ElementChoice("O"))


@pytest.fixture
def proposal():
    """Function that proposes an element by its K lines."""
    nickel = Proposal(
        element="Ni",
        family="K",
        line=xray.family("Ni", "K").alpha,
        z=30.0,
        counts=1000.0,
        counts_error=33.0,
        share=0.1,
        overlaps=(),
        system=False,
        certain=True,
        doubt="",
        evidence="",
    )
    return lambda **changes: replace(nickel, **changes)


def test_the_button_names_the_likeliest_of_each_peak_once():
    peaks = (
        PLATINUM,
        UnexplainedPeak(9.44, 0.05, ("Pt", "Zn")),
        UnexplainedPeak(0.93, 0.01, ("Cu", "Nd")),
        UnexplainedPeak(3.3, 0.01, ()),
    )
    assert offer(peaks) == "Add Pt, Cu…"
    assert offer(peaks[3:]) == "Find missing elements…"


def test_what_is_certain_is_added_in_its_role_and_the_rest_stays(proposal):
    copper = proposal(element="Cu", system=True)
    doubtful = proposal(element="Co", certain=False, doubt="it overlaps")
    known = proposal(element="Fe", system=True)
    found = outcome(PRESENT, (proposal(), copper, doubtful, known), ())
    added = (ElementChoice("Ni", QUANTIFY), ElementChoice("Cu", FIT_ONLY))
    assert found.elements == (*PRESENT, *added)
    assert found.news.startswith("Added to quantify: Ni; to fit only: Cu.")


def test_where_nothing_is_certain_the_candidates_are_named(proposal):
    doubtful = proposal(element="Co", certain=False, doubt="it overlaps")
    found = outcome(PRESENT, (doubtful, proposal(element="Fe")), (PLATINUM,))
    assert found.elements == PRESENT
    assert "no further element is certain" in found.news
    assert "Co (it overlaps); Pt at 2.06 keV" in found.news


def test_what_was_chosen_since_is_not_named_again(proposal):
    present = (*PRESENT, ElementChoice("Pt"))
    found = outcome(present, (proposal(element="Pt"),), (PLATINUM,))
    assert found.elements == present
    assert "all elements found are chosen" in found.news
