"""The command ``napari-eds thickness``: thickness and composition by zeta-factors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds.cli.options import add_run_options
from napari_eds.cli.outputs import writing
from napari_eds.cli.run import run
from napari_eds.cli.thickness_ways import add_ways, asks_for_ways, run_ways
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
    thickness.add_argument("--zeta", type=Path, metavar="CSV", help="table of zeta-factors")
    thickness.add_argument(
        "--label", type=at_least_1, help="or: label of known composition to calibrate on"
    )
    thickness.add_argument("--formula", metavar="SrTiO3", help="composition of that label")
    thickness.add_argument(
        "--known-thickness",
        type=positive,
        metavar="NM",
        help="thickness of that label; without, the one its absorption tells",
    )
    thickness.add_argument(
        "--solid-angle", type=positive, metavar="SR", help="or: from theory, for a solid angle"
    )
    thickness.add_argument(
        "--current", type=positive, metavar="NA", help="beam current in place of the file's"
    )
    thickness.add_argument(
        "--save-zeta", type=Path, metavar="CSV", help="save the zeta-factors that were used"
    )
    thickness.add_argument(
        "-o", "--output", type=Path, required=True, metavar="CSV", help="table to write"
    )
    add_ways(thickness)
    thickness.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from napari_eds.quantification.thickness import quantify_by_zeta

    if asks_for_ways(options):
        return run_ways(options, _zeta_factors)
    ways = [options.zeta, options.label, options.solid_angle]
    if sum(way is not None for way in ways) != 1:
        raise UsageError("give one of --zeta, --label with --formula, and --solid-angle")
    if (options.label is None) != (options.formula is None):
        raise UsageError("--label and --formula belong together")
    extra = [] if options.save_zeta is None else [options.save_zeta]
    with writing(options, [options.output, *extra]):
        result = run(options)
        zeta = _zeta_factors(options, result)
        found = quantify_by_zeta(result, zeta, beam_current_nA=options.current)
        print(found.table.to_string(index=False, float_format=lambda x: f"{x:.4g}"))
        print(f"zeta-factors: {zeta.k_factors.source}")
        print(f"what they share is known to {100 * zeta.common_relative_error:.2g} %")
        written = [found.to_csv(options.output, overwrite=options.force)]
        written += [zeta.to_csv(path, overwrite=options.force) for path in extra]
    return print(f"Saved {', '.join(map(str, written))}")


def _zeta_factors(options: argparse.Namespace, result: Quantification) -> ZetaFactorTable:
    from napari_eds.quantification.thickness import zeta_factors_from_label
    from napari_eds.recipe.zeta_factors import read_zeta_factors, theoretical_zeta_factors

    if options.zeta is not None:
        return read_zeta_factors(options.zeta)
    if options.solid_angle is not None:
        beam = result.fit.model.beam_energy_keV
        return theoretical_zeta_factors(beam, options.solid_angle)
    return zeta_factors_from_label(
        result,
        options.label,
        options.formula,
        thickness_nm=options.known_thickness,
        beam_current_nA=options.current,
    )
