"""Fitted intensities and k-factors in one convention: what Cliff-Lorimer works on."""

from __future__ import annotations

import numpy as np

from napari_eds.fitting.model import SpectralModel
from napari_eds.physics import lines as xray
from napari_eds.recipe.k_factor_theory import theoretical_k_factors
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import Recipe


def k_factors_of(model: SpectralModel, recipe: Recipe) -> KFactorTable:
    """Return the table to use, checked: the recipe's, or a computed one where it has none.

    Raises
    ------
    KFactorError
        If the table lacks a quantified family, or is for another beam energy.
    """
    table = recipe.k_factors or theoretical_k_factors(model.beam_energy_keV)
    table.require(list(model.quantified))
    if not recipe.allow_beam_energy_mismatch:
        table.check_beam_energy(model.beam_energy_keV)
    return table


def for_k_factors(
    model: SpectralModel, table: KFactorTable, alpha_areas: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return intensities of the quantified families and their covariance, as a table wants them.

    An alpha table is used with the counts of alpha lines, so that no table of line weights comes
    between a measured ratio and its k-factor.

    Parameters
    ----------
    model : SpectralModel
    table : KFactorTable
    alpha_areas : ndarray, (labels, families)
    covariance : ndarray, (labels, families, families)
        Of the intensities of whole families.
    """
    n = model.n_quantified
    scale = model.weight_sums[:n] if table.convention == "family" else np.ones(n)
    per_family = scale / model.weight_sums[:n]
    return alpha_areas[:, :n] * scale, covariance[:, :n, :n] * np.outer(per_family, per_family)


def k_arrays(
    model: SpectralModel, table: KFactorTable
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return k-factors, their relative errors and atomic weights, each (elements,)."""
    found = [table.find(f.element, f.family) for f in model.quantified]
    factors = [factor for factor in found if factor is not None]
    return (
        np.array([factor.value for factor in factors]),
        np.array([factor.relative_error for factor in factors]),
        np.array([xray.atomic_weight(f.element) for f in model.quantified]),
    )
