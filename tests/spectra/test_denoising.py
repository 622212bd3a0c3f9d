"""Denoised maps against simulated truth."""

import numpy as np
import pytest
from scipy import ndimage, sparse

import napari_eds as eds
from napari_eds.simulate import Phase, lanthanum_ferrite_on_strontium_titanate, simulate
from napari_eds.spectra.count_splitting import split
from napari_eds.spectra.denoising import denoise


@pytest.fixture(scope="module")
def film():
    return lanthanum_ferrite_on_strontium_titanate((96, 96), 300, seed=2)


@pytest.fixture(scope="module")
def found(film):
    return denoise(film.image)


@pytest.mark.parametrize("n_phases", [1, 2, 3])
def test_as_many_components_are_found_as_there_are(n_phases):
    phases = [
        Phase("LaFeO3", {"La": 20, "Fe": 20, "O": 60}, 6.64),
        Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12),
        Phase("Ni", {"Ni": 100}, 8.9),
    ][:n_phases]
    labels = np.broadcast_to(1 + np.arange(48) * n_phases // 48, (48, 48))
    simulation = simulate(labels, phases, 40.0, counts_per_pixel=80, seed=5)
    assert denoise(simulation.image).n_components == n_phases


def test_denoised_maps_are_nearer_to_the_truth_than_a_kernel(film, found):
    for line in ("Fe", "La", "Ti", "O"):
        window = found.line_window_keV(line)
        channels = found.energy.channels(*window)
        edges = found.energy.offset_keV + found.energy.scale_keV * (
            np.array([channels.start, channels.stop]) - 0.5
        )
        own = film.image.energy.channels(*edges)
        truth = (film.weights @ film.components.spectra[:, own].sum(axis=1)).reshape(96, 96)
        raw, clean = found.raw_window_map(*window), found.window_map(*window)
        kernel = ndimage.uniform_filter(raw.astype(float), 5)
        errors = [np.sqrt(((a - truth) ** 2).mean()) for a in (raw, kernel, clean)]
        assert errors[2] < errors[1] < errors[0]
        assert clean.mean() == pytest.approx(truth.mean(), rel=0.02)


def test_maps_of_components_lie_where_windows_show_them(found):
    channels = found.energy.channels(6.2, 6.6)
    per_component = found.factors.spectra[:, channels].sum(axis=1)
    iron = np.tensordot(per_component, found.amount_maps(), axes=1)
    np.testing.assert_allclose(iron, found.window_map(6.2, 6.6), rtol=1e-9)


def test_the_sum_spectrum_stays_what_it_was(film, found):
    own = film.image.energy.channels(found.energy.offset_keV - 0.015, found.energy.last_keV)
    measured = film.image.total_spectrum()[own].sum()
    assert found.spectrum().sum() == pytest.approx(measured, rel=0.01)
    inside = film.labels == 3
    assert found.spectrum(inside).sum() == pytest.approx(
        film.image.label_spectra(inside.astype(int)).spectra[:, own].sum(), rel=0.02
    )


def test_halves_are_independent_and_whole():
    counts = sparse.csr_array(np.random.default_rng(0).poisson(3.0, (2000, 20)).astype(np.uint8))
    one, other = split(counts, 0)
    assert (one + other != counts).nnz == 0
    correlation = np.corrcoef(one.toarray().ravel(), other.toarray().ravel())[0, 1]
    assert abs(correlation) < 4 / np.sqrt(40_000)


def test_nothing_is_said_of_errors_and_quantities(found):
    assert not found.errors_known
    assert "Not for quantities" in found.account()[-1]
    table = found.score_table()
    assert table["chosen"].sum() == 1
    assert table.loc[table["chosen"], "components"].item() == found.n_components


def test_sparse_and_dense_counts_give_the_same():
    film = lanthanum_ferrite_on_strontium_titanate((24, 24), 200, seed=1)
    dense = eds.SpectrumImage(film.image.counts.toarray(), (24, 24), film.image.energy)
    one, other = denoise(film.image, 3), denoise(dense, 3)
    window = one.line_window_keV("Ti")
    np.testing.assert_allclose(one.window_map(*window), other.window_map(*window), rtol=1e-6)


def test_maps_that_cannot_be_denoised_are_refused(film):
    image = film.image
    with pytest.raises(eds.EDSError, match="too few"):
        denoise(image.crop(slice(0, 2), slice(0, 2)))
    with pytest.raises(eds.EDSError, match="cannot be described by 0"):
        denoise(image, 0)
    with pytest.raises(eds.EDSError, match="not by 'magic'"):
        denoise(image, method="magic")
    halves = eds.SpectrumImage.from_array(image.to_array()[:20, :20] * 0.5, image.energy)
    with pytest.raises(eds.EDSError, match="whole numbers"):
        denoise(halves)
    axis = eds.EnergyAxis(0, 1, 8, calibrated=False)
    without = eds.SpectrumImage.from_array(np.ones((9, 9, 8), int), axis)
    with pytest.raises(eds.UncalibratedError):
        denoise(without)
