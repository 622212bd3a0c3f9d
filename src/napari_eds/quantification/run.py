"""The way from a spectrum image and labels to compositions, in one readable page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from napari_eds.errors import EDSError, LabelError, RecipeError
from napari_eds.fitting import fit as fitting
from napari_eds.fitting.model import SpectralModel, build_model
from napari_eds.fitting.preparation import Preparation, prepare
from napari_eds.labels.chips import Chips, describe_labels
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import Absorption, Foil, foil, take_off_angle
from napari_eds.quantification import known_region, saving
from napari_eds.quantification.cliff_lorimer import Composition, cliff_lorimer
from napari_eds.recipe.k_factors import Convention, KFactorTable, theoretical_k_factors
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.spectrum_image import LabelSpectra, SpectrumImage, check_labels

#: Statistical error of an atomic fraction above which a label is flagged as too noisy.
FEW_COUNTS_ERROR = 0.1


@dataclass(frozen=True, eq=False)
class Quantification:
    """Compositions of the labels of one image, with all that led to them.

    Attributes
    ----------
    image : SpectrumImage
    labels : ndarray of int64, (rows, columns)
    recipe : Recipe
    label_spectra : LabelSpectra
        Summed spectra over all channels of the image.
    k_factors : KFactorTable
        Those of the recipe, or computed ones where it has none.
    preparation : Preparation
        What was settled on the summed spectrum: energy axis, line ratios, background.
    fit : Fit
        The fit over the channels of the recipe's energy range.
    foil : Foil or None
        What absorbs in each label, where absorption is corrected.
    composition : Composition
        In the order of `elements`.
    table : DataFrame
        One row per label, indexed by ``label``; see `quantify`.
    """

    image: SpectrumImage
    labels: np.ndarray
    recipe: Recipe
    label_spectra: LabelSpectra
    k_factors: KFactorTable
    preparation: Preparation
    fit: fitting.Fit
    foil: Foil | None
    composition: Composition
    table: pd.DataFrame

    @property
    def elements(self) -> tuple[str, ...]:
        """Quantified elements, in the order of the recipe."""
        return tuple(family.element for family in self.fit.model.quantified)

    @property
    def spectra(self) -> np.ndarray:
        """Counts per label and channel of the image, (labels, channels)."""
        return self.label_spectra.spectra

    @cached_property
    def energies_keV(self) -> np.ndarray:
        """Calibrated energies of the channels of `spectra`, (channels,)."""
        calibration = self.preparation.calibration
        gain = 1 + calibration.gain_percent / 100
        return self.image.energy.energies_keV * gain + calibration.offset_eV / 1000

    def maps(self, quantity: str = "at_pct") -> dict[str, np.ndarray]:
        """Return a map per element, (rows, columns), NaN outside labels.

        Parameters
        ----------
        quantity : str
            Ending of the table's columns: ``"at_pct"``, ``"wt_pct"``, ``"at_pct_error"``, ...
        """
        return {e: self.map_of(f"{e}_{quantity}") for e in self.elements}

    def map_of(self, column: str) -> np.ndarray:
        """Return the map of a numeric column of the table, (rows, columns), NaN outside."""
        values = np.append(self.table[column].to_numpy(dtype=float), np.nan)
        place = np.searchsorted(self.label_spectra.ids, self.labels)
        return values[np.where(self.labels > 0, place, -1)]

    def k_factors_from(
        self, label: int, formula: str | Mapping[str, float], reference: str
    ) -> KFactorTable:
        """Calibrate k-factors on a label of known composition.

        Absorption is taken out as for the composition; a table made without that holds for the
        label's thickness only.

        Parameters
        ----------
        label : int
        formula : str or mapping of str to float
            Such as ``"SrTiO3"``; it must contain every quantified element.
        reference : str
            Element whose k-factor stays that of the table in use.

        Returns
        -------
        KFactorTable
            Of whole families, relative errors from counting.

        Raises
        ------
        LabelError, KFactorError, EDSError
            If there is no such label, or it cannot give k-factors.
        """
        return known_region.k_factors_from_region(
            self.fit.model.quantified,
            *self._intensities_of(label, "family"),
            formula,
            reference=reference,
            absorption=self._absorption_of(label),
            base_table=self.k_factors if self.k_factors.convention == "family" else None,
        )

    def thickness_from(
        self, label: int, formula: str | Mapping[str, float], density_g_cm3: float
    ) -> known_region.RegionThickness:
        """Solve the thickness of a label of known composition from its absorption.

        Parameters and errors are those of `k_factors_from`; `density_g_cm3` is the density.

        Returns
        -------
        RegionThickness
            In nm, with errors from counting and from the k-factors.
        """
        settings = self.recipe.absorption
        angle = take_off_angle(
            settings.take_off_angle_deg if settings else None,
            self.image.acquisition.take_off_angle_deg,
        )
        return known_region.thickness_from_region(
            self.fit.model.quantified,
            *self._intensities_of(label, self.k_factors.convention),
            formula,
            self.k_factors,
            density_g_cm3=density_g_cm3,
            take_off_angle_deg=angle,
        )

    def _absorption_of(self, label: int) -> Absorption | None:
        """Return the absorption settings that hold for a label."""
        settings = self.recipe.absorption
        if settings is None or self.foil is None:
            return None
        row = self._row_of(label)
        thickness_cm = self.foil.mass_thickness_g_cm2[row] / settings.density_g_cm3
        return Absorption(
            thickness_nm=float(thickness_cm * 1e7),
            density_g_cm3=settings.density_g_cm3,
            take_off_angle_deg=self.foil.take_off_angle_deg,
        )

    def _row_of(self, label: int) -> int:
        if label not in self.table.index:
            raise LabelError(f"there is no label {label}; choose one of the table's")
        return int(np.searchsorted(self.label_spectra.ids, label))

    def _intensities_of(self, label: int, convention: Convention) -> tuple[np.ndarray, np.ndarray]:
        """Return intensities of a label in a convention, and their covariance."""
        row = self._row_of(label)
        n = self.fit.model.n_quantified
        per_family = 1.0 if convention == "family" else 1 / self.fit.model.weight_sums[:n]
        intensities = self.fit.intensities[row, :n] * per_family
        return intensities, self.fit.covariance[row, :n, :n] * np.multiply.outer(
            per_family, per_family
        )

    def account(self) -> list[str]:
        """Say in plain words what was done and what was not, one sentence each."""
        return saving.account(self)

    def to_csv(self, path: str | Path, *, spectra: bool = False) -> list[Path]:
        """Save the table, the recipe and, if asked, the spectra; see `export.save_csv`."""
        return saving.save_csv(self, path, spectra=spectra)


def quantify(  # noqa: PLR0913 - the last three have defaults that fit nearly all
    image: SpectrumImage,
    labels: np.ndarray | Chips,
    recipe: Recipe,
    *,
    names: Mapping[int, str] | None = None,
    thickness_nm: np.ndarray | None = None,
    progress: fitting.Progress | None = None,
) -> Quantification:
    """Fit every label's spectrum and quantify it.

    Parameters
    ----------
    image : SpectrumImage
    labels : ndarray of int, (rows, columns), or Chips
        Which pixels belong together; 0 is background.
    recipe : Recipe
    names : mapping of int to str, optional
        Names of the labels; `Chips` bring theirs.
    thickness_nm : ndarray, (rows, columns), optional
        Map of the specimen's thickness; each label gets its mean, in place of the recipe's
        number. It needs a recipe with `absorption`.
    progress : callable, optional
        Called with (done, total, what); raising in it cancels.

    Returns
    -------
    Quantification
        Its `table` has, per label: ``chip``, ``n_pixels``, bounding box and centroid (see
        `describe_labels`), ``counts`` (all channels), per quantified element ``Sr_at_pct``,
        ``Sr_at_pct_error`` (statistical), ``Sr_at_pct_error_k`` (from the k-factors' errors),
        ``Sr_detection_limit_at_pct`` and ``Sr_wt_pct``; per fitted family ``Sr_K_intensity`` and
        ``Sr_K_intensity_error`` (counts); ``reduced_chi_squared``; ``not_detected`` (elements
        below the detection limit) and ``flag`` (``"no counts"``, ``"nothing detected"``, ``"few
        counts"``; empty where all is well).

    Raises
    ------
    LabelError
        If the label map does not fit the image or labels no pixel.
    KFactorError, ModelError, UncalibratedError
        If the recipe cannot be applied to this image.
    """
    if isinstance(labels, Chips):
        names = labels.names if names is None else names
        labels = labels.labels
    labels = check_labels(labels, image.shape)
    if not labels.any():
        raise LabelError("no pixel is labelled; paint a region or make a grid first")
    model = build_model(image.energy, image.acquisition, recipe)
    k_factors = k_factors_of(model, recipe)
    label_spectra = image.label_spectra(labels)
    foil_ = _foil(
        model, image, labels, label_spectra.ids, recipe=recipe, thickness_nm=thickness_nm
    )
    counts = label_spectra.spectra[:, model.channels]
    preparation = prepare(model, counts.sum(axis=0), recipe, k_factors)
    fit = fitting.fit(
        preparation.model, counts, recipe.engine, progress, non_negative=recipe.non_negative
    )
    composition = cliff_lorimer(
        *for_k_factors(fit.model, k_factors, fit.alpha_areas, fit.covariance),
        *k_arrays(fit.model, k_factors),
        absorption=foil_,
        label_names=label_spectra.ids.tolist(),
    )
    return Quantification(
        image=image,
        labels=labels,
        recipe=recipe,
        label_spectra=label_spectra,
        k_factors=k_factors,
        preparation=preparation,
        fit=fit,
        foil=foil_,
        composition=composition,
        table=_table(describe_labels(labels, names), label_spectra, fit, composition),
    )


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


def check_thickness(
    thickness_nm: np.ndarray | None, shape: tuple[int, ...], recipe: Recipe
) -> None:
    """Say what is wrong with a map of thickness, if anything is.

    Raises
    ------
    RecipeError, EDSError
        If the recipe does not correct absorption, or the map has another shape than the image.
    """
    if thickness_nm is None:
        return
    if recipe.absorption is None:
        raise RecipeError("a thickness map needs a recipe with absorption, for the density")
    if np.shape(thickness_nm) != shape:
        raise EDSError(
            f"a thickness map of shape {np.shape(thickness_nm)} does not fit the map of {shape}"
        )


def _foil(  # noqa: PLR0913 - a foil depends on this much
    model: SpectralModel,
    image: SpectrumImage,
    labels: np.ndarray,
    ids: np.ndarray,
    *,
    recipe: Recipe,
    thickness_nm: np.ndarray | None,
) -> Foil | None:
    """Return what absorbs in each label; None where absorption is not to be corrected."""
    check_thickness(thickness_nm, labels.shape, recipe)
    if recipe.absorption is None:
        return None
    per_label = None if thickness_nm is None else ndimage.mean(thickness_nm, labels, ids)
    return foil(
        recipe.absorption,
        model.quantified,
        len(ids),
        take_off_angle_deg=image.acquisition.take_off_angle_deg,
        thickness_nm=per_label,
    )


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


def _table(
    description: pd.DataFrame,
    label_spectra: LabelSpectra,
    fit: fitting.Fit,
    composition: Composition,
) -> pd.DataFrame:
    """Put everything known of each label into one row."""
    columns: dict[str, np.ndarray | list[str]] = {"counts": label_spectra.spectra.sum(axis=1)}
    for i, family in enumerate(fit.model.quantified):
        e = family.element
        columns[f"{e}_at_pct"] = 100 * composition.atomic_fractions[:, i]
        columns[f"{e}_at_pct_error"] = 100 * composition.atomic_errors_statistical[:, i]
        columns[f"{e}_at_pct_error_k"] = 100 * composition.atomic_errors_k[:, i]
        columns[f"{e}_detection_limit_at_pct"] = 100 * composition.detection_limits[:, i]
        columns[f"{e}_wt_pct"] = 100 * composition.weight_fractions[:, i]
    for i, family in enumerate(fit.model.families):
        columns[f"{family}_intensity"] = fit.intensities[:, i]
        columns[f"{family}_intensity_error"] = fit.intensity_errors[:, i]
    columns["reduced_chi_squared"] = fit.reduced_chi_squared
    columns["not_detected"] = _not_detected(fit, composition)
    columns["flag"] = _flags(fit, composition)
    return description.assign(**columns)


def _not_detected(fit: fitting.Fit, composition: Composition) -> list[str]:
    """Name the quantified elements below the detection limit, per label."""
    elements = np.array([family.element for family in fit.model.quantified])
    return [" ".join(elements[~seen]) for seen in composition.detected]


def _flags(fit: fitting.Fit, composition: Composition) -> list[str]:
    """Say per label what to beware of; empty where nothing is."""
    no_counts = fit.counts.sum(axis=1) == 0
    nothing = ~np.isfinite(composition.atomic_fractions).all(axis=1)
    noisy = composition.atomic_errors_statistical.max(axis=1) > FEW_COUNTS_ERROR
    return np.select(
        [no_counts, nothing, noisy], ["no counts", "nothing detected", "few counts"], ""
    ).tolist()
