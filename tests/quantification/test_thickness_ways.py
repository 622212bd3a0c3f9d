"""Thickness by two families, by a map and by a formula: against simulated truth."""

from dataclasses import replace

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.errors import EDSError, KFactorError, LabelError
from napari_eds.quantification.thickness.of_labels import LabelThickness
from napari_eds.simulate import Phase, simulate

NO_TAIL = eds.LowEnergyTail(fraction=0.0, decay_keV=0.05)
PHASES = (Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12),)


@pytest.fixture(scope="module")
def wedge():
    """Eight strips of SrTiO3 from 20 to 160 nm, many counts, and its true k-factors.

    Simulated lines have no tails, and the fit is told so.
    """
    shape = (32, 64)
    steps = np.repeat(np.linspace(20, 160, 8), 8)
    thickness = np.broadcast_to(steps, shape)
    made = simulate(np.ones(shape, int), PHASES, thickness, counts_per_pixel=4000, seed=2)
    table = eds.KFactorTable.from_mapping(
        {f"{e}_{f}": v for (e, f), v in made.k_factors.items()}, "family",
        relative_errors={f"{e}_{f}": 0.0 for e, f in made.k_factors},
        source="simulation", beam_energy_keV=300,
    )  # fmt: skip
    labels = np.repeat(np.arange(1, 9), 8) * np.ones((32, 1), int)
    result = eds.quantify(
        made.image,
        labels,
        eds.Recipe(elements=("Sr", "Ti", "O"), k_factors=table, low_energy_tail=NO_TAIL),
    )
    return result, steps[::8], thickness


def test_two_families_tell_the_thickness(wedge):
    result, true, _ = wedge
    found = eds.thickness_from_families(result, "Ti", density_g_cm3=5.12)
    deviation = (found.thickness_nm - true) / found.thickness_error_nm
    assert found.way == "Ti_L over Ti_K"
    # All come out some 10 nm too thin, 8 nm with bremsstrahlung; why is not known.
    assert np.abs(deviation).max() < 4
    assert np.abs(deviation[1:]).max() < 3
    assert np.all(found.thickness_error_nm < 0.2 * true)


def test_a_label_of_known_thickness_takes_errors_of_k_factors_away(wedge):
    result, true, _ = wedge
    ratio = eds.family_ratio_from_label(result, 4, "Ti", true[3], density_g_cm3=5.12)
    found = eds.thickness_from_families(result, "Ti", ratio=ratio, density_g_cm3=5.12)
    assert found.thickness_nm[3] == pytest.approx(true[3], rel=1e-6)
    assert found.thickness_nm == pytest.approx(true, rel=0.12)
    # What coefficients are wrong by cancels where the foil is as thick as that of the label.
    parts = found.mass_error_parts["attenuation"] / found.mass_thickness_kg_m2
    assert parts[3] < 0.3 * parts[0]


def test_computed_k_factors_are_said_to_be_of_no_use(wedge):
    result, _, _ = wedge
    computed = eds.quantify(result.image, result.labels, eds.Recipe(elements=("Sr", "Ti", "O")))
    told = eds.thickness_from_families(computed, "Sr").account()
    assert "too uncertain to be of use; most of it comes from k factors" in told[-1]


def test_composition_follows_from_the_thickness_of_each_label(wedge):
    result, _, thickness = wedge
    given = eds.thickness_from_map(result, thickness, relative_error=0.0, density_g_cm3=5.12)
    recipe = result.recipe.model_copy(
        update={"absorption": eds.Absorption(thickness_nm=1, density_g_cm3=5.12)}
    )
    again = eds.quantify(result.image, result.labels, recipe, thickness_nm=thickness)
    assert given.composition.atomic_fractions == pytest.approx(
        # Only `again` knew the foil when lines and backgrounds of labels were drawn.
        again.composition.atomic_fractions,
        rel=7e-3,
    )
    assert given.composition.atomic_fractions == pytest.approx(
        np.tile([0.2, 0.2, 0.6], (8, 1)), abs=0.012
    )


def test_a_known_formula_tells_the_thickness(wedge):
    result, true, _ = wedge
    found = eds.thickness_from_formula(result, "SrTiO3")
    assert found.thickness_nm == pytest.approx(true, rel=0.07)
    assert f"from {found.thickness_nm.min():.3g} to " in found.account()[0]
    absorption = eds.Absorption(thickness_nm=90, density_g_cm3=5.12)
    recipe = result.recipe.model_copy(update={"absorption": absorption})
    corrected = eds.quantify(result.image, result.labels, recipe)
    settled = eds.thickness_from_formula(corrected, "SrTiO3").mass_error_parts["shapes"]
    assert (settled > 0).all()
    assert (found.mass_error_parts["shapes"] > 1.3 * settled).all()
    told = eds.compare_thicknesses([found, found])
    assert told[-1].endswith("agree: 0.0 times their errors together")


def test_ways_that_contradict_each_other_are_both_shown(wedge):
    result, true, thickness = wedge
    double = eds.thickness_from_map(
        result, 2 * thickness, relative_error=0.02, density_g_cm3=5.12, way="EELS"
    )
    ratio = eds.family_ratio_from_label(result, 4, "Ti", true[3], density_g_cm3=5.12)
    families = eds.thickness_from_families(result, "Ti", ratio=ratio, density_g_cm3=5.12)
    told = "\n".join(eds.compare_thicknesses([double, families]))
    assert "contradict each other" in told
    assert "nm per unit of the map, or a density, 0.5" in told
    assert "a k-factor of Ti_K over Ti_L" in told
    half = eds.thickness_from_formula(result, "SrTiO3")
    told = "\n".join(eds.compare_thicknesses([double, half]))
    assert "a k-factor of the most absorbed element 0." in told


def test_maps_of_other_sizes_are_binned_or_refused(tmp_path):
    fine = np.arange(4 * 6, dtype=np.float32).reshape(4, 6)
    path = tmp_path / "t.npy"
    np.save(path, fine)
    assert eds.read_thickness_map(path, (4, 6), nm_per_unit=110.0) == pytest.approx(110 * fine)
    binned = eds.read_thickness_map(path, (2, 3))
    assert binned[0, 0] == pytest.approx(fine[:2, :2].mean())
    assert eds.read_thickness_map(path, (8, 12))[2, 2] == fine[1, 1]
    for shape in ((4, 5), (2, 6), (5, 7)):
        with pytest.raises(EDSError, match="whole factor"):
            eds.read_thickness_map(path, shape)
    with pytest.raises(EDSError, match="shape must be"):
        eds.read_thickness_map(path, (0, 3))


def test_a_tiff_is_read_and_bad_maps_are_refused(tmp_path):
    import tifffile

    tifffile.imwrite(tmp_path / "t.tif", np.full((3, 4), 0.5, np.float32))
    found = eds.read_thickness_map(tmp_path / "t.tif", (3, 4), nm_per_unit=110)
    assert found == pytest.approx(np.full((3, 4), 55.0))
    np.save(tmp_path / "below.npy", np.array([[1.0, -2.0]]))
    with pytest.raises(EDSError, match="-2, which is no thickness"):
        eds.read_thickness_map(tmp_path / "below.npy", (1, 2))
    (tmp_path / "bad.tif").write_bytes(b"no tiff")
    with pytest.raises(EDSError, match=r"bad.tif is damaged"):
        eds.read_thickness_map(tmp_path / "bad.tif", (1, 2))
    with pytest.raises(EDSError, match="above 0"):
        eds.read_thickness_map(tmp_path / "t.tif", (3, 4), nm_per_unit=0)


def test_what_is_unknown_of_a_map_stays_unknown(wedge):
    result, _, thickness = wedge
    holes = thickness.copy()
    holes[:, :8] = np.nan
    found = eds.thickness_from_map(result, holes)
    assert isinstance(found, LabelThickness)
    assert np.isnan(found.thickness_nm[0])
    assert np.isnan(found.composition.atomic_fractions[0]).all()
    assert np.isfinite(found.table.iloc[1]).all()


def test_a_label_without_density_leaves_the_others_as_they_are(wedge):
    """As beside the specimen, where noise has no composition from which one follows."""
    found = eds.thickness_from_families(wedge[0], "Sr")
    densities = found.densities_g_cm3.copy()
    densities[0] = np.nan
    without = replace(found, densities_g_cm3=densities).composition.atomic_fractions
    assert np.isnan(without[0]).all()
    np.testing.assert_array_equal(without[1:], found.composition.atomic_fractions[1:])


def test_bad_input_is_refused(wedge):
    result, true, thickness = wedge
    with pytest.raises(KFactorError, match="nothing of Fe"):
        eds.thickness_from_families(result, "Fe")
    with pytest.raises(KFactorError, match="O_K"):
        eds.thickness_from_families(result, "O")
    with pytest.raises(LabelError, match="no label 77"):
        eds.family_ratio_from_label(result, 77, "Ti", 40)
    ratio = eds.family_ratio_from_label(result, 4, "Ti", true[3])
    with pytest.raises(KFactorError, match="does not belong to Sr_L and Sr_K"):
        eds.thickness_from_families(result, "Sr", ratio=ratio)
    with pytest.raises(EDSError, match="does not fit labels"):
        eds.thickness_from_map(result, thickness[:5])
