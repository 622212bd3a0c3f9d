"""The command ``napari-eds thickness``: zeta-factors, and thickness and composition by them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds.cli.options import TABLE
from napari_eds.cli.outputs import writing
from napari_eds.cli.recipe_options import add_run_options, density_from, dose_from
from napari_eds.cli.run import report, run
from napari_eds.cli.thickness_ways import (
    ONE_WAY,
    add_ways,
    asks_for_ways,
    check_label,
    n_of_zeta,
    run_ways,
)
from napari_eds.cli.usage import UsageError, at_least_1, positive

if TYPE_CHECKING:
    from napari_eds.quantification.result import Quantification
    from napari_eds.recipe.zeta_factors import ZetaFactorTable


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    thickness = commands.add_parser(
        "thickness", help="thickness and at.%% of labels by zeta-factors, none being typed"
    )
    add_run_options(thickness)
    thickness.add_argument(
        "--label",
        type=at_least_1,
        help="in place of --zeta-factors: label of known composition to calibrate on",
    )
    thickness.add_argument("--formula", metavar="SrTiO3", help="composition of that label")
    thickness.add_argument(
        "--known-thickness",
        type=positive,
        metavar="NM",
        help="thickness of that label; without, the one its absorption tells",
    )
    thickness.add_argument(
        "--solid-angle",
        type=positive,
        metavar="SR",
        help="in place of --zeta-factors: from theory, for a solid angle",
    )
    thickness.add_argument(
        "--save-zeta", type=Path, metavar="CSV", help="save the zeta-factors that were used"
    )
    thickness.add_argument("-o", "--output", type=Path, required=True, metavar="CSV", help=TABLE)
    add_ways(thickness)
    thickness.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from napari_eds.quantification.saving.results import TABLES, csv_files

    if asks_for_ways(options):
        run_ways(options, _by_zeta)
        return
    _check(options)
    extra = [] if options.save_zeta is None else [options.save_zeta]
    files = [*csv_files(options.output), *extra]
    with writing(options, files, table=options.output, endings=TABLES):
        result = _quantified(options)
        print("\n".join(report(result)))
        written = result.to_csv(options.output, overwrite=options.force)
        zeta = result.recipe.zeta_factors
        if zeta is not None:
            written += [zeta.to_csv(path, overwrite=options.force) for path in extra]
    print(f"Saved {', '.join(map(str, written))}")


def _check(options: argparse.Namespace) -> None:
    given = n_of_zeta(options.zeta_factors, options.label, options.solid_angle)
    if given == 0 and options.recipe is None:
        raise UsageError(ONE_WAY)
    check_label(options)
    if options.known_thickness is not None and options.label is None:
        raise UsageError("--known-thickness is that of a --label: give it, with --formula")
    if options.method == "cliff_lorimer":
        raise UsageError("--method cliff_lorimer tells no thickness: leave it out")


def _quantified(options: argparse.Namespace) -> Quantification:
    """Return the result by zeta-factors: those given, or those made of the first fit."""
    result = run(options, is_reported=True)
    if options.label is None and options.solid_angle is None:
        if result.recipe.method != "zeta":
            raise UsageError(
                "give --zeta-factors, --label with --formula, or --solid-angle: "
                f"{options.recipe} has no table of zeta-factors"
            )
        return result
    return _by_zeta(options, result)


def _by_zeta(options: argparse.Namespace, result: Quantification) -> Quantification:
    """Quantify by zeta-factors what is fitted; one that is so by its recipe stays as it is."""
    from napari_eds.quantification.run import quantify_by_zeta

    if options.formula is None and options.solid_angle is None:
        return result
    return quantify_by_zeta(
        result,
        _zeta_factors(options, result),
        dose=dose_from(options, result.recipe.dose),
        density_g_cm3=density_from(options),
        take_off_angle_deg=options.take_off_angle,
    )


def _zeta_factors(options: argparse.Namespace, result: Quantification) -> ZetaFactorTable:
    from napari_eds.quantification.calibration.zeta import zeta_factors_from_label
    from napari_eds.recipe.zeta_factors import theoretical_zeta_factors

    if options.solid_angle is not None:
        model = result.fit.model
        return theoretical_zeta_factors(model.beam_energy_keV, options.solid_angle, model.detector)
    return zeta_factors_from_label(
        result,
        options.label,
        options.formula,
        thickness_nm=options.known_thickness,
        density_g_cm3=density_from(options),
        take_off_angle_deg=options.take_off_angle,
        dose=dose_from(options, result.recipe.dose),
    )
