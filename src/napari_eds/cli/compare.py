"""The command ``napari-eds compare``: a saved result beside another one or a formula."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds.cli.outputs import forced, writing
from napari_eds.cli.usage import UsageError, bad_options
from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from napari_eds.compare.known import KnownComparison
    from napari_eds.compare.results import Comparison
    from napari_eds.compare.tables import CompositionTable
    from napari_eds.quantification.table import Quantity
    from napari_eds.recipe.map_part import MapPart


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    compare = commands.add_parser(
        "compare",
        help="compare a saved result with another one, with Velox, or with a formula",
    )
    compare.add_argument(
        "result", type=Path, metavar="RESULT", help="CSV of a run, or its .edsession"
    )
    compare.add_argument(
        "--with",
        dest="other",
        metavar="OTHER",
        help="table (.csv), session, map with the vendor's own result (.emd), or 'velox': that in "
        "the map of the session, or of the table with its recipe beside",
    )
    _add_known_options(compare)
    compare.add_argument(
        "--weight-percent", action="store_true", help="compare wt.%%, not at.%% (with --with)"
    )
    compare.add_argument(
        "--normalise", action="store_true", help="to 100 %% over the elements that both have"
    )
    compare.add_argument("-o", "--output", type=Path, metavar="CSV", help="save the table")
    compare.add_argument(
        "--figure", type=Path, metavar="PNG", help="save a figure (PNG, PDF, SVG)"
    )
    compare.set_defaults(run=run)


def _add_known_options(compare: argparse.ArgumentParser) -> None:
    """Add known compositions, and which labels are compared."""
    compare.add_argument(
        "--formula",
        action="append",
        default=[],
        metavar="SrTiO3",
        help="known composition; can be repeated, each with its own --labels",
    )
    compare.add_argument(
        "--labels",
        action="append",
        default=[],
        metavar="1,2,5-9",
        help="label ids, ranges of them, or chip names; all without it",
    )
    compare.add_argument(
        "--label-map", type=Path, metavar="FILE", help="label map (.npy, .tif, .png) for --figure"
    )
    compare.add_argument(
        "--inside",
        action="append",
        default=[],
        metavar="FILE=ID",
        help="compare the labels that lie wholly in this region of another label map, in place of "
        "--labels; needs a session or --label-map",
    )


def run(options: argparse.Namespace) -> None:
    """Do the comparisons asked for, print them, save what is asked for."""
    if (options.other is None) == (not options.formula):
        raise UsageError("compare needs either --with another result or --formula")
    with writing(options, _files(options), table=options.output):
        if options.other is None:
            _run_known(options)
        else:
            _run_other(options)


def _files(options: argparse.Namespace) -> list[Path]:
    """Return the files that will be written."""
    from napari_eds._support.files import beside

    files: list[Path] = []
    if options.output is not None:
        endings = {True: ("_statistics.csv",), False: ("_labels.csv",)}[options.other is not None]
        # Several formulas share one table, without those of single labels.
        files += beside(options.output, *(endings if len(options.formula) < 2 else ()))
    if options.figure is not None:
        from napari_eds._support.figures import figure_format

        with bad_options():
            figure_format(options.figure)
        files.append(options.figure)
    return files


def _run_other(options: argparse.Namespace) -> None:
    comparison = _compare(options)
    _say([*_statistics(comparison), *comparison.account()])
    force = forced(options)
    written = (
        comparison.to_csv(options.output, overwrite=force) if options.output is not None else []
    )
    if options.figure is not None:
        written.append(comparison.save_figure(options.figure, overwrite=force))
    _say_saved(written)


def _compare(options: argparse.Namespace) -> Comparison:
    from napari_eds.compare.results import compare_results
    from napari_eds.compare.sources import composition_table
    from napari_eds.quantification.table import AT_PCT, WT_PCT

    if len(options.labels) + len(options.inside) > 1:
        raise UsageError("--labels or --inside can be given once with --with")
    quantity: Quantity = WT_PCT if options.weight_percent else AT_PCT
    table = _with_map(composition_table(options.result, quantity), options.label_map)
    for group in _groups(options, table):
        table = table.rows(_ids(table, group))
    other = _velox_source(options.result) if options.other.lower() == "velox" else options.other
    return compare_results(table, other, quantity=quantity, normalise=options.normalise)


def _velox_source(result: Path) -> Path:
    """Return the map that a session or a saved table is of."""
    from napari_eds.exchange.session import SUFFIX, load_session
    from napari_eds.recipe.recipe import map_beside

    recipe = result.with_name(f"{result.stem}_recipe.json")
    if result.suffix.lower() == SUFFIX:
        name = load_session(result).source.file_name
        found = None if name is None else result.parent / name
        told = f"the map of {result.name}, {name or 'which came from no file'}, is not beside it"
    elif recipe.is_file():
        found = map_beside(recipe)
        told = f"{recipe.name} names no map (it is of an earlier version, or of no file)"
        if found is not None:
            near = result.parent / found.name
            told = f"the map of {result.name} is neither {found} nor beside it"
            found = found if found.is_file() else near
    else:
        raise UsageError(
            f"'--with velox' finds the map by the recipe that a run writes beside its table, and "
            f"there is no {recipe.name} beside {result.name}: name the map itself, as in "
            "--with folder/map.emd"
        )
    if found is None or not found.is_file():
        raise EDSError(f"{told}: name it, as in --with folder/map.emd")
    return found


def _with_map(table: CompositionTable, label_map: Path | None) -> CompositionTable:
    """Return the table with the label map of a file, where one is given."""
    from dataclasses import replace

    from napari_eds.errors import LabelError
    from napari_eds.labels.files import read_labels
    from napari_eds.spectra.label_sums import check_labels

    if label_map is None:
        return table
    labels = read_labels(label_map)
    labels = check_labels(labels, labels.shape)
    missing = set(table.percent.index) - set(labels.ravel().tolist())
    if missing:
        raise LabelError(f"{label_map.name} has no label {min(map(str, missing))}")
    return replace(table, labels=labels)


def _run_known(options: argparse.Namespace) -> None:
    from napari_eds.compare.known import compare_known
    from napari_eds.compare.sources import composition_table

    formulas, given = options.formula, options.labels or options.inside
    if given and len(given) != len(formulas):
        raise UsageError(
            f"{len(formulas)} --formula and {len(given)} --labels or --inside: give each formula "
            "its labels, or none"
        )
    if options.figure is not None and len(formulas) > 1:
        raise UsageError("--figure shows one formula: ask for them one by one")
    table = composition_table(options.result)
    if options.inside:
        table = _with_map(table, options.label_map)
    chosen: list[list[int | str] | None] = list(_groups(options, table))
    chosen = chosen or [None] * len(formulas)
    found = [
        compare_known(table, formula, labels)
        for formula, labels in zip(formulas, chosen, strict=True)
    ]
    for known in found:
        _say([*_known_lines(known), *known.account(), ""])
    force = forced(options)
    written = []
    if options.output is not None:
        written += _save_known(found, options.output, overwrite=force)
    if options.figure is not None:
        written.append(found[0].save_figure(options.figure, overwrite=force))
    _say_saved(written)


def _save_known(found: Sequence[KnownComparison], path: Path, *, overwrite: bool) -> list[Path]:
    """Save one comparison as it saves itself, several as one table."""
    import pandas as pd

    from napari_eds._support.outputs import write_table

    if len(found) == 1:
        return found[0].to_csv(path, overwrite=overwrite)
    tables = [known.table.assign(labels=len(known.labels)) for known in found]
    joined = pd.concat(tables, keys=[known.formula for known in found], names=["formula"])
    return [write_table(path, joined, overwrite=overwrite, float_format="%.6g")]


def _groups(options: argparse.Namespace, table: CompositionTable) -> list[list[int | str]]:
    """Return the labels of each ``--labels`` or ``--inside``."""
    if options.labels and options.inside:
        raise UsageError("choose labels by --labels or by --inside, not by both")
    if options.labels:
        return [_parse_labels(text) for text in options.labels]
    part = _part_of(options.result) if options.inside else None
    return [_inside(text, table, part) for text in options.inside]


def _inside(text: str, table: CompositionTable, part: MapPart | None) -> list[int | str]:
    """Return the labels whose every pixel lies in a region such as ``phases.tif=2``."""
    import numpy as np

    from napari_eds.labels.files import read_labels
    from napari_eds.labels.rule import on_the_part

    file, equals, number = text.rpartition("=")
    if not (equals and number.strip().isdecimal()):
        raise UsageError(
            f"--inside takes a label map and a label of it, as phases.tif=2: {text!r}"
        )
    if table.labels is None:
        raise UsageError("--inside needs to know where the labels lie: a session, or --label-map")
    regions = on_the_part(read_labels(file), part, table.labels.shape)
    if regions.shape != table.labels.shape:
        raise EDSError(
            f"{file} of {regions.shape} does not fit the labels of {table.labels.shape}"
        )
    inside = regions == int(number)
    found = np.setdiff1d(table.labels[inside], [0, *np.unique(table.labels[~inside])])
    kept = np.intersect1d(found, table.percent.index).tolist()
    if not kept:
        raise EDSError(f"no label of {table.name} lies wholly in label {number} of {file}")
    return kept


def _part_of(result: Path) -> MapPart | None:
    """Return the part of the map a result is of, by its session or the recipe beside it."""
    from napari_eds.exchange.session import SUFFIX, load_session
    from napari_eds.recipe.map_part import MapPart

    if result.suffix.lower() == SUFFIX:
        return load_session(result).source.part
    recipe = result.with_name(f"{result.stem}_recipe.json")
    return MapPart.from_recipe(recipe) if recipe.is_file() else None


def _parse_labels(text: str) -> list[int | str]:
    """Read ``1,2,5-9,R0C3``: ids, ranges with both ends, names of chips."""
    labels: list[int | str] = []
    for part in (p.strip() for p in text.split(",")):
        first, dash, last = part.partition("-")
        if part.isdecimal():
            labels.append(int(part))
        elif dash and first.isdecimal() and last.isdecimal():
            if int(first) > int(last):
                raise UsageError(f"--labels: the range {part} runs backwards")
            labels += range(int(first), int(last) + 1)
        elif part:
            labels.append(part)
    if not labels:
        raise UsageError(f"--labels takes ids such as 1,2,5-9 or names of chips, not {text!r}")
    return labels


def _ids(table: CompositionTable, labels: Sequence[int | str]) -> list[Any]:
    from napari_eds.compare.known import keys_of

    return keys_of(table, labels)


def _statistics(comparison: Comparison) -> list[str]:
    left, right = comparison.ours.name, comparison.other.name
    lines = [
        f"Mean {comparison.unit} of {left} and {right}, and the difference per label:",
        "          ours     other      mean        sd       rms       max  rms of z      r     n",
    ]
    for e, s in comparison.statistics.iterrows():
        numbers = "".join(
            _cell(s[name], 10)
            for name in (
                "ours_mean",
                "other_mean",
                "mean_difference",
                "sd_difference",
                "rms_difference",
                "max_difference",
                "rms_z",
            )
        )
        lines.append(f"  {e:<2}{numbers}{_cell(s['correlation'], 7, 3)}{int(s['n']):6d}")
    return lines


def _known_lines(known: KnownComparison) -> list[str]:
    lines = [
        f"{known.formula}, at.%, and the error over what is expected in %:",
        "    expected    summed normalised     error    ± in all ± counting ± k-factors   error %",
    ]
    for e, row in known.table.iterrows():
        lines.append(
            f"  {e:<2}{row['expected_at_pct']:8.2f}{row['summed_at_pct']:10.2f}"
            f"{row['normalised_at_pct']:11.2f}"
            f"{row['normalised_at_pct'] - row['expected_at_pct']:+10.2f}"
            f"{_cell(row['error_total'], 12)}{_cell(row['error'], 11)}{_cell(row['error_k'], 12)}"
            f"{row['percent_error']:+10.2f}"
        )
    return lines


def _cell(value: float, width: int, digits: int = 2) -> str:
    """Return a number, or a dash where there is none."""
    return f"{'-':>{width}}" if isnan(value) else f"{value:{width}.{digits}f}"


def _say_saved(written: Sequence[Path]) -> None:
    if written:
        _say([f"Saved {', '.join(map(str, written))}"])


def _say(lines: Sequence[str]) -> None:
    print("\n".join(lines))
