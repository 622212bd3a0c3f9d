"""What a notebook shows of a spectrum image."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Protocol

import numpy as np

from napari_eds._support import html
from napari_eds.spectra.described import Described

#: Longer side of the picture, in screen pixels.
_PICTURE_px = 192
#: Percentiles of the counts that become black and white.
_BLACK, _WHITE = 0.5, 99.5


class Shown(Described, Protocol):
    """What is shown of an image."""

    @property
    def source(self) -> Path | None:
        """Its file."""

    @property
    def xray_counts(self) -> int | float:
        """X-rays in all."""

    def counts_map(self) -> np.ndarray:
        """X-rays of each pixel, (rows, columns)."""


def image_html(image: Shown) -> str:
    """Return an image's X-ray counts as a small picture, and its axes and sizes as a table."""
    (rows, columns), axis, how = image.shape, image.energy, image.acquisition
    size = " x ".join(f"{side:g}" for side in image.pixel_size)
    energies = "without energies"
    if axis.calibrated:
        energies = (
            f"from {axis.offset_keV:g} to {axis.last_keV:g} keV, {axis.scale_keV:g} keV each"
        )
    beam = "unknown" if how.beam_energy_keV is None else f"{how.beam_energy_keV:g} keV"
    facts = [
        ("map", f"{rows} x {columns} pixels of {size} {image.pixel_unit}"),
        ("spectra", f"{axis.size} channels {energies}"),
        ("counts", f"{image.xray_counts:,} ({axis.counted})"),
        ("beam", f"{beam}, {how.signal_type or 'microscope unknown'}"),
        ("elements", " ".join(how.elements) or "none named"),
        ("file", "none" if image.source is None else image.source.name),
    ]
    picture = html.picture(_picture(image.counts_map()), "X-ray counts")
    return html.page(image.name, f"<div>{picture}</div>", html.table(facts))


def _picture(counts: np.ndarray) -> bytes:
    """Draw a map in grey as PNG; large maps are thinned out, small ones enlarged."""
    from PIL import Image

    longer = max(counts.shape)
    step = -(-longer // _PICTURE_px)
    thinned = np.asarray(counts[::step, ::step], dtype=float)
    low, high = np.percentile(thinned, (_BLACK, _WHITE))
    grey = np.clip((thinned - low) / max(high - low, 1e-12), 0, 1)
    times = max(_PICTURE_px // longer, 1)
    pixels = np.kron((255 * grey).astype(np.uint8), np.ones((times, times), np.uint8))
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format="png")
    return buffer.getvalue()
