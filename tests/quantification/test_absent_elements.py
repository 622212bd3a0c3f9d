"""Elements that are asked for and absent leave the others, and what is said of them, alone."""

from dataclasses import replace

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.quantification.remarks.of_labels import label_remarks
from napari_eds.simulate import Phase, simulate

CHROMITE = Phase("chromite", {"La": 20, "Cr": 20, "O": 60}, 6.6)
ONE = np.ones((1, 1), int)


def quantified(*elements, seed):
    image = simulate(
        ONE,
        (CHROMITE,),
        60.0,
        counts_per_pixel=1e5,
        seed=seed,
        beam_energy_keV=200.0,
        energy=eds.EnergyAxis(-0.25, 0.005, 4096),
    ).image
    foil = eds.Absorption(thickness_nm=60, density_g_cm3=6.6)
    return eds.quantify(image, ONE, eds.Recipe(elements=elements, absorption=foil))


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_oxygen_that_is_left_out_is_not_laid_on_vanadium(seed):
    """V L lies under O K: free where V K is below zero by chance, it was all of O."""
    flag = quantified("La", "Cr", "V", seed=seed).table["flag"].iloc[0]
    assert "lines off their tables" in flag or "unexplained peak" in flag


@pytest.mark.parametrize("seed", range(3))
def test_soft_lines_of_what_is_absent_are_next_to_nothing(seed):
    result = quantified("La", "Cr", "O", "V", seed=seed)
    areas = dict(zip(map(str, result.fit.model.families), result.fit.alpha_areas[0], strict=True))
    assert abs(areas["V_L"]) < 0.02 * areas["O_K"]


@pytest.mark.parametrize(("at_pct", "told"), [(-0.05, False), (-0.5, True)])
def test_only_what_moves_others_is_told_to_be_below_zero(at_pct, told):
    result = quantified("La", "Cr", "O", "V", seed=0)
    fractions = result.composition.atomic_fractions.copy()
    errors = result.composition.atomic_errors_total.copy()
    fractions[0, 3], errors[0, 3] = at_pct / 100, 1e-4
    composition = replace(
        result.composition, atomic_fractions=fractions, atomic_errors_total=errors
    )
    (remark,) = label_remarks(
        result.fit,
        composition,
        (),
        intensity_errors=result.intensity_errors_total,
        absorption_is_corrected=True,
    )
    assert ("V below zero: wrong model" in remark) is told
