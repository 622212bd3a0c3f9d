"""Thicknesses in ``napari-eds thickness`` by other ways than zeta-factors, beside each other."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_eds.cli.outputs import writing
from napari_eds.cli.run import run
from napari_eds.cli.usage import UsageError, positive

if TYPE_CHECKING:
    import numpy as np

    from napari_eds.quantification.result import Quantification
    from napari_eds.quantification.thickness.of_labels import LabelThickness

_FAMILIES = ("K", "L", "M")
#: What to say of none or several ways to zeta-factors.
ONE_WAY = "give one of --zeta-factors, --label with --formula, and --solid-angle"


def add_ways(thickness: argparse.ArgumentParser) -> None:
    """Add the options of ways that need no zeta-factors."""
    thickness.add_argument(
        "--from",
        dest="ways",
        action="append",
        type=_way,
        default=[],
        metavar="kl:Sr",
        help="thickness from two families of an element (kl:Sr, lm:La), whose ratio --label with "
        "--known-thickness measures; or from absorption in one known formula (formula:SrTiO3). "
        "May be repeated: ways are set beside each other, also beside that of zeta-factors",
    )
    thickness.add_argument(
        "--from-map",
        type=Path,
        metavar="FILE",
        help="thickness map of another method (.npy, .tif), such as t/lambda of EELS",
    )
    thickness.add_argument(
        "--nm-per-unit",
        type=positive,
        default=1.0,
        metavar="NM",
        help="scale of that map: of t/lambda, lambda in nm (default 1)",
    )


def asks_for_ways(options: argparse.Namespace) -> bool:
    """Whether any way but that of zeta-factors is asked for."""
    return bool(options.ways) or options.from_map is not None


def run_ways(
    options: argparse.Namespace,
    quantified: Callable[[argparse.Namespace, Quantification], Quantification],
) -> None:
    """Find thicknesses by all ways that are asked for, and say whether they agree."""
    import pandas as pd

    from napari_eds._support.outputs import write_table
    from napari_eds.quantification.thickness.of_labels import compare_thicknesses
    from napari_eds.quantification.thickness.ways import thickness_from_zeta

    by_zeta = _asks_for_zeta(options)
    if options.save_zeta is not None and not by_zeta:
        raise UsageError(
            "--save-zeta needs --zeta-factors, --label with --formula, or --solid-angle"
        )
    extra = [] if options.save_zeta is None else [options.save_zeta]
    with writing(options, [options.output, *extra], table=options.output):
        result = run(options)
        found = [_by(way, options, result) for way in options.ways]
        if options.from_map is not None:
            found.append(_from_map(options, result))
        if by_zeta:
            by_dose = quantified(options, result)
            found.append(thickness_from_zeta(by_dose))
            zeta = by_dose.recipe.zeta_factors
            if zeta is not None:
                for path in extra:
                    zeta.to_csv(path, overwrite=options.force)
        for line in compare_thicknesses(found):
            print(line)
        table = pd.concat([one.table.assign(way=one.way) for one in found], ignore_index=True)
        written = write_table(options.output, table, overwrite=options.force, index=False)
    print(f"Saved {', '.join(map(str, [written, *extra]))}")


def _asks_for_zeta(options: argparse.Namespace) -> bool:
    given = n_of_zeta(options.zeta_factors, options.formula, options.solid_angle)
    # A label alone is that of --known-thickness.
    if options.formula is not None:
        check_label(options)
    return given > 0


def n_of_zeta(*ways: object) -> int:
    """Return how many ways to zeta-factors are given, of which there may be one.

    Raises
    ------
    UsageError
    """
    given = sum(way is not None for way in ways)
    if given > 1:
        raise UsageError(ONE_WAY)
    return given


def check_label(options: argparse.Namespace) -> None:
    """Raise `UsageError` if one of label and formula is given without the other."""
    if (options.label is None) != (options.formula is None):
        raise UsageError("--label and --formula belong together")


def _by(
    way: tuple[str, tuple[str, str] | None], options: argparse.Namespace, result: Quantification
) -> LabelThickness:
    from napari_eds.quantification.thickness.family_ratio import (
        family_ratio_from_label,
        thickness_from_families,
    )
    from napari_eds.quantification.thickness.ways import thickness_from_formula

    what, families = way
    if families is None:
        return thickness_from_formula(result, what)
    ratio = None
    if options.label is not None and options.known_thickness is not None:
        ratio = family_ratio_from_label(
            result, options.label, what, options.known_thickness, families=families
        )
    return thickness_from_families(result, what, families=families, ratio=ratio)


def _from_map(options: argparse.Namespace, result: Quantification) -> LabelThickness:
    from napari_eds.quantification.thickness.files import read_thickness_map
    from napari_eds.quantification.thickness.ways import thickness_from_map

    rows, columns = result.labels.shape
    values: np.ndarray = read_thickness_map(
        options.from_map, (rows, columns), nm_per_unit=options.nm_per_unit
    )
    return thickness_from_map(result, values, way=f"map {options.from_map.name}")


def _way(text: str) -> tuple[str, tuple[str, str] | None]:
    """Read ``kl:Sr`` or ``formula:SrTiO3``."""
    kind, _, what = text.partition(":")
    if kind == "formula" and what:
        return what, None
    hard, soft = (*kind.upper(), "", "")[:2]
    if len(kind) == 2 and what and hard != soft and {hard, soft} <= set(_FAMILIES):
        return what, (soft, hard)
    raise argparse.ArgumentTypeError(
        f"{text!r} is no way to a thickness: write kl:Sr, lm:La or formula:SrTiO3"
    )
