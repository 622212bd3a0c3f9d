"""Where detectors stand: what the file tells, and what a recipe states in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from napari_eds.errors import EDSError
from napari_eds.physics.take_off import Direction, effective_take_off_angle_deg
from napari_eds.recipe.geometry import Geometry
from napari_eds.spectra.acquisition import Acquisition, Detector
from napari_eds.spectra.spectrum_image import SpectrumImage


def with_geometry(image: SpectrumImage, geometry: Geometry) -> SpectrumImage:
    """Return an image whose acquisition tells what is stated of tilt and detectors.

    Its take-off angle follows from them. Several azimuths of one detector are its segments, which
    count alike.

    Raises
    ------
    EDSError
        If there are neither one azimuth nor as many as detectors, or an azimuth is given and no
        elevation is known.
    """
    if geometry == Geometry():
        return image
    told = image.acquisition
    tilt = geometry.tilt_deg or told.tilt_deg
    detectors = _stated(told.detectors, geometry)
    directions = _directions(told, detectors, geometry)
    if not directions and geometry.azimuth_deg:
        raise EDSError(f"{image.name}: an azimuth is of use with an elevation: give that, too")
    angle = effective_take_off_angle_deg(directions, tilt)
    if not directions:
        angle = told.take_off_angle_deg
    return replace(
        image,
        acquisition=replace(told, tilt_deg=tilt, detectors=detectors, take_off_angle_deg=angle),
    )


def take_off_angle_told(image: SpectrumImage, geometry: Geometry) -> float | None:
    """Return the take-off angle of a geometry, or else the file's; None where neither tells."""
    return with_geometry(image, geometry).acquisition.take_off_angle_deg


def of_detector(geometry: Geometry, place: int) -> Geometry:
    """Return what a geometry states of one detector, by its place among those of the map."""
    azimuths = geometry.azimuth_deg
    if azimuths is None or len(azimuths) == 1:
        return geometry
    return geometry.model_copy(update={"azimuth_deg": (azimuths[place],)})


def _stated(detectors: Sequence[Detector], geometry: Geometry) -> tuple[Detector, ...]:
    """Return the detectors of a file with stated elevations and azimuths."""
    azimuths = geometry.azimuth_deg
    n = len(detectors)
    if azimuths is not None and n > 1 and len(azimuths) not in (1, n):
        raise EDSError(f"{len(azimuths)} azimuths do not belong to {n} detectors: give 1 or {n}")
    found = []
    for i, one in enumerate(detectors):
        azimuth = one.azimuth_deg
        if azimuths is not None:
            azimuth = azimuths[i] if n > 1 and len(azimuths) > 1 else azimuths[0]
        elevation = geometry.elevation_deg
        if elevation is None:
            elevation = one.elevation_deg
        found.append(replace(one, elevation_deg=elevation, azimuth_deg=azimuth))
    return tuple(found)


def _directions(
    told: Acquisition, detectors: Sequence[Detector], geometry: Geometry
) -> list[Direction]:
    """Return where X-rays are counted, as far as it is known."""
    azimuths = geometry.azimuth_deg or ()
    if len(detectors) < 2:
        elevations = [one.elevation_deg for one in detectors] or [geometry.elevation_deg]
        elevation = told.take_off_angle_deg if elevations[0] is None else elevations[0]
        if elevation is None:
            return []
        own = detectors[0].azimuth_deg if detectors else None
        return [Direction(elevation, azimuth) for azimuth in azimuths or (own,)]
    weights = [one.counts for one in detectors]
    known = None not in weights and any(weights)
    return [
        Direction(one.elevation_deg, one.azimuth_deg, float(one.counts or 0) if known else 1.0)
        for one in detectors
        if one.elevation_deg is not None
    ]
