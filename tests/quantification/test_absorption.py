"""Absorption in the specimen against published numbers, xraylib, eXSpy and limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import napari_eds as eds
from napari_eds import EDSError, read_k_factors
from napari_eds.physics import emission
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import (
    Foil,
    absorption_factors,
    attenuation_cm2_g,
    attenuation_uncertainty,
    mass_absorption_cm2_g,
)
from napari_eds.physics.densities import density_from_composition
from napari_eds.quantification.methods.cliff_lorimer import cliff_lorimer
from napari_eds.quantification.methods.intensities import Intensities
from napari_eds.recipe.absorption import Absorption, foil

VELOX = "real/kfactors/k-factors-Spectra300UTK200keV.csv"
STO = [xray.family(element, "K") for element in ("O", "Ti", "Sr")]
STO_WEIGHTS = np.array([xray.atomic_weight(family.element) for family in STO])
#: Families of LaFeO3, and intensities of 5000-6000 counts.
LFO = [xray.family("La", "L"), xray.family("Fe", "K"), xray.family("O", "K")]
LFO_WEIGHTS = np.array([xray.atomic_weight(family.element) for family in LFO])
LFO_INTENSITIES = np.array([5000.0, 6000.0, 2400.0])
LFO_K = np.array([0.7305, 0.4329, 0.3719])


def settings(thickness_nm, density_g_cm3=5.12, angle_deg=22.0):
    return Absorption(
        thickness_nm=thickness_nm, density_g_cm3=density_g_cm3, take_off_angle_deg=angle_deg
    )


def compose(intensities, k, weights, absorption=None, covariance=None, k_errors=None, **kwargs):
    intensities = np.atleast_2d(np.asarray(intensities, float))
    n = intensities.shape[1]
    if covariance is None:
        covariance = np.maximum(intensities, 1)[:, :, None] * np.eye(n)
    k_errors = np.zeros(n) if k_errors is None else k_errors
    return cliff_lorimer(
        Intensities(
            counts=intensities,
            covariance=covariance,
            k_factors=k,
            k_covariance=np.diag(np.square(k_errors)),
            atomic_weights=weights,
        ),
        foil=absorption,
        **kwargs,
    )


def velox_k(data_dir, families):
    table = read_k_factors(data_dir / VELOX)
    return np.array([table.value_for(family, "family") for family in families])


@pytest.mark.parametrize(
    ("thickness_nm", "at_pct"), [(None, (46.50, 26.94, 26.57)), (72, (60.01, 20.26, 19.72))]
)
def test_strontium_titanate_at_72_nm(data_dir, thickness_nm, at_pct):
    absorption = thickness_nm and foil(settings(thickness_nm), STO, 1)
    found = compose([22000, 37400, 18300], velox_k(data_dir, STO), STO_WEIGHTS, absorption)
    # Corrected with Chantler's coefficients, which are 4 % smaller for O K in SrTiO3.
    atol = 0.5 if thickness_nm else 0.01
    np.testing.assert_allclose(100 * found.atomic_fractions[0], at_pct, atol=atol)


def test_the_study_s_strontium_titanate_at_68_nm(data_dir):
    k = velox_k(data_dir, STO)
    intensities = 1000 * np.array([47.08, 27.81, 25.11]) * STO_WEIGHTS / k
    found = compose(intensities, k, STO_WEIGHTS, foil(settings(68), STO, 1))
    np.testing.assert_allclose(100 * found.atomic_fractions[0], [60.0, 21.1, 18.9], atol=0.5)


def alphas_keV(families):
    return [family.alpha.energy_keV for family in families]


#: Mass absorption for O K in cm²/g, from the scattering factors f2 of Henke, Gullikson and Davis,
#: At. Data Nucl. Data Tables 54 (1993) 181.
HENKE_O_K = {
    "O": 1200, "Ti": 22135, "Cr": 3146, "Mn": 3470, "Fe": 4094, "Sr": 13750, "Cd": 19177,
    "In": 17207, "Sn": 13360, "Sb": 3417, "Te": 3927, "Cs": 4438, "Ba": 4799, "La": 5291,
}  # fmt: skip


@pytest.mark.parametrize("element", HENKE_O_K)
def test_coefficients_next_to_edges(element):
    """xraylib's ordinary table gives 3.7 times as much in Cs, and half of it in Sn."""
    oxygen = xray.family("O", "K").alpha.energy_keV
    ours = mass_absorption_cm2_g([element], oxygen)[0]
    error = attenuation_uncertainty([element], oxygen)[0]
    assert abs(np.log(ours / HENKE_O_K[element])) < 2.5 * error


def test_one_table_serves_specimen_and_detector():
    energies = np.array([0.2, 0.525, 0.9999, 1.0, 6.4])
    for element in ("O", "Si", "Cs", "La"):
        specimen = mass_absorption_cm2_g([element], energies)[0]
        np.testing.assert_allclose(
            attenuation_cm2_g(element, energies, "photo"), specimen, rtol=0.05
        )
    # What is known of H and He at high energies is scattering.
    assert (mass_absorption_cm2_g(["H", "He", "Li", "U", "Cf"], energies) > 0).all()
    with pytest.raises(EDSError, match="no X-ray attenuation of 'Fm'"):
        mass_absorption_cm2_g(["Fm"], energies)


def test_coefficients_are_less_certain_next_to_edges():
    oxygen, iron = (xray.family(e, "K").alpha.energy_keV for e in ("O", "Fe"))
    found = attenuation_uncertainty(["Sr", "V", "Sn", "Pu", "H"], [oxygen, iron])
    assert found.shape == (5, 2)
    assert found[1, 0] > 0.2
    assert found[2, 0] > 0.5
    assert (found[:, 0] >= 0.1).all()
    assert (found[:, 1] >= 0.05).all()
    assert found[0, 1] < 0.1


def test_it_agrees_with_exspy_at_exspy_s_density_and_coefficients():
    import exspy

    of_exspy = exspy.material.mass_absorption_coefficient
    names, order = ["Fe", "La", "O"], [1, 0, 2]
    lines = ["Fe_Ka", "La_La", "O_Ka"]
    signal = exspy.signals.EDSTEMSpectrum(np.ones((2, 64)))
    signal.set_microscope_parameters(beam_energy=200, azimuth_angle=0, elevation_angle=22)
    signal.axes_manager.signal_axes[0].units = "keV"
    signal.axes_manager.signal_axes[0].scale = 0.2
    signal.set_elements(names)
    signal.set_lines(lines)
    intensities = np.array([LFO_INTENSITIES, [900.0, 5000.0, 4000.0]])
    windows = []
    for line, column in zip(lines, intensities[:, order].T, strict=True):
        window = signal.isig[0].deepcopy()
        window.data = column.copy()
        window.metadata.Sample.elements = [line.partition("_")[0]]
        window.metadata.Sample.xray_lines = [line]
        windows.append(window)
    theirs, mass_thickness = signal.quantification(
        windows,
        method="CL",
        factors=list(LFO_K[order]),
        composition_units="atomic",
        navigation_mask=None,
        show_progressbar=False,
        absorption_correction=True,
        thickness=60.0,
        convergence_criterion=1e-6,
        max_iterations=100,
    )
    expected = np.stack([element.data for element in theirs], axis=1)
    # It computes a density from the composition; take its mass thickness (kg/m²) over.
    ours = compose(
        intensities,
        LFO_K,
        LFO_WEIGHTS,
        Foil(
            np.array([of_exspy(e, alphas_keV(LFO)) for e in ("La", "Fe", "O")]),
            mass_thickness.data.ravel() * 1e6,
            np.ones(2),
            22,
        ),
    )
    np.testing.assert_allclose(100 * ours.atomic_fractions[:, order], expected, atol=0.01)
    assert (
        abs(
            100 * compose(intensities, LFO_K, LFO_WEIGHTS).atomic_fractions[:, 2] - expected[:, 2]
        ).min()
        > 1
    )


@given(st.floats(0.1, 3000), st.floats(10, 90))
def test_factors_are_those_of_the_simulation(thickness_nm, angle_deg):
    """One formula, written twice; the coefficients of one are given to the other."""
    fractions = emission.weight_fractions({"O": 3, "Ti": 1, "Sr": 1})
    energies = [family.alpha.energy_keV for family in STO]
    mac = mass_absorption_cm2_g(list(fractions), energies)
    theirs = emission.absorption_factor(
        fractions,
        energies,
        thickness_nm=thickness_nm,
        density_g_cm3=5.12,
        take_off_angle_deg=angle_deg,
    )
    ours = absorption_factors(
        np.array([list(fractions.values())]), mac, np.array([thickness_nm * 5.12e-7]), angle_deg
    )
    np.testing.assert_allclose(ours[0], theirs, rtol=1e-12)


def test_factors_of_a_depth_that_can_be_worked_by_hand():
    # x = 1: 1 / (1 - 1/e); normal take-off of 1 g/cm² at 1 cm²/g.
    one = absorption_factors(np.ones((1, 1)), np.ones((1, 1)), np.ones(1), 90.0)
    assert one.shape == (1, 1)
    assert one[0, 0] == pytest.approx(1 / (1 - np.exp(-1)))
    oblique = absorption_factors(np.ones((1, 1)), np.ones((1, 1)), np.ones(1), 30.0)
    assert oblique[0, 0] == pytest.approx(2 / (1 - np.exp(-2)))


def test_factors_keep_their_limits():
    mass_thickness = np.array([0.0, 1e-300, 1e-12, 1e-6, 1e9])
    found = absorption_factors(np.ones((5, 1)), np.ones((1, 1)), mass_thickness, 90.0)[:, 0]
    # 1 + x / 2 for thin foils, x for thick ones.
    expected = np.array([1, 1, 1 + 5e-13, 1 + 5e-7, 1e9])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert (found >= 1).all()


def test_noise_does_not_make_absorption_negative():
    mac = np.array([[10.0], [1.0]])
    fractions = np.array([[-0.5, 1.5], [np.nan, np.nan]])
    found = absorption_factors(fractions, mac, np.array([1.0, 1.0]), 90.0)
    assert found[0, 0] == 1
    assert np.isnan(found[1, 0])
    assert Foil(mac, np.full(2, 1e7), np.ones(2), 90.0).log_slopes(fractions)[0].tolist() == [
        [5.0, 0.5]
    ]


@pytest.mark.parametrize("thickness_nm", [1e-3, 1.0, 60.0, 2000.0])
def test_slopes_are_those_of_the_factors(thickness_nm):
    specimen = foil(settings(thickness_nm), STO, 1)
    fractions = np.array([[0.26, 0.26, 0.48]])
    slopes = specimen.log_slopes(fractions)[0]
    assert slopes.shape == (3, 3)
    for element, step in enumerate(1e-5 * np.eye(3)):
        up, down = (np.log(specimen.factors(fractions + sign * step)[0]) for sign in (1, -1))
        np.testing.assert_allclose(slopes[:, element], (up - down) / 2e-5, rtol=1e-5, atol=1e-9)


def arrays_of(composition):
    """All numbers of a composition, the parts of its errors too."""
    arrays = {name: value for name, value in vars(composition).items() if value is not None}
    return arrays | arrays.pop("atomic_error_parts")


def test_thin_foils_need_no_correction():
    plain = compose(LFO_INTENSITIES, LFO_K, LFO_WEIGHTS, k_errors=np.array([0.05, 0.03, 0.04]))
    thin = compose(
        LFO_INTENSITIES,
        LFO_K,
        LFO_WEIGHTS,
        foil(settings(1e-6), LFO, 1),
        k_errors=np.array([0.05, 0.03, 0.04]),
    )
    assert plain.absorption_factors.tolist() == [[1, 1, 1]]
    for name, value in arrays_of(plain).items():
        if name == "densities_g_cm3":
            continue
        np.testing.assert_allclose(arrays_of(thin)[name], value, rtol=1e-6)


@given(
    st.lists(st.floats(0.02, 1), min_size=3, max_size=3),
    st.floats(0.1, 1000),
    st.floats(1, 20),
    st.floats(10, 90),
)
def test_what_a_known_specimen_emits_is_quantified_right(atoms, thickness_nm, density, angle_deg):
    atomic = np.array(atoms) / sum(atoms)
    weight = atomic * LFO_WEIGHTS / (atomic @ LFO_WEIGHTS)
    specimen = foil(settings(thickness_nm, density, angle_deg), LFO, 1)
    intensities = 1e6 * weight / LFO_K / specimen.factors(weight[None])[0]
    found = compose(intensities, LFO_K, LFO_WEIGHTS, specimen)
    np.testing.assert_allclose(found.atomic_fractions[0], atomic, atol=1e-8)
    np.testing.assert_allclose(found.weight_fractions[0], weight, atol=1e-8)


@pytest.mark.parametrize(("thickness_nm", "response"), [(60.0, 0.015), (400.0, 0.05)])
def test_statistical_errors_are_the_spread_of_corrected_compositions(thickness_nm, response):
    draws = 20_000
    correlated = np.array([[1.0, 0.4, -0.2], [0.4, 1.0, 0.0], [-0.2, 0.0, 1.0]])
    sigma = 0.02 * LFO_INTENSITIES
    covariance = correlated * np.outer(sigma, sigma)
    drawn = np.random.default_rng(3).multivariate_normal(LFO_INTENSITIES, covariance, draws)
    one, many = (foil(settings(thickness_nm, 6.64), LFO, n) for n in (1, draws))
    spread = compose(drawn, LFO_K, LFO_WEIGHTS, many, np.tile(covariance, (draws, 1, 1)))
    predicted = compose(LFO_INTENSITIES, LFO_K, LFO_WEIGHTS, one, covariance[None])
    # A standard deviation from 20,000 draws is known to 0.5 %.
    np.testing.assert_allclose(
        predicted.atomic_errors_statistical[0], spread.atomic_fractions.std(axis=0), rtol=0.02
    )
    # Absorption answers to changes of the composition, which is part of it.
    frozen = compose(
        LFO_INTENSITIES * predicted.absorption_factors,
        LFO_K,
        LFO_WEIGHTS,
        covariance=covariance[None]
        * predicted.absorption_factors[0]
        * predicted.absorption_factors[0][:, None],
    ).atomic_errors_statistical
    assert abs(frozen / predicted.atomic_errors_statistical - 1).max() > response


def test_k_factor_errors_are_the_spread_of_corrected_compositions():
    relative = np.array([0.05, 0.03, 0.04])
    factors = 1 + relative * np.random.default_rng(4).standard_normal((20_000, 3))
    many = foil(settings(100, 6.64), LFO, 20_000)
    drawn = compose(LFO_INTENSITIES * factors, LFO_K, LFO_WEIGHTS, many).atomic_fractions
    predicted = compose(
        LFO_INTENSITIES, LFO_K, LFO_WEIGHTS, foil(settings(100, 6.64), LFO, 1), k_errors=relative
    ).atomic_errors_k[0]
    np.testing.assert_allclose(predicted, drawn.std(axis=0), rtol=0.02)


def from_composition(thickness_nm, families, n_labels=1):
    return foil(settings(thickness_nm, None), families, n_labels)


@given(
    st.lists(st.floats(0.02, 1), min_size=3, max_size=3), st.floats(0.1, 500), st.floats(15, 90)
)
def test_density_and_composition_are_found_together(atoms, thickness_nm, angle_deg):
    atomic = np.array(atoms) / sum(atoms)
    weight = atomic * LFO_WEIGHTS / (atomic @ LFO_WEIGHTS)
    specimen = foil(settings(thickness_nm, None, angle_deg), LFO, 1)
    intensities = 1e6 * weight / LFO_K / specimen.factors(weight[None])[0]
    found = compose(intensities, LFO_K, LFO_WEIGHTS, specimen)
    np.testing.assert_allclose(found.atomic_fractions[0], atomic, atol=1e-8)
    expected = density_from_composition(dict(zip(("La", "Fe", "O"), atoms, strict=True)))
    assert found.densities_g_cm3[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("thickness_nm", [30.0, 100.0, 400.0])
def test_errors_know_that_the_density_moves_with_the_composition(thickness_nm):
    """Each derivative beside a finite difference of whole quantifications."""
    specimen = from_composition(thickness_nm, LFO)

    def fractions(intensities, k):
        return compose(intensities, k, LFO_WEIGHTS, specimen).atomic_fractions[0]

    for i in range(3):
        step = np.ones(3)
        step[i] += 1e-5
        by_log = (
            fractions(LFO_INTENSITIES, LFO_K * step) - fractions(LFO_INTENSITIES, LFO_K / step)
        ) / 2e-5
        by_count = fractions(LFO_INTENSITIES * step, LFO_K) - fractions(
            LFO_INTENSITIES / step, LFO_K
        )
        only = np.zeros(3)
        only[i] = 1.0
        found = compose(
            LFO_INTENSITIES,
            LFO_K,
            LFO_WEIGHTS,
            specimen,
            np.diag((2e-5 * LFO_INTENSITIES * only) ** 2)[None],
            k_errors=only,
        )
        np.testing.assert_allclose(found.atomic_errors_k[0], abs(by_log), rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(
            found.atomic_errors_statistical[0], abs(by_count), rtol=1e-4, atol=1e-11
        )


def test_how_an_error_of_the_depth_reaches_the_factors():
    specimen = foil(settings(80), STO, 1)
    thicker = foil(settings(80 * 1.00001), STO, 1)
    fractions = np.array([[0.26, 0.26, 0.48]])
    expected = np.log(thicker.factors(fractions) / specimen.factors(fractions)) / 1e-5
    np.testing.assert_allclose(specimen.depth_log_slopes(fractions), expected, rtol=1e-4)
    assert specimen.density_relative_error(0) == 0
    assert specimen.density_relative_error(0.03) == 0.03
    assert from_composition(80, STO).density_relative_error(0) > 0.05
    assert from_composition(80, STO).density_is_computed


def test_densities_may_be_given_label_by_label():
    specimen = foil(settings(50), STO, 2, density_g_cm3=np.array([4.0, 5.0]))
    shares = np.full((2, 3), 1 / 3)
    np.testing.assert_allclose(specimen.mass_thickness_g_cm2(shares), [2e-5, 2.5e-5])
    assert specimen.of(np.array([1])).densities_g_cm3(shares[:1]).tolist() == [5.0]
    with pytest.raises(EDSError, match="2 labels need as many densities"):
        foil(settings(50), STO, 2, density_g_cm3=np.array([1.0]))
    with pytest.raises(EDSError, match="density of every label must be a number above 0"):
        foil(settings(50), STO, 2, density_g_cm3=np.array([1.0, 0.0]))


def test_labels_are_corrected_one_by_one():
    intensities = np.array([LFO_INTENSITIES, [0.0, 0.0, 0.0], [900.0, 5000.0, 4000.0]])
    thickness = np.array([40.0, 50.0, 90.0])
    together = compose(
        intensities,
        LFO_K,
        LFO_WEIGHTS,
        foil(settings(1, 6.64), LFO, 3, thickness_nm=thickness),
        k_errors=np.array([0.05, 0.03, 0.04]),
    )
    for i in (0, 2):
        alone = compose(
            intensities[i],
            LFO_K,
            LFO_WEIGHTS,
            foil(settings(thickness[i], 6.64), LFO, 1),
            k_errors=np.array([0.05, 0.03, 0.04]),
        )
        for name, value in arrays_of(alone).items():
            np.testing.assert_allclose(arrays_of(together)[name][i], value[0], rtol=1e-9)
    for name, value in arrays_of(together).items():
        if name != "detected":
            assert np.isnan(value[1]).all(), name


def test_an_absent_element_may_be_negative():
    found = compose(
        [5000.0, 6000.0, -8.0],
        LFO_K,
        LFO_WEIGHTS,
        foil(settings(60, 6.64), LFO, 1),
        np.diag([5000.0, 6000.0, 100.0])[None],
    )
    assert found.atomic_fractions[0, 2] < 0
    assert found.atomic_fractions.sum() == pytest.approx(1)
    assert found.absorption_factors[0, 2] > 1


def test_a_label_whose_corrected_amounts_cancel_has_no_composition():
    found = compose(
        [5000.0, 0.0, -6000.0],
        LFO_K,
        LFO_WEIGHTS,
        foil(settings(500, 6.64), LFO, 1),
        np.diag([5000.0, 9.0, 9e6])[None],
    )
    assert found.detected.tolist() == [[True, False, False]]
    assert np.isnan(found.weight_fractions).all()
    assert np.isnan(found.absorption_factors).all()


def test_labels_that_do_not_settle_are_named(monkeypatch):
    monkeypatch.setattr("napari_eds.quantification.methods.cliff_lorimer._MAX_ITERATIONS", 2)
    specimen = foil(settings(1, 6.64), LFO, 2, thickness_nm=np.array([500.0, 0.0]))
    two = np.array([LFO_INTENSITIES, LFO_INTENSITIES])
    with pytest.raises(EDSError, match="do not settle in label R0C7: check thickness"):
        compose(two, LFO_K, LFO_WEIGHTS, specimen, label_names=["R0C7", "R0C8"])
    with pytest.raises(EDSError, match="do not settle in label 0:"):
        compose(two, LFO_K, LFO_WEIGHTS, specimen)
    many = foil(settings(500, 6.64), LFO, 12)
    with pytest.raises(EDSError, match="label 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and more"):
        compose(np.tile(LFO_INTENSITIES, (12, 1)), LFO_K, LFO_WEIGHTS, many)


def test_the_take_off_angle_is_the_setting_s_or_the_file_s():
    assert foil(settings(50, 5, 22), STO, 1, take_off_angle_deg=18).take_off_angle_deg == 22
    assert foil(settings(50, 5, None), STO, 1, take_off_angle_deg=18).take_off_angle_deg == 18
    with pytest.raises(EDSError, match=r"gives no take-off angle.*take_off_angle_deg"):
        foil(settings(50, 5, None), STO, 1)


def test_thickness_is_the_setting_s_unless_given_by_label():
    shares = np.full((2, 3), 1 / 3)
    np.testing.assert_allclose(
        foil(settings(50, 4), STO, 2).mass_thickness_g_cm2(shares), 2 * [2e-5]
    )
    given = foil(settings(50, 4), STO, 2, thickness_nm=np.array([0.0, 100.0]))
    np.testing.assert_allclose(given.mass_thickness_g_cm2(shares), [0, 4e-5])
    with pytest.raises(EDSError, match="2 labels need as many thicknesses"):
        foil(settings(50, 4), STO, 2, thickness_nm=np.array([1.0]))


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_an_impossible_thickness_of_a_label_is_refused(bad):
    specimen = foil(settings(50), STO, 2, thickness_nm=np.array([50.0, bad]))
    with pytest.raises(EDSError, match="thickness of every label"):
        specimen.factors(np.full((2, 3), 1 / 3))


@pytest.mark.parametrize("angle_deg", [0.0, -22.0, 91.0, np.nan])
def test_an_impossible_angle_of_a_file_is_refused(angle_deg):
    specimen = foil(settings(50, 5, None), STO, 1, take_off_angle_deg=angle_deg)
    with pytest.raises(EDSError, match="take-off angle must be above 0"):
        specimen.factors(np.full((1, 3), 1 / 3))


@pytest.mark.parametrize(
    "wrong",
    [
        {"thickness_nm": 0},
        {"thickness_nm": float("nan")},
        {"thickness_nm": float("inf")},
        {"density_g_cm3": -1},
        {"take_off_angle_deg": 0},
        {"take_off_angle_deg": 90.5},
        {"thicknes": 5},
    ],
)
def test_impossible_settings_are_refused(wrong):
    right = {"thickness_nm": 50, "density_g_cm3": 5.12}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Absorption(**(right | wrong))


def test_settings_cannot_be_changed_and_survive_json():
    ours = settings(50)
    with pytest.raises(ValueError, match="frozen"):
        ours.thickness_nm = 3
    assert Absorption.model_validate_json(ours.model_dump_json()) == ours


def test_a_foil_of_other_families_or_labels_is_refused():
    for specimen in (foil(settings(50), STO[:2], 1), foil(settings(50), STO, 2)):
        with pytest.raises(EDSError, match="does not belong to intensities"):
            compose(LFO_INTENSITIES, LFO_K, LFO_WEIGHTS, specimen)


def test_a_label_too_thick_for_an_element_is_told(lfo_sto_96, data_dir):
    """Labels of 50 nm and of 10 µm: O K of the second hardly leaves it."""
    image, shape = lfo_sto_96, lfo_sto_96.shape
    labels = eds.grid_chips(shape, (shape[0], shape[1] // 2)).labels
    recipe = eds.Recipe(
        elements=("O", "Ti", "Sr"),
        fit_only=("La", "Fe", "Cu", "C", "Pt"),
        k_factors=eds.read_k_factors(data_dir / "simulated/kfactors_family_sum_windowless.csv"),
        absorption=eds.Absorption(thickness_nm=50, density_g_cm3="SrTiO3"),
    )
    thickness = np.where(labels == 2, 10_000.0, 50.0)
    result = eds.quantify(image, labels, recipe, thickness_nm=thickness)
    factors = dict(zip(result.elements, result.composition.absorption_factors[1], strict=True))
    thin, thick = result.table["flag"]
    assert "too thick" not in thin
    assert factors["O"] > 10
    assert f"absorption correction of O x {factors['O']:.0f}: too thick for it" in thick
    assert ("correction of Sr x" in thick) == (factors["Sr"] > 5)
