"""The command ``napari-eds compare``: a saved result beside another one or a formula."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from napari_eds.compare.known import KnownComparison
    from napari_eds.compare.results import Comparison
    from napari_eds.compare.tables import CompositionTable
    from napari_eds.quantification.table import Quantity

_EXAMPLES = """examples:
  napari-eds compare run.csv --with velox.csv --figure difference.png
  napari-eds compare map.edsession --with velox
  napari-eds compare run.csv --with map.emd
  napari-eds compare run.csv --formula SrTiO3 --labels 1,2,5-9 -o errors.csv
  napari-eds compare run.csv --formula LaFeO3 --labels 1-99 --formula SrTiO3 --labels R7C0,R7C1
"""


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    compare = commands.add_parser(
        "compare",
        help="compare a saved result with another one, with Velox, or with a formula",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument(
        "result", type=Path, metavar="RESULT", help="CSV of a run, or its .edsession"
    )
    compare.add_argument(
        "--with",
        dest="other",
        metavar="OTHER",
        help="table (.csv), session, map with the vendor's own result (.emd), or 'velox': that in "
        "the map of the session",
    )
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


def run(options: argparse.Namespace) -> None:
    """Do the comparisons asked for, print them, save what is asked for."""
    if (options.other is None) == (not options.formula):
        raise EDSError("compare needs either --with another result or --formula")
    if options.other is None:
        _run_known(options)
        return
    comparison = _compare(options)
    _say([*_statistics(comparison), *comparison.account()])
    written = comparison.to_csv(options.output) if options.output is not None else []
    if options.figure is not None:
        written.append(comparison.save_figure(options.figure))
    _say_saved(written)


def _compare(options: argparse.Namespace) -> Comparison:
    from napari_eds.compare.results import compare_results
    from napari_eds.compare.sources import composition_table
    from napari_eds.quantification.table import AT_PCT, WT_PCT

    if len(options.labels) > 1:
        raise EDSError("--labels can be given once with --with")
    quantity: Quantity = WT_PCT if options.weight_percent else AT_PCT
    table = _with_map(composition_table(options.result, quantity), options.label_map)
    if options.labels:
        table = table.rows(_ids(table, _parse_labels(options.labels[0])))
    other = _velox_source(options.result) if options.other.lower() == "velox" else options.other
    return compare_results(table, other, quantity=quantity, normalise=options.normalise)


def _velox_source(result: Path) -> Path:
    """Return the map that a session is of, which lies beside it."""
    from napari_eds.exchange.session import SUFFIX, load_session

    if result.suffix.lower() != SUFFIX:
        raise EDSError(
            "'--with velox' needs a session (.edsession), which knows its map; for a CSV file, "
            "name the map itself: --with map.emd"
        )
    name = load_session(result).source.file_name
    if name is None or not (result.parent / name).is_file():
        raise EDSError(
            f"the map of {result.name}, {name or 'which came from no file'}, is not beside it: "
            "name it, as in --with folder/map.emd"
        )
    return result.parent / name


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

    formulas, groups = options.formula, options.labels
    if groups and len(groups) != len(formulas):
        raise EDSError(
            f"{len(formulas)} --formula and {len(groups)} --labels: give each formula its labels, "
            "or none"
        )
    if options.figure is not None and len(formulas) > 1:
        raise EDSError("--figure shows one formula: ask for them one by one")
    table = composition_table(options.result)
    chosen: list[list[int | str] | None] = [_parse_labels(group) for group in groups]
    chosen = chosen or [None] * len(formulas)
    found = [
        compare_known(table, formula, labels)
        for formula, labels in zip(formulas, chosen, strict=True)
    ]
    for known in found:
        _say([*_known_lines(known), *known.account(), ""])
    written = _save_known(found, options.output) if options.output is not None else []
    if options.figure is not None:
        written.append(found[0].save_figure(options.figure))
    _say_saved(written)


def _save_known(found: Sequence[KnownComparison], path: Path) -> list[Path]:
    """Save one comparison as it saves itself, several as one table."""
    import pandas as pd

    from napari_eds._support.csv_cells import csv_text
    from napari_eds._support.files import write_atomically

    if len(found) == 1:
        return found[0].to_csv(path)
    tables = [known.table.assign(labels=len(known.labels)) for known in found]
    joined = pd.concat(tables, keys=[known.formula for known in found], names=["formula"])
    return [write_atomically(path, csv_text(joined, float_format="%.6g"))]


def _parse_labels(text: str) -> list[int | str]:
    """Read ``1,2,5-9,R0C3``: ids, ranges with both ends, names of chips."""
    labels: list[int | str] = []
    for part in (p.strip() for p in text.split(",")):
        first, dash, last = part.partition("-")
        if part.isdecimal():
            labels.append(int(part))
        elif dash and first.isdecimal() and last.isdecimal():
            if int(first) > int(last):
                raise EDSError(f"--labels: the range {part} runs backwards")
            labels += range(int(first), int(last) + 1)
        elif part:
            labels.append(part)
    if not labels:
        raise EDSError(f"--labels takes ids such as 1,2,5-9 or names of chips, not {text!r}")
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
        f"{known.formula}, at.%:",
        "    expected    summed normalised     error   error %    ± in all ± counting ± k-factors",
    ]
    for e, row in known.table.iterrows():
        lines.append(
            f"  {e:<2}{row['expected_at_pct']:8.2f}{row['summed_at_pct']:10.2f}"
            f"{row['normalised_at_pct']:11.2f}"
            f"{row['normalised_at_pct'] - row['expected_at_pct']:+10.2f}"
            f"{row['percent_error']:+10.2f}{_cell(row['percent_error_error_total'], 12)}"
            f"{_cell(row['percent_error_error'], 11)}{_cell(row['percent_error_error_k'], 12)}"
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
