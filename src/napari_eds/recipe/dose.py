"""What a recipe states of the dose in place of what the file tells."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_eds._support.brief import brief
from napari_eds.recipe.checked import Checked

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@brief
class Dose(Checked):
    """Current and times of a map in place of what its file tells; None takes the file's.

    Attributes
    ----------
    beam_current_nA : float or None
    current_error_percent : float
        Standard deviation of the current. Where zeta-factors were measured with the same current
        it falls out of every thickness, and is 0.
    dwell_time_us : float or None
        Time in one pixel of one frame.
    frames : float or None
        Frames that were summed; of an unfinished one, the part that was recorded.
    live_percent : float or None
        Live time over real time of the detectors.
    """

    beam_current_nA: _Positive | None = None
    current_error_percent: Annotated[float, Field(ge=0, le=200, allow_inf_nan=False)] = 0.0
    dwell_time_us: _Positive | None = None
    frames: _Positive | None = None
    live_percent: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
