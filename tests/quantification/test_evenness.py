"""Labels that are thicker or thinner than one given thickness say so by their X-rays per pixel."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.quantification.remarks.sums import summary_lines
from napari_eds.quantification.run import run_labels
from napari_eds.simulate.maps import Phase, simulate

PHASES = {
    "SrTiO3": Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12),
    "LaFeO3": Phase("LaFeO3", {"La": 20, "Fe": 20, "O": 60}, 6.64),
    "NiO": Phase("NiO", {"Ni": 50, "O": 50}, 6.67),
    "FeNi": Phase("FeNi", {"Fe": 50, "Ni": 50}, 8.1),
}
TOLD = "X-rays per pixel tell"
#: Ten labels of 8 x 8 pixels, from 20 to 150 nm.
LABELS = np.arange(1, 11).repeat(8)[None].repeat(8, axis=0)
WEDGE = np.linspace(20, 150, 10).repeat(8)[None].repeat(8, axis=0)


def recipe_of(made, elements, nm=60.0):
    named = {f"{element}_{family}": k for (element, family), k in made.k_factors.items()}
    k = eds.KFactorTable.from_mapping(named, "family")
    factors = tuple(f.model_copy(update={"relative_error": 0.03}) for f in k.factors)
    return eds.Recipe(
        elements=elements,
        k_factors=k.model_copy(update={"factors": factors}),
        absorption=eds.Absorption(thickness_nm=nm),
    )


def wedge_of(name, thickness=WEDGE, nm=60.0, **settings):
    phase = PHASES[name]
    made = simulate(np.ones(LABELS.shape, int), [phase], thickness, counts_per_pixel=400, seed=2)
    recipe = recipe_of(made, tuple(phase.atomic_percent), nm)
    return eds.quantify(made.image, LABELS, recipe, **settings)


@pytest.fixture(scope="module")
def wedge():
    return wedge_of("SrTiO3")


def test_labels_of_an_uneven_foil_are_told(wedge):
    flags = wedge.table["flag"].tolist()
    assert flags[0].startswith(TOLD)
    assert TOLD in flags[-1]
    assert not any(TOLD in flag for flag in flags[4:7])
    np.testing.assert_allclose(wedge.evenness.relative, np.linspace(20, 150, 10) / 85, rtol=0.1)
    (line,) = (line for line in summary_lines(flags) if TOLD in line)
    assert "zeta-factors" in line
    (said,) = (line for line in wedge.account() if line.startswith("The foil is uneven"))
    assert f"in {sum(TOLD in flag for flag in flags)} of 10 labels" in said
    assert "like composition and thickness alike" in wedge.account()[-1]


@pytest.mark.parametrize("name", ["SrTiO3", "NiO", "LaFeO3"])
@pytest.mark.parametrize("nm", [60, 85])
def test_errors_of_an_uneven_foil_cover_the_truth(name, nm):
    result = wedge_of(name, nm=nm)
    x = 100 * result.composition.atomic_fractions
    off = np.abs(x - np.array(list(PHASES[name].atomic_percent.values())))
    assert off.max() > 2  # it matters
    sigmas = (off / (100 * result.composition.atomic_errors_total)).max(axis=1)
    assert sigmas[0] < 2
    assert sigmas[-1] < 2
    if nm == 85:  # that of the middle: otherwise labels beside it are wrong by what was stated
        assert (sigmas < 2.5).all()


def test_labels_of_the_usual_thickness_have_the_stated_error(wedge):
    usual = np.abs(wedge.evenness.relative - 1) < 0.3
    assert usual.sum() >= 3
    assert (wedge.evenness.wrong[usual] < 0.1).all()  # what is stated
    even = wedge_of("SrTiO3", np.full(WEDGE.shape, 85.0))
    assert (even.evenness.wrong == 0).all()
    of_even = even.composition.atomic_error_parts["thickness"].mean(axis=0)
    found = wedge.composition.atomic_error_parts["thickness"]
    np.testing.assert_allclose(found[usual].mean(axis=0), of_even, rtol=0.15)
    assert (found[0] > 4 * of_even).all()


def test_the_error_of_a_ratio_holds_the_thickness_too(wedge):
    found = eds.combined(wedge, "O_at_pct", "Ti_at_pct", "ratio")
    relative = found.total / found.value
    assert relative[0] > 2 * relative[5]


def test_a_map_of_thickness_or_zeta_factors_leave_nothing_to_tell():
    result = wedge_of("SrTiO3", thickness_nm=WEDGE)
    assert result.evenness is None
    assert not result.table["flag"].str.contains(TOLD).any()


def test_a_wedge_whose_lines_are_hardly_absorbed_is_not_told():
    result = wedge_of("FeNi")
    assert result.evenness.relative.max() > 1.5
    assert not result.table["flag"].str.contains(TOLD).any()
    assert not any("uneven" in line for line in result.account())


def test_phases_vacuum_and_holes_of_an_even_foil_are_not_told():
    """Two phases of densities 5.1 and 6.6, empty labels, and labels half or mostly empty."""
    phases = np.ones((32, 48), int)
    phases[:, 24:] = 2
    phases[24:] = 0
    phases[:24:2, 8:16] = phases[:24, 36:40] = 0
    phases[9:24, 40:48] = 0
    made = simulate(
        phases, [PHASES["SrTiO3"], PHASES["LaFeO3"]], 60.0, counts_per_pixel=600, seed=3
    )
    recipe = recipe_of(made, ("La", "Fe", "Sr", "Ti", "O"))
    result = eds.quantify(made.image, eds.grid_chips(phases.shape, 8), recipe)
    assert not result.table["flag"].str.contains(TOLD).any()
    assert (result.evenness.wrong < 0.1).all()


def test_labels_of_less_dose_are_no_thinner():
    made = simulate(
        np.ones(LABELS.shape, int), [PHASES["SrTiO3"]], 60.0, counts_per_pixel=400, seed=4
    )
    half = LABELS.copy()
    half[::4, :40] = half[1::4, :40] = 0
    maps = {"thickness": None, "density": None}

    def relative(doses):
        recipe = recipe_of(made, ("Sr", "Ti", "O"))
        found = run_labels(made.image, half, None, recipe, maps=maps, progress=None, doses=doses)
        return found.evenness.relative

    np.testing.assert_allclose(relative(None), 1, rtol=0.1)
    # Taken for the dose of whole labels; what leaves a thinner foil is corrected by less.
    as_whole = relative(np.full(10, 64.0))
    assert (as_whole[:5] < 0.51 * as_whole[5:]).all()


def test_a_full_label_among_half_empty_ones_is_no_thicker():
    """Chips of particles, two of which are all inside."""
    phases = np.ones((24, 32), int)
    phases[::2] = 0
    phases[:8, :16] = 1
    made = simulate(phases, [PHASES["SrTiO3"]], 60.0, counts_per_pixel=400, seed=5)
    recipe = recipe_of(made, ("Sr", "Ti", "O"))
    result = eds.quantify(made.image, eds.grid_chips(phases.shape, 8), recipe)
    assert not result.table["flag"].str.contains(TOLD).any()
    assert (result.evenness.wrong < 0.1).all()
