"""The command ``napari-eds detectors``: which detectors of a map stand in a shadow."""

from __future__ import annotations

import argparse
from typing import Any

from napari_eds.cli.options import add_map_options, part_from


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    detectors = commands.add_parser(
        "detectors", help="compare the detectors of a Velox or .h5oina file, name shadowed ones"
    )
    add_map_options(detectors)
    detectors.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from napari_eds.readers.detectors import compare_detectors

    found = compare_detectors(options.file, part_from(options))
    print("detector          counts   of median   soft/hard, of median")
    for d in found:
        remark = "   shadowed" if d.shadowed else ""
        print(
            f"{d.name:<12}{d.counts:>12,}{d.relative_counts:>12.2f}{d.relative_softness:>12.2f}"
            f"{remark}"
        )
    good = [d.name for d in found if not d.shadowed]
    if len(good) < len(found):
        print(f"Leave the shadowed ones out with --detectors {','.join(good)}")
