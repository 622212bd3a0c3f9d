"""Names of layers that fit into napari's list."""

import numpy as np
import pytest
from napari.layers import Image

from napari_eds._napari.state.names import FULL_NAME, layer_name, shortened, tell_full_name


@pytest.mark.parametrize("of", ["LFO", "20260412_lamella-03_SI_0017", "x" * 200, ""])
@pytest.mark.parametrize("what", ["HAADF", "X-ray counts", "all counts", "Electron image 17, SE"])
def test_names_fit_and_begin_with_what_a_layer_is(what, of):
    name = layer_name(what, of)
    assert len(name) <= 25
    assert name[:4] == what[:4]
    assert name.endswith(of[-4:])


def test_short_names_are_whole():
    assert layer_name("X-ray counts", "LFO_STO_96") == "X-ray counts · LFO_STO_96"


@pytest.mark.parametrize("most", range(3, 12))
def test_a_shortened_text_keeps_both_ends(most):
    text = shortened("0123456789", most)
    assert len(text) <= most
    assert text == "0123456789" or (text[0], text[-1]) == ("0", "9")


def test_the_tooltip_tells_the_whole_name():
    layer = Image(
        np.ones((2, 2)), name="X-ray counts · 2026…_0017", metadata={FULL_NAME: "2026_a_0017"}
    )
    tell_full_name(layer)
    assert layer.get_source_str().splitlines()[0] == "2026_a_0017"
