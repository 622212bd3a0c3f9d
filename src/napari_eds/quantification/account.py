"""What was done to get a result and what was not, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_eds.physics.volumes import DENSITY_RELATIVE_ERROR
from napari_eds.quantification.conditions.contradictions import beam_remarks, is_same_beam
from napari_eds.quantification.conditions.directions import take_off_angle_told
from napari_eds.quantification.methods.composing import with_dose
from napari_eds.spectra.dose import electrons_per_pixel

if TYPE_CHECKING:
    from napari_eds.fitting.preparation import Preparation
    from napari_eds.recipe.absorption import Absorption
    from napari_eds.recipe.k_factors import KFactorTable
    from napari_eds.recipe.recipe import Recipe
    from napari_eds.spectra.spectrum_image import SpectrumImage


class Accountable(Protocol):
    """What an account needs to know of a result, whether of labels or of pixels."""

    @property
    def image(self) -> SpectrumImage:
        """Its pixel size and take-off angle."""

    @property
    def recipe(self) -> Recipe:
        """Settings of the run."""

    @property
    def k_factors(self) -> KFactorTable:
        """The table that was used."""

    @property
    def preparation(self) -> Preparation:
        """What was settled on the summed spectrum."""


def account(result: Accountable) -> list[str]:
    """Say in plain words what was done to get a result and what was not.

    Returns
    -------
    list of str
        Sentences on elements, k-factors and their convention, absorption, model and axis.
    """
    return [
        _elements_account(result),
        _k_account(result),
        _absorption_account(result),
        _model_account(result),
        _calibration_account(result),
        _refinement_account(result),
        *_beam_account(result),
        *_file_account(result.image),
    ]


def _beam_account(result: Accountable) -> list[str]:
    """Say where the recipe has another beam energy than the file."""
    beam = result.preparation.model.beam_energy_keV
    said = beam_remarks(result.image.acquisition, beam)
    return [f"B{remark.removeprefix('b')} keV." for remark in said]


def _file_account(image: SpectrumImage) -> list[str]:
    """Say which frames were summed, if there are several, and what the reader noted."""
    frames = image.frames
    said = [] if frames is None or frames.of == 1 else [f"Counts: sum of {frames}."]
    return said + [f"File: {note}." for note in image.notes]


def _elements_account(result: Accountable) -> str:
    model = result.preparation.model
    fitted = {family.element for family in model.families}
    others = [
        name if name.partition("_")[0] in fitted else f"{name} (no line in the range)"
        for name in result.recipe.fit_only
    ]
    families = ", ".join(str(f) for f in model.quantified)
    return f"Quantified: {families}. Fitted only: {', '.join(others) or 'nothing'}."


def _k_account(result: Accountable) -> str:
    k, what = result.k_factors, "k-factors"
    shared = ""
    zeta = result.recipe.zeta_factors
    if result.recipe.method == "zeta" and zeta is not None:
        what = "zeta-factors"
        shared = f" What they share is known to {100 * zeta.common_relative_error:.2g} %."
    measured = result.preparation.model.beam_energy_keV
    beam = "" if k.beam_energy_keV is None else f", {k.beam_energy_keV:g} keV"
    if k.beam_energy_keV is not None and not is_same_beam(measured, k.beam_energy_keV):
        beam += f" although the map was taken at {measured:g} keV"
    of = {"family": "of whole families", "alpha": "of alpha lines"}[k.convention]
    text = f"{what}: {k.source}{beam}; {of}, as are the intensities they are used with.{shared}"
    told = [f"Measured with {k.detector}."] if k.detector else []
    told += [f"Dated {k.date}."] if k.date else []
    return " ".join([text, *told, *k.notes])


def _absorption_account(result: Accountable) -> str:
    absorption = result.recipe.absorption
    if result.recipe.method == "zeta":
        return _solved_account(result)
    if absorption is None:
        soft = [f.element for f in result.preparation.model.quantified if f.alpha.energy_keV < 1]
        caution = f"; {', '.join(soft)} read low unless the foil is thin" if soft else ""
        return f"Absorption in the specimen: not corrected{caution}."
    return (
        f"Absorption in the specimen: corrected for {absorption.thickness_nm:g} nm, "
        f"{_density_told(absorption)} (or maps of either), {_angle_told(result)}."
    )


def _solved_account(result: Accountable) -> str:
    """Say what thickness and absorption by zeta-factors rest on."""
    stated = result.recipe.dose
    told = with_dose(result.image, stated).acquisition
    by_hand = stated.model_dump(exclude_defaults=True, exclude={"current_error_percent"})
    given = f" (by hand: {', '.join(by_hand)})" if by_hand else ""
    per_pixel = electrons_per_pixel(with_dose(result.image, stated), live=True)
    return (
        "Absorption in the specimen: solved together with composition and mass thickness, by "
        f"zeta-factors and a dose of {per_pixel:.4g} electrons in a pixel at "
        f"{told.beam_current_nA:.4g} nA{given}; {_density_told(result.recipe.absorption)}, "
        f"{_angle_told(result)}."
    )


def _density_told(absorption: Absorption | None) -> str:
    if absorption is not None and absorption.density_g_cm3 is not None:
        return f"{absorption.density_g_cm3:g} g/cm³"
    return f"density from each composition (± {100 * DENSITY_RELATIVE_ERROR:.0f} %)"


def _angle_told(result: Accountable) -> str:
    absorption = result.recipe.absorption
    given = None if absorption is None else absorption.take_off_angle_deg
    stated = result.recipe.geometry.model_dump(exclude_defaults=True)
    by_hand = f" (by hand: {', '.join(stated)})" if stated and given is None else ""
    angle = given or take_off_angle_told(result.image, result.recipe.geometry)
    return f"take-off angle {angle:g}°{by_hand}"


def _model_account(result: Accountable) -> str:
    preparation = result.preparation
    model = preparation.model
    low, high = model.energy.energies_keV[[0, -1]]
    lines = "eXSpy's lines"
    if model.response.integrated:
        lines = "K doublets with measured K beta, computed L and M lines, escape peaks"
    if model.pile_up is not None:
        lines += f", pile-up {100 * preparation.pile_up.share:.1f} % of the counts"
    weights = {
        "poisson": "weighted by expected counts",
        "linear": "all channels weighing the same (HyperSpy)",
        "nonlinear": "all channels weighing the same, label by label (HyperSpy)",
    }[result.recipe.engine]
    return (
        f"Model: {lines}, {low:.3f} to {high:.3f} keV, {weights}; background: "
        f"{preparation.background}. Reduced chi-squared of the summed spectrum "
        f"{preparation.reduced_chi_squared:.2f}."
    )


def _calibration_account(result: Accountable) -> str:
    c = result.preparation.calibration

    bound = ""
    if c.at_bound:
        bound = (
            f" The fit ran into the bound of its {' and '.join(c.at_bound)}: the axis of the file "
            "or the elements are wrong."
        )

    def value(number: float, error: float, unit: str) -> str:
        return f"{number:.3g}{f' ± {error:.2g}' if error else ''} {unit}"

    return (
        f"Energy axis: {c.source}; offset {value(c.offset_eV, c.offset_error_eV, 'eV')}, gain "
        f"{value(c.gain_percent, c.gain_error_percent, '%')}, resolution at Mn Ka "
        f"{value(c.resolution_MnKa_eV, c.resolution_error_eV, 'eV')}.{bound}"
    )


def _refinement_account(result: Accountable) -> str:
    refinement = result.preparation.refinement
    if not refinement.ratios:
        return "Line ratios inside families: as in the table."
    moved = sorted(refinement.ratios.items(), key=lambda item: -abs(np.log(item[1])))[:3]
    text = ", ".join(f"{name} x {ratio:.2f}" for name, ratio in moved)
    doubt = ""
    if refinement.unlikely:
        doubt = f" Further off than tables differ: {', '.join(refinement.unlikely)}."
    return (
        f"Line ratios inside strong families: refined on the summed spectrum, {text} moved most."
        f"{doubt}"
    )
