"""Fitted intensities and k-factors in one convention: what Cliff-Lorimer works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.fitting.model import SpectralModel
from napari_eds.physics import lines as xray
from napari_eds.recipe.k_factor_comparison import beam_energy_remark
from napari_eds.recipe.k_factor_errors import relative_covariance
from napari_eds.recipe.k_factor_theory import theoretical_k_factors
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import Recipe


def k_factors_of(model: SpectralModel, recipe: Recipe) -> KFactorTable:
    """Return the table to use, checked: the recipe's, or a computed one where it has none.

    With the method ``"zeta"`` they are its zeta-factors, in kg/m².

    Where a table that tells no beam energy seems to be for another one, its notes say so.

    Raises
    ------
    KFactorError
        If the table lacks a quantified family, or is for another beam energy.
    """
    table = recipe.k_factors
    if recipe.method == "zeta" and recipe.zeta_factors is not None:
        table = recipe.zeta_factors.as_k_factors()
    table = table or theoretical_k_factors(model.beam_energy_keV, model.detector)
    table.require(list(model.quantified))
    if not recipe.allow_beam_energy_mismatch:
        table.check_beam_energy(model.beam_energy_keV)
    return table.with_note(beam_energy_remark(table, model.beam_energy_keV))


def scale_of(model: SpectralModel, table: KFactorTable) -> np.ndarray:
    """Return the counts that a table is used with per count of the alpha line, (families,)."""
    of_families = table.convention == "family"
    return model.weight_sums if of_families else np.ones_like(model.weight_sums)


@dataclass(frozen=True, eq=False, kw_only=True)
class Intensities:
    """Intensities of labels, and what turns them into a composition, in one convention.

    Attributes
    ----------
    counts : ndarray, (labels, elements)
        Counts of families or of alpha lines, whichever the k-factors are for.
    covariance : ndarray, (labels, elements, elements)
        Of the counts of each label.
    k_factors : ndarray, (elements,)
        Weight-based, up to a common factor.
    k_covariance : ndarray, (elements, elements)
        Covariance of the k-factors, relative to them.
    atomic_weights : ndarray, (elements,)
        In g/mol.

    Raises
    ------
    EDSError
        If the shapes do not belong together.
    """

    counts: np.ndarray
    covariance: np.ndarray
    k_factors: np.ndarray
    k_covariance: np.ndarray
    atomic_weights: np.ndarray

    def __post_init__(self) -> None:
        for one in fields(self):
            # A view, since only this value is frozen and not its maker's array.
            array = np.asarray(getattr(self, one.name), dtype=float).view()
            array.flags.writeable = False
            object.__setattr__(self, one.name, array)
        per_element = (self.k_factors, np.diagonal(self.k_covariance), self.atomic_weights)
        n = self.counts.shape[-1] if self.counts.ndim == 2 else None
        if (
            n is None
            or self.covariance.shape != (len(self.counts), n, n)
            or self.k_covariance.shape != (n, n)
            or any(values.shape != (n,) for values in per_element)
        ):
            raise EDSError(
                f"intensities {self.counts.shape}, covariance {self.covariance.shape} and "
                f"per-element values {[values.shape for values in per_element]} do not belong "
                "together"
            )

    @property
    def errors(self) -> np.ndarray:
        """Standard deviations of the counts, (labels, elements)."""
        return np.sqrt(np.maximum(np.diagonal(self.covariance, axis1=1, axis2=2), 0))

    @classmethod
    def of_families(
        cls,
        families: Sequence[xray.Family],
        table: KFactorTable,
        *,
        counts: np.ndarray,
        covariance: np.ndarray,
    ) -> Intensities:
        """Join counts, which are in the table's convention, with k-factors and atomic weights.

        Parameters
        ----------
        families : sequence of Family
            One per element.
        table : KFactorTable
        counts : ndarray, (labels, families)
        covariance : ndarray, (labels, families, families)

        Raises
        ------
        KFactorError
            If the table lacks a family.
        """
        table.require(list(families))
        found = [table.find(f.element, f.family) for f in families]
        factors = [factor for factor in found if factor is not None]
        return cls(
            counts=counts,
            covariance=covariance,
            k_factors=np.array([factor.value for factor in factors]),
            k_covariance=relative_covariance(
                [(factor.element, factor.family) for factor in factors],
                [factor.relative_error for factor in factors],
            ),
            atomic_weights=np.array([xray.atomic_weight(f.element) for f in families]),
        )

    @classmethod
    def of_fit(
        cls,
        model: SpectralModel,
        table: KFactorTable,
        *,
        alpha_areas: np.ndarray,
        covariance: np.ndarray,
    ) -> Intensities:
        """Take what a fit found of the quantified families, in the convention of a table.

        An alpha table is used with the counts of alpha lines, so that no table of line weights
        comes between a measured ratio and its k-factor.

        Parameters
        ----------
        model : SpectralModel
        table : KFactorTable
        alpha_areas : ndarray, (labels, families)
            Counts of alpha lines; families that are only fitted may follow.
        covariance : ndarray, (labels, families, families)
            Of the intensities of whole families.

        Raises
        ------
        KFactorError
            If the table lacks a quantified family.
        """
        n = model.n_quantified
        scale = scale_of(model, table)[:n]
        per_family = scale / model.weight_sums[:n]
        return cls.of_families(
            model.quantified,
            table,
            counts=alpha_areas[:, :n] * scale,
            covariance=covariance[:, :n, :n] * np.outer(per_family, per_family),
        )
