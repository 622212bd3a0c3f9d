"""Angles at which X-rays leave a tilted specimen towards each of several detectors."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple


class Direction(NamedTuple):
    """Where a detector, or a segment of one, is seen from the specimen.

    `elevation_deg` is above the plane normal to the beam, below 0 for one beneath the specimen.
    `azimuth_deg` counts from the direction that the first tilt turns the specimen's face to.
    `weight` is proportional to the X-rays that it counted, or would.
    """

    elevation_deg: float
    azimuth_deg: float | None
    weight: float = 1.0


def take_off_sine(direction: Direction, tilt_deg: tuple[float, float] | None = None) -> float:
    """Return the sine of the angle between a detector and the specimen's surface.

    The direction of the detector ``(cos e cos a, cos e sin a, sin e)`` times the normal of a
    specimen tilted by alpha and beta about two axes at right angles, as eXSpy's
    `take_off_angle` has it. Without azimuth or tilt it is that of the elevation. Below 0 the
    detector lies behind the surface that faces its side of the specimen.
    """
    elevation = math.radians(direction.elevation_deg)
    if tilt_deg is None or direction.azimuth_deg is None:
        return abs(math.sin(elevation))
    alpha, beta = map(math.radians, tilt_deg)
    azimuth = math.radians(direction.azimuth_deg)
    along = math.cos(elevation) * math.cos(azimuth) * math.sin(alpha) * math.cos(beta)
    across = math.cos(elevation) * math.sin(azimuth) * math.sin(beta)
    up = math.sin(elevation) * math.cos(alpha) * math.cos(beta)
    sine = along + across + up
    return sine if direction.elevation_deg >= 0 else -sine


def effective_take_off_angle_deg(
    directions: Iterable[Direction], tilt_deg: tuple[float, float] | None = None
) -> float | None:
    """Return the one angle that absorbs as all detectors together do, to first order.

    The way out of the specimen is its thickness over the sine, so that 1 / sine is averaged,
    weighted by what each detector counted. A detector behind the specimen is left out: a holder
    or a grid is in its way.

    Parameters
    ----------
    directions : iterable of Direction
    tilt_deg : (float, float), optional
        Of the specimen about its first and second axis.

    Returns
    -------
    float or None
        None without a detector that sees the specimen.
    """
    there = list(directions)
    elevations = {abs(direction.elevation_deg) for direction in there}
    if len(elevations) == 1 and not any(tilt_deg or ()):
        return elevations.pop() or None
    seen = [(take_off_sine(d, tilt_deg), d.weight) for d in there if d.weight > 0]
    seen = [(sine, weight) for sine, weight in seen if sine > 0]
    if not seen:
        return None
    total = sum(weight for _, weight in seen)
    inverse = sum(weight / sine for sine, weight in seen) / total
    return math.degrees(math.asin(1 / inverse))
