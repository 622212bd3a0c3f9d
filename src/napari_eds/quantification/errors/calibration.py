"""What a calibration on a region hands on of its errors to all that is measured by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import Foil
from napari_eds.recipe.k_factors import KFactorTable


def with_errors_of_constant(
    table: KFactorTable, families: Sequence[xray.Family], emitted: np.ndarray
) -> KFactorTable:
    """Return a table whose factors contain the errors of the region's k-factors, but for its own.

    ``constant = rho t D / sum(k I a)`` moves by ``-sum(w r)`` with the errors r of the k-factors
    in it and their shares w, and takes the factors of all other elements along. Those of the
    region follow from its composition, whatever its k-factors were.

    Parameters
    ----------
    table : KFactorTable
    families : sequence of Family
        Of the region.
    emitted : ndarray, (families,)
        k I a in the region.
    """
    own = {(family.element, family.family) for family in families}
    found = [table.find(family.element, family.family) for family in families]
    errors = np.array([factor.relative_error for factor in found if factor is not None])
    of_constant = float(np.linalg.norm(emitted / emitted.sum() * errors))
    factors = tuple(
        factor
        if (factor.element, factor.family) in own
        else factor.model_copy(
            update={"relative_error": float(np.hypot(factor.relative_error, of_constant))}
        )
        for factor in table.factors
    )
    return table.model_copy(update={"factors": factors})


def attenuation_slopes(
    families: Sequence[xray.Family], foil: Foil, shares: np.ndarray
) -> dict[str, dict[str, float]]:
    """Return derivatives of ln(zeta) by ln(MAC) in a region, by family and element.

    ``zeta = C rho t D / (I a)`` falls as a rises.

    Parameters
    ----------
    families : sequence of Family
        One per element of the region.
    foil : Foil
        Of the region, its one label.
    shares : ndarray, (elements,)
        Weight fractions.
    """
    slopes = foil.depth_log_slopes(shares[None])[0]
    absorbing = shares[:, None] * foil.mass_absorption_cm2_g
    moved = -slopes * absorbing / absorbing.sum(axis=0)
    return {
        str(family): {
            absorber.element: float(value)
            for absorber, value in zip(families, column, strict=True)
        }
        for family, column in zip(families, moved.T, strict=True)
    }


def calibrated_slopes(
    slopes: Mapping[str, Mapping[str, float]], families: Sequence[xray.Family]
) -> np.ndarray | None:
    """Return slopes for quantified families, (elements, families); None where there are none."""
    if not slopes:
        return None
    rows = [
        [slopes.get(str(family), {}).get(absorber.element, 0.0) for family in families]
        for absorber in families
    ]
    return np.array(rows)
