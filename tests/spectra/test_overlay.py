"""Overlays and the maximum-pixel spectrum."""

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.spectra.maximum import save_maximum_spectrum


def test_colours_add_up_where_maps_overlap():
    left, top = np.zeros((4, 4)), np.zeros((4, 4))
    left[:, :2], top[:2] = 10, 5
    found = eds.overlay(
        {"A": left, "B": top}, {"A": "#ff0000", "B": "#0000ff"}, {"A": (0, 10), "B": (0, 5)}
    )
    assert found.rgb[0, 0].tolist() == [255, 0, 255]
    assert found.rgb[3, 0].tolist() == [255, 0, 0]
    assert found.rgb[0, 3].tolist() == [0, 0, 255]
    assert found.rgb[3, 3].tolist() == [0, 0, 0]
    assert found.legend() == ["A #ff0000: 0 to 10", "B #0000ff: 0 to 5"]


def test_pixels_without_a_value_are_black():
    data = np.full((3, 3), np.nan)
    data[0] = 2
    assert eds.overlay({"A": data}).rgb[2].tolist() == [[0, 0, 0]] * 3


def test_black_is_where_there_is_nothing():
    data = np.linspace(45, 60, 101)[None].repeat(2, axis=0)
    found = eds.overlay({"O": data}, {"O": "#0000ff"})
    assert found.limits["O"] == (0, pytest.approx(np.percentile(data, 99)))
    assert found.rgb[..., 2].min() == pytest.approx(255 * 45 / found.limits["O"][1], abs=1)
    assert eds.overlay({"Pt": -data}).limits["Pt"] == (0, 1)


@pytest.mark.parametrize(
    ("maps", "colors", "words"),
    [
        ({}, None, "a map at least"),
        ({"A": np.ones((2, 2)), "B": np.ones((3, 3))}, None, "different shapes"),
        ({"A": np.ones((2, 2))}, {"A": "red"}, "written as #ff0000"),
        ({str(i): np.ones((2, 2)) for i in range(9)}, None, "told apart"),
    ],
)
def test_what_cannot_be_overlaid_is_refused(maps, colors, words):
    with pytest.raises(eds.EDSError, match=words):
        eds.overlay(maps, colors)


def test_the_legend_is_in_the_saved_picture(tmp_path):
    found = eds.overlay({"La": np.eye(5), "Ti": np.ones((5, 5))})
    path = eds.save_overlay(found, tmp_path / "overlay.svg", (0.5, 0.5), "nm")
    assert path.stat().st_size > 3000


def test_the_maximum_spectrum_shows_what_one_pixel_holds(tmp_path):
    counts = np.random.default_rng(0).poisson(0.3, (12, 15, 40))
    counts[4, 7, 30] = 50
    axis = eds.EnergyAxis(0.0, 0.1, 40)
    image = eds.SpectrumImage.from_array(counts, axis)
    assert eds.maximum_spectrum(image).tolist() == counts.max(axis=(0, 1)).tolist()
    dense = eds.SpectrumImage(counts.reshape(-1, 40), (12, 15), axis)
    assert eds.maximum_spectrum(dense).tolist() == counts.max(axis=(0, 1)).tolist()
    saved = pd.read_csv(save_maximum_spectrum(image, tmp_path / "max.csv"))
    assert saved["sum"].tolist() == counts.sum(axis=(0, 1)).tolist()
    assert saved["energy_keV"].iloc[30] == pytest.approx(3.0)
