"""Compositions of single pixels, against label sums, truth, noise and SciPy's own filters."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import ndimage

import napari_eds as eds
from napari_eds.fitting.poisson import shared_inverse
from napari_eds.fitting.sum_fit import fit_sum
from napari_eds.physics import lines as xray
from napari_eds.quantification.methods.cliff_lorimer import cliff_lorimer
from napari_eds.quantification.methods.intensities import Intensities
from napari_eds.quantification.pixels import fit as pixel_fit
from napari_eds.quantification.pixels.kernels import Kernel
from napari_eds.quantification.pixels.maps import pixel_maps, recommended_kernel
from napari_eds.recipe.absorption import foil
from napari_eds.simulate import Phase, simulate

DENSITY_g_cm3 = 5.12
FILM, SUBSTRATE = 2, 3


@pytest.fixture(scope="module")
def truth(data_dir):
    return np.load(data_dir / "simulated/LFO_STO_96_truth.npz", allow_pickle=False)


@pytest.fixture(scope="module")
def thickness_nm(truth):
    """The map of thickness that has the true mass at one density."""
    return truth["thickness_nm"] * truth["density_g_cm3"] / DENSITY_g_cm3


@pytest.fixture(scope="module")
def recipe(data_dir):
    return eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti", "Pt"),
        fit_only=("C", "Cu", "Ga"),
        k_factors=eds.read_k_factors(data_dir / "simulated/kfactors_family_sum_windowless.csv"),
        absorption=eds.Absorption(thickness_nm=55, density_g_cm3=DENSITY_g_cm3),
    )


@pytest.fixture(scope="module")
def quick(recipe):
    """The same without what takes long to settle on the summed spectrum."""
    changes = {"calibrate": False, "refine_line_ratios": False, "background_order": 4}
    return recipe.model_copy(update={**changes, "background": "polynomial"})


@pytest.fixture(scope="module")
def maps(lfo_sto_96, recipe, thickness_nm):
    return pixel_maps(lfo_sto_96, recipe, kernel=Kernel("mean", 5), thickness_nm=thickness_nm)


@pytest.fixture(scope="module")
def film(lfo_sto_96, quick, truth):
    """A map of 90 x 90 pixels of one composition, 120 counts each, and a recipe for it."""
    pure = truth["pure"] & (truth["label"] == FILM)
    spectrum = lfo_sto_96.label_spectra(pure).spectra[0]
    spectrum = ndimage.gaussian_filter1d(spectrum.astype(float), 2.0)
    spectrum *= 120 / spectrum.sum()
    draws = np.random.default_rng(3).poisson(spectrum, (90, 90, spectrum.size))
    image = eds.SpectrumImage.from_array(
        draws, lfo_sto_96.energy, acquisition=lfo_sto_96.acquisition
    )
    plain = quick.model_copy(update={"elements": ("La", "Fe", "O"), "absorption": None})
    return image, plain


def pure_inside(truth, phase, size):
    """Pixels whose kernel lies wholly in one phase."""
    pure = truth["pure"] & (truth["label"] == phase)
    return ndimage.binary_erosion(pure, np.ones((size, size)))


def test_a_mean_kernel_at_a_chips_centre_is_the_chips_sum(maps, lfo_sto_96, recipe, thickness_nm):
    chips = eds.grid_chips(lfo_sto_96.shape, 5)
    spectra = lfo_sto_96.label_spectra(chips.labels)
    model = maps.preparation.model
    n = model.n_quantified
    counts = spectra.spectra[:, model.channels]
    expected = fit_sum(model, lfo_sto_96.total_spectrum()[model.channels]).expected
    areas = counts @ shared_inverse(model, expected)[:, : len(model.families)]
    intensities = areas * model.weight_sums
    middle = ndimage.center_of_mass(np.ones(lfo_sto_96.shape), chips.labels, spectra.ids)
    row, column = np.rint(middle).astype(int).T
    np.testing.assert_allclose(
        25 * maps.intensities[:, row, column].T, intensities, rtol=1e-4, atol=1e-2
    )
    is_xray = lfo_sto_96.energy.energies_keV >= 0.2
    xrays = spectra.spectra[:, is_xray].sum(axis=1)
    np.testing.assert_allclose(25 * maps.counts[row, column], xrays, rtol=1e-6)
    absorbing = foil(
        recipe.absorption,
        model.quantified,
        len(counts),
        take_off_angle_deg=lfo_sto_96.acquisition.take_off_angle_deg,
        thickness_nm=ndimage.mean(thickness_nm, chips.labels, spectra.ids),
    )
    factors = [recipe.k_factors.find(f.element, f.family).value for f in model.quantified]
    weights = [xray.atomic_weight(f.element) for f in model.quantified]
    # Errors far below the intensities: every label counts as detected.
    composition = cliff_lorimer(
        Intensities(
            counts=intensities[:, :n],
            covariance=np.broadcast_to(np.eye(n) * 1e-12, (len(counts), n, n)),
            k_factors=np.array(factors),
            k_covariance=np.zeros((n, n)),
            atomic_weights=np.array(weights),
        ),
        foil=absorbing,
        unsettled="nan",
    )
    found = maps.atomic_pct[:, row, column].T
    known = np.isfinite(found).all(axis=1)
    assert known.mean() > 0.85
    np.testing.assert_allclose(
        found[known], 100 * composition.atomic_fractions[known], rtol=1e-4, atol=1e-3
    )


def test_pixels_add_up_to_what_quantify_makes_of_all(lfo_sto_96, quick):
    single = pixel_maps(lfo_sto_96, quick, kernel=Kernel()).intensities
    whole = eds.quantify(lfo_sto_96, np.ones(lfo_sto_96.shape, int), quick).fit
    added = single.sum(axis=(1, 2), dtype=float)
    difference = np.abs(added - whole.intensities[0]) / whole.intensity_errors[0]
    assert difference.max() < 0.01


@pytest.mark.parametrize("phase", [FILM, SUBSTRATE])
def test_phases_come_out_as_they_are(maps, truth, phase):
    inside = pure_inside(truth, phase, 5)
    for element, found in maps.maps().items():
        wanted = truth[f"at_{element}"][inside].mean()
        # Within 2.5 % of a major element; absent ones are noise and model around 0.
        assert np.mean(found[inside]) == pytest.approx(wanted, rel=0.025, abs=0.4)


@pytest.mark.parametrize("phase", [FILM, SUBSTRATE])
def test_stated_errors_are_the_scatter(maps, truth, phase):
    inside = pure_inside(truth, phase, 5)
    for element, found, errors in zip(
        maps.elements, maps.atomic_pct, maps.errors_statistical, strict=True
    ):
        present = truth[f"at_{element}"][inside].mean() > 1
        z = (found - np.mean(found[inside])) / errors
        # Kernels of pixels overlap, so that some 200 are independent.
        low, high = (0.85, 1.15) if present else (0.6, 1.15)
        assert low < z[inside].std() < high, element


@pytest.mark.parametrize("kernel", [Kernel("mean", 3), Kernel("gaussian", 2.5)])
def test_errors_of_one_composition(film, kernel):
    image, recipe = film
    maps = pixel_maps(image, recipe, kernel=kernel)
    apart = np.s_[:, 4:-4:7, 4:-4:7]  # kernels do not overlap
    found, errors = maps.atomic_pct[apart], maps.errors_statistical[apart]
    z = (found - maps.atomic_pct.mean(axis=(1, 2), keepdims=True)) / errors
    # 144 values know their standard deviation to 6 %.
    np.testing.assert_allclose(z.std(axis=(1, 2)), 1, atol=0.15)


def test_noise_falls_with_the_independent_pixels_of_a_kernel(film):
    image, recipe = film
    median = {
        kernel: np.median(pixel_maps(image, recipe, kernel=kernel).errors_statistical)
        for kernel in (Kernel("mean", 3), Kernel("mean", 6), Kernel("gaussian", 4))
    }
    scaled = [error * np.sqrt(kernel.n_pixels()) for kernel, error in median.items()]
    np.testing.assert_allclose(scaled, scaled[0], rtol=0.03)


def test_corners_average_fewer_pixels(film):
    image, recipe = film
    errors = pixel_maps(image, recipe, kernel=Kernel("mean", 9)).errors_statistical
    corners = errors[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(axis=1)
    # 25 pixels instead of 81.
    np.testing.assert_allclose(corners / np.median(errors, axis=(1, 2)), 9 / 5, rtol=0.15)


def test_kernels_average_as_scipy_does(lfo_sto_96, quick):
    single = pixel_maps(lfo_sto_96, quick, kernel=Kernel("mean", 1))
    mean = pixel_maps(lfo_sto_96, quick, kernel=Kernel("mean", 7))
    bell = pixel_maps(lfo_sto_96, quick, kernel=Kernel("gaussian", 2 * np.sqrt(2 * np.log(4))))
    sigma = np.sqrt(2)
    inner = np.s_[:, 6:-6, 6:-6]
    flat = ndimage.uniform_filter(single.intensities.astype(float), (0, 7, 7))
    np.testing.assert_allclose(mean.intensities[inner], flat[inner], rtol=1e-4, atol=1e-4)
    smooth = ndimage.gaussian_filter(single.counts.astype(float), sigma, radius=5)
    np.testing.assert_allclose(bell.counts[inner[1:]], smooth[inner[1:]], rtol=1e-5)


def test_blocks_do_not_matter(lfo_sto_96, quick, thickness_nm, monkeypatch):
    options = {"kernel": Kernel("gaussian", 4), "thickness_nm": thickness_nm}
    once = pixel_maps(lfo_sto_96, quick, **options)
    monkeypatch.setattr(pixel_fit, "_BLOCK_PIXELS", 96 * 11)
    again = pixel_maps(lfo_sto_96, quick, **options)
    for name in ("atomic_pct", "weight_pct", "errors_statistical", "errors_k", "intensities"):
        np.testing.assert_allclose(getattr(again, name), getattr(once, name), rtol=1e-5)


def test_dense_counts_give_the_same(lfo_sto_96, quick):
    crop = lfo_sto_96.crop(slice(40, 64), slice(0, 96))
    dense = replace(crop, counts=crop.counts.toarray())
    assert crop.is_sparse
    assert not dense.is_sparse
    sparse_maps, dense_maps = (
        pixel_maps(i, quick, kernel=Kernel("mean", 3)) for i in (crop, dense)
    )
    np.testing.assert_allclose(dense_maps.atomic_pct, sparse_maps.atomic_pct, rtol=1e-5)


def test_a_mask_is_all_that_is_seen(lfo_sto_96, quick, thickness_nm, truth):
    mask = truth["label"] == SUBSTRATE
    kernel = Kernel("gaussian", 4)
    counts = lfo_sto_96.counts.copy().tolil()
    beside = ndimage.binary_dilation(mask) & ~mask
    counts[np.flatnonzero(beside)[:60]] = 7
    spoiled = replace(lfo_sto_96, counts=counts.tocsr())
    unknown = np.where(mask, thickness_nm, np.nan)
    clean = pixel_maps(lfo_sto_96, quick, kernel=kernel, mask=mask, thickness_nm=thickness_nm)
    other = pixel_maps(spoiled, quick, kernel=kernel, mask=mask, thickness_nm=unknown)
    np.testing.assert_allclose(other.atomic_pct, clean.atomic_pct, rtol=1e-5)
    for values in (clean.atomic_pct, clean.intensities, clean.counts):
        assert np.isnan(values[..., ~mask]).all()
        assert np.isfinite(values[..., mask]).all()
    labels = np.where(mask, 3, 0)
    same = pixel_maps(lfo_sto_96, quick, kernel=kernel, mask=labels, thickness_nm=thickness_nm)
    np.testing.assert_array_equal(same.atomic_pct, clean.atomic_pct)


def test_pixels_without_specimen_stay_empty(maps, truth):
    far = ndimage.distance_transform_edt(~truth["specimen"]) > 5
    assert far.sum() > 100
    assert np.isnan(maps.atomic_pct[:, far]).all()
    assert np.isfinite(maps.intensities[:, far]).all()


def test_fractions_add_up_and_absent_elements_are_not_detected(maps, truth):
    known = np.isfinite(maps.atomic_pct[0])
    np.testing.assert_allclose(maps.atomic_pct.sum(axis=0)[known], 100, rtol=1e-4)
    np.testing.assert_allclose(maps.weight_pct.sum(axis=0)[known], 100, rtol=1e-4)
    inside = pure_inside(truth, FILM, 5)
    seen = dict(zip(maps.elements, maps.detected[:, inside].mean(axis=1), strict=True))
    assert min(seen[e] for e in ("La", "Fe", "O")) > 0.999
    assert max(seen[e] for e in ("Sr", "Ti", "Pt")) < 0.01


def test_the_recommended_kernel_keeps_its_promise(lfo_sto_96, quick, truth):
    mask = truth["label"] == FILM
    chosen = recommended_kernel(lfo_sto_96, quick, error_at_pct=1.5, mask=mask)
    worst = {}
    for size in (chosen.size - 2, chosen.size):
        maps = pixel_maps(lfo_sto_96, quick, kernel=Kernel("mean", size), mask=mask)
        inside = pure_inside(truth, FILM, int(size))
        major = np.nanmean(maps.atomic_pct[:, inside], axis=1) > 10
        worst[size] = np.median(maps.errors_statistical[:, inside], axis=1)[major].max()
    assert worst[chosen.size] < 1.5 * 1.05
    assert worst[chosen.size - 2] > 1.5 * 0.95
    bell = recommended_kernel(lfo_sto_96, quick, error_at_pct=1.5, mask=mask, shape="gaussian")
    assert bell.n_pixels() == pytest.approx(chosen.n_pixels(), rel=0.6)
    assert pixel_maps(lfo_sto_96, quick).kernel == recommended_kernel(lfo_sto_96, quick)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask": np.zeros((96, 96), int)}, "no pixel"),
        ({"mask": np.ones((9, 9), int)}, "do not fit"),
        ({"thickness_nm": np.ones((9, 9))}, "does not fit"),
        ({"thickness_nm": np.full((96, 96), np.nan)}, "thickness map is NaN in 9216 of"),
    ],
)
def test_what_does_not_fit_is_said(lfo_sto_96, quick, options, message):
    with pytest.raises(eds.EDSError, match=message):
        pixel_maps(lfo_sto_96, quick, kernel=Kernel(), **options)


@pytest.mark.parametrize("change", [{"engine": "linear"}, {"non_negative": True}])
def test_recipes_that_need_a_fit_per_pixel_are_refused(lfo_sto_96, quick, change):
    with pytest.raises(eds.RecipeError, match="one pseudo-inverse"):
        pixel_maps(lfo_sto_96, quick.model_copy(update=change))


def test_a_map_of_thickness_needs_absorption(lfo_sto_96, recipe, thickness_nm):
    thin = recipe.model_copy(update={"absorption": None})
    with pytest.raises(eds.RecipeError, match="absorption"):
        pixel_maps(lfo_sto_96, thin, thickness_nm=thickness_nm)


def test_maps_of_density_are_averaged_like_those_of_thickness(
    lfo_sto_96, quick, truth, thickness_nm
):
    density = np.maximum(truth["density_g_cm3"], 0.1)
    kernel = Kernel("mean", 1)
    given = {"thickness_nm": thickness_nm * DENSITY_g_cm3 / density, "density_g_cm3": density}
    one = pixel_maps(lfo_sto_96, quick, kernel=kernel, thickness_nm=thickness_nm)
    both = pixel_maps(lfo_sto_96, quick, kernel=kernel, **given)
    # The one mean foil whose lines are drawn is a little thicker or thinner.
    known = np.isfinite(both.atomic_pct) & np.isfinite(one.atomic_pct)
    assert known.mean() > 0.999 * np.isfinite(one.atomic_pct).mean()
    difference = np.abs(both.atomic_pct - one.atomic_pct)[known]
    assert np.quantile(difference, 0.999) < 0.15
    assert difference.max() < 0.5
    with pytest.raises(eds.EDSError, match="a density map of shape"):
        pixel_maps(lfo_sto_96, quick, density_g_cm3=density[1:])


def test_densities_of_pixels_follow_from_their_compositions(
    lfo_sto_96, quick, truth, thickness_nm
):
    left_out = quick.model_copy(update={"absorption": eds.Absorption(thickness_nm=55)})
    kernel = Kernel("mean", 9)
    found = pixel_maps(
        lfo_sto_96, left_out, kernel=kernel, thickness_nm=truth["thickness_nm"]
    ).maps()["O"]
    known = pixel_maps(lfo_sto_96, quick, kernel=kernel, thickness_nm=thickness_nm).maps()["O"]
    for phase in (FILM, SUBSTRATE):
        pure = truth["pure"] & (truth["label"] == phase)
        assert np.nanmean(found[pure]) == pytest.approx(np.nanmean(known[pure]), abs=1)


def test_elements_of_an_alloy_of_many_decide_over_the_kernel():
    elements = ("Mg", "Si", "Ca", "Ti", "Cr", "Fe", "Ni", "Cu", "Ge", "Zr", "Mo")
    phase = Phase("alloy", dict.fromkeys(elements, 100 / 11), 6.0)
    alloy = simulate(np.ones((30, 30), int), [phase], 60.0, counts_per_pixel=300, seed=2).image
    recipe = eds.Recipe(elements=elements, calibrate=False, refine_line_ratios=False)
    advice = eds.chip_size_advice(alloy, recipe, error_at_pct=1)
    assert set(advice.major) == set(elements)  # each near 9 at. %
    kernel = recommended_kernel(alloy, recipe, error_at_pct=1)
    errors = pixel_maps(alloy, recipe, kernel=kernel).errors_statistical[:, 10:20, 10:20]
    assert 0.5 < np.median(errors, axis=(1, 2)).max() < 1.1
    assert kernel.size >= advice.recommended_px


@pytest.mark.parametrize("limit", [0, -1, 1e-4])
def test_limits_that_cannot_be_kept_are_refused(lfo_sto_96, quick, limit):
    with pytest.raises(eds.EDSError, match="limit"):
        recommended_kernel(lfo_sto_96, quick, error_at_pct=limit)


def test_it_can_be_cancelled(lfo_sto_96, quick):
    def cancel(done, total, what):
        if what == "rows":
            raise InterruptedError(f"{done} of {total} {what}")

    with pytest.raises(InterruptedError, match="0 of 96 rows"):
        pixel_maps(lfo_sto_96, quick, kernel=Kernel(), progress=cancel)


def test_saving(maps, tmp_path):
    written = maps.save(tmp_path / "new" / "folder")
    assert len(written) == 2 * 2 * 6 + 2
    assert all(path.exists() for path in written)
    folder = written[0].parent
    np.testing.assert_array_equal(tifffile.imread(folder / "Sr_at_pct.tif"), maps.maps()["Sr"])
    np.testing.assert_array_equal(
        tifffile.imread(folder / "O_at_pct_error_total.tif"), maps.error_maps()["O"]
    )
    assert eds.Recipe.from_json(folder / "recipe.json") == maps.recipe
    account = (folder / "account.txt").read_text()
    assert account.splitlines() == maps.account()
    assert "square of side 5 px" in account
    assert "k-factors" in account


@given(st.sampled_from(["mean", "gaussian"]), st.floats(0.1, 60), st.floats(0.1, 20))
@example("mean", 15.890625, 15.890625)
@example("gaussian", 12.28272155715828, 15.647974778043196)
def test_weights_of_kernels(shape, size, pixel):
    rows, columns = Kernel(shape, size, "nm").weights((pixel, 2 * pixel), "nm")
    for weights, length in [(rows, pixel), (columns, 2 * pixel)]:
        assert weights.size % 2 == 1
        assert weights.sum() == pytest.approx(1)
        np.testing.assert_array_equal(weights, weights[::-1])
        position = np.arange(weights.size) - weights.size // 2
        variance = (weights * position**2).sum() * length**2
        if shape == "mean" and size > 2 * length:
            assert variance == pytest.approx(size**2 / 12, abs=0.25 * length**2)
        if shape == "gaussian" and size > 2 * length:
            assert variance == pytest.approx(size**2 / (8 * np.log(2)), rel=0.05)
    assert Kernel(shape, size, "nm").weights((pixel / 1e3,) * 2, "µm")[0].size == rows.size


@pytest.mark.parametrize("side", [1, 3, 8.0, 9])
def test_a_square_has_its_pixels(side):
    n = Kernel("mean", side).n_pixels()
    assert n == pytest.approx(side**2, rel=0 if side % 2 else 0.15)


@pytest.mark.parametrize("given", [("disc", 3, "px"), ("mean", 0, "px"), ("mean", 3, "mm")])
def test_kernels_that_are_none(given):
    with pytest.raises(eds.EDSError, match="kernel's"):
        Kernel(*given)


def test_a_kernel_in_nm_needs_the_size_of_pixels():
    with pytest.raises(eds.EDSError, match="size in px"):
        Kernel("mean", 3, "nm").weights()
