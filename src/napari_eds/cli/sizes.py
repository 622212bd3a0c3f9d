"""The command ``napari-eds chip-size``: how small chips can be."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_eds.cli.options import add_map_options
from napari_eds.cli.outputs import writing
from napari_eds.cli.recipe_options import add_recipe_options, recipe_and_map
from napari_eds.cli.usage import UsageError, positive


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    sizes = commands.add_parser(
        "chip-size", help="predict the errors of square chips by size, and advise a size"
    )
    add_map_options(sizes)
    add_recipe_options(sizes)
    sizes.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="label map of regions to predict for, the worst of which counts; the whole map "
        "without",
    )
    sizes.add_argument(
        "--error",
        type=positive,
        default=None,
        metavar="AT_PCT",
        help="error from counting that no major element may exceed (default: 2)",
    )
    sizes.add_argument("--sizes", metavar="5,10,20", help="sides in pixels; some twenty without")
    sizes.add_argument("-o", "--output", type=Path, metavar="CSV", help="save the table")
    sizes.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from napari_eds._support.files import write_atomically

    sizes = _sizes(options.sizes)
    outputs = [] if options.output is None else [options.output]
    with writing(options, outputs, table=options.output):
        text = _advised(options, sizes)
        written = [write_atomically(path, text, overwrite=options.force) for path in outputs]
    if written:
        print(f"Saved {written[0]}")


def _advised(options: argparse.Namespace, sizes: list[int] | None) -> str:
    """Print the advice, and return its table as CSV."""
    from napari_eds.labels.files import read_labels
    from napari_eds.labels.rule import on_the_part
    from napari_eds.quantification.advice import WANTED_ERROR_AT_PCT, chip_size_advice

    recipe, image = recipe_and_map(options)
    labels = None
    if options.labels is not None:
        labels = on_the_part(read_labels(options.labels), image.part, image.shape)
    advice = chip_size_advice(
        image,
        recipe,
        sizes,
        labels=labels,
        error_at_pct=WANTED_ERROR_AT_PCT if options.error is None else options.error,
    )
    print("Errors of one chip, at.%:")
    print(advice.frame.to_string(float_format=lambda value: f"{value:.4g}"))
    for line in advice.remarks:
        print(line)
    limit = f"{advice.error_at_pct:g} at.% from counting in {', '.join(advice.major)}"
    if not advice.is_described:
        lasting = float(advice.frame["worst_error_total"].min())
        print(
            "No size is advised: the recipe does not describe these spectra, and whatever the "
            f"size the worst element stays ± {lasting:.2g} at.%. See what is left out."
        )
    elif advice.recommended_px is None:
        print(f"No size keeps {limit}.")
    else:
        print(f"Smallest that keeps {limit}: {advice.recommended_px} px")
    return advice.frame.to_csv(float_format="%.6g", lineterminator="\n")


def _sizes(text: str | None) -> list[int] | None:
    parts = None if text is None else [part.strip() for part in text.split(",")]
    if parts is not None and not all(part.isdecimal() for part in parts):
        raise UsageError(f"--sizes takes whole numbers of pixels such as 5,10,20, not {text!r}")
    return None if parts is None else [int(part) for part in parts]
