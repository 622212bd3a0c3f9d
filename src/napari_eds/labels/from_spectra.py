"""Labels of pixels whose spectra are alike, found without a list of elements."""

from __future__ import annotations

import math
import warnings
from numbers import Real
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
from scipy import sparse

from napari_eds._support.arguments import expect, pair
from napari_eds._support.progress import begin, leavable
from napari_eds.errors import EDSError, LabelError
from napari_eds.labels.chips import Chips
from napari_eds.labels.edits import in_reading_order
from napari_eds.spectra.spectrum_image import SpectrumImage

ClusterMethod = Literal["kmeans", "nmf"]

#: Mean counts of a block of pixels below which noise hides what phase it is.
_BLOCK_COUNTS = 200
#: Width of the channels that are compared, keV: about half the resolution.
_CHANNEL_KEV = 0.05
#: Components that k-means is given, beyond one for each cluster.
_MORE_COMPONENTS = 2
#: Decimals kept of what is clustered, whose noise is about 1: equal spectra are not to be told
#: apart by the rounding of a solver, which differs from call to call.
_DECIMALS = 6


def cluster_labels(  # noqa: PLR0913 - the last four have defaults
    image: SpectrumImage,
    n_clusters: int,
    *,
    method: ClusterMethod = "kmeans",
    bin_px: int | None = None,
    energy_range_keV: tuple[float, float] = (0.2, 19.0),
    seed: int = 0,
) -> Chips:
    """Label pixels by the likeness of their spectra.

    Counts are summed over blocks of pixels and groups of channels, and weighted for Poisson noise
    by the square roots of the mean image and of the mean spectrum (M. R. Keenan and P. G. Kotula,
    Surf. Interface Anal. 36 (2004) 203), which keeps them sparse; the map is never held dense.

    Parameters
    ----------
    image : SpectrumImage
    n_clusters : int
        2 or more. Vacuum is a cluster too.
    method : {"kmeans", "nmf"}
        k-means in the space of the leading singular vectors; or non-negative factors, each block
        going to the one that most of its counts come from.
    bin_px : int, optional
        Side of the blocks in pixels; by default the smallest at which a block has 200 counts in
        the mean. All pixels of a block have its label.
    energy_range_keV : (float, float)
        What is compared. The default leaves the zero peak out; an axis without energies is
        compared as a whole.
    seed : int
        Of the starting points; the same seed gives the same labels.

    Returns
    -------
    Chips
        At most `n_clusters` labels, often disconnected, in reading order; blocks without counts
        stay unlabelled. Named ``cluster 1``, ``cluster 2``, ...

    Raises
    ------
    LabelError
        If there are too few blocks with counts for so many clusters, or an argument makes no
        sense.
    """
    expect(
        image=(image, SpectrumImage),
        n_clusters=(n_clusters, Real),
        method=(method, str),
        bin_px=(bin_px, Real | None),
    )
    _check(image, n_clusters, method, bin_px)
    if image.energy.calibrated:
        image = image.crop_energy(*pair("energy_range_keV", energy_range_keV))
    side = _block_side(image) if bin_px is None else int(bin_px)
    blocks = _block_numbers(image.shape, side)
    begin("summing spectra of blocks")
    counts = leavable(_binned, image, blocks)
    weighted, filled, by_channel = _weighted(counts)
    n_filled, n_channels = weighted.shape
    if n_clusters > min(n_filled, n_channels):
        raise LabelError(
            f"{n_filled} blocks with counts in {n_channels} groups of channels cannot be parted "
            f"into {n_clusters} clusters; make the blocks smaller or ask for fewer"
        )
    with warnings.catch_warnings():
        # Fewer kinds of blocks than clusters, or factors that still move: labels tell enough.
        warnings.simplefilter("ignore", category=_convergence_warning())
        begin("parting blocks into clusters")
        if method == "kmeans":
            found = leavable(_by_k_means, weighted, int(n_clusters), seed)
        else:
            found = leavable(_by_factors, weighted, by_channel, n_clusters, seed)
    of_block = np.zeros(len(filled), np.int64)
    of_block[filled] = found + 1
    labels = in_reading_order(of_block[blocks]).astype(np.int32)
    names = {i: f"cluster {i}" for i in range(1, int(labels.max()) + 1)}
    return Chips(labels, MappingProxyType(names))


def _check(
    image: SpectrumImage, n_clusters: int, method: ClusterMethod, bin_px: int | None
) -> None:
    if method not in get_args(ClusterMethod):
        raise EDSError(f"clusters are found by 'kmeans' or 'nmf', not {method!r}")
    if not 2 <= n_clusters < np.inf or n_clusters != int(n_clusters):
        raise LabelError(f"there must be 2 or more clusters, not {n_clusters}")
    if bin_px is not None and (bin_px != int(bin_px) or not 1 <= bin_px <= max(image.shape)):
        raise LabelError(
            f"blocks of {bin_px} pixels a side do not fit a map of {image.shape} pixels"
        )


def _block_side(image: SpectrumImage) -> int:
    per_pixel = max(float(image.total_counts) / image.n_pixels, 1e-12)
    side = math.ceil(math.sqrt(_BLOCK_COUNTS / per_pixel))
    return min(side, max(min(image.shape) // 4, 1))


def _block_numbers(shape: tuple[int, int], side: int) -> np.ndarray:
    """Return the block of every pixel, (rows, columns); blocks at the edges can be smaller."""
    rows, columns = (np.arange(extent) // side for extent in shape)
    return rows[:, None] * (columns[-1] + 1) + columns


def _binned(image: SpectrumImage, blocks: np.ndarray) -> sparse.csr_array:
    """Sum counts over blocks of pixels and groups of channels, (blocks, groups)."""
    width = image.energy.scale_keV if image.energy.calibrated else _CHANNEL_KEV
    factor = min(max(round(_CHANNEL_KEV / width), 1), image.n_channels)
    grouped = image.rebin_energy(factor).counts
    pixels = np.arange(image.n_pixels)
    members = sparse.csr_array(
        (np.ones(image.n_pixels), (blocks.ravel(), pixels)), shape=(blocks.max() + 1, len(pixels))
    )
    return sparse.csr_array(members @ grouped)


def _weighted(counts: sparse.csr_array) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """Return counts of even noise, which blocks they are of, and the weights of channels.

    Blocks and channels without counts are left out; noise of one count in a mean block and a
    mean channel would be 1.
    """
    by_block, by_channel = counts.sum(axis=1), counts.sum(axis=0)
    filled, used = by_block > 0, by_channel > 0
    kept = counts[filled][:, used]
    root_image = np.sqrt(by_block[filled] / max(kept.shape[1], 1))
    root_spectrum = np.sqrt(by_channel[used] / max(kept.shape[0], 1))
    even = sparse.diags_array(1 / root_image) @ kept @ sparse.diags_array(1 / root_spectrum)
    return sparse.csr_array(even), filled, root_spectrum


def _convergence_warning() -> type[Warning]:
    from sklearn.exceptions import ConvergenceWarning

    return ConvergenceWarning


def _by_k_means(weighted: sparse.csr_array, n_clusters: int, seed: int) -> np.ndarray:
    """Return a cluster from 0 for every row."""
    from scipy.sparse.linalg import svds
    from sklearn.cluster import KMeans

    n = min(n_clusters + _MORE_COMPONENTS, min(weighted.shape) - 1)
    vectors, values, _ = svds(weighted, k=n, rng=np.random.default_rng(seed))
    scores = np.round(vectors * values, _DECIMALS)
    return KMeans(n_clusters, n_init=5, random_state=seed).fit_predict(scores)


def _by_factors(
    weighted: sparse.csr_array, by_channel: np.ndarray, n_clusters: int, seed: int
) -> np.ndarray:
    """Return for every row the non-negative factor from which most of its counts come."""
    from sklearn.decomposition import NMF

    model = NMF(n_clusters, init="nndsvda", random_state=seed, max_iter=1000, tol=1e-3)
    # Where the factors describe all counts, rounding can leave scikit-learn's squared error, which
    # is a difference, below zero; the factors do not suffer.
    with np.errstate(invalid="ignore"):
        amounts = model.fit_transform(weighted)
    counts_of_one = (model.components_ * by_channel).sum(axis=1)
    return np.round(amounts * counts_of_one, _DECIMALS).argmax(axis=1)
