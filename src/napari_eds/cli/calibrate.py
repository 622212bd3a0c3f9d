"""The command ``napari-eds calibrate-k``: k-factors from a label of known composition."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds._support.numbers import known
from napari_eds.cli.outputs import writing
from napari_eds.cli.recipe_options import add_run_options, density_from
from napari_eds.cli.run import run
from napari_eds.cli.usage import UsageError, at_least_1, bad_options

if TYPE_CHECKING:
    from napari_eds.quantification.result import Quantification
    from napari_eds.recipe.k_factors import KFactorTable
    from napari_eds.recipe.recipe import Recipe
    from napari_eds.spectra.spectrum_image import SpectrumImage


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    calibrate = commands.add_parser(
        "calibrate-k",
        help="k-factors from a label of known composition; with --density also its thickness",
    )
    add_run_options(calibrate)
    calibrate.add_argument(
        "--label", type=at_least_1, required=True, help="label of known composition"
    )
    calibrate.add_argument(
        "--formula", required=True, metavar="SrTiO3", help="composition of the label"
    )
    calibrate.add_argument(
        "--reference", required=True, metavar="Ti", help="element whose k-factor is kept"
    )
    calibrate.add_argument(
        "-o", "--output", type=Path, required=True, metavar="CSV", help="table of k-factors"
    )
    calibrate.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from napari_eds.physics.formulas import parse_formula

    with bad_options():
        atoms = parse_formula(options.formula)
    if options.reference not in atoms:
        raise UsageError(
            f"--reference {options.reference}: choose one of {', '.join(atoms)}, which "
            f"--formula {options.formula} holds"
        )
    density_from(options)  # what is wrong with it shows before the run
    with writing(options, [options.output], table=options.output):
        _write_k_factors(options)
    print(f"Saved {options.output}")


def _write_k_factors(options: argparse.Namespace) -> None:
    from napari_eds.physics.densities import density_from_composition

    # A thickness, which --density asks for, rests on the k-factors in use.
    stand_in = _with_k_factors if options.density is None else None
    result = run(options, with_recipe=stand_in)
    density = density_from(options)
    if options.density is not None:
        thickness = result.thickness_from(options.label, options.formula, density)
        print(
            f"Thickness of label {options.label}: {thickness.thickness_nm:.1f} nm, "
            f"± {thickness.error_statistical_nm:.1f} from counting, ± {thickness.error_k_nm:.1f} "
            "from the k-factors in use"
        )
        # Of --density composition: nothing else was asked for.
        density = density or density_from_composition(options.formula)
    table = result.k_factors_from(
        options.label, options.formula, options.reference, density_g_cm3=density
    )
    print(table.to_frame().to_string(index=False, na_rep="-"))
    print("\n".join([_k_factors_told(options, result, table), *table.notes, *result.account()]))
    table.to_csv(options.output, overwrite=options.force)


def _with_k_factors(recipe: Recipe, image: SpectrumImage) -> Recipe:
    """Return a recipe that has k-factors: those for a map whose own are yet to be measured.

    Of a beam energy for which none can be computed, as in an SEM.
    """
    from napari_eds.recipe.k_factor_theory import stand_in_k_factors, why_not_computed

    beam = recipe.beam_energy_keV or image.acquisition.beam_energy_keV
    if recipe.k_factors is not None or beam is None or not why_not_computed(beam):
        return recipe
    told = {"k_factors": stand_in_k_factors(beam), "allow_beam_energy_mismatch": True}
    return recipe.model_copy(update=told)


def _k_factors_told(
    options: argparse.Namespace, result: Quantification, table: KFactorTable
) -> str:
    """Say what k-factors were calibrated with."""
    if result.foil is None:
        used = "no thickness: absorption stays in them (--thickness takes it out)"
    elif options.thickness is not None:
        used = f"{options.thickness:g} nm, as given"
    else:
        used = "the thickness of the recipe"
    about = [table.detector, known(table.beam_energy_keV, "keV"), table.date]
    told = ", ".join(text for text in about if text)
    return f"k-factors for {used}; {table.source}; {told}."
