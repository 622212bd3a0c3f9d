"""Thicknesses of labels, whichever way they were found, and whether two ways agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_eds._support.arguments import each
from napari_eds._support.brief import brief
from napari_eds._support.numbers import counted
from napari_eds._support.outputs import write_table
from napari_eds.errors import EDSError
from napari_eds.physics.absorption import Foil, mass_absorption_cm2_g
from napari_eds.physics.volumes import DENSITY_RELATIVE_ERROR, AtomicVolumes
from napari_eds.quantification.errors.budget import AbsorptionErrors, doubts_of, shape_errors_of
from napari_eds.quantification.methods.cliff_lorimer import cliff_lorimer
from napari_eds.quantification.methods.composition import Composition
from napari_eds.quantification.methods.intensities import Intensities

if TYPE_CHECKING:
    from napari_eds.quantification.result import Quantification

#: A thickness whose error is larger than this part of it says little.
_OF_USE = 0.5


@brief
@dataclass(frozen=True, eq=False)
class LabelThickness:
    """Thicknesses of the labels of a result; NaN where a label gives none.

    A value below 0 is noise around a foil too thin for its way, and is kept: means over labels
    stay right.

    Attributes
    ----------
    way : str
        How they were found, in a few words.
    result : Quantification
        Whose labels they belong to.
    mass_thickness_kg_m2, thickness_nm : ndarray, (labels,)
    densities_g_cm3 : ndarray, (labels,)
        That lead from one to the other.
    mass_error_parts : mapping of str to ndarray, (labels,)
        Standard deviations of the mass thickness by cause, in kg/m². All but ``"counting"`` have
        a common cause in all labels.
    thickness_error_nm : ndarray, (labels,)
        In all, with that of the density where it plays a part.
    """

    way: str
    result: Quantification
    mass_thickness_kg_m2: np.ndarray
    thickness_nm: np.ndarray
    densities_g_cm3: np.ndarray
    mass_error_parts: Mapping[str, np.ndarray]
    thickness_error_nm: np.ndarray

    @property
    def mass_thickness_error_kg_m2(self) -> np.ndarray:
        """Of all parts together, (labels,)."""
        parts = [np.square(part) for part in self.mass_error_parts.values()]
        return np.asarray(np.sqrt(np.sum(parts, axis=0)))

    @property
    def table(self) -> pd.DataFrame:
        """A row per label: thickness, mass thickness and at.%, with errors and their parts."""
        columns: dict[str, np.ndarray] = {
            "label": self.result.label_spectra.ids,
            "thickness (nm)": self.thickness_nm,
            "± thickness (nm)": self.thickness_error_nm,
            "mass thickness (kg/m2)": self.mass_thickness_kg_m2,
            "± mass thickness (kg/m2)": self.mass_thickness_error_kg_m2,
            "density (g/cm3)": self.densities_g_cm3,
        }
        parts = {f"± {part} (kg/m2)": error for part, error in self.mass_error_parts.items()}
        found = self.composition
        for i, element in enumerate(self.result.elements):
            parts[f"{element} (at.%)"] = 100 * found.atomic_fractions[:, i]
            parts[f"± {element} (at.%)"] = 100 * found.atomic_errors_total[:, i]
        return pd.DataFrame(columns | parts)

    @cached_property
    def composition(self) -> Composition:
        """Compositions of the labels, absorption corrected by the thickness of each.

        Cliff and Lorimer's method, as `quantify`; errors contain that of the thickness. NaN where
        a label gives no thickness or density.
        """
        result = self.result
        model = result.fit.model
        known = np.isfinite(self.thickness_nm) & np.isfinite(self.densities_g_cm3)
        families, table = model.quantified, result.k_factors
        foil = Foil(
            mass_absorption_cm2_g(result.elements, [f.alpha.energy_keV for f in families]),
            np.where(known, np.maximum(self.thickness_nm, 0), 0.0),
            np.where(known, self.densities_g_cm3, 1.0),
            result.take_off_angle_deg(),
        )
        absorption = AbsorptionErrors.of(
            foil, families, result.recipe.uncertainties, is_corrected=True
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            relative = np.abs(self.mass_thickness_error_kg_m2 / self.mass_thickness_kg_m2)
        relative = np.where(known, np.nan_to_num(relative), 0.0)
        shapes = shape_errors_of(result.preparation, result.recipe, table.convention)
        doubts = doubts_of(
            result.fit, shapes, replace(absorption, thickness=relative[:, None], density=0.0)
        )
        alphas = np.where(known[:, None], result.fit.alpha_areas, np.nan)
        fitted = Intensities.of_fit(
            model, table, alpha_areas=alphas, covariance=result.fit.covariance
        )
        return cliff_lorimer(fitted, foil=foil, doubts=doubts)

    def maps(self) -> dict[str, np.ndarray]:
        """Thickness in nm, mass thickness in kg/m², and their errors, each (rows, columns).

        NaN where nothing is labelled.
        """
        values = {
            "thickness": self.thickness_nm,
            "thickness error": self.thickness_error_nm,
            "mass thickness": self.mass_thickness_kg_m2,
            "mass thickness error": self.mass_thickness_error_kg_m2,
        }
        return {name: self.result.on_pixels(of_labels) for name, of_labels in values.items()}

    def to_csv(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Save the table."""
        return write_table(path, self.table, overwrite=overwrite, index=False)

    def what_would_reconcile(self, mass_thickness_kg_m2: np.ndarray) -> str:
        """Say what would have to be otherwise for another mass thickness, (labels,), in words."""
        factor = median_of(mass_thickness_kg_m2 / self.mass_thickness_kg_m2)
        return f"thicknesses {times(factor)} as large"

    def account(self) -> list[str]:
        """Say in plain words what was found and whether it is of use."""
        thickness, error = self.thickness_nm, self.thickness_error_nm
        known = np.isfinite(thickness)
        if not known.any():
            return [f"{self.way}: no label gives a thickness"]
        median, spread = np.median(thickness[known]), np.median(error[known])
        low, high = np.min(thickness[known]), np.max(thickness[known])
        of = f" (median of {known.sum()} labels from {low:.3g} to {high:.3g} nm)"
        of = of if known.sum() > 1 else ""
        lines = [f"{self.way}: {median:.3g} ± {spread:.2g} nm{of}"]
        if not known.all():
            lines.append(f"  {counted(int(np.sum(~known)), 'label')} without any")
        if not spread <= _OF_USE * median:
            worst = max(
                self.mass_error_parts, key=lambda p: np.nanmedian(self.mass_error_parts[p])
            )
            lines.append(
                f"  too uncertain to be of use; most of it comes from {worst.replace('_', ' ')}"
            )
        return lines


def compare_thicknesses(ways: Sequence[LabelThickness]) -> list[str]:
    """Set thicknesses of the same labels beside each other, and say what contradicts what.

    Two ways contradict each other where the median difference of their mass thicknesses exceeds
    their errors together. Then both are shown, with what would reconcile them.

    Parameters
    ----------
    ways : sequence of LabelThickness

    Returns
    -------
    list of str
        Sentences: what each way found, then what contradicts what.

    Raises
    ------
    EDSError
        If the ways are not of the same labels.
    """
    ways = each("ways", ways, LabelThickness)
    ids = [way.result.label_spectra.ids.tolist() for way in ways]
    if any(other != ids[0] for other in ids):
        raise EDSError("thicknesses of different labels cannot be compared")
    lines = [line for way in ways for line in way.account()]
    for i, one in enumerate(ways):
        for other in ways[i + 1 :]:
            lines += _compared(one, other)
    return lines


def _compared(one: LabelThickness, other: LabelThickness) -> list[str]:
    a, b = one.mass_thickness_kg_m2, other.mass_thickness_kg_m2
    joint = np.hypot(one.mass_thickness_error_kg_m2, other.mass_thickness_error_kg_m2)
    if not np.isfinite(a - b).any():
        return []
    apart = median_of((b - a) / joint)
    if abs(apart) <= 1:
        return [f"{one.way} and {other.way} agree: {abs(apart):.1f} times their errors together"]
    told = (
        f"{one.way} and {other.way} contradict each other by {abs(apart):.1f} times their joint "
        f"error: the second says {times(median_of(b / a))} as much. It would take"
    )
    return [
        told,
        f"  for the first: {one.what_would_reconcile(b)}",
        f"  for the second: {other.what_would_reconcile(a)}",
    ]


def densities_of(
    result: Quantification, weight_fractions: np.ndarray, given_g_cm3: float | None
) -> tuple[np.ndarray, float]:
    """Return densities of labels, (labels,), and their relative standard deviation.

    Those that follow from the compositions, (labels, elements), or a given one, which is exact.
    """
    if given_g_cm3 is not None:
        return np.full(len(weight_fractions), given_g_cm3), 0.0
    volumes = AtomicVolumes.of(result.elements)
    return np.asarray(volumes.densities_g_cm3(weight_fractions)), DENSITY_RELATIVE_ERROR


def median_of(values: np.ndarray) -> float:
    """Return the median of the values that are known."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def times(factor: float) -> str:
    """Write a factor."""
    return f"{factor:.3g} times"
