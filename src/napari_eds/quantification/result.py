"""The compositions of labels, with all that led to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from numbers import Integral
from pathlib import Path

import numpy as np
import pandas as pd

from napari_eds._support.arguments import expect
from napari_eds._support.brief import brief
from napari_eds._support.numbers import counted
from napari_eds.errors import EDSError, LabelError
from napari_eds.fitting import fit as fitting
from napari_eds.fitting.preparation import Preparation
from napari_eds.physics.absorption import Foil, mean_angle_deg
from napari_eds.quantification.account import account
from napari_eds.quantification.calibration import known_region
from napari_eds.quantification.conditions.directions import take_off_angle_told
from napari_eds.quantification.error_table import error_table, errors_account
from napari_eds.quantification.methods.composition import Composition
from napari_eds.quantification.methods.joint import DetectorAgreement
from napari_eds.quantification.notebook import result_html
from napari_eds.quantification.saving import results as saving
from napari_eds.quantification.table import (
    AT_PCT,
    MASS_THICKNESS,
    THICKNESS,
    column_of,
    error_total_of,
)
from napari_eds.quantification.thickness.evenness import Evenness
from napari_eds.recipe.absorption import Absorption, take_off_angle
from napari_eds.recipe.k_factors import Convention, KFactorTable
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.label_sums import LabelSpectra
from napari_eds.spectra.spectrum_image import SpectrumImage


@brief
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
        Those of the recipe, or computed ones where it has none; by the zeta-factor method, the
        zeta-factors in kg/m².
    preparation : Preparation
        What was settled on the summed spectrum: energy axis, line ratios, background.
    fit : Fit
        The fit over the channels of the recipe's energy range.
    foil : Foil or None
        What absorbs in each label, where absorption is corrected; by the zeta-factor method as
        thick as was found.
    composition : Composition
        In the order of `elements`.
    intensity_errors_total : ndarray, (labels, quantified families)
        Standard deviations of the counts of whole families, from counting and from open shapes
        together: energy axis, line ratios, drawn lines, background. With HyperSpy's engines,
        which leave shapes unknown, from counting alone.
    table : DataFrame
        One row per label, indexed by ``label``; see `quantify`.
    detectors : DetectorAgreement or None
        How the detectors agree, where they were quantified together. Spectra, fit and
        intensities are then of those in use.
    evenness : Evenness or None
        How thick labels are beside each other, where one thickness is given for all.
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
    intensity_errors_total: np.ndarray
    table: pd.DataFrame
    detectors: DetectorAgreement | None = None
    evenness: Evenness | None = None

    def _brief(self) -> str:
        return (
            f"{self.image.name!r}, {counted(len(self.table), 'label')}, "
            f"{', '.join(self.elements)}, k-factors: {self.k_factors.source}"
        )

    def _repr_html_(self) -> str:
        return result_html(self, self.image.name)

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

    def error_budget(self) -> pd.DataFrame:
        """Return what the error of each element is made of, one row per label and element.

        Returns
        -------
        DataFrame
            ``label``, ``element``, a column per part (``counting``, ``k_factors``, ``axis``,
            ``ratios``, ``line_shapes``, ``background``, ``thickness``, ``density``,
            ``attenuation``, and ``dose`` of the zeta-factor method) and ``total``: standard
            deviations in at.%, NaN where unknown. All parts but counting have a common cause in
            all labels, but for a thickness that they do not share.
        """
        return error_table(self.table.index.tolist(), self.elements, self.composition)

    def maps(self, quantity: str = AT_PCT) -> dict[str, np.ndarray]:
        """Return a map per element, (rows, columns), NaN outside labels.

        Parameters
        ----------
        quantity : str
            Ending of the table's columns: ``"at_pct"``, ``"wt_pct"``, ``"at_pct_error_total"``,
            ...
        """
        return {e: self.map_of(column_of(e, quantity)) for e in self.elements}

    def map_of(self, column: str) -> np.ndarray:
        """Return the map of a numeric column of the table, (rows, columns), NaN outside."""
        return self.on_pixels(self.table[column].to_numpy(dtype=float))

    def on_pixels(self, values: np.ndarray) -> np.ndarray:
        """Return values of labels, (labels,), as a map (rows, columns), NaN outside."""
        ids = self.label_spectra.ids
        if ids.size and ids[-1] <= self.labels.size:
            # Looked up, where ids are no larger than the map: a search for every pixel takes ten
            # times as long, and the window waits for a map of each element.
            of_id = np.full(int(ids[-1]) + 1, np.nan)
            of_id[ids] = values
            return of_id[self.labels]
        place = np.searchsorted(ids, self.labels)
        return np.append(values, np.nan)[np.where(self.labels > 0, place, -1)]

    def thickness_maps(self) -> dict[str, np.ndarray]:
        """Return thickness in nm, mass thickness in kg/m² and their total errors, by column.

        Each is (rows, columns), NaN outside labels.

        Raises
        ------
        EDSError
            If the labels were not quantified by the zeta-factor method.
        """
        self.composition.found_mass_thickness()
        columns = [c for name in (THICKNESS, MASS_THICKNESS) for c in (name, error_total_of(name))]
        return {column: self.map_of(column) for column in columns}

    def k_factors_from(
        self,
        label: int,
        formula: str | Mapping[str, float],
        reference: str,
        *,
        density_g_cm3: float | None = None,
    ) -> KFactorTable:
        """Calibrate k-factors on a label of known composition.

        Absorption is taken out as for the composition; a table made without that holds for the
        label's thickness only.

        Parameters
        ----------
        label : int
        formula : str or mapping of str to float
            Such as ``"SrTiO3"``. Quantified elements that it does not contain count as fitted
            only, which the table's notes say; see `not_in`.
        reference : str
            Element whose k-factor stays that of the table in use.
        density_g_cm3 : float, optional
            Of the label; the published one of the formula by default, or what follows from it,
            whatever density the other labels were given.

        Returns
        -------
        KFactorTable
            Of whole families, relative errors from counting; with the map's beam energy and
            detectors, and today's date.

        Raises
        ------
        LabelError, KFactorError, EDSError
            If there is no such label, or it cannot give k-factors.
        """
        intensities, covariance = self.intensities_of(label, "family")
        table = known_region.k_factors_from_region(
            self.fit.model.quantified,
            intensities=intensities,
            covariance=covariance,
            composition=formula,
            reference=reference,
            absorption=self._absorption_of(label, density_g_cm3),
            base_table=self.k_factors if self.k_factors.convention == "family" else None,
            beam_energy_keV=self.fit.model.beam_energy_keV,
        )
        detectors = ", ".join(d.name for d in self.image.acquisition.detectors)
        today = datetime.now(UTC).date().isoformat()
        return table.model_copy(update={"detector": detectors or None, "date": today})

    def not_in(self, formula: str | Mapping[str, float]) -> str:
        """Say which quantified families a formula does not contain; empty where it has all."""
        return known_region.fitted_only_note(self.fit.model.quantified, formula)

    def thickness_from(
        self,
        label: int,
        formula: str | Mapping[str, float],
        density_g_cm3: float | None = None,
        *,
        take_off_angle_deg: float | None = None,
    ) -> known_region.RegionThickness:
        """Solve the thickness of a label of known composition from its absorption.

        Lines are drawn as they leave the foil that the result was quantified with: from a result
        without absorption it is a few percent off, and solving again from one that is quantified
        with it settles both.

        Parameters and errors are those of `k_factors_from`; `take_off_angle_deg` goes before
        the recipe's and the file's.

        Returns
        -------
        RegionThickness
            In nm, with errors from counting and from the k-factors.
        """
        angle = self.take_off_angle_deg(take_off_angle_deg)
        intensities, covariance = self.intensities_of(label, self.k_factors.convention)
        return known_region.thickness_from_region(
            self.fit.model.quantified,
            intensities=intensities,
            covariance=covariance,
            composition=formula,
            k_factors=self.k_factors,
            density_g_cm3=density_g_cm3,
            take_off_angle_deg=angle,
        )

    def take_off_angle_deg(self, given_deg: float | None = None) -> float:
        """Return the take-off angle in degrees: a given one, the recipe's, or the file's.

        Of detectors that were quantified together it is the mean of those in use.

        Raises
        ------
        EDSError
            If none is known.
        """
        settings = self.recipe.absorption
        of_recipe = None if settings is None else settings.take_off_angle_deg
        joint = self.directions()
        told = take_off_angle_told(self.image, self.recipe.geometry)
        told = mean_angle_deg(joint) if joint else told
        return take_off_angle(given_deg, of_recipe, told)

    def directions(self, given_deg: float | None = None) -> tuple[tuple[float, float], ...]:
        """Return take-off angles and gains of detectors in use, see `Foil.directions`.

        Empty where they were not quantified together, or one given angle stands for all.
        """
        return () if self.detectors is None or given_deg else self.detectors.directions

    @property
    def counted_share(self) -> float:
        """Part of the X-rays of all detectors that spectra and intensities hold."""
        return 1.0 if self.detectors is None else self.detectors.share

    def _absorption_of(self, label: int, density_g_cm3: float | None) -> Absorption | None:
        """Return the absorption settings of a label with another density."""
        row = self.row_of(label)
        if self.foil is None:
            return None
        return Absorption(
            thickness_nm=float(self.foil.thickness_nm[row]),
            density_g_cm3=density_g_cm3,
            take_off_angle_deg=self.foil.take_off_angle_deg,
        )

    def row_of(self, label: int) -> int:
        """Return the position of a label among the labels.

        Raises
        ------
        LabelError
            If there is no such label.
        """
        expect(label=(label, Integral))
        if label not in self.table.index:
            raise LabelError(f"there is no label {label}; choose one of the table's")
        return int(np.searchsorted(self.label_spectra.ids, label))

    def intensities_of(self, label: int, convention: Convention) -> tuple[np.ndarray, np.ndarray]:
        """Return intensities of a label in a convention, and their covariance.

        Raises
        ------
        LabelError
            If there is no such label.
        """
        row = self.row_of(label)
        n = self.fit.model.n_quantified
        per_family = 1.0 if convention == "family" else 1 / self.fit.model.weight_sums[:n]
        intensities = self.fit.intensities[row, :n] * per_family
        return intensities, self.fit.covariance[row, :n, :n] * np.multiply.outer(
            per_family, per_family
        )

    def account(self) -> list[str]:
        """Say in plain words what was done and what was not, one sentence each."""
        read = [] if self.image.part is None else self.image.part.account()
        detectors = [] if self.detectors is None else self.detectors.account()
        backgrounds = [] if self.fit.backgrounds is None else self.fit.backgrounds.account()
        uneven = [] if self.evenness is None else self.evenness.account()
        errors = errors_account(self.elements, self.composition)
        return [*read, *account(self), *backgrounds, *detectors, *uneven, errors]

    def to_csv(
        self,
        path: str | Path,
        *,
        spectra: bool = False,
        errors: bool = False,
        overwrite: bool = False,
    ) -> list[Path]:
        """Save table and recipe and, if asked, spectra and error parts; see `saving.save_csv`."""
        return saving.save_csv(self, path, spectra=spectra, errors=errors, overwrite=overwrite)

    def to_parquet(
        self,
        path: str | Path,
        *,
        spectra: bool = False,
        errors: bool = False,
        overwrite: bool = False,
    ) -> list[Path]:
        """Save as `to_csv` does, with the table as Parquet, which needs pyarrow.

        Raises
        ------
        EDSError
            If the name does not end in ``.parquet``, or pyarrow is not installed.
        """
        if Path(path).suffix.lower() != saving.PARQUET:
            raise EDSError(f"tables in Parquet end in {saving.PARQUET}, not as {path} does")
        return self.to_csv(path, spectra=spectra, errors=errors, overwrite=overwrite)
