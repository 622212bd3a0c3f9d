"""What the remarks on all labels come to."""

import pytest

from napari_eds.quantification.remarks.forms import UNEVEN
from napari_eds.quantification.remarks.sums import shared_remarks, summary_lines

PEAK, POOR = "unexplained peak at 2.06 keV (9.2 % of the lines: Pt?)", "poor fit of the sum"


@pytest.mark.parametrize(
    ("remarks", "shared"),
    [
        ([], ()),
        (["", ""], ()),
        ([f"few counts; {PEAK}; {POOR}", f"{PEAK}; {POOR}"], (PEAK, POOR)),
        ([f"{PEAK}; {POOR}", PEAK], (PEAK,)),
        # Labels that hold nothing say nothing of what the others share.
        (["no counts", f"few counts; {PEAK}", PEAK, "nothing detected"], (PEAK,)),
        (["no counts", "nothing detected"], ()),
        ([PEAK, ""], ()),
    ],
)
def test_what_all_labels_share_is_told_once_and_in_order(remarks, shared):
    assert shared_remarks(remarks) == shared


def test_errors_of_one_cause_are_told_once_for_all_labels():
    remarks = [
        "few counts; O ± 8.8 at.% (absorption not corrected); La ± 4 at.% (k-factors); one",
        "O ± 12 at.% (absorption not corrected); one",
        "nothing detected; N below zero: wrong model",
        "absorption correction of O x 6.3: too thick for it; one",
        "O below zero: wrong model; absorption correction of O x 12: too thick for it; one",
    ]
    assert summary_lines(remarks) == [
        "All labels: one.",
        "Uncertain (absorption not corrected), at most: O ± 12 at.% in 2 of 5 labels.",
        "Uncertain (k-factors), at most: La ± 4 at.% in 1 of 5 labels.",
        "Too thick for an absorption correction, at most: O x 12 in 2 of 5 labels.",
        "1 of 5 labels: nothing detected, no composition.",
        "1 of 5 labels: N below zero: wrong model.",
        "1 of 5 labels: O below zero: wrong model.",
    ]


def test_thicknesses_that_are_contradicted_are_summed_up():
    remarks = [
        "thickness 50 nm contradicted by Ti L/K: they look like 250 to 310 nm; one",
        "one",
        "thickness 55 nm contradicted by V L/K, Ti L/K: they look like less than 95 nm; one",
        "thickness 50 nm unlike other labels by La M/L: they look thicker; one",
        UNEVEN(number="0.3") + "; one",
        UNEVEN(number="1.8") + "; one",
    ]
    assert summary_lines(remarks) == [
        "All labels: one.",
        (
            "2 of 6 labels: thickness contradicted by the ratios of Ti L/K, V L/K, which look "
            "like less than 310 nm."
        ),
        "1 of 6 labels: thickness contradicted beside others by La M/L, which look thicker.",
        f"2 of 6 labels: {UNEVEN(number='0.3 to 1.8')}.",
    ]


def test_what_a_single_label_says_is_not_said_twice():
    remark = "O ± 8.8 at.% (thickness)"
    assert summary_lines([remark]) == [f"All labels: {remark}."]
