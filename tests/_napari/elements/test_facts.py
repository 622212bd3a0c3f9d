"""What the periodic table knows without a map."""

from napari_eds._napari.elements.facts import N_COLUMNS, N_ROWS, NAMES, place_of
from napari_eds._support import hyperspy
from napari_eds.physics import lines as xray


def test_the_periodic_table_is_that_of_chemists():
    places = {symbol: place_of(number) for number, symbol in enumerate(NAMES, start=1)}
    assert len(set(places.values())) == len(places) == 118
    assert all(r < N_ROWS and c < N_COLUMNS for r, c in places.values())
    # Groups stand below each other.
    for group in ("H Li Na K Rb Cs Fr", "B Al Ga In Tl Nh", "Sc Y", "Fe Ru Os Hs", "He Ne Rn Og"):
        assert len({places[symbol][1] for symbol in group.split()}) == 1
    assert places["Ce"] == (7, 3)
    assert places["U"] == (8, 5)
    british = {"aluminum": "aluminium", "cesium": "caesium", "sulphur": "sulfur"}
    for symbol in xray.element_symbols():
        assert list(NAMES).index(symbol) + 1 == xray.atomic_number(symbol)
        name = str(hyperspy.exspy().material.elements[symbol].General_properties.name)
        assert NAMES[symbol] == british.get(name, name)
