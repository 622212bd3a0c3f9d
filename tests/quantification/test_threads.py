"""The same bytes from one thread and from two."""

import numpy as np
import pytest

from napari_eds import Recipe, grid_chips, load, pixel_maps, quantify
from napari_eds._support.threads import VARIABLE
from napari_eds.simulate.files import save_simulation
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

RECIPE = Recipe(elements=("La", "Fe", "O", "Sr", "Ti", "Pt"), fit_only=("C", "Cu"))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "map.emd"
    save_simulation(lanthanum_ferrite_on_strontium_titanate((96, 96), 200), path)
    return path


def test_one_and_two_threads_write_the_same_bytes(path, tmp_path, monkeypatch):
    written, maps = [], []
    for n in ("1", "2"):
        monkeypatch.setenv(VARIABLE, n)
        image = load(path)
        # 1,024 labels: several blocks of each kind.
        result = quantify(image, grid_chips(image.shape, 3), RECIPE)
        (tmp_path / n).mkdir()
        files = result.to_csv(tmp_path / n / "table.csv", spectra=True, errors=True)
        written.append([file.read_bytes() for file in files if file.suffix == ".csv"])
        maps.append(pixel_maps(image, RECIPE).atomic_pct)
    assert len(written[0]) == 3
    assert written[0] == written[1]
    np.testing.assert_array_equal(maps[0], maps[1])


def test_what_was_expected_is_made_again_as_it_was(path):
    image = load(path)
    result = quantify(image, grid_chips(image.shape, 12), RECIPE)
    fit = result.fit
    expected = fit.expected
    np.testing.assert_allclose(fit.expected_of(slice(7, 9)), expected[7:9], rtol=1e-12)
    # The score of the likelihood vanishes at what was fitted, where nothing was held at a bound.
    free = fit.background_coefficients.min(axis=1) > 0
    residual = fit.counts / expected - 1
    score = residual[free] @ fit.model.profiles
    scale = np.sqrt((1 / expected[free]) @ fit.model.profiles**2)
    assert np.median(np.abs(score / scale)) < 0.1
    np.testing.assert_allclose(fit.background_counts, fit.background.sum(axis=1), rtol=1e-9)


def test_a_label_without_counts_expects_none(path):
    image = load(path)
    labels = grid_chips(image.shape, 48).labels
    emptied = image.to_array()
    emptied[labels == 2] = 0
    empty = type(image).from_array(emptied, image.energy, acquisition=image.acquisition)
    fit = quantify(empty, labels, RECIPE).fit
    assert not fit.expected_of(slice(1, 2)).any()
    assert np.isnan(fit.reduced_chi_squared[1])
    assert fit.expected_of(slice(2, 3)).min() > 0
