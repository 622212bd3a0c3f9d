"""Remarks that all labels share."""

import pytest

from napari_eds.quantification.remarks import shared_remarks

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
