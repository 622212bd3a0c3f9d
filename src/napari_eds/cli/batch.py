"""The command ``napari-eds batch``: many files by one recipe, resumed where it was left."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds._support.numbers import counted
from napari_eds.cli.options import add_part_options, add_rule_options, part_from, rule_from
from napari_eds.cli.outputs import LOG
from napari_eds.cli.recipe_options import add_recipe_options, recipe_from
from napari_eds.cli.run import TerminalProgress
from napari_eds.cli.usage import UsageError, at_least_1, bad_options, in_shell_words, positive
from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from napari_eds.batches.run import BatchResult

#: So many files that failed are told one by one.
_TOLD = 20


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    batch = commands.add_parser(
        "batch", help="quantify many files by one recipe, and resume where an earlier run was left"
    )
    batch.add_argument(
        "inputs",
        nargs="+",
        metavar="FILE_OR_FOLDER",
        help="files, folders with all folders in them, and patterns such as 'maps/*.emd'",
    )
    add_part_options(batch)
    add_rule_options(batch).add_argument(
        "--labels-from",
        metavar="RULE",
        help="label map beside each file, by its name: {stem}_labels.tif is map_labels.tif for "
        "map.emd",
    )
    batch.add_argument(
        "--classes-from",
        metavar="RULE",
        help="join the chips of each class of the table beside each file, such as "
        "{stem}_classes.csv (of 'classify' or a few-shot program)",
    )
    add_recipe_options(batch)
    _add_engine_options(batch)
    _add_outputs(batch)
    batch.set_defaults(run=_batch)


def _add_engine_options(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--workers",
        type=at_least_1,
        metavar="N",
        help="processes on this machine (default: as many as it has cores)",
    )
    where.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="run on the workers of this scheduler of dask.distributed, such as "
        "tcp://node1:8786; they must see the same paths",
    )
    parser.add_argument(
        "--watch",
        action="store_true",
        help="wait for further files, while the microscope records, until Ctrl-C",
    )
    parser.add_argument(
        "--stable",
        type=positive,
        default=10.0,
        metavar="S",
        help="with --watch, seconds for which a file must stay as it is before it is taken",
    )


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the results, not among the inputs: a table per file in tables, all.csv "
        "with all of them, and manifest.csv with what became of each file. A batch that is there "
        "is resumed",
    )
    parser.add_argument(
        "--parquet", action="store_true", help="write the table of all as all.parquet, too"
    )
    parser.add_argument("--spectra", action="store_true", help="save the spectra as well")
    parser.add_argument(
        "--errors", action="store_true", help="save what each error is made of, in at.%%"
    )
    parser.add_argument("--maps", action="store_true", help="save at.%% maps as TIFF and PNG")
    parser.add_argument(
        "--report", choices=("html", "pdf"), help="write a report of each file in reports"
    )


def _batch(options: argparse.Namespace) -> None:
    from napari_eds.batches.run import batch

    if options.elements in {"file", "find"}:
        raise UsageError("a batch takes one recipe for all files: name the elements")
    rule = rule_from(options)
    assert rule is not None  # noqa: S101 - the options ask for one
    recipe, part = recipe_from(options), part_from(options)
    with bad_options():
        _check_rules(options)
    with TerminalProgress() as progress:
        result = batch(
            options.inputs,
            recipe,
            rule,
            options.output,
            part=part,
            classes=options.classes_from,
            maps=options.maps,
            spectra=options.spectra,
            errors=options.errors,
            report=options.report,
            parquet=options.parquet,
            workers=options.workers,
            scheduler=options.scheduler,
            watch=options.watch,
            stable_s=options.stable,
            overwrite=options.force,
            progress=progress,
        )
    _report(result)


def _check_rules(options: argparse.Namespace) -> None:
    from napari_eds.labels.rule import check_naming_rule

    if options.classes_from is not None:
        check_naming_rule(options.classes_from)


def _report(result: BatchResult) -> None:
    """Say what became of the files.

    Raises
    ------
    EDSError
        If some failed, so that a script sees it.
    """
    labels = sum(entry.n_labels for entry in result.done)
    done = f"{counted(len(result.done), 'file')} with {counted(labels, 'label')}"
    print(f"{done}: {result.output / 'all.csv'}")
    for entry in result.done:
        if entry.remark:
            LOG.debug("%s: %s", entry.file, entry.remark)
    remarks = sum(bool(entry.remark) for entry in result.done)
    if remarks:
        print(f"{remarks} files carry a remark in {result.output / 'manifest.csv'}")
    if result.changed:
        LOG.warning(
            "%d files were changed, or quantified by another version, since their results were "
            "made, which are left as they are: %s. --force begins anew",
            len(result.changed),
            ", ".join(result.changed[:_TOLD]),
        )
    for entry in result.failed[:_TOLD]:
        LOG.error("%s: %s", entry.file, in_shell_words(entry.error))
    if result.failed:
        raise EDSError(
            f"{len(result.failed)} of {len(result.entries)} files failed; why stands in "
            f"{result.output / 'manifest.csv'}, and the same command tries them again"
        )
