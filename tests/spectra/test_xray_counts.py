"""X-rays above the noise peak: against plain sums, measured maps and simulated truth."""

import dask.array
import hyperspy.api as hs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import napari_eds as eds
from napari_eds.simulate import Phase, simulate
from napari_eds.spectra.axes import NOISE_PEAK_END_keV

#: Mostly noise: 60 channels of -0.2, -0.18, ... keV, of which those from the 21st on are X-rays.
AXIS = eds.EnergyAxis(-0.2, 0.02, 60)
FIRST = 20
STO = Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12)


@pytest.fixture
def noisy_file(data_dir):
    path = data_dir.parent / "cases/10-noise-peak/velox_16x16.emd"
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    return path


def noisy_array(dtype=np.uint16):
    rng = np.random.default_rng(5)
    mean = np.where(np.arange(60) < FIRST, 9.0, 0.1)
    return rng.poisson(mean, (7, 5, 60)).astype(dtype)


def assert_counted(image, array, first=FIRST):
    """Assert that every sum of an image is the plain one over the last axis from `first` on."""
    plain = array[..., first:].sum(axis=2)
    np.testing.assert_array_equal(image.counts_map(), plain)
    np.testing.assert_array_equal(image.counts_map(all_channels=True), array.sum(axis=2))
    assert image.xray_counts == plain.sum()
    assert image.total_counts == array.sum()
    labels = np.arange(plain.size).reshape(plain.shape) // 4
    sums = np.bincount(labels.ravel(), weights=plain.ravel())[1:]
    np.testing.assert_array_equal(image.label_spectra(labels).xray_counts, sums)


def test_the_limit_is_where_the_fitted_range_begins_by_default():
    recipe = eds.Recipe(elements=("Sr", "Ti"))
    assert recipe.energy_range_keV[0] == NOISE_PEAK_END_keV


@pytest.mark.parametrize(
    ("axis", "first"),
    [
        (eds.EnergyAxis(-0.5, 0.005, 4096), 140),
        (eds.EnergyAxis(-0.2497, 0.01, 2048), 45),
        (eds.EnergyAxis(0.0, 0.1, 100), 2),
        (eds.EnergyAxis(0.8, 0.01, 100), 0),
        (eds.EnergyAxis.uncalibrated(100), 0),
        (eds.EnergyAxis(-0.5, 0.01, 50), 0),
    ],
)
def test_channels_of_xrays(axis, first):
    assert axis.xray_channels == slice(first, axis.size)


def test_it_is_said_what_is_counted():
    assert AXIS.counted == "X-rays above the noise peak, from 0.2 keV on"
    assert "no energies" in eds.EnergyAxis.uncalibrated(100).counted
    assert "ends below" in eds.EnergyAxis(-0.5, 0.01, 50).counted


@given(st.floats(-2, 1), st.floats(0.001, 0.1), st.integers(1, 500))
def test_channels_of_xrays_are_those_whose_energies_are_above_the_limit(offset, scale, size):
    axis = eds.EnergyAxis(offset, scale, size)
    above = axis.energies_keV >= 0.2 - 1e-6 * scale
    expected = np.flatnonzero(above) if above.any() else np.arange(size)
    assert np.arange(size)[axis.xray_channels].tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.uint64, np.float32])
def test_sparse_and_dense_counts_give_the_plain_sum(dtype):
    array = noisy_array(dtype)
    matrix = array.reshape(-1, 60)
    for counts in (matrix, sparse.csr_array(matrix)):
        assert_counted(eds.SpectrumImage(counts, (7, 5), AXIS), array)
    assert_counted(eds.SpectrumImage.from_array(array / 4, AXIS), array / 4)


def test_without_energies_all_channels_count():
    array = noisy_array()
    uncalibrated = eds.SpectrumImage.from_array(array, eds.EnergyAxis.uncalibrated(60))
    assert_counted(uncalibrated, array, first=0)
    assert_counted(uncalibrated.with_energy_axis(offset_keV=-0.2, scale_keV=0.02), array)


def test_lazy_counts_give_the_plain_sum(tmp_path):
    array = noisy_array()
    chunked = dask.array.from_array(array, chunks=(3, 2, 20))
    assert_counted(eds.SpectrumImage.from_array(chunked, AXIS), array)

    signal = hs.signals.Signal1D(array).as_lazy()
    signal.set_signal_type("EDS_TEM")
    energy = signal.axes_manager.signal_axes[0]
    energy.name, energy.units, energy.offset, energy.scale = "Energy", "keV", -0.2, 0.02
    signal.save(tmp_path / "lazy.hspy")
    assert_counted(eds.load(tmp_path / "lazy.hspy"), array)


def test_a_velox_map_of_noise_holds_few_xrays(noisy_file):
    image = eds.load(noisy_file)
    array = image.to_array()
    energies = image.energy.energies_keV
    assert image.total_counts == 42_097
    assert array[..., energies < 0.15].sum() == 41_669
    assert image.xray_counts == image.counts_map().sum() == 206
    plain = array[..., energies >= 0.2].sum(axis=2)
    np.testing.assert_array_equal(image.counts_map(), plain)


def test_a_map_of_superx_shows_xrays_and_not_noise(data_dir):
    image = eds.load(data_dir / "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd")
    above = image.crop_energy(0.2, image.energy.last_keV + 1).to_array().sum(axis=2)
    np.testing.assert_array_equal(image.counts_map(), above)
    noise = image.counts_map(all_channels=True)
    assert np.corrcoef(noise.ravel(), above.ravel())[0, 1] < 0.7


def test_a_noise_peak_adds_no_xrays_to_a_simulated_map():
    phases, shape = [STO], np.ones((40, 40), int)
    clean = simulate(shape, phases, 50.0, counts_per_pixel=50, seed=1)
    noisy = simulate(shape, phases, 50.0, counts_per_pixel=1000, strobe=0.95, seed=2)
    xrays = clean.expected_spectrum()[clean.image.energy.energies_keV >= 0.2].sum()
    for image in (clean.image, noisy.image):
        assert abs(image.xray_counts - xrays) < 5 * np.sqrt(xrays)
    assert noisy.image.total_counts > 18 * noisy.image.xray_counts
    # Chips hold X-rays as they would without the peak.
    for chips in (eds.adaptive_chips(s.image.counts_map(), 1000) for s in (clean, noisy)):
        spectra = noisy.image.label_spectra(chips.labels)
        energies = noisy.image.energy.energies_keV
        assert spectra.spectra[:, energies >= 0.2].sum(axis=1).min() > 1000 - 5 * 1000**0.5
        assert 16 <= len(chips) <= 75
