"""Line profiles against simulated interfaces of known place and width."""

import numpy as np
import pandas as pd
import pytest
from scipy import special

import napari_eds as eds
from napari_eds.labels.along_lines import Line, line_bins, line_pixels
from napari_eds.quantification.profiles.interfaces import WIDTH_PER_SIGMA, fit_interface
from napari_eds.quantification.profiles.lines import advised_bin_px, line_profile
from napari_eds.simulate import lanthanum_ferrite_interface

PLACE_px, SIGMA_px = 47.3, 2.0
MIDDLE = Line([(16, 0), (16, 95)], 32)
K_ERROR, THICKNESS_ERROR = 0.05, 0.10


@pytest.fixture(scope="module")
def simulation():
    return lanthanum_ferrite_interface((32, 96), PLACE_px, SIGMA_px, seed=3)


def recipe_of(simulation, rng=None):
    """A recipe of true inputs, or of inputs drawn by their errors."""

    def spread(sigma):
        return 0.0 if rng is None else rng.normal(scale=sigma)

    true = {f"{e}_{f}": k for (e, f), k in simulation.k_factors.items()}
    factors = {name: k * np.exp(spread(K_ERROR)) for name, k in true.items()}
    return eds.Recipe(
        elements=("La_L", "Fe", "O", "Sr", "Ti"),
        k_factors=eds.KFactorTable.from_mapping(
            factors, "family", relative_errors=dict.fromkeys(factors, K_ERROR)
        ),
        absorption=eds.Absorption(thickness_nm=50 * (1 + spread(THICKNESS_ERROR))),
        uncertainties=eds.Uncertainties(attenuation_percent=0, density_percent=0),
    )


@pytest.fixture(scope="module")
def profile(simulation):
    return line_profile(simulation.image, MIDDLE, recipe_of(simulation), bin_px=1)


def test_the_simulation_goes_over_as_it_was_told(simulation):
    iron = simulation.atomic_percent["Fe"][0]
    assert iron[0] == pytest.approx(20, abs=1e-6)
    assert iron[-1] == pytest.approx(0, abs=1e-6)
    # The phases hold nearly as many atoms in a volume.
    assert np.interp(-10, -iron, np.arange(96)) == pytest.approx(PLACE_px, abs=0.05)


@pytest.mark.parametrize("element", ["La", "Fe", "Sr", "Ti"])
def test_interfaces_are_found_where_they_are(profile, simulation, element):
    found = profile.interface(element)
    pixel = simulation.conditions.pixel_size_nm
    assert found.unit == "nm"
    assert found.position / pixel == pytest.approx(PLACE_px, abs=0.5)
    assert found.width_10_90 / pixel == pytest.approx(WIDTH_PER_SIGMA * SIGMA_px, rel=0.10)
    assert abs(found.position / pixel - PLACE_px) < 4 * found.position_error / pixel
    assert found.resolved


def test_a_line_that_leaves_the_map_says_how_much_of_it_is_there(profile, simulation):
    assert profile.remarks == ()
    longer = Line([(16, 48), (16, 247)], 32, "line 2")
    (told,) = line_profile(simulation.image, longer, recipe_of(simulation), bin_px=24).remarks
    pixel = simulation.conditions.pixel_size_nm
    assert told.startswith("line 2 leaves the map of 32 x 96 pixels: ")
    assert f"{47.5 * pixel:.4g} of its {199 * pixel:.4g} nm" in told


def test_bins_of_several_pixels_do_not_widen_the_interface(simulation):
    long = line_profile(simulation.image, MIDDLE, recipe_of(simulation), bin_px=5)
    found, pixel = long.interface("Fe"), simulation.conditions.pixel_size_nm
    assert found.position / pixel == pytest.approx(PLACE_px, abs=0.5)
    assert abs(found.width_10_90 / pixel - WIDTH_PER_SIGMA * SIGMA_px) < 3 * max(
        found.width_10_90_error / pixel, 0.2
    )


def test_bands_cover_the_truth_as_often_as_they_say():
    """Within one standard deviation: 68 %, here of eight maps whose inputs were drawn."""
    shares = []
    for seed in range(8):
        simulation = lanthanum_ferrite_interface((24, 64), 30, 2.5, seed=seed)
        recipe = recipe_of(simulation, np.random.default_rng(seed))
        found = line_profile(simulation.image, Line([(12, 0), (12, 63)], 24), recipe, bin_px=2)
        for e in found.elements:
            truth = simulation.atomic_percent[e]
            of_bins = [truth[found.result.labels == i].mean() for i in found.result.table.index]
            curve = found.curve(e)
            shares.append(np.mean(np.abs(curve.value - of_bins) < curve.total))
    assert 0.60 <= np.mean(shares) <= 0.76


def test_the_advised_bins_keep_the_error_wanted(simulation):
    recipe = recipe_of(simulation)
    narrow = Line([(16, 0), (16, 95)], 4)
    length = advised_bin_px(simulation.image, narrow, recipe, error_at_pct=1.5)
    assert length > 1
    curve = line_profile(simulation.image, narrow, recipe, bin_px=length).curve("O")
    assert np.median(curve.counting) == pytest.approx(1.5, rel=0.35)
    assert advised_bin_px(simulation.image, narrow, recipe, error_at_pct=3) < length


def test_quantities_and_their_errors(profile):
    table = profile.result.table
    assert profile.curve("Fe", "intensity").value == pytest.approx(table["Fe_K_intensity"])
    counts = profile.curve("Fe", "counts")
    assert counts.counting == pytest.approx(np.sqrt(table["counts"]))
    # Errors of weight percent by moving one element against the others, which keep proportions.
    weights = {"La": 138.905, "Fe": 55.845, "O": 15.999, "Sr": 87.62, "Ti": 47.867}
    x = np.array([table[f"{e}_at_pct"].to_numpy() for e in weights]) / 100
    moved, i = x.copy(), list(weights).index("Fe")
    moved[i] += 1e-5
    moved[np.arange(5) != i] *= (1 - moved[i]) / (1 - x[i])
    by_weight = [y * np.array(list(weights.values()))[:, None] for y in (x, moved)]
    before, after = (100 * (w / w.sum(axis=0))[i] for w in by_weight)
    curve = profile.curve("Fe", "wt_pct")
    slope = (after - before) / 1e-3
    good = np.abs(x[i]) > 0.01
    assert curve.value == pytest.approx(before, abs=0.02)
    assert (curve.total / profile.curve("Fe").total)[good] == pytest.approx(slope[good], rel=0.02)


def test_what_cannot_be_shown_is_refused(profile):
    with pytest.raises(eds.EDSError, match="Ni is not quantified"):
        profile.curve("Ni")
    with pytest.raises(eds.EDSError, match="a profile shows one of"):
        profile.curve("Fe", "moles")


def test_a_flat_profile_has_no_interface():
    bins = line_bins(line_pixels(Line([(0, 0), (0, 59)]), (1, 60)), 1).labels[0] - 1
    values = 20 + np.random.default_rng(4).normal(size=60)
    with pytest.raises(eds.EDSError, match="no step stands out"):
        fit_interface(values, np.ones(60), bins, np.arange(60.0), unit="px")


def test_an_error_function_is_found_again_with_its_errors():
    """Without spectra: numbers drawn around an error function; z-scores tell the errors."""
    pixels = line_pixels(Line([(0, 0), (0, 59)]), (1, 60))
    bins = line_bins(pixels, 1).labels[0] - 1
    z = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        values = 5 + 30 * special.ndtr((np.arange(60) - 31.7) / 3) + rng.normal(scale=1.2, size=60)
        found = fit_interface(values, np.full(60, 1.2), bins, np.arange(60.0), unit="px")
        z.append(
            [
                (found.position - 31.7) / found.position_error,
                (found.sigma - 3) / found.sigma_error,
            ]
        )
    assert np.std(z, axis=0) == pytest.approx(1, abs=0.3)
    assert np.mean(z, axis=0) == pytest.approx(0, abs=0.5)


def test_profiles_are_saved_with_distances_and_recipe(profile, tmp_path):
    table, recipe = eds.save_profiles([profile], tmp_path / "line.csv")
    saved = pd.read_csv(table)
    assert saved["distance_px"].tolist() == pytest.approx(np.arange(96))
    assert saved["distance_nm"].tolist() == pytest.approx(np.arange(96) * 0.25)
    assert saved["Fe_at_pct"].to_numpy() == pytest.approx(
        profile.result.table["Fe_at_pct"].to_numpy(), rel=1e-4, abs=1e-6
    )
    assert eds.Recipe.from_json(recipe).elements == profile.result.recipe.elements
    with pytest.raises(eds.OutputError):
        eds.save_profiles([profile], table)
    figure = eds.save_profile_figure([profile], tmp_path / "line.svg")
    assert "distance (nm)" in figure.read_text() or figure.stat().st_size > 5000
