"""k-factors and thickness from regions of known formula, against simulated truth."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds import EDSError, KFactorError, KFactorTable, read_k_factors
from napari_eds.physics import lines as xray
from napari_eds.quantification.calibration.known_region import (
    k_factors_from_region,
    thickness_from_region,
)
from napari_eds.quantification.methods.cliff_lorimer import cliff_lorimer
from napari_eds.quantification.methods.intensities import Intensities
from napari_eds.recipe.absorption import Absorption, foil

VELOX = "real/kfactors/k-factors-Spectra300UTK200keV.csv"
FAMILY_SUM = "simulated/kfactors_family_sum_windowless.csv"
STO_DENSITY, ANGLE = 5.12, 22.0
STO = [xray.family(element, "K") for element in ("O", "Ti", "Sr")]
WEIGHTS = np.array([xray.atomic_weight(family.element) for family in STO])
TRUE_K = np.array([0.371908, 0.379229, 1.399])
TABLE = KFactorTable.from_mapping(
    dict(zip(map(str, STO), TRUE_K, strict=True)), "family", source="mine", beam_energy_keV=200
)


def settings(thickness_nm):
    return Absorption(
        thickness_nm=thickness_nm, density_g_cm3=STO_DENSITY, take_off_angle_deg=ANGLE
    )


def emitted(thickness_nm, atoms=(3.0, 1.0, 1.0), counts=1e5):
    """Intensities that SrTiO3 of a thickness gives for `TABLE`."""
    weight = np.array(atoms) * WEIGHTS
    weight = weight / weight.sum()
    return counts * weight / TRUE_K / foil(settings(thickness_nm), STO, 1).factors(weight[None])[0]


def compose(intensities, table, thickness_nm, families=STO):
    specimen = None if thickness_nm is None else foil(settings(thickness_nm), families, 1)
    return cliff_lorimer(
        Intensities(
            counts=np.atleast_2d(intensities),
            covariance=np.diag(intensities)[None],
            k_factors=np.array([table.value_for(f, "family") for f in families]),
            k_covariance=np.diag(
                [table.find(f.element, f.family).relative_error ** 2 for f in families]
            ),
            atomic_weights=np.array([xray.atomic_weight(f.element) for f in families]),
        ),
        foil=specimen,
    ).atomic_fractions[0]


@pytest.fixture(scope="module")
def substrate(lfo_sto_96, data_dir):
    """Left and right half of the simulated SrTiO3: families, intensities, covariances, nm."""
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz")
    pure = (truth["label"] == 3) & truth["pure"]
    right = np.arange(96) >= 48
    labels = np.where(pure, 1 + right, 0)
    recipe = eds.Recipe(
        elements=("Sr_K", "Ti", "O"),
        fit_only=("C", "Cu", "Ga"),
        k_factors=read_k_factors(data_dir / FAMILY_SUM),
    )
    fit = eds.quantify(lfo_sto_96, labels, recipe).fit
    thickness = [float(truth["thickness_nm"][labels == i].mean()) for i in (1, 2)]
    return fit.model.quantified, fit.intensities[:, :3], fit.covariance[:, :3, :3], thickness


@pytest.mark.parametrize(("known", "unknown"), [(0, 1), (1, 0)])
def test_one_half_of_a_substrate_calibrates_the_other(substrate, known, unknown):
    families, intensities, covariance, thickness = substrate
    table = k_factors_from_region(
        families,
        intensities[known],
        covariance[known],
        "SrTiO3",
        reference="Ti",
        absorption=settings(thickness[known]),
    )
    found = compose(intensities[unknown], table, thickness[unknown], families)
    # The halves are 47 and 68 nm thick; counting alone gives 0.2 at.%.
    np.testing.assert_allclose(100 * found, [20, 20, 60], atol=0.4)


def test_without_absorption_the_halves_do_not_agree(substrate):
    families, intensities, covariance, _ = substrate
    table = k_factors_from_region(
        families, intensities[0], covariance[0], "SrTiO3", reference="Ti"
    )
    found = compose(intensities[1], table, None, families)
    assert 100 * found[2] == pytest.approx(56.5, abs=0.5)


@pytest.mark.parametrize("half", [0, 1])
def test_simulated_thickness(substrate, data_dir, half):
    """Found 2-5 % too thick, 2 % of it noise: a Gaussian misses part of the tail of O K."""
    families, intensities, covariance, thickness = substrate
    found = thickness_from_region(
        families,
        intensities[half],
        covariance[half],
        "SrTiO3",
        read_k_factors(data_dir / FAMILY_SUM),
        density_g_cm3=STO_DENSITY,
        take_off_angle_deg=ANGLE,
    )
    assert found.thickness_nm == pytest.approx(thickness[half], rel=0.1)
    assert 0.5 < found.error_statistical_nm < 1.5
    # The table brings no errors: 30 % in the k-factor of O, of which 5 % are 7 nm.
    assert found.error_k_nm == pytest.approx(6 * 7, rel=0.1)


def test_measured_strontium_titanate_is_as_thick_as_published(data_dir):
    found = thickness_from_region(
        STO,
        np.array([22000.0, 37400, 18300]),
        np.diag([22000.0, 37400, 18300]),
        "SrTiO3",
        read_k_factors(data_dir / VELOX),
        density_g_cm3=STO_DENSITY,
        take_off_angle_deg=ANGLE,
    )
    # 72 nm give 60.01 at.% of O with Chantler's coefficients, which are 4 % smaller.
    assert found.thickness_nm == pytest.approx(72, abs=4)


@pytest.mark.parametrize("thickness_nm", [0.5, 30.0, 72.0, 400.0, 1900.0])
def test_k_factors_and_thickness_are_found_exactly(thickness_nm):
    intensities = emitted(thickness_nm)
    covariance = np.diag(intensities)
    table = k_factors_from_region(
        STO,
        intensities,
        covariance,
        "SrTiO3",
        reference="Ti_K",
        absorption=settings(thickness_nm),
        base_table=TABLE,
    )
    np.testing.assert_allclose([f.value for f in table.factors], TRUE_K, rtol=1e-12)
    assert (table.convention, table.beam_energy_keV) == ("family", 200)
    for element in (None, "O", "O_K"):
        found = thickness_from_region(
            STO,
            intensities,
            covariance,
            {"Sr": 20, "Ti": 20, "O": 60},
            TABLE,
            density_g_cm3=STO_DENSITY,
            take_off_angle_deg=ANGLE,
            element=element,
        )
        assert found.thickness_nm == pytest.approx(thickness_nm, abs=1e-4)


def test_errors_of_k_factors_are_the_spread_of_their_ratios():
    intensities = emitted(60)
    sigma = np.array([0.02, 0.015, 0.01]) * intensities
    covariance = np.array([[1, 0.5, 0], [0.5, 1, -0.3], [0, -0.3, 1]]) * np.outer(sigma, sigma)
    table = k_factors_from_region(STO, intensities, covariance, "SrTiO3", reference="Ti")
    drawn = np.random.default_rng(5).multivariate_normal(intensities, covariance, 20_000)
    spread = (drawn[:, [1]] / drawn).std(axis=0) / (drawn[:, [1]] / drawn).mean(axis=0)
    np.testing.assert_allclose([f.relative_error for f in table.factors], spread, rtol=0.02)
    assert table.factors[1].value == 1
    assert table.factors[1].relative_error == 0


def test_errors_of_the_thickness_are_the_spread_of_thicknesses():
    intensities = emitted(60)
    sigma = np.array([0.01, 0.015, 0.01]) * intensities
    covariance = np.array([[1, 0.5, 0], [0.5, 1, -0.3], [0, -0.3, 1]]) * np.outer(sigma, sigma)
    k_errors = np.array([0.03, 0.02, 0.04])
    table = KFactorTable.from_mapping(
        dict(zip(map(str, STO), TRUE_K, strict=True)),
        "family",
        relative_errors=dict(zip(map(str, STO), k_errors, strict=True)),
    )

    def thickness(counts):
        return thickness_from_region(
            STO,
            counts,
            covariance,
            "SrTiO3",
            table,
            density_g_cm3=STO_DENSITY,
            take_off_angle_deg=ANGLE,
        )

    random = np.random.default_rng(6)
    from_counts = random.multivariate_normal(intensities, covariance, 800)
    from_k = intensities * (1 + k_errors * random.standard_normal((800, 3)))
    found = thickness(intensities)
    for error, drawn in ((found.error_statistical_nm, from_counts), (found.error_k_nm, from_k)):
        # A standard deviation from 800 draws is known to 2.5 %.
        assert error == pytest.approx(np.std([thickness(c).thickness_nm for c in drawn]), rel=0.08)


def test_several_families_and_elements_without_one():
    families = [*STO[1:], xray.family("Sr", "L")]
    intensities = np.array([2e4, 1e4, 3e4])
    table = k_factors_from_region(
        families,
        intensities,
        np.diag(intensities),
        "SrTiO3",
        reference="Sr_K",
        absorption=settings(60),
    )
    assert table.find("Sr", "K").value == 1
    # Oxygen has no k-factor but absorbs: a Sr L of a third the intensity, corrected by 1.05.
    assert table.find("O", "K") is None
    assert table.find("Sr", "L").value == pytest.approx(1 / 3 / 1.06, rel=0.03)
    with pytest.raises(KFactorError, match="'Sr' is more than one of the families"):
        k_factors_from_region(
            families, intensities, np.diag(intensities), "SrTiO3", reference="Sr"
        )


def test_the_source_says_what_was_done():
    intensities = emitted(60)
    arguments = (STO, intensities, np.diag(intensities))
    plain = k_factors_from_region(*arguments, "SrTiO3", reference="O")
    assert plain.source == (
        "measured on a region of SrTiO3 (absorption not corrected), relative to O_K"
    )
    assert plain.beam_energy_keV is None
    corrected = k_factors_from_region(
        *arguments,
        {"Sr": 1, "Ti": 1, "O": 2.9},
        reference="O",
        absorption=Absorption(thickness_nm=60, density_g_cm3=5.12),
        take_off_angle_deg=18.0,
        base_table=TABLE,
    )
    assert corrected.source == (
        "measured on a region of Sr1Ti1O2.9 (absorption corrected for 60 nm, 5.12 g/cm³, 18°), "
        "relative to O_K of mine"
    )
    with pytest.raises(EDSError, match="gives no take-off angle"):
        k_factors_from_region(
            *arguments,
            "SrTiO3",
            reference="O",
            absorption=Absorption(thickness_nm=60, density_g_cm3=5.12),
        )


@pytest.mark.parametrize(
    ("intensities", "formula", "reference", "message"),
    [
        ((1e4, 1e4, 1e4), "LaFeO3", "O", "LaFeO3 contains O_K, and a ratio needs two"),
        ((1e4, 1e4, 1e4), "SrTiO", "Fe", "reference 'Fe' is not of the families O_K, Ti_K, Sr_K"),
        ((1e4, 8.0, -3.0), "SrTiO3", "O", "Ti_K, Sr_K not detected in the region"),
        ((1e4, 1e4), "SrTiO3", "O", "do not belong to 3 families"),
        ((1e4, 1e4, 1e4), "SrTiO3!", "O", "cannot read 'SrTiO3!' as a formula"),
    ],
)
def test_a_region_that_does_not_fit_is_refused(intensities, formula, reference, message):
    intensities = np.array(intensities)
    with pytest.raises(EDSError, match=message):
        k_factors_from_region(
            STO, intensities, np.diag(np.maximum(intensities, 1)), formula, reference=reference
        )


def thickness_of(intensities, families=STO, formula="SrTiO3", table=TABLE, **kwargs):
    return thickness_from_region(
        families,
        intensities,
        np.diag(intensities),
        formula,
        table,
        density_g_cm3=STO_DENSITY,
        take_off_angle_deg=ANGLE,
        **kwargs,
    )


def test_a_table_of_alpha_lines_goes_with_intensities_of_alpha_lines():
    shares = np.array([1.0, 0.9, 0.85])
    alphas = KFactorTable.from_mapping(
        dict(zip(map(str, STO), TRUE_K * shares, strict=True)), "alpha"
    )
    found = thickness_of(emitted(60) / shares, table=alphas)
    assert found.thickness_nm == pytest.approx(60, abs=1e-4)


def test_a_composition_that_no_thickness_explains_is_refused():
    too_much = emitted(1) * [1.2, 1, 1]
    with pytest.raises(
        EDSError, match=r"no thickness .* O comes out at 1\.19 times .*35\.8 times.*\(mine\)"
    ):
        thickness_of(too_much)
    too_little = emitted(1) * [0.01, 1, 1]
    with pytest.raises(EDSError, match=r"no thickness from 0\.1 to 2000 nm gives SrTiO3"):
        thickness_of(too_little)


def test_a_thickness_needs_two_elements_with_k_factors():
    intensities = emitted(60)
    with pytest.raises(KFactorError, match="needs two elements"):
        thickness_of(intensities[:1], STO[:1])
    with pytest.raises(KFactorError, match="more than one family of Sr"):
        thickness_of(intensities, [*STO[1:], xray.family("Sr", "L")])
    with pytest.raises(KFactorError, match="no k-factor for Sr_K"):
        thickness_of(
            intensities, table=KFactorTable.from_mapping({"O_K": 1.0, "Ti_K": 1.0}, "family")
        )


def test_what_a_formula_does_not_contain_is_fitted_only():
    families = [xray.family("La", "L"), *STO]
    intensities, angle = np.array([7e3, *emitted(60)]), {"take_off_angle_deg": ANGLE}
    covariance = np.diag(intensities)
    covariance[0, 1] = covariance[1, 0] = 500.0
    known = {"reference": "Ti", "absorption": settings(60), "base_table": TABLE}
    table = k_factors_from_region(families, intensities, covariance, "SrTiO3", **known)
    alone = k_factors_from_region(STO, intensities[1:], covariance[1:, 1:], "SrTiO3", **known)
    assert table.factors == alone.factors
    assert table.notes == ("Not in SrTiO3, and taken as fitted only: La_L.",)
    assert alone.notes == ()
    solved = [
        thickness_from_region(f, i, c, "SrTiO3", TABLE, density_g_cm3=STO_DENSITY, **angle)
        for f, i, c in (
            (families, intensities, covariance),
            (STO, intensities[1:], covariance[1:, 1:]),
        )
    ]
    assert solved[0] == solved[1]
    assert solved[0].thickness_nm == pytest.approx(60, rel=1e-3)


@pytest.mark.parametrize(
    ("formula", "density"), [("SrTiO3", 5.12), ({"Sr": 1, "Ti": 1, "O": 2.9}, None)]
)
def test_k_factors_take_the_published_density_where_there_is_one(formula, density):
    intensities = emitted(60)
    table = k_factors_from_region(
        STO,
        intensities,
        np.diag(intensities),
        formula,
        reference="Ti",
        absorption=Absorption(thickness_nm=60, take_off_angle_deg=ANGLE),
        base_table=TABLE,
        beam_energy_keV=300,
    )
    density = density or eds.density_from_composition(formula)
    assert f"60 nm, {density:g} g/cm³" in table.source
    assert table.beam_energy_keV == 300
    if formula == "SrTiO3":
        np.testing.assert_allclose([f.value for f in table.factors], TRUE_K, rtol=1e-3)
