"""What the dock says of its map, its settings and its result."""

from __future__ import annotations

import numpy as np

from napari_eds._napari.parts.numbers import counted, grouped
from napari_eds._napari.state.element_choice import FIT_ONLY, QUANTIFY
from napari_eds._napari.state.layers import is_spectrum
from napari_eds._napari.state.settings import Settings, about_zeta_factors
from napari_eds.errors import EDSError
from napari_eds.physics.detector_windows import in_words
from napari_eds.quantification.remarks.sums import summary_lines
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import FLAG, REDUCED_CHI_SQUARED, at_pct, error_total_of
from napari_eds.recipe import k_factor_errors
from napari_eds.recipe.k_factor_comparison import beam_energy_remark
from napari_eds.recipe.k_factor_files import UnsettledConventionError
from napari_eds.recipe.k_factor_theory import why_not_computed
from napari_eds.recipe.k_factors import NAMES
from napari_eds.spectra.spectrum_image import SpectrumImage


def elements_text(settings: Settings) -> str:
    """Name what is quantified and what is only fitted."""
    names = {
        role: ", ".join(c.entry for c in settings.elements if c.role == role)
        for role in (QUANTIFY, FIT_ONLY)
    }
    if not names[QUANTIFY]:
        return "no element chosen yet"
    only = f"\nfitted only: {names[FIT_ONLY]}" if names[FIT_ONLY] else ""
    return f"quantified: {names[QUANTIFY]}{only}"


def about(image: SpectrumImage) -> str:
    rows, columns = image.shape
    beam = image.acquisition.beam_energy_keV
    axis = image.energy
    energy = "no energy axis"
    if axis.calibrated:
        energy = f"{axis.offset_keV:.2f} to {axis.last_keV:.2f} keV"
    unit = "X-rays" if axis.tells_xrays else "counts in all channels"
    extent = "Spectrum" if is_spectrum(image) else f"{rows} × {columns} px"
    told = f"{beam:g} kV" if beam else "beam energy unknown"
    return (
        f"{extent}, {counted(axis.size, 'channel')}, {energy}\n"
        f"{grouped(image.xray_counts, 0)} {unit}, {told}"
    )


def chip_text(image: SpectrumImage, size: int) -> str:
    rows, columns = (extent // size for extent in image.shape)
    if rows * columns == 0:
        return f"larger than the map of {image.shape[0]} × {image.shape[1]} px"
    return f"{rows} × {columns} = {counted(rows * columns, 'chip')}"


def k_text(settings: Settings, image: SpectrumImage) -> str:
    """Say which k-factors are used, or what is wrong with them."""
    beam = settings.draft.beam_energy_keV or image.acquisition.beam_energy_keV
    try:
        table = settings.k_factors()
    except UnsettledConventionError as error:
        return f"⚠ {error.reason}: choose under Elements and k-factors…"
    except (EDSError, OSError) as error:
        return str(error)
    if table is None:
        refusal = "" if beam is None else why_not_computed(beam)
        if refusal:
            return (
                f"⚠ {refusal}. Element maps and spectra need none; to quantify, load k-factors "
                "measured on standards, or type your own, under Elements and k-factors…"
            )
        seen = in_words(settings.detector(image))
        return f"k-factors: computed from first principles for {seen}, ± {k_factor_errors.RANGE}"
    text = f"{len(table.factors)} k-factors of {NAMES[table.convention]} ({table.source})"
    remark = "" if beam is None else beam_energy_remark(table, beam)
    return "\n".join([text, *table.with_note(remark).notes])


def zeta_text(settings: Settings) -> str:
    """Say which zeta-factors are used in place of k-factors, or that they are missing."""
    table = settings.draft.zeta_factors
    if table is None:
        return "⚠ The method zeta needs zeta-factors: choose them in EDS thickness."
    return (
        f"Method zeta: {about_zeta_factors(table)}. They find the thickness of every label, too."
    )


def summary(result: Quantification) -> str:
    flags, chi = result.table[FLAG], result.table[REDUCED_CHI_SQUARED].median()
    fit = "no label could be fitted" if np.isnan(chi) else f"median χ²/ν {chi:.2f}"
    return (
        f"{counted(len(flags), 'label')}{' by zeta-factors' * (result.recipe.method == 'zeta')}, "
        f"{int((flags != '').sum())} with remarks; {fit}\n"
        + "".join(f"⚠ {line}\n" for line in summary_lines(flags.tolist()))
        + f"{_errors(result)}{_axis(result)}"
    )


def _errors(result: Quantification) -> str:
    """Name the median total error of each element; empty where there is none."""
    columns = {e: result.table[error_total_of(at_pct(e))] for e in result.elements}
    told = [f"{e} {errors.median():.2g}" for e, errors in columns.items() if errors.notna().any()]
    return f"Median error in all, at.%: {', '.join(told)}\n" if told else ""


def _axis(result: Quantification) -> str:
    c = result.preparation.calibration
    if not (c.offset_error_eV or c.gain_error_percent):
        return f"Axis {c.source}"
    return (
        f"Axis {c.offset_eV:+.1f} ± {c.offset_error_eV:.1f} eV, {c.gain_percent:+.3f} ± "
        f"{c.gain_error_percent:.3f} %\nResolution at Mn Ka {c.resolution_MnKa_eV:.0f} eV"
    )
