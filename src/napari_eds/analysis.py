"""The way from a spectrum image and labels to compositions, in one readable page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from napari_eds import export, fitting, model, xray
from napari_eds.chips import Chips, describe_labels
from napari_eds.errors import LabelError
from napari_eds.quantification import Composition, cliff_lorimer
from napari_eds.recipe import Recipe
from napari_eds.spectrum_image import LabelSpectra, SpectrumImage, check_labels

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
    fit : Fit
        The fit over the channels of the recipe's energy range.
    composition : Composition
        In the order of `elements`.
    table : DataFrame
        One row per label, indexed by ``label``; see `quantify`.
    """

    image: SpectrumImage
    labels: np.ndarray
    recipe: Recipe
    label_spectra: LabelSpectra
    fit: fitting.Fit
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
        """Energies of the channels of `spectra`, (channels,)."""
        return self.image.energy.energies_keV

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

    def account(self) -> list[str]:
        """Say in plain words what was done and what was not, one sentence each."""
        return export.account(self)

    def to_csv(self, path: str | Path, *, spectra: bool = False) -> list[Path]:
        """Save the table, the recipe and, if asked, the spectra; see `export.save_csv`."""
        return export.save_csv(self, path, spectra=spectra)


def quantify(
    image: SpectrumImage,
    labels: np.ndarray | Chips,
    recipe: Recipe,
    *,
    names: Mapping[int, str] | None = None,
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
    progress : callable, optional
        Called with (done, total, what); raising in it cancels.

    Returns
    -------
    Quantification
        Its `table` has, per label: ``chip``, ``n_pixels``, bounding box and centroid (see
        `describe_labels`), ``counts`` (all channels), per quantified element ``Sr_at_pct``,
        ``Sr_at_pct_error`` (statistical), ``Sr_at_pct_error_k`` (from the k-factors' errors) and
        ``Sr_wt_pct``; per fitted family ``Sr_K_intensity`` and ``Sr_K_intensity_error``
        (counts); ``reduced_chi_squared``; ``not_detected`` (elements below the detection limit)
        and ``flag`` (``"no counts"``, ``"nothing detected"``, ``"few counts"``; empty where all
        is well).

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
    spectral_model = model.build_model(image.energy, image.acquisition, recipe)
    recipe.k_factors.require(list(spectral_model.quantified))
    label_spectra = image.label_spectra(labels)
    fit = fitting.fit(
        spectral_model,
        label_spectra.spectra[:, spectral_model.channels],
        recipe.engine,
        progress,
    )
    composition = _compose(fit, recipe)
    return Quantification(
        image=image,
        labels=labels,
        recipe=recipe,
        label_spectra=label_spectra,
        fit=fit,
        composition=composition,
        table=_table(describe_labels(labels, names), label_spectra, fit, composition),
    )


def _compose(fit: fitting.Fit, recipe: Recipe) -> Composition:
    """Cliff-Lorimer on family intensities, with the k-factors converted to that convention."""
    families = fit.model.quantified
    n = len(families)
    table = recipe.k_factors
    factors = [table.find(f.element, f.family) for f in families]
    return cliff_lorimer(
        fit.intensities[:, :n],
        fit.covariance[:, :n, :n],
        np.array([table.value_for(f, "family") for f in families]),
        np.array([factor.relative_error for factor in factors if factor is not None]),
        np.array([xray.atomic_weight(f.element) for f in families]),
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
