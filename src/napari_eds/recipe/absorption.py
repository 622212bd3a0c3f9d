"""Settings of the absorption correction, and the foil they describe for given labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from napari_eds.errors import EDSError
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import Foil, mass_absorption_cm2_g, mass_thickness_g_cm2
from napari_eds.physics.formulas import density_of

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Absorption(BaseModel):
    """Settings of the absorption correction: a foil of even thickness, normal to the beam.

    Attributes
    ----------
    thickness_nm : float
        Of the specimen, in nm.
    density_g_cm3 : float
        Or the formula of a known phase, such as ``"SrTiO3"``; see `physics.formulas.density_of`.
    take_off_angle_deg : float or None
        Angle of the detector above the plane of the specimen; None takes the file's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    thickness_nm: _Positive
    density_g_cm3: _Positive
    take_off_angle_deg: Annotated[float, Field(gt=0, le=90)] | None = None

    @field_validator("density_g_cm3", mode="before")
    @classmethod
    def _density_of_formula(cls, value: Any) -> Any:
        return density_of(value) if isinstance(value, str) and value[:1].isalpha() else value


def foil(
    settings: Absorption,
    families: Sequence[xray.Family],
    n_labels: int,
    *,
    take_off_angle_deg: float | None = None,
    thickness_nm: np.ndarray | None = None,
) -> Foil:
    """Return the foil that settings describe, for families and labels in the given order.

    Parameters
    ----------
    settings : Absorption
    families : sequence of Family
        The quantified ones; their elements are what the specimen consists of.
    n_labels : int
    take_off_angle_deg : float, optional
        The file's, used where the settings have none.
    thickness_nm : ndarray, (labels,), optional
        Overrides the settings label by label.

    Raises
    ------
    EDSError
        If the take-off angle is unknown, or a thickness is not 0 nm or more.
    """
    thickness = np.full(n_labels, settings.thickness_nm) if thickness_nm is None else thickness_nm
    thickness = np.asarray(thickness, float)
    if thickness.shape != (n_labels,):
        raise EDSError(f"{n_labels} labels need as many thicknesses, not {thickness.shape}")
    return Foil(
        mass_absorption_cm2_g(
            [family.element for family in families],
            [family.alpha.energy_keV for family in families],
        ),
        mass_thickness_g_cm2(thickness, settings.density_g_cm3),
        take_off_angle(settings.take_off_angle_deg, take_off_angle_deg),
    )


def take_off_angle(*angles_deg: float | None) -> float:
    """Return the first take-off angle that is known, in degrees.

    Raises
    ------
    EDSError
        If none is.
    """
    for angle in angles_deg:
        if angle is not None:
            return angle
    raise EDSError(
        "the file gives no take-off angle, which the absorption correction needs: set "
        "take_off_angle_deg in the absorption settings"
    )
