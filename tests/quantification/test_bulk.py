"""Errors of bulk specimens hold what is not corrected; a thickness makes a foil at any beam."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.fitting.self_absorption import SelfAbsorption
from napari_eds.physics import lines as xray
from napari_eds.simulate.maps import Phase, simulate

#: Atoms, or weight percents of glasses as NIST certified them.
SPECIMENS = {
    "real/msa/GaAs/GaAs_05kV.emsa": {"Ga": 1, "As": 1},
    "real/msa/GaAs/GaAs_10kV.emsa": {"Ga": 1, "As": 1},
    "real/msa/GaAs/GaAs_15kV.emsa": {"Ga": 1, "As": 1},
    "real/msa/GaAs/GaAs_30kV.emsa": {"Ga": 1, "As": 1},
    "real/bruker/Albite_ChMxd_20kV0p5nA130kHzTC_5p9kHzOCR_4ks.spx": {
        "Na": 1,
        "Al": 1,
        "Si": 3,
        "O": 8,
    },
}
WEIGHTS = {
    "real/msa/NIST_K412/III-E K412[0][4].msa": {
        "O": 42.76,
        "Mg": 11.66,
        "Al": 4.91,
        "Si": 21.20,
        "Ca": 10.90,
        "Fe": 7.74,
    },
    "real/msa/NIST_K309/K309.msa": {
        "O": 38.70,
        "Al": 7.94,
        "Si": 18.70,
        "Ca": 10.72,
        "Fe": 10.49,
        "Ba": 13.43,
    },
}
ATOMS = SPECIMENS | {
    name: {e: w / xray.atomic_weight(e) for e, w in weights.items()}
    for name, weights in WEIGHTS.items()
}
MOS2 = Phase("MoS2", {"Mo": 100 / 3, "S": 200 / 3}, 5.0)


def quantified(data_dir, name, elements):
    image = eds.read(data_dir / name)[0]
    table = data_dir / "real/kfactors/k-factors-Spectra300UTK200keV.csv"
    recipe = eds.Recipe(
        elements=elements,
        fit_only=("C", "O") if "O" not in elements else ("C",),
        k_factors=eds.read_k_factors(table),
        allow_beam_energy_mismatch=True,
    )
    return eds.quantify(image, np.ones(image.shape, int), recipe)


@pytest.mark.parametrize("name", ATOMS)
def test_known_bulk_specimens_lie_within_their_total_errors(data_dir, name):
    atoms = ATOMS[name]
    found = quantified(data_dir, name, tuple(atoms)).composition
    true = np.array(list(atoms.values())) / sum(atoms.values())
    off = np.abs(found.atomic_fractions[0] - true) / found.atomic_errors_total[0]
    assert off.max() < 2.5
    # Nor are errors so large that anything would.
    assert off.max() > 0.3


def test_what_is_not_corrected_is_named_with_its_size(data_dir):
    result = quantified(data_dir, "real/msa/NIST_K309/K309.msa", ("O", "Al", "Si", "Ca"))
    flag = result.table["flag"].iloc[0]
    assert "O ± " in flag
    assert "(bulk not corrected)" in flag
    assert "bulk not corrected" in " ".join(result.account())
    budget = result.error_budget()
    assert (budget["bulk"] > 1).all()
    assert (budget[["thickness", "density", "attenuation"]] == 0).all(axis=None)
    assert (budget["total"] > budget["bulk"]).all()


@pytest.fixture(scope="module")
def foil_at_30_keV():
    """MoS2, 30 nm thick, of half a million counts."""
    conditions = {"beam_energy_keV": 30.0, "take_off_angle_deg": 22.0}
    return simulate(np.ones((10, 10), int), [MOS2], 30, counts_per_pixel=5000, **conditions)


def of_foil(made, **settings):
    named = {f"{element}_{family}": k for (element, family), k in made.k_factors.items()}
    k = eds.KFactorTable.from_mapping(named, "family", beam_energy_keV=30)
    recipe = eds.Recipe(elements=("Mo", "S"), **({"k_factors": k} | settings))
    return eds.quantify(made.image, np.ones(made.image.shape, int), recipe)


def test_a_thickness_makes_a_foil_at_30_keV(foil_at_30_keV):
    foil = of_foil(foil_at_30_keV, absorption=eds.Absorption(thickness_nm=30))
    row = foil.table.iloc[0]
    assert "bulk specimen" not in row["flag"]
    assert "taken for a foil" in row["flag"]
    assert "bulk" not in foil.error_budget()
    assert row["Mo_at_pct"] == pytest.approx(100 / 3, abs=1)
    assert foil.preparation.reduced_chi_squared < 1.2


def test_nothing_said_of_it_a_specimen_at_30_keV_is_bulk(foil_at_30_keV):
    bulk = of_foil(foil_at_30_keV)
    assert "bulk specimen: Cliff-Lorimer is for thin foils" in bulk.table["flag"].iloc[0]
    assert "bulk" in bulk.error_budget()


def test_zeta_factors_make_a_foil_at_30_keV(foil_at_30_keV):
    foil = of_foil(foil_at_30_keV, absorption=eds.Absorption(thickness_nm=30))
    zeta = eds.zeta_factors_from_label(foil, 1, "MoS2", thickness_nm=30)
    recipe = foil.recipe.by_zeta(zeta)
    found = eds.quantify(foil.image, foil.labels, recipe)
    row = found.table.iloc[0]
    assert "bulk specimen" not in row["flag"]
    assert "taken for a foil" in row["flag"]
    assert "bulk" not in found.error_budget()
    assert row["thickness_nm"] == pytest.approx(30, rel=0.1)


def test_lines_of_a_foil_are_drawn_as_they_leave_a_foil(foil_at_30_keV, monkeypatch):
    def refused(*_):
        raise AssertionError("a foil was taken for bulk")

    monkeypatch.setattr(SelfAbsorption, "of_bulk", refused)
    of_foil(foil_at_30_keV, absorption=eds.Absorption(thickness_nm=30))
    with pytest.raises(AssertionError, match="taken for bulk"):
        of_foil(foil_at_30_keV)


def test_foils_have_no_error_of_bulk():
    made = simulate(np.ones((4, 4), int), [MOS2], 30, counts_per_pixel=5000)
    result = eds.quantify(made.image, np.ones((4, 4), int), eds.Recipe(elements=("Mo", "S")))
    assert "bulk" not in result.error_budget()
    assert "bulk" not in result.composition.atomic_error_parts
