"""zeta-factors: against eXSpy, against numerical slopes, and against simulated truth."""

from dataclasses import replace

import numpy as np
import pytest

import napari_eds as eds
from napari_eds._support import hyperspy
from napari_eds.errors import EDSError, KFactorError
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import Foil, mass_absorption_cm2_g
from napari_eds.quantification.methods.intensities import Intensities
from napari_eds.quantification.methods.zeta import zeta_factor_method
from napari_eds.recipe.zeta_factors import (
    ZetaFactorTable,
    cross_section_m2,
    read_zeta_factors,
    theoretical_zeta_factors,
)

FAMILIES = [xray.family(element, "K") for element in ("O", "Ti", "Sr")]
WEIGHTS = np.array([xray.atomic_weight(family.element) for family in FAMILIES])
ZETA = np.array([500.0, 520.0, 1900.0])
COUNTS = np.array([[22000.0, 37400.0, 18300.0], [1500.0, 2600.0, 1200.0]])
ELECTRONS = np.array([5e10, 5e9])
MAC = mass_absorption_cm2_g(
    [family.element for family in FAMILIES], [family.alpha.energy_keV for family in FAMILIES]
)
#: At 22 degrees; of which thickness is what is to be found.
FOIL = Foil(MAC, np.zeros(2), np.full(2, 5.12), 22.0)


def given(counts=COUNTS, zeta=ZETA, errors=(0.0, 0.0, 0.0)):
    counts = np.atleast_2d(counts)
    return Intensities(
        counts=counts,
        covariance=np.array([np.diag(row) for row in counts]),
        k_factors=zeta,
        k_covariance=np.diag(np.square(errors)),
        atomic_weights=WEIGHTS,
    )


def test_equals_zeta_factors_of_exspy():
    hyperspy.exspy()
    from exspy._misc.eds import utils

    found = zeta_factor_method(given(), ELECTRONS)
    for row in range(2):
        fractions, mass = utils.quantification_zeta_factor(COUNTS[row], ZETA, ELECTRONS[row])
        assert found.weight_fractions[row] == pytest.approx(fractions, rel=1e-6)
        assert found.mass_thickness.kg_m2[row] == pytest.approx(float(mass), rel=1e-6)


def test_equals_cross_sections_of_exspy():
    hyperspy.exspy()
    from exspy._misc.eds import utils

    barn = [cross_section_m2(z, w) * 1e28 for z, w in zip(ZETA, WEIGHTS, strict=True)]
    fractions, atoms = utils.quantification_cross_section(COUNTS[0], barn, ELECTRONS[0])
    found = zeta_factor_method(given(), ELECTRONS)
    assert found.atomic_fractions[0] == pytest.approx(fractions, rel=1e-6)
    # eXSpy counts atoms per nm², where the dose is that of a pixel.
    mass = (np.asarray(atoms) * WEIGHTS).sum() / 6.02214076e23 * 1e-3 * 1e18
    assert found.mass_thickness.kg_m2[0] == pytest.approx(mass, rel=1e-6)


def test_absorption_is_that_of_the_mass_thickness_found():
    found = zeta_factor_method(given(), ELECTRONS, foil=FOIL)
    path = found.mass_thickness.kg_m2 * 0.1 / np.sin(np.radians(22))
    x = found.weight_fractions @ MAC * path[:, None]
    assert found.absorption_factors == pytest.approx(x / -np.expm1(-x), rel=1e-9)


def test_errors_are_those_of_random_draws():
    rng = np.random.default_rng(3)
    told = zeta_factor_method(
        given(errors=(0.02, 0.01, 0.01)), ELECTRONS, dose_relative_error=0.02, foil=FOIL
    )
    drawn = rng.poisson(COUNTS[0], (4000, 3)) * (1 + rng.normal(0, (0.02, 0.01, 0.01), (4000, 3)))
    drawn = drawn * (1 + rng.normal(0, 0.02, (4000, 1)))
    many = replace(FOIL, density_g_cm3=np.full(4000, 5.12))
    found = zeta_factor_method(given(drawn), np.full(4000, ELECTRONS[0]), foil=many)
    assert told.mass_thickness.errors_total[0] == pytest.approx(
        found.mass_thickness.kg_m2.std(), rel=0.06
    )
    assert told.atomic_errors_total[0] == pytest.approx(
        found.atomic_fractions.std(axis=0), rel=0.06
    )


def test_a_label_without_counts_gives_none():
    empty = np.array([[1.0, 0.0, 1.0]])
    found = zeta_factor_method(given(empty), np.array([1e9]), foil=FOIL.of(slice(1)))
    assert np.isnan(found.mass_thickness.kg_m2).all()
    with pytest.raises(EDSError, match="dose above 0"):
        zeta_factor_method(given(), np.array([0.0, 1.0]))


def test_a_table_is_read_back(tmp_path):
    table = theoretical_zeta_factors(200, 0.7)
    again = read_zeta_factors(table.to_csv(tmp_path / "zeta.csv"))
    for family in FAMILIES:
        assert again.value_kg_m2(family, "family") == pytest.approx(
            table.value_kg_m2(family, "family")
        )
    assert again.common_relative_error == table.common_relative_error
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    with pytest.raises(KFactorError, match="lacks element"):
        read_zeta_factors(tmp_path / "bad.csv")
    with pytest.raises(KFactorError, match="must be positive"):
        ZetaFactorTable(table.k_factors, 0.0)


@pytest.fixture(scope="module")
def wedge(lfo_sto_96, data_dir):
    """Blocks of 12 x 12 pure pixels of LFO_STO_96 by zeta-factors of one region, and the truth."""
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz")
    phase, pure = truth["label"], truth["pure"]
    row, column = np.indices(phase.shape)
    region = np.where((phase == 3) & pure & (column < 24), 99, 0)
    blocks = np.where(pure & np.isin(phase, (2, 3)), (row // 12) * 8 + column // 12 + 1, 0)
    blocks = np.where(phase == 3, blocks + 64 * (blocks > 0), blocks)
    few = np.bincount(blocks.ravel()) < 130
    blocks[few[blocks]] = 0
    settings = {
        "elements": ("La", "Fe", "O", "Sr", "Ti"),
        "fit_only": ("Cu", "C", "Ga", "Pt"),
        "k_factors": eds.read_k_factors(data_dir / "simulated/kfactors_family_sum_windowless.csv"),
    }
    known = eds.quantify(lfo_sto_96, region, eds.Recipe.create(**settings))
    zeta = eds.zeta_factors_from_label(
        known,
        99,
        "SrTiO3",
        thickness_nm=float(truth["thickness_nm"][region > 0].mean()),
        density_g_cm3=5.12,
    )
    result = eds.quantify(lfo_sto_96, blocks, eds.Recipe.create(**settings))
    return eds.quantify_by_zeta(result, zeta), truth, blocks


def test_one_region_calibrates_the_thickness_of_all_others(wedge):
    found, truth, blocks = wedge
    true = truth["thickness_nm"] * truth["density_g_cm3"] * 1e-6
    ids = found.label_spectra.ids
    expected = np.array([true[blocks == i].mean() for i in ids])
    deviation = found.composition.mass_thickness.kg_m2 / expected - 1
    assert len(ids) > 25
    assert np.median(np.abs(deviation)) < 0.02
    told = found.composition.mass_thickness.errors_total / expected
    assert 0.6 <= np.mean(np.abs(deviation) < told) <= 0.85


def test_thickness_maps_lie_on_their_labels(wedge):
    found, _, blocks = wedge
    maps = found.thickness_maps()
    assert np.isnan(maps["thickness_nm"][blocks == 0]).all()
    assert np.nanmin(maps["thickness_nm_error_total"]) > 0
