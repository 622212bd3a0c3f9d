"""What is known of elements before a spectrum is looked at."""

import pytest

import napari_eds as eds
from napari_eds.elements import prior
from napari_eds.physics import lines as xray


def test_lists_name_elements_and_none_in_two_of_them():
    lists = (prior.COMMON, prior.NOBLE_GASES, prior.UNSTABLE)
    assert sum(map(len, lists)) == len(frozenset().union(*lists))
    # Helium has no line that eXSpy knows.
    assert frozenset().union(*lists) - {"He"} <= set(xray.element_symbols())
    assert not prior.NOT_SOUGHT & (prior.COMMON | {"Ar"})


@pytest.mark.parametrize(
    ("signal_type", "beam_energy_keV", "foil"),
    [
        # What a program calls its files says less than the beam.
        ("STEM", 30.0, False),
        ("SEM", 200.0, True),
        (None, 40.0, True),
        (None, 39.0, False),
        (None, None, True),
        ("STEM", None, True),
        ("SEM", None, False),
    ],
)
def test_foil_or_bulk(signal_type, beam_energy_keV, foil):
    acquisition = eds.Acquisition(signal_type)
    assert acquisition.is_foil(beam_energy_keV) is foil


@pytest.mark.parametrize(
    ("element", "foil", "share", "system"),
    [
        ("Cu", True, 0.9, True),
        ("Cu", False, 0.01, False),
        ("Pt", True, 0.1, True),
        ("Pt", True, 0.3, False),
        ("Pt", False, 0.1, True),
        ("Ga", True, 0.3, False),
        ("Ga", True, None, True),
        ("Si", True, 0.1, True),
        ("Si", True, None, False),
        ("Fe", True, 0.001, False),
        ("Fe", True, None, False),
    ],
)
def test_system_elements(element, foil, share, system):
    assert prior.is_system(element, foil=foil, share=share) is system
