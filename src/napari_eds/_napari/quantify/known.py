"""What a label of known composition tells: how thick it is, or the k-factors."""

from __future__ import annotations

from napari_eds.errors import EDSError
from napari_eds.quantification.result import Quantification
from napari_eds.recipe.draft import RecipeDraft
from napari_eds.recipe.k_factors import KFactorTable


def thickness(
    result: Quantification, label: int, formula: str, draft: RecipeDraft
) -> tuple[float, str]:
    """Return the thickness of a label in nm, as its field shows it, and what is to be said of it.

    Parameters
    ----------
    result : Quantification
    label : int
    formula : str
    draft : RecipeDraft
        Of the next run; its density and take-off angle are the label's.

    Raises
    ------
    EDSError
        If it cannot be solved, or would not be used.
    """
    if draft.method == "zeta":
        raise EDSError("zeta-factors take no thickness: go back to Cliff-Lorimer first")
    foil = draft.absorption
    solved = result.thickness_from(
        label, formula, foil.density_g_cm3, take_off_angle_deg=foil.take_off_angle_deg
    )
    return round(solved.thickness_nm, 1), (
        f"Label {label} is {solved.thickness_nm:.1f} nm thick, ± "
        f"{solved.error_statistical_nm:.1f} from counting, ± {solved.error_k_nm:.1f} from the "
        f"k-factors.{_aside(result, formula)} Quantify again to correct absorption."
    )


def k_factors(
    result: Quantification, label: int, formula: str, draft: RecipeDraft
) -> KFactorTable:
    """Return k-factors that give a label its composition; parameters as of `thickness`.

    Raises
    ------
    EDSError
        If the label cannot tell them.
    """
    return result.k_factors_from(
        label, formula, result.elements[0], density_g_cm3=draft.absorption.density_g_cm3
    )


def news_of(table: KFactorTable, result: Quantification, formula: str) -> str:
    """Say which k-factors were saved and are used from now on."""
    aside = _aside(result, formula)
    return f"Saved and chosen: {_k_pairs(table)}.{aside} Quantify again to use them."


def _aside(result: Quantification, formula: str) -> str:
    """Say which elements a formula leaves aside, after a blank; empty where there is none."""
    note = result.not_in(formula)
    return f" {note}" if note else ""


def _k_pairs(table: KFactorTable) -> str:
    return ", ".join(f"{f.element}_{f.family} {f.value:.4g}" for f in table.factors)
