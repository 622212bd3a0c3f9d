"""Tables made from theory with noise and with what vendors' tables differ from it by."""

import numpy as np
import pytest

from napari_eds import KFactorError, KFactorTable, read_k_factors, theoretical_k_factors
from napari_eds.physics import emission
from napari_eds.recipe.k_factor_comparison import (
    beam_energy_remark,
    convention_evidence,
    rows_far_from_theory,
)

VELOX = "real/kfactors/k-factors-Spectra300UTK200keV.csv"

#: Velox / theory for alpha lines below 1, of 1-3, 3-8 and above 8 keV.
_VELOX_BIAS = {"K": (1.17, 1.08, 0.99, 0.90), "L": (1.77, 1.11, 0.76, 0.78), "M": (0.54,) * 4}


def bias(factor):
    energy = emission.alpha_energy_keV(factor.element, factor.family, 200)
    return _VELOX_BIAS[factor.family][int(np.searchsorted([1, 3, 8], energy))]


def vendor_table(beam, convention, seed, *, biased=False):
    """Return theory with 10 % noise, the table telling nothing."""
    rng = np.random.default_rng(seed)
    return [
        f.model_copy(
            update={"value": f.value * rng.lognormal(0, 0.1) * (bias(f) if biased else 1)}
        )
        for f in theoretical_k_factors(beam, convention=convention).factors
    ]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("convention", ["family", "alpha"])
@pytest.mark.parametrize("beam", [80, 120, 200, 300])
def test_no_table_is_ever_given_the_wrong_convention(beam, convention, biased, known):
    rng = np.random.default_rng(beam)
    found = []
    for seed in range(4):
        factors = vendor_table(beam, convention, seed, biased=biased)
        found.append(convention_evidence(factors, beam if known else None).nearer)
        for size in (60, 40, 15, 8, 4):
            some = [factors[i] for i in rng.choice(len(factors), size, replace=False)]
            evidence = convention_evidence(some, beam if known else None)
            assert evidence is None or evidence.nearer in (None, convention)
    assert set(found) <= {None, convention}
    if known and (convention == "family" or not biased):
        assert convention in found


def test_tables_that_lie_between_are_asked_for(tmp_path):
    path = tmp_path / "k.csv"
    rows = vendor_table(200, "alpha", 0, biased=True)
    text = "\n".join(f"{f.element},{f.family},{f.value}" for f in rows if f.family in "KL")
    path.write_text(f"element,family,k_factor\n{text}\n")
    with pytest.raises(KFactorError, match=r"does not settle it.*as whole families.*as alpha"):
        read_k_factors(path)
    assert read_k_factors(path, convention="alpha").convention == "alpha"


def bruker_table():
    """K and L rows of the detector of a Hitachi HD2700 (published with CV4EM)."""
    k = {"K": 1.077, "Ca": 1.157, "Ti": 1.210, "V": 1.259, "Cr": 1.278, "Co": 1.518, "Ni": 1.556}
    k |= {
        "Zn": 1.860,
        "Ge": 2.265,
        "Se": 2.807,
        "Kr": 3.546,
        "Sr": 4.616,
        "Zr": 6.180,
        "Mo": 8.642,
    }
    l_rows = {"Sr": 2.274, "Zr": 2.360, "Mo": 2.361, "Ru": 2.493, "Pd": 2.738, "Cd": 2.939}
    l_rows |= {"Sn": 3.303, "Te": 3.575, "Ba": 3.789, "Ce": 3.779, "Nd": 3.835, "Gd": 4.178}
    l_rows |= {"Er": 4.322, "Hf": 4.674, "W": 4.824, "Pt": 4.893, "Au": 4.892, "Pb": 5.257}
    factors = {f"{e}_K": v for e, v in k.items()} | {f"{e}_L": v for e, v in l_rows.items()}
    return KFactorTable.from_mapping(factors, "alpha")


def test_a_table_of_bruker_follows_alpha_lines():
    evidence = convention_evidence(bruker_table().factors)
    assert evidence.nearer == "alpha"
    assert evidence.ratios["alpha"] == pytest.approx(1.03, abs=0.05)
    assert evidence.ratios["family"] == pytest.approx(1.6, abs=0.15)


@pytest.mark.parametrize("beam", [120, 200, 300])
def test_no_single_factor_of_a_vendor_is_far_from_theory(data_dir, beam):
    kept = ("real/kfactors/*.csv", "simulated/kfactors*.csv", "simulated/materials/k_factors*.csv")
    files = [path for names in kept for path in data_dir.glob(names)]
    assert len(files) == 4
    of_example = KFactorTable.from_mapping({"Fe_K": 1.450226, "Pt_L": 5.075602}, "alpha")
    for table in (bruker_table(), of_example, *map(read_k_factors, files)):
        assert rows_far_from_theory(table, beam) == {}


def test_a_slip_of_one_row_is_found_whatever_the_scale(data_dir):
    table = read_k_factors(data_dir / VELOX)
    slip = table.find("Fe", "K")
    factors = tuple(
        f.model_copy(update={"value": 7 * f.value * (10 if f == slip else 1)})
        for f in table.factors
    )
    (far,) = rows_far_from_theory(KFactorTable(factors=factors, convention="family"), 200).items()
    assert (far[0].element, far[0].family) == ("Fe", "K")
    assert far[1] == pytest.approx(10, rel=0.1)


def test_nothing_is_compared_without_rows_or_theory():
    factors = theoretical_k_factors(200).factors
    assert convention_evidence(factors, 20) is None
    assert convention_evidence([f for f in factors if f.family == "K"]) is None
    assert convention_evidence([f for f in factors if f.family == "L"]) is None


def test_a_table_for_another_beam_is_noticed(data_dir):
    velox = read_k_factors(data_dir / VELOX)
    # It was exported for 200 keV; 200 and 300 keV differ less than vendors do from theory.
    assert beam_energy_remark(velox, 200) == beam_energy_remark(velox, 300) == ""
    assert "for the map's 80 keV, but by 3 % about that for 300 keV" in beam_energy_remark(
        velox, 80
    )
    soft = theoretical_k_factors(80).model_copy(update={"beam_energy_keV": None})
    assert "200 keV, but by 0 % about that for 80 keV" in beam_energy_remark(soft, 200)
    assert beam_energy_remark(soft, 80) == ""
    assert beam_energy_remark(theoretical_k_factors(80), 200) == ""  # that is refused elsewhere
    assert beam_energy_remark(soft, 20) == ""


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("beam", [80, 120, 200, 300])
def test_a_table_for_the_beam_of_the_map_is_not_doubted(beam, seed):
    for biased in (False, True):
        factors = tuple(vendor_table(beam, "family", seed, biased=biased))
        assert not beam_energy_remark(KFactorTable(factors=factors, convention="family"), beam)


@pytest.mark.parametrize(
    ("beams", "told"),
    [
        ({"beam_energy_keV": 300}, "theory for 300 keV)"),
        ({"map_beam_energy_keV": 80}, "theory for the map's 80 keV, as the table tells no beam"),
        ({}, "theory for 200 keV, as the table tells no beam energy)"),
    ],
)
def test_whose_beam_energy_theory_is_for_is_told(beams, told):
    assert told in str(convention_evidence(bruker_table().factors, **beams))
