"""What a recipe states of detectors and tilt in place of what the file tells."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_eds._support.brief import brief
from napari_eds.recipe.checked import Checked

_Tilt = Annotated[float, Field(gt=-90, lt=90)]
_Elevation = Annotated[float, Field(ge=-90, le=90)]
_Azimuth = Annotated[float, Field(ge=-360, le=360)]


@brief
class Geometry(Checked):
    """Tilt of the specimen and directions of detectors; None takes the file's.

    A take-off angle in the settings of absorption goes before all of it.

    Attributes
    ----------
    tilt_deg : (float, float) or None
        About the first and the second axis of the stage.
    elevation_deg : float or None
        Of all detectors, above the plane normal to the beam.
    azimuth_deg : tuple of float, or None
        Of each detector of the file, in its order, or one number for all, counted from the
        direction that the first tilt turns the specimen's face to.
    """

    tilt_deg: tuple[_Tilt, _Tilt] | None = None
    elevation_deg: _Elevation | None = None
    azimuth_deg: tuple[_Azimuth, ...] | None = None
