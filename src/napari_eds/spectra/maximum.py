"""The maximum-pixel spectrum: in every channel the largest count of any pixel."""

from __future__ import annotations

import numpy as np

from napari_eds.spectra.spectrum_image import SpectrumImage


def maximum_spectrum(image: SpectrumImage) -> np.ndarray:
    """Return the largest count that any pixel has in each channel, (channels,).

    It shows what few pixels hold and the sum hides. It is no spectrum of counting statistics and
    is not to be quantified: its continuum lies above that of every pixel (D. S. Bright and
    D. E. Newbury, J. Microsc. 216 (2004) 186).
    """
    if isinstance(image.counts, np.ndarray):
        return np.asarray(image.counts.max(axis=0))
    return np.asarray(image.counts.max(axis=0).toarray()).ravel()
