"""Comparing the detectors of one acquisition: a shadowed one spoils the sum."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_eds.errors import ReadError
from napari_eds.readers.reading import load, read
from napari_eds.recipe.map_part import MapPart
from napari_eds.spectra.axes import EnergyAxis
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Soft X-rays are the first to be stopped by a holder or grid bar in the way; hard ones pass.
SOFT_keV = (0.2, 1.5)
HARD_keV = (3.0, 18.0)

#: A detector is called shadowed below these parts of the median over the detectors: of counts, and
#: of soft over hard counts.
SHADOWED_COUNTS = 0.5
SHADOWED_SOFTNESS = 0.6


@dataclass(frozen=True)
class DetectorComparison:
    """One detector beside the others of the same acquisition.

    Attributes
    ----------
    name : str
    counts : int
        Without the zero peak.
    relative_counts : float
        Over the median of all detectors.
    relative_softness : float
        Soft (0.2-1.5 keV) over hard (3-18 keV) counts, over the median of all detectors.
    shadowed : bool
        Whether something seems to stand in its way: leave it out of the sum.
    """

    name: str
    counts: int
    relative_counts: float
    relative_softness: float
    shadowed: bool


def compare_detectors(
    path: str | Path, part: MapPart | None = None
) -> tuple[DetectorComparison, ...]:
    """Compare the detectors of a file that keeps them apart: of Velox, or Oxford `.h5oina`.

    Parameters
    ----------
    path : str or Path
    part : MapPart, optional
        Of its map, what is compared; of `detectors` only these.

    Raises
    ------
    FileNotFoundError, ReadError
        If the file cannot be read, or has not more than one detector.
    """
    spectra = _spectra(Path(path), part or MapPart())
    if len(spectra) < 2:
        raise ReadError(f"{Path(path).name} does not keep its detectors apart: nothing to compare")
    return compare_spectra(spectra)


def compare_spectra(
    spectra: dict[str, tuple[EnergyAxis, np.ndarray]],
) -> tuple[DetectorComparison, ...]:
    """Compare summed spectra, (energy axis, counts per channel) by detector name."""
    soft = np.array([_counts(*spectrum, SOFT_keV) for spectrum in spectra.values()])
    hard = np.array([_counts(*spectrum, HARD_keV) for spectrum in spectra.values()])
    counts = np.array([_counts(*s, (SOFT_keV[0], HARD_keV[1])) for s in spectra.values()])
    softness = soft / np.maximum(hard, 1)
    relative_counts = counts / max(float(np.median(counts)), 1.0)
    relative_softness = softness / max(float(np.median(softness)), np.finfo(float).tiny)
    shadowed = (relative_counts < SHADOWED_COUNTS) | (relative_softness < SHADOWED_SOFTNESS)
    return tuple(
        DetectorComparison(name, int(n), float(part), float(soft_part), bool(dark))
        for name, n, part, soft_part, dark in zip(
            spectra, counts, relative_counts, relative_softness, shadowed, strict=True
        )
    )


def _spectra(path: Path, part: MapPart) -> dict[str, tuple[EnergyAxis, np.ndarray]]:
    """Return the summed spectrum of each detector of a file."""
    options = part.reading()
    images = read(path, **options)
    if len(images) > 1:
        # A file of single spectra: the sum over all detectors first, then each of them.
        singles = [image for image in images if len(image.acquisition.detectors) == 1][1:]
        return {_name(image): _total(image) for image in singles}
    names = [detector.name for detector in images[0].acquisition.detectors]
    if len(names) < 2:
        return {}
    return {name: _total(load(path, **{**options, "detectors": [name]})) for name in names}


def _name(image: SpectrumImage) -> str:
    return image.acquisition.detectors[0].name


def _total(image: SpectrumImage) -> tuple[EnergyAxis, np.ndarray]:
    return image.energy, image.total_spectrum()


def _counts(energy: EnergyAxis, total: np.ndarray, window: tuple[float, float]) -> int:
    return int(total[energy.channels(*window)].sum())
