"""Windows against the layers that a vendor's file tells of one of them, and what they do to k."""

from dataclasses import replace

import numpy as np
import pytest
from rsciio.bruker import file_reader

import napari_eds as eds
from napari_eds.errors import EDSError
from napari_eds.physics.detector import WINDOWLESS, AbsorbingLayer, SupportGrid
from napari_eds.physics.detector_windows import WINDOWS, detector_behind, in_words, window_named
from napari_eds.simulate import Phase, simulate

#: N, O, F, Na, Al, Si, Ti, Cu and Mo K, keV.
ENERGIES_KEV = np.array([0.392, 0.525, 0.677, 1.041, 1.487, 1.740, 4.509, 8.041, 17.44])
DENSITIES_G_CM3 = {5: 2.37, 6: 2.2, 7: 1.02, 8: 1.14, 13: 2.70, 14: 2.33}


def transmission(window):
    return detector_behind(window).efficiency(ENERGIES_KEV) / WINDOWLESS.efficiency(ENERGIES_KEV)


def test_the_polymer_window_is_that_of_brukers_files(data_dir):
    """Layers of elements in µm, the last of them bars over a part of the area."""
    (entry,) = file_reader(data_dir / "real/bruker/bruker_nano.spx")
    detector = entry["original_metadata"]["Detector"]
    assert detector["WindowType"] == "slew AP3.3"
    told = np.ones_like(ENERGIES_KEV)
    symbols = {5: "B", 6: "C", 7: "N", 8: "O", 13: "Al", 14: "Si"}
    for layer in detector["WindowLayers"].values():
        z, thickness_nm = int(layer["Atom"]), 1e3 * float(layer["Thickness"])
        made = AbsorbingLayer(symbols[z], thickness_nm, DENSITIES_G_CM3[z])
        covered = float(layer.get("RelativeArea", 1))
        told *= 1 - covered + covered * made.transmission(ENERGIES_KEV)
    ours = transmission("polymer")
    np.testing.assert_allclose(ours[3:], told[3:], rtol=0.02)
    # Their polymers differ: a quarter of the logarithm is what k-factors take for unknown.
    relative = np.log(np.stack([ours[:3], told[:3]]) / 0.77)
    assert np.all(np.abs(relative[0] - relative[1]) < 0.3 * np.abs(relative[1]))


@pytest.mark.parametrize("window", WINDOWS)
def test_windows_swallow_soft_x_rays_first(window):
    assert np.all(np.diff(transmission(window)[:5]) >= 0)
    assert np.all(transmission(window) <= 1)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("slew AP3.3", "polymer"),
        ("SDDUTW", "polymer"),
        ("SIUTW", "polymer"),
        ("SATW", "polymer"),
        ("SIBEW", "beryllium"),
        ("SIWLS", "none"),
        ("Windowless", "none"),
        ("no window", "none"),
        ("Si3N4 (C2)", "silicon_nitride"),
        ("SuperXG11", None),
        ("XFlash 4040", None),
        ("", None),
    ],
)
def test_names_that_files_give(text, window):
    assert window_named(text) == window


def test_computed_k_factors_follow_the_window():
    behind = {w: eds.theoretical_k_factors(200.0, detector_behind(w)) for w in WINDOWS}
    k = {w: behind[w].find("N", "K") for w in WINDOWS}
    assert k["polymer"].value == pytest.approx(2.1 * k["none"].value, rel=0.05)
    assert k["polymer"].relative_error > k["none"].relative_error
    assert behind["none"].find("Fe", "K").relative_error == 0.05
    assert k["beryllium"] is None  # a ten-thousandth of it passes
    assert behind["beryllium"].find("Si", "K").value == 1
    assert "a detector behind a polymer window" in behind["polymer"].source
    assert "windowless" in behind["none"].source


@pytest.mark.parametrize("window", ["polymer", "silicon_nitride"])
def test_oxygen_behind_a_window_is_right_once_it_is_told(window):
    simulated = simulate(
        np.ones((4, 4), int),
        (Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12),),
        30.0,
        counts_per_pixel=20_000,
        detector=detector_behind(window),
    )
    foil = eds.Absorption(thickness_nm=30, density_g_cm3=5.12)
    recipe = eds.Recipe.create(elements=("Sr", "Ti", "O"), absorption=foil)
    unknown = eds.quantify(simulated.image, simulated.labels, recipe)
    assert unknown.table.loc[1, "O_at_pct"] < 53
    told = recipe.model_copy(update={"detector_window": window})
    acquisition = replace(simulated.image.acquisition, detector_window=window)
    of_file = replace(simulated.image, acquisition=acquisition)
    for image, by in (
        (simulated.image, told),
        (of_file, recipe),
    ):
        result = eds.quantify(image, simulated.labels, by)
        row = result.table.loc[1]
        for element, true in (("Sr", 20), ("Ti", 20), ("O", 60)):
            assert row[f"{element}_at_pct"] == pytest.approx(true, rel=0.02)
        assert in_words(detector_behind(window)) in result.k_factors.source


def test_impossible_windows_are_refused():
    with pytest.raises(EDSError, match="no window 'glass'"):
        detector_behind("glass")
    with pytest.raises(EDSError, match="open in above 0"):
        SupportGrid(AbsorbingLayer("Si", 1e5, 2.33), 0.0)
    with pytest.raises(eds.RecipeError, match="detector_window"):
        eds.Recipe.create(elements=("O",), detector_window="glass")
