"""Colours of curves that can be read."""

import pytest

from napari_eds._napari.spectrum.colors import contrast, label_color, readable


def test_colors_can_be_read_on_any_background():
    for background in ("#262930", "#ffffff", "#808080", "#000000"):
        for color in ("#000000", "#ffffff", "#0072b2", "#56b4e9", "#7f7f7f"):
            assert contrast(readable(color, background), background) >= 3
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert readable("#56b4e9", "#000000") == "#56b4e9"
    assert label_color((1, 0, 0, 1), 1, "#ffffff") == "#ff0000"
    assert label_color((1, 0, 0, 0.1), 1, "#ffffff") != "#ff0000"
    assert label_color((0.0, 0, 0.4, 1), 1, "#00003f") != "#000066"
