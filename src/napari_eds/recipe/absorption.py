"""Settings of the absorption correction, and the foil they describe for given labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field, field_validator

from napari_eds.errors import EDSError
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import Foil, mass_absorption_cm2_g
from napari_eds.physics.densities import density_of
from napari_eds.physics.volumes import AtomicVolumes
from napari_eds.recipe.checked import Checked

#: What asks for the density that follows from each composition, where a density is written.
FROM_COMPOSITION = "composition"

#: No solid is denser: osmium has 22.6. Lighter than the other one, none is likely to be meant.
HIGHEST_DENSITY_g_cm3, _LEAST_LIKELY_g_cm3 = 30.0, 0.1

#: Electrons of 300 keV go through some micrometres at most, and hardly any X-ray below 1 keV does.
HIGHEST_THICKNESS_nm = 10_000.0

#: A number as it is written in many languages.
_DECIMAL_COMMA = re.compile(r"[0-9]*,[0-9]+")

_Thickness = Annotated[float, Field(gt=0, le=HIGHEST_THICKNESS_nm, allow_inf_nan=False)]
_Density = Annotated[float, Field(gt=0, le=HIGHEST_DENSITY_g_cm3, allow_inf_nan=False)]


class Absorption(Checked):
    """Settings of the absorption correction: a foil of even thickness, normal to the beam.

    Attributes
    ----------
    thickness_nm : float or None
        Of the specimen, in nm. None is for the zeta-factor method, which finds it. Above
        `HIGHEST_THICKNESS_nm` it is refused.
    density_g_cm3 : float or None
        Of all labels alike; or the formula of a known phase, such as ``"SrTiO3"``, see
        `physics.densities.density_of`. None, or ``"composition"``, lets the density of each
        label follow from its own composition, to about 11 %; see `physics.volumes`. Above
        `HIGHEST_DENSITY_g_cm3` it is refused.
    take_off_angle_deg : float or None
        Angle of the detector above the plane of the specimen; None takes the file's.

    Raises
    ------
    RecipeError
        If a setting is unknown or impossible.
    """

    thickness_nm: _Thickness | None = None
    density_g_cm3: _Density | None = None
    take_off_angle_deg: Annotated[float, Field(gt=0, le=90)] | None = None

    @field_validator("thickness_nm", mode="before")
    @classmethod
    def _thickness_of_a_foil(cls, value: Any) -> Any:
        return foil_thickness(value) if isinstance(value, int | float) else value

    @field_validator("density_g_cm3", mode="before")
    @classmethod
    def _density_of_a_solid(cls, value: Any) -> Any:
        if isinstance(value, str):
            return read_density(value)
        return solid_density(value) if isinstance(value, int | float) else value


def foil_thickness(value_nm: float) -> float:
    """Return a thickness that electrons go through.

    Raises
    ------
    EDSError
        If they go through none as thick.
    """
    if not value_nm > HIGHEST_THICKNESS_nm:
        return value_nm
    raise EDSError(
        f"a thickness of {value_nm:g} nm is more than electrons go through (some micrometres): "
        f"give it in nm, {HIGHEST_THICKNESS_nm:,.0f} at most"
    )


def solid_density(value_g_cm3: float) -> float:
    """Return a density that a solid can have.

    Raises
    ------
    EDSError
        If none is as dense.
    """
    if not value_g_cm3 > HIGHEST_DENSITY_g_cm3:
        return value_g_cm3
    meant = value_g_cm3 / 1000
    hint = ""
    if _LEAST_LIKELY_g_cm3 <= meant <= HIGHEST_DENSITY_g_cm3:
        hint = f"; {meant:g} g/cm³, if {value_g_cm3:g} is in kg/m³"
    raise EDSError(
        f"a density of {value_g_cm3:g} g/cm³ is more than any solid has (osmium 22.6): give it in "
        f"g/cm³{hint}"
    )


def read_density(text: str) -> float | None:
    """Read a density: a number in g/cm3, the formula of a known phase, or ``"composition"``.

    Returns
    -------
    float or None
        None for the density that follows from the composition.

    Raises
    ------
    EDSError
        If it is neither, the density of the phase is not known, or no solid is as dense.
    """
    if text.strip() == FROM_COMPOSITION:
        return None
    try:
        return solid_density(float(text))
    except EDSError:
        raise
    except ValueError:
        pass
    if _DECIMAL_COMMA.fullmatch(text.strip()):
        point = text.strip().replace(",", ".")
        raise EDSError(f"{text.strip()!r} is no number: write {point}, with a decimal point")
    return density_of(text)


def foil(  # noqa: PLR0913 - the last three have defaults
    settings: Absorption,
    families: Sequence[xray.Family],
    n_labels: int,
    *,
    take_off_angle_deg: float | None = None,
    thickness_nm: np.ndarray | None = None,
    density_g_cm3: np.ndarray | None = None,
) -> Foil:
    """Return the foil that settings describe, for families and labels in the given order.

    Without any thickness it is 0 nm thick: what the zeta-factor method begins with.

    Parameters
    ----------
    settings : Absorption
    families : sequence of Family
        The quantified ones; their elements are what the specimen consists of.
    n_labels : int
    take_off_angle_deg : float, optional
        The file's, used where the settings have none.
    thickness_nm, density_g_cm3 : ndarray, (labels,), optional
        Override the settings label by label.

    Raises
    ------
    EDSError
        If the take-off angle is unknown, a thickness is not 0 nm or more, or more than electrons
        go through, a density not positive or more than any solid has, or density is to follow
        from a composition with an element of unknown volume.
    """
    elements = [family.element for family in families]
    density: np.ndarray | AtomicVolumes
    if density_g_cm3 is None and settings.density_g_cm3 is None:
        density = AtomicVolumes.of(elements)
    else:
        density = _per_label(density_g_cm3, settings.density_g_cm3, n_labels, "densities")
        if not np.all((density > 0) & (density < np.inf)):
            raise EDSError("the density of every label must be a number above 0 g/cm³")
        solid_density(float(density.max(initial=0.0)))
    thickness = _per_label(thickness_nm, settings.thickness_nm or 0.0, n_labels, "thicknesses")
    foil_thickness(float(thickness[np.isfinite(thickness)].max(initial=0.0)))
    return Foil(
        mass_absorption_cm2_g(elements, [family.alpha.energy_keV for family in families]),
        thickness,
        density,
        take_off_angle(settings.take_off_angle_deg, take_off_angle_deg),
    )


def _per_label(
    given: np.ndarray | None, of_all: float | None, n_labels: int, what: str
) -> np.ndarray:
    values = np.full(n_labels, of_all, float) if given is None else np.asarray(given, float)
    if values.shape != (n_labels,):
        raise EDSError(f"{n_labels} labels need as many {what}, not {values.shape}")
    return values


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
