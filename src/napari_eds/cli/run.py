"""A run from the command line: the map, progress on the terminal, and what came out."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from math import isnan
from typing import TYPE_CHECKING

from napari_eds._support.numbers import counted
from napari_eds.cli.interrupts import INTERRUPTS
from napari_eds.cli.options import part_from, regions_from
from napari_eds.cli.outputs import LOG
from napari_eds.cli.recipe_options import recipe_and_map

if TYPE_CHECKING:
    from napari_eds.quantification.result import Quantification
    from napari_eds.recipe.recipe import Recipe
    from napari_eds.spectra.spectrum_image import SpectrumImage


def load_map(options: argparse.Namespace) -> SpectrumImage:
    """Load the map that options describe."""
    from napari_eds.readers.reading import load

    return load(options.file, part=part_from(options))


def run(
    options: argparse.Namespace,
    *,
    is_reported: bool = False,
    with_recipe: Callable[[Recipe, SpectrumImage], Recipe] | None = None,
) -> Quantification:
    """Do the run that the options of `add_run_options` describe.

    `is_reported` says that `report` follows, which tells what is else warned of; `with_recipe`
    changes the recipe once the map is known.
    """
    from napari_eds.quantification.run import quantify

    recipe, image = recipe_and_map(options)
    if with_recipe is not None:
        recipe = with_recipe(recipe, image)
    with TerminalProgress() as progress:
        result = quantify(image, regions_from(options, image), recipe, progress=progress)
    if not is_reported:
        warn_of_left_out(result)
    return result


def warn_of_left_out(result: Quantification) -> None:
    """Say on standard error which elements seem to be missing."""
    from napari_eds.quantification.remarks.sums import left_out_lines
    from napari_eds.quantification.table import FLAG

    for line in left_out_lines(result.table[FLAG].tolist()):
        LOG.warning("%s", line)


def report(result: Quantification) -> list[str]:
    """Say what a run gave, in lines."""
    from napari_eds.quantification.remarks.sums import summary_lines
    from napari_eds.quantification.table import FLAG, at_pct, error_of, error_total_of

    table = result.table
    done = f"{counted(len(table), 'label')} quantified"
    lines = [
        f"{done}. Mean, error of one label and scatter over labels, at.%:",
        "           mean   ± in all  ± counting   scatter",
    ]
    for e in result.elements:
        values = table[at_pct(e)]
        total, counting = (
            (table[of(at_pct(e))] ** 2).mean() ** 0.5 for of in (error_total_of, error_of)
        )
        lines.append(
            f"  {e:<3}"
            + "".join(
                _number(float(value), width)
                for value, width in (
                    (values.mean(), 10),
                    (total, 11),
                    (counting, 12),
                    (values.std(), 10),
                )
            )
        )
    lines += _thickness_lines(result)
    flagged = int((table[FLAG] != "").sum())
    if flagged:
        carry = "carries" if flagged == 1 else "carry"
        lines.append(f"{counted(flagged, 'label')} {carry} a remark in the column '{FLAG}'.")
    return lines + summary_lines(table[FLAG].tolist()) + result.account()


def _thickness_lines(result: Quantification) -> list[str]:
    """Say how thick labels are, where zeta-factors tell it."""
    from napari_eds.quantification.table import THICKNESS, error_of, error_total_of

    if result.composition.mass_thickness is None:
        return []
    table = result.table
    total, counting = (
        (table[of(THICKNESS)] ** 2).mean() ** 0.5 for of in (error_total_of, error_of)
    )
    values = table[THICKNESS]
    one = values.count() == 1
    told = f"{'' if one else 'mean '}{values.mean():.3g} nm, ± {total:.2g} in all"
    spread = "" if one else f"; from {values.min():.3g} to {values.max():.3g} nm"
    of = "" if one else " of one label"
    return [f"Thickness: {told}{of}, ± {counting:.2g} from counting{spread}."]


def _number(value: float, width: int) -> str:
    """Write a number to two decimals, a dash where there is none."""
    return f"{'-':>{width}}" if isnan(value) else f"{value:{width}.2f}"


class TerminalProgress:
    """Progress on one line of a terminal; nothing where standard error is none."""

    def __init__(self) -> None:
        quiet = all(handler.level > logging.WARNING for handler in LOG.handlers)
        self._shown = sys.stderr.isatty() and not (LOG.handlers and quiet)
        self._what = ""

    def __enter__(self) -> Callable[[int, int, str], None]:
        return self._report

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def _report(self, done: int, total: int, what: str) -> None:
        INTERRUPTS.check()
        if what != self._what:
            LOG.debug("%s", what)
            self._what = what
        if self._shown:
            count = f" {done} of {total}" if 0 < done < total else ""
            print(f"\r\033[K{what}{count} ...", end="", file=sys.stderr, flush=True)
