"""The maximum-pixel spectrum: in every channel the largest count of any pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from napari_eds._support.arguments import expect
from napari_eds._support.outputs import write_table
from napari_eds.spectra.spectrum_image import SpectrumImage


def maximum_spectrum(image: SpectrumImage) -> np.ndarray:
    """Return the largest count that any pixel has in each channel, (channels,).

    It shows what few pixels hold and the sum hides. It is no spectrum of counting statistics and
    is not to be quantified: its continuum lies above that of every pixel (D. S. Bright and
    D. E. Newbury, J. Microsc. 216 (2004) 186).

    Parameters
    ----------
    image : SpectrumImage
    """
    expect(image=(image, SpectrumImage))
    if isinstance(image.counts, np.ndarray):
        return np.asarray(image.counts.max(axis=0))
    return np.asarray(image.counts.max(axis=0).toarray()).ravel()


def save_maximum_spectrum(
    image: SpectrumImage, path: str | Path, *, overwrite: bool = False
) -> Path:
    """Save the maximum-pixel spectrum and the sum as CSV: ``energy_keV, maximum, sum``.

    Raises
    ------
    UncalibratedError
        If the map has no energies.
    OutputError
        If the file is there and may not be replaced.
    """
    image.energy.require_calibrated()
    table = pd.DataFrame(
        {
            "energy_keV": image.energy.energies_keV.round(6),
            "maximum": maximum_spectrum(image),
            "sum": image.total_spectrum(),
        }
    )
    return write_table(path, table, overwrite=overwrite, inputs=[image.source], index=False)
