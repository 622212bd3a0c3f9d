"""How many electrons made the counts of a map."""

from __future__ import annotations

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.spectra.spectrum_image import SpectrumImage

#: In C, exact since 2019 (SI).
ELEMENTARY_CHARGE_C = 1.602176634e-19


def pixel_time_s(image: SpectrumImage) -> float | None:
    """Return the time the beam was in one pixel, over all frames summed; None where unknown.

    Dwell time x frames, or the real time over the pixels where the file has no dwell time.
    """
    told = image.acquisition
    if told.dwell_time_s and told.frames_summed:
        return told.dwell_time_s * told.frames_summed
    rows, columns = image.shape
    return told.real_time_s / (rows * columns) if told.real_time_s else None


def electrons_per_pixel(
    image: SpectrumImage, *, beam_current_nA: float | None = None, live: bool = False
) -> float:
    """Return the dose of a pixel, in electrons.

    Parameters
    ----------
    image : SpectrumImage
    beam_current_nA : float, optional
        In place of the file's.
    live : bool
        Whether only electrons are counted that came while the detectors were live, as
        intensities per electron need it.

    Raises
    ------
    EDSError
        If the file does not tell the current, or a time that is needed.
    """
    current = beam_current_nA or image.acquisition.beam_current_nA
    time = pixel_time_s(image)
    share = image.acquisition.live_fraction() if live else 1.0
    missing = [
        name
        for name, value in (
            ("beam current", current),
            ("dwell time and frames, or real time", time),
            ("live and real time", share),
        )
        if not value
    ]
    if missing or current is None or time is None or share is None:
        raise EDSError(f"{image.name}: the file does not tell the {', the '.join(missing)}")
    if not 0 < current < np.inf:
        raise EDSError(f"the beam current must be above 0 nA, not {current}")
    return current * 1e-9 * time * share / ELEMENTARY_CHARGE_C
