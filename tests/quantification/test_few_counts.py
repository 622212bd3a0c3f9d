"""Errors of single pixels and small labels, which hold a handful of counts of each element."""

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.quantification.table import error_of

STEM = eds.Acquisition(
    beam_energy_keV=200.0, take_off_angle_deg=22.0, energy_resolution_MnKa_eV=130.0
)
AXIS = eds.EnergyAxis(-0.25, 0.005, 4096)
COUNTS, SIDE = 100, 30
#: Truth in at.%; Co and Mn have one or two counts each.
NMC = {"Ni": 20.0, "Co": 2.5, "Mn": 2.5, "O": 75.0}


@pytest.fixture(scope="module")
def folder(data_dir):
    return data_dir / "simulated/materials"


@pytest.fixture(scope="module")
def image(folder):
    with np.load(folder / "materials.npz") as spectra:
        shape = spectra["nominal/NMC811/60"]
    drawn = np.random.default_rng(3).poisson(COUNTS * shape, (SIDE, SIDE, AXIS.size))
    return eds.SpectrumImage.from_array(drawn, AXIS, acquisition=STEM)


@pytest.fixture(scope="module")
def recipe(folder):
    rows = pd.read_csv(folder / "materials.csv").set_index("key")
    return eds.Recipe.create(
        elements=tuple(NMC),
        fit_only=("Cu", "C"),
        k_factors=eds.read_k_factors(folder / "k_factors_family.csv"),
        absorption=eds.Absorption(
            thickness_nm=60, density_g_cm3=float(rows.loc["nominal/NMC811/60", "density_g_cm3"])
        ),
    )


@pytest.mark.parametrize("engine", ["poisson", "linear"])
def test_labels_of_a_hundred_counts_have_the_errors_they_state(image, recipe, engine):
    labels = np.arange(1, SIDE**2 + 1).reshape(SIDE, SIDE)
    table = eds.quantify(image, labels, recipe.model_copy(update={"engine": engine})).table
    for element, true in NMC.items():
        column = f"{element}_at_pct"
        z = (table[column] - true) / table[error_of(column)]
        assert z.std() == pytest.approx(1, abs=0.12), element


@pytest.mark.parametrize("kernel", [eds.Kernel("mean", 1), eds.Kernel("gaussian", 1.0)])
def test_so_have_pixels(image, recipe, kernel):
    maps = eds.pixel_maps(image, recipe, kernel=kernel)
    for i, (element, true) in enumerate(NMC.items()):
        z = (maps.atomic_pct[i] - true) / maps.errors_statistical[i]
        assert np.nanstd(z) == pytest.approx(1, abs=0.12), element


def test_an_element_without_a_count_is_uncertain_by_one(image, recipe):
    labels = np.arange(1, SIDE**2 + 1).reshape(SIDE, SIDE)
    fit = eds.quantify(image, labels, recipe).fit
    assert np.all(fit.intensity_errors >= 1)
