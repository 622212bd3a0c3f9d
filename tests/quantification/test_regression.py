"""Compositions of measured and simulated data, with numbers that were found without this package.

Numbers of the data's own documentation come from eXSpy models whose background was fitted in
line-free windows, then held while the lines were fitted. Here lines and background are fitted
together, which is eXSpy's ``model.fit()``; the two differ by up to 0.3 at.% on the same data.
"""

import numpy as np
import pytest

from napari_eds import (
    Acquisition,
    EnergyAxis,
    KFactorTable,
    Recipe,
    SpectrumImage,
    grid_chips,
    load,
    quantify,
    read,
    read_k_factors,
)

#: The numbers are those of a plain fit with eXSpy, on the axis of the file.
AS_EXSPY = {"engine": "linear", "calibrate": False}

#: Largest difference of the two ways to fit the background, in at.%.
BACKGROUND_at_pct = 0.35

VELOX = "real/kfactors/k-factors-Spectra300UTK200keV.csv"
FAMILY_SUM = "simulated/kfactors_family_sum_windowless.csv"
ALPHA_LINE = "simulated/kfactors_alpha_line_windowless.csv"


def iron_platinum(k_factors):
    return Recipe.create(
        **AS_EXSPY,
        elements=("Fe_K", "Pt_L"),
        fit_only=("Cu", "Co"),
        energy_range_keV=(5, 15),
        k_factors=k_factors,
    )


def exspy_k(convention):
    """The k-factors of eXSpy's user guide, which belong to alpha lines."""
    return KFactorTable.from_mapping({"Fe_K": 1.450226, "Pt_L": 5.075602}, convention)


def whole(image, recipe):
    """at.% of the sum of all pixels, in the order of the recipe."""
    result = quantify(image, np.ones(image.shape, int), recipe)
    return 100 * result.composition.atomic_fractions[0]


@pytest.fixture(scope="module")
def velox_k(data_dir):
    return read_k_factors(data_dir / VELOX)


@pytest.fixture(scope="module")
def iron_platinum_image():
    import exspy

    signal = exspy.data.EDS_TEM_FePt_nanoparticles()
    axis = signal.axes_manager.signal_axes[0]
    instrument = signal.metadata.Acquisition_instrument.TEM
    return SpectrumImage.from_array(
        signal.data,
        EnergyAxis(axis.offset, axis.scale, axis.size),
        acquisition=Acquisition(
            beam_energy_keV=float(instrument.beam_energy),
            energy_resolution_MnKa_eV=float(instrument.Detector.EDS.energy_resolution_MnKa),
        ),
    )


def test_iron_platinum_particles(iron_platinum_image):
    iron = whole(iron_platinum_image, iron_platinum(exspy_k("alpha")))[0]
    assert iron == pytest.approx(16.20, abs=0.01)


def test_the_wrong_convention_is_far_off(iron_platinum_image):
    iron = whole(iron_platinum_image, iron_platinum(exspy_k("family")))[0]
    assert iron == pytest.approx(10.0, abs=0.1)


def test_iron_platinum_particles_with_a_vendors_k_factors(iron_platinum_image, velox_k):
    iron = whole(iron_platinum_image, iron_platinum(velox_k))[0]
    # Fitted with weights from expected counts it is 18.1; equal weights add 0.14.
    assert iron == pytest.approx(18.1, abs=0.3)
    as_alpha = velox_k.model_copy(update={"convention": "alpha"})
    assert whole(iron_platinum_image, iron_platinum(as_alpha))[0] == pytest.approx(27.7, abs=0.3)


@pytest.mark.parametrize(
    ("name", "documented", "exspy_fit", "chips"),
    [
        ("bare_core", 21.30, 21.0846, [18.73, 22.04, 21.98, 25.05]),
        ("core_shell", 80.15, 80.4258, [78.71, 79.52, 75.15, 88.45]),
    ],
)
def test_maps_of_particles(data_dir, name, documented, exspy_fit, chips):
    image = load(data_dir / f"real/hspy/{name}.hdf5")
    recipe = iron_platinum(exspy_k("alpha"))
    iron = whole(image, recipe)[0]
    assert iron == pytest.approx(exspy_fit, abs=1e-3)
    assert iron == pytest.approx(documented, abs=BACKGROUND_at_pct)
    result = quantify(image, grid_chips(image.shape, image.shape[0] // 2), recipe)
    assert result.table["chip"].tolist() == ["R0C0", "R0C1", "R1C0", "R1C1"]
    assert result.table["Fe_at_pct"].tolist() == pytest.approx(chips, abs=BACKGROUND_at_pct)


def test_chips_of_the_particle_maps_hold_their_documented_counts(data_dir):
    for name, counts in (
        ("bare_core", [133990, 107591, 116188, 79670]),
        ("core_shell", [237651, 217763, 226016, 202641]),
    ):
        image = load(data_dir / f"real/hspy/{name}.hdf5")
        spectra = image.label_spectra(grid_chips(image.shape, image.shape[0] // 2).labels)
        assert spectra.spectra.sum(axis=1).tolist() == counts


def test_strontium_titanate(data_dir, velox_k):
    image = read(data_dir / "real/velox/EDS-STO.emd")[0]
    recipe = Recipe.create(
        **AS_EXSPY,
        elements=("O_K", "Sr_K", "Ti_K"),
        fit_only=("Cu", "C"),
        k_factors=velox_k.model_copy(update={"convention": "alpha"}),
    )
    composition = whole(image, recipe)
    assert composition == pytest.approx([51.23, 22.63, 26.14], abs=BACKGROUND_at_pct)
    assert composition == pytest.approx([51.442, 22.447, 26.111], abs=1e-2)  # eXSpy's fit


def test_a_nickel_base_alloy(data_dir, velox_k):
    image = load(data_dir / "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd")
    recipe = Recipe.create(
        **AS_EXSPY,
        elements=("Cr_K", "Fe_K", "Nb_K", "Ni_K", "Ti_K"),
        fit_only=("Cu",),
        energy_range_keV=(3.5, 19),
        k_factors=velox_k.model_copy(update={"convention": "alpha"}),
    )
    composition = whole(image, recipe)
    documented = [19.91, 17.39, 4.46, 56.74, 1.51]
    assert composition == pytest.approx(documented, abs=0.1)
    exspy_fit = [19.946, 17.310, 4.424, 56.771, 1.549]
    assert composition == pytest.approx(exspy_fit, abs=1e-2)


@pytest.mark.parametrize(
    ("table", "convention", "elements", "expected"),
    [
        (FAMILY_SUM, "family", ("La", "Fe", "O"), (21.06, 20.37, 58.57)),
        (ALPHA_LINE, "alpha", ("La", "Fe", "O"), (20.34, 20.65, 59.00)),
        (FAMILY_SUM, "alpha", ("La", "Fe", "O"), (12.02, 20.75, 67.23)),
        (ALPHA_LINE, "family", ("La", "Fe", "O"), (33.21, 18.90, 47.89)),
        (FAMILY_SUM, "family", ("Sr_L", "Ti", "O"), (20.25, 20.19, 59.56)),
        (ALPHA_LINE, "alpha", ("Sr_L", "Ti", "O"), (20.56, 20.29, 59.15)),
        (FAMILY_SUM, "alpha", ("Sr_L", "Ti", "O"), (14.87, 19.82, 65.30)),
        (ALPHA_LINE, "family", ("Sr_L", "Ti", "O"), (27.28, 20.14, 52.58)),
    ],
)
def test_conventions_in_the_thin_limit(data_dir, table, convention, elements, expected):
    """Noise-free spectra of 20/20/60 at.%: the right pairings come near, the others do not."""
    name = "LaFeO3" if "La" in elements else "SrTiO3"
    counts = np.load(data_dir / "simulated/thin_limit_spectra.npz")[name]
    image = SpectrumImage.from_array(
        counts, EnergyAxis(-0.25, 0.005, 4096), acquisition=Acquisition(beam_energy_keV=300)
    )
    recipe = Recipe.create(
        **AS_EXSPY,
        elements=elements,
        k_factors=read_k_factors(data_dir / table, convention=convention),
        energy_range_keV=(0.2, 19.5),
    )
    assert whole(image, recipe) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("label", "elements", "expected"),
    [
        (2, ("La", "Fe", "O"), (23.18, 22.29, 54.53)),
        (3, ("Sr_K", "Ti", "O"), (25.17, 25.76, 49.07)),
    ],
)
def test_pure_phases_without_absorption_correction(
    data_dir, lfo_sto_96, label, elements, expected
):
    """Numbers of the 512 x 512 map of the same specimen.

    This map has 1/6 of its counts (statistical errors up to 0.1 at.%, the other map's are 0.05)
    and its LaFeO3 is 1.0 nm thicker, which lets O read 0.1 at.% lower.
    """
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz")
    recipe = Recipe.create(
        **AS_EXSPY,
        elements=elements,
        fit_only=("Cu", "C", "Ga"),
        k_factors=read_k_factors(data_dir / FAMILY_SUM),
    )
    labels = (truth["pure"] & (truth["label"] == label)).astype(int)
    result = quantify(lfo_sto_96, labels, recipe)
    composition = 100 * result.composition.atomic_fractions[0]
    assert composition == pytest.approx(expected, abs=0.35)
    assert 100 * result.composition.atomic_errors_statistical.max() < 0.11
