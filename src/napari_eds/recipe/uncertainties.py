"""What is not known exactly, and by how much: the stated uncertainties an error is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_eds._support.brief import brief
from napari_eds.recipe.checked import Checked

_Percent = Annotated[float, Field(ge=0, le=200, allow_inf_nan=False)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@brief
class Uncertainties(Checked):
    """Standard deviations of what a quantification rests on, besides counts and k-factors.

    k-factors carry their own errors in their table.

    Attributes
    ----------
    line_ratio_K_percent, line_ratio_L_percent, line_ratio_M_percent : float
        Of a line's share in its family. Published K beta / K alpha ratios agree within about
        5 %, L rates within 5 to 10 % (J. L. Campbell and J.-X. Wang, At. Data Nucl. Data Tables
        43 (1989) 281). Yields of M subshells differ by up to a factor of two: the last is that of
        a line's share in its subshell, and of the subshell's in the family.
    line_position_eV : float
        Of a family's energy, from tables and chemical shifts.
    soft_line_position_eV : float
        The same below 1 keV and of M families, where it is more.
    line_shape_percent : float
        Of a drawn line at its height, where detectors are not as drawn; more where the summed
        spectrum shows more.
    background_percent : float
        Of the background's height over about a fifth of a keV.
    thickness_percent : float
        Of a given thickness.
    unknown_thickness_nm : float
        How thick a foil may well be where absorption is not corrected.
    density_percent : float
        Of a given density; one that follows from the composition has its own.
    attenuation_percent : float
        Of mass absorption coefficients; more where tables differ more.
    """

    line_ratio_K_percent: _Percent = 5.0
    line_ratio_L_percent: _Percent = 7.0
    line_ratio_M_percent: _Percent = 30.0
    line_position_eV: _NotNegative = 0.7
    soft_line_position_eV: _NotNegative = 1.5
    line_shape_percent: _Percent = 0.5
    background_percent: _Percent = 1.5
    thickness_percent: _Percent = 10.0
    unknown_thickness_nm: _NotNegative = 100.0
    density_percent: _Percent = 5.0
    attenuation_percent: _Percent = 5.0

    def line_ratio(self, family: str) -> float:
        """Return the standard deviation of a share in a family K, L or M, relative."""
        percent: float = getattr(self, f"line_ratio_{family}_percent")
        return percent / 100
