"""The model of a spectrum: X-ray line families on a background.

Every line is a Gaussian of the detector's resolution at the line's energy; the lines of a family
are tied to its alpha line by their weights. The model is linear in the alpha areas and the
background's coefficients, so it is a design matrix. `build_model` draws eXSpy's model, on a
polynomial background, and `exspy_model` gives it as a HyperSpy object; `refinement` makes it fit
the summed spectrum better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from napari_eds._support import hyperspy
from napari_eds.errors import ModelError
from napari_eds.fitting.profiles import family_profiles
from napari_eds.fitting.response import Response
from napari_eds.physics import lines as xray
from napari_eds.physics.computed_lines import computed_family
from napari_eds.physics.detector import WINDOWLESS, DetectorModel
from napari_eds.physics.vacancies import HEAVIEST_Z, LIGHTEST_Z
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.acquisition import Acquisition
from napari_eds.spectra.axes import EnergyAxis

#: Families so many widths of a line beyond the range are in the model: a strong one reaches into
#: it. Lines of them are drawn from so many widths below and above.
_FAMILY_WIDTHS, _LINE_WIDTHS = 1.5, (2.0, 3.0)
#: X-rays below are swallowed by specimen and window: families there are in the model only if they
#: are this near to the range, in widths.
_SWALLOWED_keV, _NEAR_WIDTHS = 0.2, 0.5
#: Lines of families beyond the range that are drawn all the same: parts of the alpha line.
_REACHING_IN = 0.01


@dataclass(frozen=True, eq=False)
class SpectralModel:
    """Design of a fit over a range of channels.

    Attributes
    ----------
    energy : EnergyAxis
        The channels of the fit.
    channels : slice
        Those channels on the image's axis.
    families : tuple of Family
        Every family in the fit: the quantified ones first, in the order of the recipe.
    n_quantified : int
        How many of them are quantified.
    background_order : int
        Order of the polynomial background, where it is one.
    beam_energy_keV : float
    response : Response
        How the detector records lines.
    lines : tuple of tuple of XRayLine
        The lines that are drawn for each family, weights relative to the alpha line (or the sum
        of its doublet).
    detector : DetectorModel
        What X-rays cross on their way to be counted: its window decides on computed k-factors
        and on bremsstrahlung.
    background_shape : ndarray, (channels of the fit,), or None
        A background known up to a factor and a slope in the logarithm of the energy, in place of
        the polynomial.
    pile_up : ndarray, (channels of the fit, families), or None
        Sum peaks of each family with all lines, in counts for an alpha line of 1 count.
    """

    energy: EnergyAxis
    channels: slice
    families: tuple[xray.Family, ...]
    n_quantified: int
    background_order: int
    beam_energy_keV: float
    response: Response
    lines: tuple[tuple[xray.XRayLine, ...], ...]
    detector: DetectorModel = WINDOWLESS
    background_shape: np.ndarray | None = None
    pile_up: np.ndarray | None = None

    @property
    def resolution_MnKa_eV(self) -> float:
        """Full width at half maximum at Mn Ka."""
        return self.response.resolution_MnKa_eV

    def recorded(self, **changes: Any) -> SpectralModel:
        """Return the model with some attributes of its `response` changed."""
        return replace(self, response=replace(self.response, **changes))

    @property
    def quantified(self) -> tuple[xray.Family, ...]:
        """The families to quantify."""
        return self.families[: self.n_quantified]

    @property
    def n_parameters(self) -> int:
        """Number of free parameters per spectrum."""
        return len(self.families) + self.background.shape[1]

    def lines_in_range(self, family: xray.Family) -> list[xray.XRayLine]:
        """Lines of a family that lie inside the fitted range, as eXSpy selects them.

        Where lines are drawn as a detector records them, also those whose flanks reach into it.
        """
        first, last = self._seen_keV
        drawn = self.lines[self.families.index(family)]
        return [line for line in drawn if first < line.energy_keV < last]

    @cached_property
    def _seen_keV(self) -> tuple[float, float]:
        """Least and largest energy of lines that are drawn."""
        first, last = self.energy.offset_keV, self.energy.last_keV
        if self.response.integrated:
            first, last = _with_flanks(first, last, _LINE_WIDTHS, self.resolution_MnKa_eV)
        return first, min(last, self.beam_energy_keV)

    @cached_property
    def drawn_lines(self) -> list[list[xray.XRayLine]]:
        """Lines of each family that lie inside the fitted range."""
        return [self.lines_in_range(family) for family in self.families]

    @cached_property
    def profiles(self) -> np.ndarray:
        """Counts per channel of each family for an alpha line of 1 count, (channels, families).

        Its sum peaks are part of them.
        """
        drawn = self.draw(self.drawn_lines)
        return drawn if self.pile_up is None else drawn + self.pile_up

    def draw(self, groups: Sequence[Sequence[xray.XRayLine]]) -> np.ndarray:
        """Return counts per channel of groups of lines, without sum peaks, (channels, groups)."""
        return family_profiles(self.energy, groups, self.response)

    def counts_of_lines(self, alpha_areas: np.ndarray) -> np.ndarray:
        """Return the counts of all lines, (channels,), for areas (families,); none below zero."""
        return np.asarray(self.profiles @ np.maximum(alpha_areas, 0))

    @cached_property
    def background(self) -> np.ndarray:
        """Columns of the background, (channels, columns).

        A polynomial: powers of the energy in keV times the channel width. A known shape: the
        shape times ``1 - t`` and ``t``, with t running from 0 to 1 in the logarithm of the
        energy; as long as neither coefficient is negative, neither is the background.
        """
        energies = self.energy.energies_keV
        if self.background_shape is None:
            powers = np.vander(energies, self.background_order + 1, increasing=True)
            return powers * self.energy.scale_keV
        t = np.log(energies / energies[0]) / np.log(energies[-1] / energies[0])
        return self.background_shape[:, None] * np.stack([1 - t, t], axis=1)

    @cached_property
    def design(self) -> np.ndarray:
        """The whole design matrix, (channels, families + columns of the background)."""
        return np.hstack([self.profiles, self.background])

    @cached_property
    def weight_sums(self) -> np.ndarray:
        """Counts of each family per count of its alpha line, (families,)."""
        return np.array([sum(line.weight for line in lines) for lines in self.lines])

    def part_of(self, family: int, names: Sequence[str]) -> float:
        """Return the part of a family's counts that is in some of its lines."""
        weight = sum(line.weight for line in self.lines[family] if line.name in names)
        return weight / float(self.weight_sums[family])

    def exspy_model(self, spectra: np.ndarray) -> Any:
        """Return eXSpy's model of the families, on spectra (labels, channels of the fit).

        It has eXSpy's own lines and a polynomial background, whatever is drawn here.
        """
        signal = hyperspy.exspy().signals.EDSTEMSpectrum(np.asarray(spectra, dtype=float))
        axis = signal.axes_manager.signal_axes[0]
        axis.name, axis.units = "Energy", "keV"
        axis.offset, axis.scale = self.energy.offset_keV, self.energy.scale_keV
        signal.set_microscope_parameters(
            beam_energy=self.beam_energy_keV, energy_resolution_MnKa=self.resolution_MnKa_eV
        )
        model = signal.create_model(auto_background=False, auto_add_lines=False)
        model.add_family_lines([str(family.alpha) for family in self.families])
        model.add_polynomial_background(order=self.background_order)
        return model


def build_model(energy: EnergyAxis, acquisition: Acquisition, recipe: Recipe) -> SpectralModel:
    """Build the model of a recipe on the axis of an image.

    All families of the elements in range are in the model, whichever of them is quantified: the
    lower ones overlap others' lines (Ti L beside O K). An element fitted only can be restricted
    to one family (``"Fe_K"``); it is left out where it has no line in the range.

    Raises
    ------
    UncalibratedError
        If the axis has no energies.
    ModelError
        If the beam energy is unknown, the range lies off the axis, or a quantified family is
        outside the range.
    """
    beam_energy = recipe.beam_energy_keV or acquisition.beam_energy_keV
    if beam_energy is None:
        raise ModelError("the file gives no beam energy; set beam_energy_keV in the recipe")
    energy.require_calibrated()
    channels = energy.channels(*recipe.energy_range_keV)
    cropped = energy.crop(channels)
    resolution = recipe.energy_resolution_MnKa_eV or acquisition.resolution_MnKa_eV()
    families = _families_of(recipe, cropped, beam_energy, resolution)
    model = SpectralModel(
        energy=cropped,
        channels=channels,
        families=families,
        lines=tuple(family.lines for family in families),
        n_quantified=len(recipe.elements),
        background_order=recipe.background_order,
        beam_energy_keV=beam_energy,
        response=Response(resolution, xray.usual_fano_eV(resolution)),
        detector=acquisition.detector(recipe.detector_window),
    )
    if model.n_parameters >= cropped.size:
        raise ModelError(
            f"{cropped.size} channels cannot determine {model.n_parameters} parameters; widen the "
            "energy range, lower the background's order or leave elements out"
        )
    return model


def _families_of(
    recipe: Recipe, energy: EnergyAxis, beam_energy_keV: float, resolution_MnKa_eV: float
) -> tuple[xray.Family, ...]:
    """Return the families of a recipe in range, the quantified ones first."""
    ends = (energy.offset_keV, energy.last_keV)
    found = [_chosen_family(name, *ends, beam_energy_keV) for name in recipe.elements]
    is_corrected = recipe.engine == "poisson" and recipe.correct_lines
    if is_corrected:
        near, _ = _with_flanks(*ends, (_NEAR_WIDTHS, 0), resolution_MnKa_eV)
        low, high = _with_flanks(*ends, (_FAMILY_WIDTHS, _FAMILY_WIDTHS), resolution_MnKa_eV)
        ends = min(near, max(low, _SWALLOWED_keV)), high
    # All of what is quantified, whichever of them the recipe names.
    symbols = [name.partition("_")[0] for name in recipe.elements]
    for symbol in symbols:
        found += _all_families(symbol, *ends, beam_energy_keV)
    for name in recipe.fit_only:
        found += _fitted_only(name, *ends, beam_energy_keV)
    for name in (*symbols, *recipe.fit_only) if is_corrected else ():
        found += beyond_the_table(name, *ends, beam_energy_keV)
        found += reaching_in(name, *ends, beam_energy_keV)
    return tuple(dict.fromkeys(found))


def _with_flanks(
    low_keV: float, high_keV: float, widths: tuple[float, float], resolution_MnKa_eV: float
) -> tuple[float, float]:
    """Return the ends of a range, so many full widths of a line further out."""
    ends = np.array([low_keV, high_keV])
    low, high = np.asarray(xray.fwhm_keV(ends, resolution_MnKa_eV)) * widths
    return low_keV - float(low), high_keV + float(high)


def _all_families(
    symbol: str, low_keV: float, high_keV: float, beam_keV: float
) -> tuple[xray.Family, ...]:
    """Return every family of an element in range; raise if there is none."""
    xray.default_family(symbol, low_keV, high_keV, beam_keV)
    return xray.families_in_range(symbol, low_keV, high_keV, beam_keV)


def _fitted_only(
    name: str, low_keV: float, high_keV: float, beam_keV: float
) -> tuple[xray.Family, ...]:
    """Return the families in range of an entry that is not quantified, or the one it names.

    There may be none: what has no line in the range does not disturb it.
    """
    symbol, _, wanted = name.partition("_")
    found = xray.families_in_range(symbol, low_keV, high_keV, beam_keV)
    return tuple(f for f in found if wanted in ("", f.family))


def beyond_the_table(
    name: str, low_keV: float, high_keV: float, beam_keV: float
) -> tuple[xray.Family, ...]:
    """Return the families in range that eXSpy's table lacks; none where another one is named.

    Left out, their counts would pull the axis, the resolution and neighbours.
    """
    symbol, _, wanted = name.partition("_")
    number = xray.atomic_number(symbol)
    if not LIGHTEST_Z <= number <= HEAVIEST_Z:
        return ()
    missing = {"L", "M"} - set(xray.families_of(symbol))
    found = (computed_family(symbol, family, beam_keV) for family in sorted(missing))
    high_keV = min(high_keV, beam_keV)
    return tuple(
        f
        for f in found
        if f is not None and wanted in ("", f.family) and low_keV <= f.alpha.energy_keV <= high_keV
    )


def reaching_in(
    name: str, low_keV: float, high_keV: float, beam_keV: float
) -> tuple[xray.Family, ...]:
    """Return families whose alpha line lies above the range, and weaker ones well inside.

    As Ll of Pb, at 9.18 keV, on an axis that ends at 10: left out, it looks like another element.
    """
    symbol, _, wanted = name.partition("_")
    return tuple(
        f
        for f in xray.families_in_range(symbol, high_keV, beam_keV, beam_keV)
        if wanted in ("", f.family)
        and any(
            low_keV < line.energy_keV < high_keV and line.weight > _REACHING_IN for line in f.lines
        )
    )


def _chosen_family(name: str, low_keV: float, high_keV: float, beam_keV: float) -> xray.Family:
    """Return the family that an entry such as ``"Sr"`` or ``"Sr_K"`` stands for."""
    symbol, _, wanted = name.partition("_")
    if not wanted:
        return xray.default_family(symbol, low_keV, high_keV, beam_keV)
    family = xray.family(symbol, wanted)
    if family not in xray.families_in_range(symbol, low_keV, high_keV, beam_keV):
        raise ModelError(
            f"{family.alpha} lies at {family.alpha.energy_keV:.3f} keV, outside {low_keV:g} to "
            f"{min(high_keV, beam_keV):g} keV; widen the energy range or choose another family"
        )
    return family
