"""Comparing the detectors of one acquisition: a shadowed one spoils the sum."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_eds._support.arguments import PATH, expect
from napari_eds.errors import ReadError, ReadWarning
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

_ONE_PIXEL = np.ones((1, 1), np.int64)


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
    expect(path=(path, PATH), part=(part, MapPart | None))
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


def has_detectors_apart(image: SpectrumImage) -> bool:
    """Whether a map is the sum of several detectors that its file keeps apart.

    Of single spectra, it is said of the first one, which is their sum.
    """
    if image.source is None or image.part is None:
        return False
    return len(image.acquisition.detectors) > 1 or image.part.index == 0


def detectors_apart(image: SpectrumImage) -> Iterator[tuple[str, SpectrumImage]]:
    """Read each detector of the file that a map came from, one after the other.

    Only one is held at a time, so that several detectors do not need several maps of memory.

    Yields
    ------
    str, SpectrumImage
        Name of the detector, and what it counted in the pixels and channels of the map.

    Raises
    ------
    ReadError
        If the map came from no file that can be read again, or of one detector alone.
    """
    if image.source is None or image.part is None:
        raise ReadError(
            f"{image.name} is not as it was read from a file, and detectors are kept apart in "
            'files only: quantify the sum (detectors="sum"), or load the file'
        )
    names = [detector.name for detector in image.acquisition.detectors]
    if image.part.index == 0 and len(names) == 1:
        # The first of single spectra is the sum of the others.
        names = [_name(one) for one in _singles(read(image.source, **image.part.reading()))]
    if len(set(names)) < 2:
        raise ReadError(
            f"{image.name} has no several detectors to tell apart: quantify their sum "
            '(detectors="sum")'
        )
    for name in names:
        yield name, only_detectors(image, (name,))


def only_detectors(image: SpectrumImage, names: Sequence[str]) -> SpectrumImage:
    """Read a map's file again, with some of its detectors.

    Raises
    ------
    ReadError
        If that cannot be, or the file is another one now.
    """
    if image.source is None or image.part is None:
        raise ReadError(f"{image.name} is not as it was read from a file: read it again")
    with warnings.catch_warnings():
        # What is wrong with the file was told when the map was read.
        warnings.simplefilter("ignore", ReadWarning)
        if image.part.index is None:
            one = load(image.source, part=replace(image.part, detectors=tuple(names)))
        else:
            one = _sum_of_singles(read(image.source, **image.part.reading()), names)
    if one.shape != image.shape or one.n_channels != image.n_channels:
        raise ReadError(f"{image.source.name} has changed since the map was read")
    return one


def _spectra(path: Path, part: MapPart) -> dict[str, tuple[EnergyAxis, np.ndarray]]:
    """Return the summed spectrum of each detector of a file."""
    options = part.reading()
    images = read(path, **options)
    if len(images) > 1:
        return {_name(image): _total(image) for image in _singles(images)}
    names = [detector.name for detector in images[0].acquisition.detectors]
    if len(names) < 2:
        return {}
    return {name: _total(load(path, **{**options, "detectors": [name]})) for name in names}


def _singles(images: list[SpectrumImage]) -> list[SpectrumImage]:
    """Return each detector of a file of single spectra: the sum over all of them is the first."""
    return [image for image in images if len(image.acquisition.detectors) == 1][1:]


def _sum_of_singles(images: list[SpectrumImage], names: Sequence[str]) -> SpectrumImage:
    """Return the sum of some detectors of a file of single spectra."""
    chosen = [image for image in _singles(images) if _name(image) in names]
    if len(chosen) != len(names):
        raise ReadError(f"the file does not keep spectra of {', '.join(names)} apart")
    detectors = tuple(image.acquisition.detectors[0] for image in chosen)
    total = sum(np.asarray(image.label_spectra(_ONE_PIXEL).spectra) for image in chosen)
    acquisition = chosen[0].acquisition
    if len(chosen) > 1:
        acquisition = replace(acquisition, detectors=detectors, take_off_angle_deg=None)
    return SpectrumImage.from_array(
        np.asarray(total)[0],
        chosen[0].energy,
        name=images[0].name,
        source=images[0].source,
        acquisition=acquisition,
    )


def _name(image: SpectrumImage) -> str:
    return image.acquisition.detectors[0].name


def _total(image: SpectrumImage) -> tuple[EnergyAxis, np.ndarray]:
    return image.energy, image.total_spectrum()


def _counts(energy: EnergyAxis, total: np.ndarray, window: tuple[float, float]) -> int:
    return int(total[energy.channels(*window)].sum())
