"""Few spectra whose mixtures describe a map: weighted principal components, or NMF.

Both work on counts scaled by the square roots of the mean image and the mean spectrum, which
makes the variance of Poisson counts about even (M. R. Keenan and P. G. Kotula, Surf. Interface
Anal. 36 (2004) 203). The counts stay sparse throughout: nothing is centred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import linalg, sparse

from napari_eds._support.progress import check_cancelled, leavable
from napari_eds.spectra.storage import Counts

Method = Literal["pca", "nmf"]
METHODS: tuple[Method, ...] = get_args(Method)
_NMF_ITERATIONS = 200
_NMF_TOLERANCE = 1e-4


@dataclass(frozen=True, eq=False)
class Factors:
    """A map as the product of amounts and spectra.

    Attributes
    ----------
    amounts : ndarray, (pixels, components)
    spectra : ndarray, (components, channels)
        ``amounts @ spectra`` are expected counts.
    """

    amounts: np.ndarray
    spectra: np.ndarray

    @property
    def n(self) -> int:
        """Number of components."""
        return len(self.spectra)

    def first(self, n: int) -> Factors:
        """Return the first components; of principal components those are the best so many."""
        return Factors(self.amounts[:, :n], self.spectra[:n])


def factorise(
    counts: Counts, n: int, method: Method, *, sums: sparse.csr_array | None = None
) -> Factors:
    """Describe counts (pixels, channels) by `n` components.

    Parameters
    ----------
    counts : csr_array or ndarray, (pixels, channels)
    n : int
        At most as many as channels.
    method : {"pca", "nmf"}
        Principal components may be negative, and the first so many of many are the best so many;
        those of non-negative factorisation (scikit-learn) are not, but look like spectra.
    sums : csr_array, (groups, pixels), optional
        Groups of neighbours whose sums tell the spectra; amounts are of single pixels all the
        same. What lies in many neighbours stands out of less noise so.
    """
    return leavable(_factorised, counts, n, method, sums)


def _factorised(counts: Counts, n: int, method: Method, sums: sparse.csr_array | None) -> Factors:
    summed = counts if sums is None else sums_of_groups(counts, sums)
    check_cancelled()
    by_pixel, by_channel = _roots(summed)
    scaled = _scaled(summed, by_pixel, by_channel)
    of_pixels = np.sqrt(np.asarray(counts.sum(axis=1, dtype=float)).ravel())
    single = _scaled(counts, of_pixels, by_channel)
    found = _principal if method == "pca" else _nmf
    amounts, spectra = found(scaled, single, n)
    return Factors(amounts * of_pixels[:, None], spectra * by_channel)


def sums_of_groups(counts: Counts, sums: sparse.csr_array) -> Counts:
    """Return the sums of pixels by groups, (groups, channels), sparse if the counts are."""
    if isinstance(counts, np.ndarray):
        return np.asarray(sums @ counts)
    return sparse.csr_array(sums @ counts.astype(np.int64))


def scaled_projection(factors: Factors, counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Return amounts of other counts by the same spectra, and the weights of their pixels.

    Least squares in counts over the roots of their mean spectrum, without bounds, so that the
    noise of the amounts is that of the counts.

    Returns
    -------
    amounts : ndarray, (pixels, components)
    weights : ndarray, (pixels,)
        Inverse mean counts of the pixels, one half more so that none is infinite.
    """
    _, by_channel = _roots(counts)
    inverse = np.divide(1.0, by_channel, out=np.zeros_like(by_channel), where=by_channel > 0)
    solving = np.linalg.pinv(factors.spectra * inverse) * inverse[:, None]
    of_pixels = np.asarray(counts.sum(axis=1, dtype=float)).ravel()
    return np.asarray(counts @ solving), 1 / (of_pixels + 0.5)


def _roots(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Return square roots of the mean image and mean spectrum: their product is the noise's."""
    of_pixels = np.asarray(counts.sum(axis=1, dtype=float)).ravel()
    of_channels = np.asarray(counts.sum(axis=0, dtype=float)).ravel()
    total = max(of_pixels.sum(), 1.0)
    return np.sqrt(of_pixels / total), np.sqrt(of_channels)


def _scaled(counts: Counts, by_pixel: np.ndarray, by_channel: np.ndarray) -> Counts:
    """Return counts over both roots; what is empty stays so."""
    pixels, channels = (
        np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
        for root in (by_pixel, by_channel)
    )
    if isinstance(counts, np.ndarray):
        return counts * pixels[:, None] * channels
    left, right = sparse.diags_array(pixels), sparse.diags_array(channels)
    return sparse.csr_array(left @ counts.astype(float) @ right)


def _principal(scaled: Counts, single: Counts, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and loadings by the channels' matrix of products, which is small."""
    products = scaled.T @ scaled
    gram = products if isinstance(products, np.ndarray) else products.toarray()
    check_cancelled()
    size = len(gram)
    _, vectors = linalg.eigh(gram, subset_by_index=(size - n, size - 1))
    loadings = vectors[:, ::-1].T
    # The sign of a vector is open: let each have more above zero than below.
    loadings = loadings * np.where(loadings.sum(axis=1) < 0, -1.0, 1.0)[:, None]
    return np.asarray(single @ loadings.T), loadings


def _nmf(scaled: Counts, single: Counts, n: int) -> tuple[np.ndarray, np.ndarray]:
    import warnings

    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    model = NMF(n, init="nndsvda", max_iter=_NMF_ITERATIONS, tol=_NMF_TOLERANCE, random_state=0)
    with warnings.catch_warnings():
        # The last digits of factors do not matter: what they describe is scored.
        warnings.simplefilter("ignore", ConvergenceWarning)
        amounts = model.fit_transform(scaled)
        check_cancelled()
        of_single = amounts if single is scaled else model.transform(single)
        return of_single, model.components_
