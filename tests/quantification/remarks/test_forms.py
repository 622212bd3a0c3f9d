"""Remarks that are read back, by what wrote them."""

import pytest

from napari_eds.quantification.remarks import forms
from napari_eds.quantification.remarks.forms import Form, joined, split

FORMS = [form for form in vars(forms).values() if isinstance(form, Form)]


def remark_of(form):
    """Return a remark of a form, and its parts."""
    given = {
        "peak": "2.06 keV (9.2 % of the lines: Pt or Ir?)",
        "families": "Ti_La Sr_La",
        "elements": "Pt O",
        "element": "La",
        "number": "8.8",
        "stated": "50",
        "pairs": "Ti L/K, La M/L",
        "cause": "absorption not corrected",
        "seen": "250 to 310",
    }
    parts = {name: text for name, text in given.items() if f"{{{name}}}" in form.template}
    return form(**parts), parts


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.template)
def test_a_remark_is_known_by_its_own_form_alone(form):
    remark, parts = remark_of(form)
    assert form.parts_of(remark) == parts
    assert [other for other in FORMS if other.fits(remark)] == [form]


def test_remarks_are_taken_apart_as_they_were_joined():
    remarks = [remark_of(form)[0] for form in FORMS]
    assert split(joined(remarks)) == remarks
    assert split(joined([])) == [""]


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (248.0, 312.0, "250 to 310"),
        (0.0, 25.4, "less than 25"),
        (1234.0, float("inf"), "more than 1200"),
        (60.1, 60.2, "60"),
    ],
)
def test_ranges_are_read_back(low, high, text):
    assert forms.ranged(low, high) == text
    again = forms.range_of(text)
    assert again == pytest.approx((low, high), rel=0.05)
