"""`SpectrumImage`: sparse and dense counts against naive loops, labels, types, and errors."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from napari_eds import Acquisition, AuxiliaryImage, EDSError, EnergyAxis, LabelError, SpectrumImage
from napari_eds.errors import UncalibratedError
from napari_eds.spectra.label_sums import check_labels, label_membership

AXIS = EnergyAxis(-0.1, 0.05, 12)

#: Maps of up to 4 x 5 pixels and 12 channels, in which every type meets its largest value.
ARRAYS = st.sampled_from([np.uint8, np.uint16, np.int32]).flatmap(
    lambda dtype: hnp.arrays(
        dtype,
        st.tuples(st.integers(1, 4), st.integers(1, 5), st.just(12)),
        elements=st.sampled_from([0, 0, 0, 1, 2, np.iinfo(dtype).max]),
    )
)
LABEL_TYPES = st.sampled_from([np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int64])


def sparse_and_dense(array, axis=AXIS, **attributes):
    """Return the same map twice, once with each way of storing counts."""
    image = SpectrumImage.from_array(array, axis, **attributes)
    matrix = array.reshape(-1, array.shape[2])
    return [
        replace(image, counts=sparse.csr_array(matrix)),
        replace(image, counts=matrix.copy()),
    ]


@st.composite
def maps_with_labels(draw):
    """Return a map and labels on it: ids with gaps, in pieces, of any integer type."""
    array = draw(ARRAYS)
    dtype = draw(LABEL_TYPES)
    ids = st.sampled_from([0, 1, 2, 7, np.iinfo(dtype).max if dtype != np.uint64 else 2**63 - 1])
    labels = draw(hnp.arrays(dtype, array.shape[:2], elements=ids))
    return array, labels


# Sums, against naive loops


@given(maps_with_labels())
def test_label_spectra(pair):
    array, labels = pair
    expected = {}
    for (row, column), label in np.ndenumerate(labels):
        if label:
            total, n = expected.get(int(label), (0, 0))
            expected[int(label)] = total + array[row, column].astype(object), n + 1
    for image in sparse_and_dense(array):
        result = image.label_spectra(labels)
        assert result.ids.tolist() == sorted(expected)
        assert result.n_pixels.tolist() == [expected[i][1] for i in sorted(expected)]
        assert result.spectra.dtype == np.int64
        assert result.spectra.shape == (len(expected), 12)
        assert result.spectra.tolist() == [list(expected[i][0]) for i in sorted(expected)]


@given(ARRAYS)
def test_sums_over_the_map(array):
    exact = array.astype(object)
    for image in sparse_and_dense(array):
        assert image.total_spectrum().tolist() == exact.sum(axis=(0, 1)).tolist()
        assert image.counts_map(all_channels=True).tolist() == exact.sum(axis=2).tolist()
        # Channels of -0.1, -0.05, ... 0.2 keV: that at 0.2 keV is the first of the X-rays.
        assert image.counts_map().tolist() == exact[..., 6:].sum(axis=2).tolist()
        assert image.xray_counts == exact[..., 6:].sum()
        assert image.total_counts == exact.sum()
        assert image.pixel_spectrum(0, array.shape[1] - 1).tolist() == exact[0, -1].tolist()


@given(ARRAYS, st.floats(-0.2, 0.6), st.floats(-0.2, 0.6))
def test_windows_and_energy_crops(array, low, high):
    inside = [i for i in range(12) if low <= -0.1 + 0.05 * i < high]
    # Centres within rounding of a bound may fall on either side of it.
    if any(abs(-0.1 + 0.05 * i - bound) < 1e-6 for i in range(12) for bound in (low, high)):
        return
    for image in sparse_and_dense(array):
        if not inside:
            with pytest.raises(EDSError, match="no channel lies between"):
                image.window_map(low, high)
            continue
        window = array[:, :, inside]
        assert image.window_map(low, high).tolist() == window.astype(object).sum(2).tolist()
        cropped = image.crop_energy(low, high)
        np.testing.assert_array_equal(cropped.to_array(), window)
        np.testing.assert_allclose(
            cropped.energy.energies_keV, image.energy.energies_keV[inside], atol=1e-12
        )


@given(ARRAYS, st.integers(1, 12))
def test_rebinned_energy(array, factor):
    n = 12 // factor
    exact = array.astype(object)[:, :, : n * factor].reshape(*array.shape[:2], n, factor).sum(3)
    for image in sparse_and_dense(array):
        rebinned = image.rebin_energy(factor)
        assert rebinned.to_array().tolist() == exact.tolist()
        np.testing.assert_allclose(
            rebinned.energy.energies_keV,
            image.energy.energies_keV[: n * factor].reshape(n, factor).mean(axis=1),
        )


@given(ARRAYS, st.data())
def test_projections(array, data):
    weights = np.array(data.draw(st.lists(st.integers(-9, 9), min_size=24, max_size=24)))
    weights = weights.reshape(12, 2)
    pixels = slice(*sorted(data.draw(st.tuples(st.integers(0, 9), st.integers(0, 9)))))
    exact = array.astype(object).reshape(-1, 12) @ weights
    for image in sparse_and_dense(array):
        whole = image.project(weights)
        assert whole.dtype == np.int64
        assert whole.tolist() == exact.tolist()
        assert image.project(weights, pixels).tolist() == exact[pixels].tolist()
        halves = image.project(weights / 2)
        assert halves.dtype == np.float64
        np.testing.assert_allclose(halves, exact.astype(float) / 2)


@pytest.mark.parametrize("shape", [(12,), (11, 2), (1, 12)])
def test_weights_that_do_not_fit_the_channels(shape):
    image = SpectrumImage.from_array(np.ones((2, 2, 12), int), AXIS)
    with pytest.raises(EDSError, match="do not fit 12 channels"):
        image.project(np.ones(shape))


@given(ARRAYS, st.data())
def test_crop(array, data):
    rows, columns = (
        slice(*sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)))))
        for n in array.shape[:2]
    )
    fitting = AuxiliaryImage("HAADF", np.arange(array[:, :, 0].size).reshape(array.shape[:2]))
    other = AuxiliaryImage("overview", np.zeros((9, 9)))
    for image in sparse_and_dense(array, images=(fitting, other)):
        if array[rows, columns].size == 0:
            continue
        cropped = image.crop(rows, columns)
        np.testing.assert_array_equal(cropped.to_array(), array[rows, columns])
        np.testing.assert_array_equal(cropped.images[0].data, fitting.data[rows, columns])
        assert cropped.images[1].data.shape == (9, 9)


def test_a_crop_is_given_as_to_the_reader_too():
    array = np.arange(6 * 7 * 12).reshape(6, 7, 12)
    for image in sparse_and_dense(array):
        cropped = image.crop((1, 4), (2, 7))
        np.testing.assert_array_equal(cropped.to_array(), array[1:4, 2:7])
        for rows, message in (
            ((2, 9), "2 to 9 .* within the 6"),
            ((3, 3), "3 to 3"),
            (4, "not 4"),
        ):
            with pytest.raises(EDSError, match=f"rows .*{message}"):
                image.crop(rows, (0, 2))


# Types


@pytest.mark.parametrize(("dtype", "highest"), [(np.uint8, 255), (np.uint16, 65535)])
def test_sums_beyond_the_type_of_the_counts(dtype, highest):
    array = np.full((30, 40, 12), highest, dtype)
    labels = np.ones((30, 40), np.uint8)
    for image in sparse_and_dense(array):
        assert image.counts.dtype == dtype
        assert image.total_counts == 30 * 40 * 12 * highest
        assert image.label_spectra(labels).spectra.tolist() == [[1200 * highest] * 12]
        assert image.rebin_energy(12).counts_map().max() == 12 * highest
        assert image.window_map(-1, 9).max() == 12 * highest


@pytest.mark.parametrize("count", [2**31, 2**53 + 1])
def test_sums_beyond_32_bits_are_exact(count):
    array = np.full((2, 1, 12), count, np.uint64)
    for image in sparse_and_dense(array):
        assert image.label_spectra(np.ones((2, 1), int)).spectra.tolist() == [[2 * count] * 12]
        assert image.project(np.ones((12, 1), int)).tolist() == [[12 * count], [12 * count]]


def test_blocks_of_dense_counts(monkeypatch):
    """More pixels than are widened at a time."""
    monkeypatch.setattr("napari_eds.spectra.products._DENSE_BLOCK_PIXELS", 7)
    rng = np.random.default_rng(3)
    array, labels = rng.poisson(9, (5, 6, 12)), rng.integers(0, 4, (5, 6))
    stored_sparse, stored_dense = sparse_and_dense(array)
    np.testing.assert_array_equal(
        stored_sparse.label_spectra(labels).spectra, stored_dense.label_spectra(labels).spectra
    )
    weights = rng.integers(-3, 4, (12, 2))
    np.testing.assert_array_equal(stored_sparse.project(weights), stored_dense.project(weights))


@pytest.mark.parametrize(
    ("highest", "dtype"),
    [(0, np.uint8), (255, np.uint8), (256, np.uint16), (65536, np.uint32), (2**32, np.uint64)],
)
@pytest.mark.parametrize("given_as", [np.uint64, np.int64, np.float64])
def test_counts_are_stored_in_the_smallest_type(highest, dtype, given_as):
    array = np.zeros((2, 2, 12), given_as)
    array[1, 1, 1] = highest
    image = SpectrumImage.from_array(array, AXIS)
    assert image.counts.dtype == dtype
    assert image.total_counts == highest


def test_fractions_stay_fractions():
    array = np.full((2, 2, 12), 0.25, np.float32)
    image = SpectrumImage.from_array(array, AXIS)
    assert image.counts.dtype == np.float64
    assert image.label_spectra(np.ones((2, 2), int)).spectra.tolist() == [[1.0] * 12]


@pytest.mark.parametrize(("n_filled", "is_sparse"), [(0, True), (9, True), (10, False)])
def test_sparse_or_dense_by_density(n_filled, is_sparse):
    array = np.zeros((2, 2, 12), np.uint8)
    array.reshape(-1)[:n_filled] = 1
    assert SpectrumImage.from_array(array, AXIS).is_sparse is is_sparse
    matrix = sparse.csr_array(array.reshape(4, 12))
    assert SpectrumImage.from_matrix(matrix, (2, 2), AXIS).is_sparse is is_sparse


@pytest.mark.parametrize("form", ["csr", "coo"])
def test_duplicates_in_a_sparse_matrix_are_added(form):
    """300 counts in one bin, given as three hundreds of a type that ends at 255."""
    counts, channels = np.full(3, 100, np.uint8), np.array([4, 4, 4])
    if form == "csr":
        matrix = sparse.csr_array((counts, channels, np.array([0, 3])), shape=(1, 12))
    else:
        matrix = sparse.coo_array((counts, (np.zeros(3, int), channels)), shape=(1, 12))
    image = SpectrumImage.from_matrix(matrix, (1, 1), AXIS)
    assert image.total_counts == 300
    assert matrix.nnz == 3
    assert matrix.dtype == np.uint8


# Shapes


def test_spectra_and_lines():
    assert SpectrumImage.from_array(np.ones(12, int), AXIS).shape == (1, 1)
    assert SpectrumImage.from_array(np.ones((5, 12), int), AXIS).shape == (1, 5)
    with pytest.raises(EDSError, match=r"expected \(rows, columns, channels\)"):
        SpectrumImage.from_array(np.ones((2, 2, 2, 12), int), AXIS)


def test_counts_that_do_not_fit_the_axis():
    with pytest.raises(EDSError, match=r"2 x 2 pixels and 12 channels: expected \(4, 12\)"):
        SpectrumImage.from_array(np.ones((2, 2, 11), int), AXIS)


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 3)])
def test_images_that_fit(shape):
    image = AuxiliaryImage("x", np.zeros(shape))
    assert image.fits((2, 2))
    assert not image.fits((2, 3))


# Errors


@pytest.mark.parametrize(
    ("value", "message"),
    [(-1, "must not be negative; the lowest is -1"), (np.nan, "finite"), (np.inf, "finite")],
)
def test_counts_that_are_none(value, message):
    array = np.ones((2, 2, 12))
    array[0, 1, 3] = value
    with pytest.raises(EDSError, match=message):
        SpectrumImage.from_array(array, AXIS)
    with pytest.raises(EDSError, match=message):
        SpectrumImage.from_matrix(sparse.csr_array(array.reshape(4, 12)), (2, 2), AXIS)


def test_complex_counts():
    with pytest.raises(EDSError, match="real numbers"):
        SpectrumImage.from_array(np.ones((2, 2, 12), complex), AXIS)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.ones((2, 3), int), r"shape \(2, 3\) do not fit"),
        (np.ones((2, 2)), "must be integers, not float64"),
        (np.full((2, 2), -1), "must not be negative; found -1"),
        (np.full((2, 2), 2**63, np.uint64), "not supported"),
    ],
)
def test_labels_that_are_none(labels, message):
    image = SpectrumImage.from_array(np.ones((2, 2, 12), int), AXIS)
    with pytest.raises(LabelError, match=message):
        image.label_spectra(labels)


def test_a_mask_is_a_label():
    image = SpectrumImage.from_array(np.ones((2, 2, 12), int), AXIS)
    result = image.label_spectra(np.array([[True, False], [True, True]]))
    assert (result.ids.tolist(), result.n_pixels.tolist()) == ([1], [3])


def test_no_labels():
    for image in sparse_and_dense(np.ones((2, 2, 12), np.uint8)):
        result = image.label_spectra(np.zeros((2, 2), int))
        assert result.spectra.shape == (0, 12)
        assert result.ids.size == result.n_pixels.size == 0


@pytest.mark.parametrize(("given", "used"), [(None, 130.0), (142.0, 142.0)])
def test_the_resolution_is_the_files_or_that_of_most_detectors(given, used):
    assert Acquisition(energy_resolution_MnKa_eV=given).resolution_MnKa_eV() == used


def test_membership():
    ids, membership = label_membership(np.array([[7, 0], [3, 7]]), (2, 2))
    assert ids.tolist() == [3, 7]
    assert membership.toarray().tolist() == [[0, 0, 1, 0], [1, 0, 0, 1]]


def test_labels_are_not_changed():
    labels = np.array([[1, 2]], np.uint8)
    assert check_labels(labels, (1, 2)).dtype == np.int64
    assert labels.dtype == np.uint8


@pytest.mark.parametrize("pixel", [(-1, 0), (0, 2), (2, 0)])
def test_pixels_outside_the_map(pixel):
    image = SpectrumImage.from_array(np.ones((2, 2, 12), int), AXIS)
    with pytest.raises(EDSError, match="outside the map"):
        image.pixel_spectrum(*pixel)


@pytest.mark.parametrize("factor", [0, -1, 13])
def test_factors_that_do_not_fit(factor):
    image = SpectrumImage.from_array(np.ones((2, 2, 12), int), AXIS)
    with pytest.raises(EDSError, match="cannot rebin 12 channels"):
        image.rebin_energy(factor)


# The energy axis


def test_bounds_of_a_window():
    """A centre on the lower bound is inside, one on the upper bound outside."""
    axis = EnergyAxis(0.0, 0.1, 10)
    assert axis.channels(0.3, 0.7) == slice(3, 7)
    assert axis.channels(0.31, 0.71) == slice(4, 8)
    assert axis.channels(-5, 5) == slice(0, 10)


@given(st.floats(-1, 1), st.floats(1e-4, 0.1), st.integers(1, 5000))
def test_the_end_of_the_axis_is_its_last_energy(offset, scale, size):
    axis = EnergyAxis(offset, scale, size)
    assert axis.last_keV == axis.energies_keV[-1]


@pytest.mark.parametrize("window", [(0.31, 0.39), (0.7, 0.3), (5, 6), (-2, -1)])
def test_windows_without_a_channel(window):
    with pytest.raises(EDSError, match=r"the axis runs from 0\.000 to 0\.900 keV"):
        EnergyAxis(0.0, 0.1, 10).channels(*window)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0.01, 0), "at least one channel"),
        ((0, 0, 5), "must be positive"),
        ((0, -0.01, 5), "must be positive"),
        ((np.nan, 0.01, 5), "must be finite"),
        ((0, np.inf, 5), "must be finite"),
    ],
)
def test_axes_that_are_none(arguments, message):
    with pytest.raises(EDSError, match=message):
        EnergyAxis(*arguments)


def test_uncalibrated_axis():
    image = SpectrumImage.from_array(np.ones((2, 2, 12), int), EnergyAxis.uncalibrated(12))
    assert image.total_counts == 48
    for use in (
        lambda: image.energy.energies_keV,
        lambda: image.energy.last_keV,
        lambda: image.window_map(0, 5),
        lambda: image.crop_energy(0, 5),
    ):
        with pytest.raises(UncalibratedError, match="with_energy_axis"):
            use()
    assert not image.rebin_energy(2).energy.calibrated
    calibrated = image.with_energy_axis(offset_keV=0.0, scale_keV=0.5)
    assert calibrated.window_map(0, 1).tolist() == [[2, 2], [2, 2]]
