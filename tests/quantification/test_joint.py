"""All detectors quantified together: simulated truth, shadows, and a measured file."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.fitting.shape_errors import SHAPE_PARTS
from napari_eds.physics.absorption import Foil
from napari_eds.quantification.table import FLAG, at_pct
from napari_eds.simulate import Phase, SimulatedDetector, save_detectors, simulate_detectors

FERRITE = Phase("LaFeO3", {"La": 20, "Fe": 20, "O": 60}, 6.64)
TITANATE = Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12)
OWN = {1: ("La", "Fe", "O"), 2: ("Sr", "Ti", "O")}
#: Elevation and azimuth of each, offset of its axis in eV and its resolution.
DIRECTIONS = ((18, 45, 0, 130), (18, 135, 4, 134), (22, 225, -3, 128), (22, 315, 2, 131))


def simulated(folder, *, shadowed=None, seed=0, thickness_nm=60.0, counts=120):
    phases = np.ones((48, 48), int)
    phases[:, 24:] = 2
    detectors = [
        SimulatedDetector(
            f"SIM{number}",
            elevation_deg=elevation,
            azimuth_deg=azimuth,
            offset_eV=offset,
            resolution_MnKa_eV=resolution,
            shadow_g_cm2=2e-4 if number == shadowed else 0.0,
        )
        for number, (elevation, azimuth, offset, resolution) in enumerate(DIRECTIONS, start=1)
    ]
    simulation = simulate_detectors(
        phases,
        (FERRITE, TITANATE),
        thickness_nm,
        detectors,
        counts_per_pixel=counts,
        tilt_deg=(10.0, 0.0),
        seed=seed,
    )
    path = save_detectors(simulation, folder / f"{shadowed}_{seed}_{thickness_nm:g}.emd")
    return simulation, eds.load(path)


def recipe_of(simulation, thickness_nm=60.0, **settings):
    values = {f"{e}_{family}": k for (e, family), k in simulation.k_factors.items()}
    return eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti"),
        k_factors=eds.KFactorTable.from_mapping(values, "family"),
        absorption=eds.Absorption(thickness_nm=thickness_nm),
        **settings,
    )


def deviations(result, simulation):
    """Deviations of the elements that a phase has, and their errors, in at.%.

    Of the parts of an error those are left out that a simulation shares with its evaluation:
    k-factors, coefficients, thickness and density.
    """
    wrong, errors = [], []
    budget = result.error_budget().set_index(["label", "element"])
    for label, row in result.table.iterrows():
        phase = int(simulation.labels[result.labels == label][0])
        for element in OWN[phase]:
            true = simulation.phases[phase - 1].atomic_percent[element]
            wrong.append(row[at_pct(element)] - true)
            parts = budget.loc[(label, element)]
            errors.append(np.linalg.norm(parts[["counting", *SHAPE_PARTS]]))
    return np.array(wrong), np.array(errors)


def both(simulation, image, **settings):
    """Quantify blocks by the sum of detectors and by all together, with true densities."""
    labels = eds.grid_chips(image.shape, 12)
    recipe = recipe_of(simulation, **settings)
    density = np.where(simulation.labels == 1, FERRITE.density_g_cm3, TITANATE.density_g_cm3)
    return tuple(
        eds.quantify(
            image,
            labels,
            recipe.model_copy(update={"detectors": detectors}),
            density_g_cm3=density,
        )
        for detectors in ("sum", "joint")
    )


def test_what_escapes_is_averaged_over_directions():
    foil = Foil(np.array([[3e4, 1e3], [1e4, 5e2]]), np.array([150.0]), np.array([5.0]), 20.0)
    c, towards = np.array([[0.3, 0.7]]), ((12.0, 1.0), (35.0, 3.0))
    several = Foil(
        foil.mass_absorption_cm2_g, foil.thickness_nm, foil.density_g_cm3, 20.0, towards
    )
    escaping = sum(q / 4 / foil.towards(angle).factors(c) for angle, q in towards)
    np.testing.assert_allclose(several.factors(c), 1 / escaping, rtol=1e-12)
    step = 1e-6
    for i in range(2):
        moved = c + step * np.eye(2)[i]
        slope = np.log(several.factors(moved) / several.factors(c)) / step
        np.testing.assert_allclose(several.log_slopes(c)[:, :, i], slope, rtol=1e-4)
    thicker = Foil(
        foil.mass_absorption_cm2_g, foil.thickness_nm * (1 + step), foil.density_g_cm3, 20, towards
    )
    slope = np.log(thicker.factors(c) / several.factors(c)) / step
    np.testing.assert_allclose(several.depth_log_slopes(c), slope, rtol=1e-4)


def test_detectors_that_agree_are_as_good_as_their_sum(tmp_path):
    wrong, errors, of_sum = [], [], []
    p = []
    for seed in range(3):
        simulation, image = simulated(tmp_path, seed=seed)
        plain, joint = both(simulation, image)
        assert joint.detectors.used == tuple(f"SIM{i}" for i in range(1, 5))
        gains = [one.gain for one in joint.detectors.detectors]
        np.testing.assert_allclose(gains, 0.25, atol=0.01)
        # cos(e) cos(a) sin(10) + sin(e) cos(10), worked out by hand.
        angles = [one.take_off_angle_deg for one in joint.detectors.detectors]
        assert angles == pytest.approx([24.90, 10.81, 14.78, 28.87], abs=0.02)
        deviation, error = deviations(joint, simulation)
        wrong, errors = [*wrong, *deviation], [*errors, *error]
        of_sum += list(deviations(plain, simulation)[0])
        p.append(joint.detectors.p_value)
    z = np.array(wrong) / np.array(errors)
    assert np.sqrt(np.mean(np.square(wrong))) < 1.1 * np.sqrt(np.mean(np.square(of_sum)))
    assert 0.6 < np.mean(np.abs(z) < 1) < 0.78  # 144 numbers: 0.68 +- 0.04
    assert min(p) > 0.01


def test_a_shadowed_detector_is_named_and_left_out(tmp_path):
    simulation, image = simulated(tmp_path, shadowed=2)
    plain, joint = both(simulation, image)
    assert joint.detectors.used == ("SIM1", "SIM3", "SIM4")
    dark = joint.detectors.detectors[1]
    assert dark.p_value < 1e-6
    assert dark.ratios["O"] < 0.7 * dark.ratios["Sr"]
    # Hard X-rays come through: the share of those in use is that of their solid angles.
    assert joint.detectors.share == pytest.approx(0.75, abs=0.02)
    worse, better = (
        np.sqrt(np.mean(np.square(deviations(one, simulation)[0]))) for one in (plain, joint)
    )
    assert better < 0.5 * worse
    assert "SIM2 contradicts the others" in " ".join(joint.account())
    assert joint.table[FLAG].str.contains("SIM2 contradicts").all()


def test_mass_thickness_is_that_of_all_detectors(tmp_path):
    simulation, image = simulated(tmp_path, shadowed=2, counts=300)
    labels = eds.grid_chips(image.shape, 24)
    plain = recipe_of(simulation).model_copy(update={"absorption": None, "detectors": "joint"})
    result = eds.quantify(image, labels, plain)
    zeta = eds.zeta_factors_from_label(result, 2, "SrTiO3", thickness_nm=60)
    again = eds.quantify_by_zeta(result, zeta)
    whole = eds.quantify(image, labels, plain.by_zeta(zeta))
    for found in (again, whole):
        assert found.table.loc[2, "thickness_nm"] == pytest.approx(60, rel=0.13)
        assert found.table["mass_thickness_kg_m2"].to_numpy() == pytest.approx(
            np.array([6.64, 5.12, 6.64, 5.12]) * 60e-6, rel=0.03
        )


def test_two_detectors_of_a_measured_file_stand_in_a_shadow(data_file):
    image = eds.read(data_file("real/velox/EDS-STO.emd"))[0]
    recipe = eds.Recipe(
        elements=("Sr", "Ti", "O"),
        fit_only=("C", "Cu", "Si"),
        absorption=eds.Absorption(thickness_nm=60),
        detectors="joint",
    )
    found = eds.quantify(image, eds.whole_map(image.shape), recipe)
    assert found.detectors.used == ("SuperXG23", "SuperXG24")
    assert found.detectors.p_value > 0.01
    # Spectra are those of the detectors in use.
    assert found.spectra.sum() < 0.85 * image.total_counts


def test_a_map_in_memory_has_no_detectors_apart(tmp_path):
    simulation, image = simulated(tmp_path)
    joint = recipe_of(simulation, detectors="joint")
    with pytest.raises(eds.ReadError, match="as it was read from a file"):
        eds.quantify(simulation.image, eds.grid_chips(image.shape, 24), joint)
    one = eds.load(image.source, detectors="SIM1")
    with pytest.raises(eds.ReadError, match="no several detectors"):
        eds.quantify(one, eds.grid_chips(image.shape, 24), joint)
    with pytest.raises(eds.RecipeError, match="single pixels"):
        eds.pixel_maps(image, joint)


def test_a_stated_geometry_goes_before_the_files(tmp_path):
    simulation, image = simulated(tmp_path)
    labels = eds.whole_map(image.shape)
    level = recipe_of(simulation, geometry=eds.Geometry(tilt_deg=(0, 0), elevation_deg=20))
    found = eds.quantify(image, labels, level)
    assert found.take_off_angle_deg() == pytest.approx(20)
    assert any("by hand: tilt_deg, elevation_deg" in told for told in found.account())
    turned = eds.Geometry(azimuth_deg=(0, 0, 0, 0))
    joint = recipe_of(simulation, geometry=turned, detectors="joint")
    angles = [
        one.take_off_angle_deg for one in eds.quantify(image, labels, joint).detectors.detectors
    ]
    assert angles == pytest.approx([28, 28, 32, 32])
    wrong = level.model_copy(update={"geometry": eds.Geometry(azimuth_deg=(1, 2, 3))})
    with pytest.raises(eds.EDSError, match="3 azimuths do not belong to 4"):
        eds.quantify(image, labels, wrong)
