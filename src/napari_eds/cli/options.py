"""Options of the command line that say what is read of a file, and its regions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds.cli.usage import UsageError, at_least_1, bad_options, number, sides, whole

if TYPE_CHECKING:
    import numpy as np

    from napari_eds.labels.chips import Chips
    from napari_eds.labels.rule import LabelRule
    from napari_eds.recipe.map_part import MapPart
    from napari_eds.spectra.spectrum_image import SpectrumImage

#: What the output of a run is.
TABLE = (
    "table of the result (.xlsx or .parquet; CSV as .csv, .txt or without an ending); its recipe "
    "is saved beside it"
)


def add_map_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which part of which map of which file is read."""
    parser.add_argument("file", type=Path, help="file of a map or of spectra")
    add_part_options(parser)


def add_part_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is read of a file; `part_from` reads them."""
    _add_reading_options(parser)
    _add_cutting_options(parser)


def _add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Add what a file may hold more of than one."""
    parser.add_argument(
        "--index", type=whole, metavar="N", help="which map, where the file holds several"
    )
    parser.add_argument(
        "--energy-axis",
        nargs=2,
        type=number,
        metavar=("OFFSET", "SCALE"),
        help="energy of channel 0 and keV per channel, where the file gives none",
    )
    parser.add_argument(
        "--detectors",
        type=names,
        metavar="D1,D2",
        help="detectors to sum, by name (Velox, Oxford)",
    )
    parser.add_argument(
        "--frames",
        nargs=2,
        type=whole,
        metavar=("FIRST", "END"),
        help="frames to sum, counted from 0, END not among them (Velox, JEOL, HyperSpy)",
    )


def _add_cutting_options(parser: argparse.ArgumentParser) -> None:
    """Add what is kept of pixels, channels and counts."""
    parser.add_argument(
        "--crop",
        nargs=2,
        metavar=("ROWS", "COLUMNS"),
        help="part of the map, from its upper left edge: 0:500 :500 in pixels, end not among "
        "them, or 0:120nm 10:80nm, the pixels whose centres lie inside",
    )
    parser.add_argument(
        "--crop-energy",
        nargs=2,
        type=number,
        metavar=("LOW", "HIGH"),
        help="channels kept, in keV",
    )
    parser.add_argument(
        "--rebin-energy", type=at_least_1, metavar="N", help="sum N channels into one on reading"
    )
    parser.add_argument(
        "--clip-negative",
        action="store_true",
        help="take values below zero, which denoising leaves, as 0; errors are then no measure",
    )


def part_from(options: argparse.Namespace) -> MapPart:
    """Return the part of the file to read: that of ``--recipe``, changed by other options."""
    from dataclasses import replace

    from napari_eds.recipe.map_part import MapPart

    crop, unit = (None, None) if options.crop is None else _crop(options.crop)
    given = {
        "index": options.index,
        "detectors": options.detectors,
        "frames": options.frames and tuple(options.frames),
        "crop": crop,
        "crop_unit": unit,
        "energy_range_keV": options.crop_energy and tuple(options.crop_energy),
        "rebin_energy": options.rebin_energy,
        "energy_axis": options.energy_axis and tuple(options.energy_axis),
        "clip_negative": options.clip_negative or None,
    }
    recipe = getattr(options, "recipe", None)
    part = MapPart() if recipe is None else MapPart.from_recipe(recipe)
    return replace(part, **{name: value for name, value in given.items() if value is not None})


def _crop(texts: Sequence[str]) -> tuple[tuple[Any, Any], str]:
    """Read ``0:500`` and ``:80nm``: rows and columns, and their unit."""
    extents, units = zip(*(_extent(text) for text in texts), strict=True)
    known = {unit for unit, extent in zip(units, extents, strict=True) if extent != (None, None)}
    if len(known) > 1:
        raise UsageError(f"--crop {' '.join(texts)}: give rows and columns in one unit, px or nm")
    return (extents[0], extents[1]), next(iter(known), "px")


def _extent(text: str) -> tuple[tuple[float | None, float | None], str]:
    unit = "nm" if text.strip().endswith("nm") else "px"
    low, colon, high = text.strip().removesuffix(unit).partition(":")
    number: Any = float if unit == "nm" else int
    try:
        if not colon:
            raise ValueError
        ends = tuple(number(part) if part.strip() else None for part in (low, high))
    except ValueError:
        raise UsageError(
            f"--crop takes rows and columns such as 0:500 :500, or 0:120nm 10:80nm, not {text!r}"
        ) from None
    return (ends[0], ends[1]), unit


def add_ome_option(parser: argparse.ArgumentParser) -> None:
    """Add the option for maps in one file."""
    parser.add_argument(
        "--ome-tiff",
        action="store_true",
        help="save the maps also as the channels of one OME-TIFF (at_pct.ome.tif)",
    )


def regions_asked(options: argparse.Namespace) -> bool:
    """Whether any of the options says what regions there are."""
    ways = ("grid", "min_counts", "labels", "superpixels", "clusters")
    return options.whole or any(getattr(options, way) is not None for way in ways)


def add_region_options(parser: argparse.ArgumentParser, *, needed: bool = True) -> None:
    """Add the options that say which labels a run has."""
    regions = add_rule_options(parser, needed=needed)
    regions.add_argument(
        "--labels", type=Path, metavar="FILE", help="label map: .npy, .tif or .png"
    )
    parser.add_argument(
        "--classes",
        type=Path,
        metavar="CSV",
        help="join the chips of each class of this table (of 'classify' or a few-shot program)",
    )


def add_rule_options(parser: argparse.ArgumentParser, *, needed: bool = True) -> Any:
    """Add the options that say how any map is labelled, and return the group of ways."""
    regions = parser.add_mutually_exclusive_group(required=needed)
    regions.add_argument(
        "--grid", metavar="PX", help="chips of so many pixels: 15 or 15x20 (rows x columns)"
    )
    regions.add_argument(
        "--min-counts",
        type=at_least_1,
        metavar="N",
        help="chips as small as their counts allow: each holds at least N X-rays (the noise peak "
        "does not count)",
    )
    regions.add_argument(
        "--superpixels",
        type=int,
        metavar="N",
        help="about N connected regions that follow the edges of an image of the file (HAADF), "
        "or of the X-ray counts where it has none; --of names another",
    )
    regions.add_argument(
        "--clusters", type=int, metavar="N", help="N regions of pixels whose spectra are alike"
    )
    regions.add_argument("--whole", action="store_true", help="the whole map as one region")
    parser.add_argument(
        "--of", metavar="HAADF", help="image for --superpixels, by name; 'counts' for X-ray counts"
    )
    return regions


def regions_from(options: argparse.Namespace, image: SpectrumImage) -> np.ndarray | Chips:
    """Return the labels or chips that the options describe."""
    from napari_eds.few_shot.classification import read_classification
    from napari_eds.labels.chips import Chips

    regions = _plain_regions(options, image)
    if options.classes is None:
        return regions
    if isinstance(regions, Chips):
        found = read_classification(options.classes, regions.labels, regions.names)
    else:
        found = read_classification(options.classes, regions)
    return found.class_labels()


def _plain_regions(options: argparse.Namespace, image: SpectrumImage) -> np.ndarray | Chips:
    from napari_eds.labels.files import read_labels
    from napari_eds.labels.rule import on_the_part

    rule = rule_from(options)
    if rule is None:
        return on_the_part(read_labels(options.labels), image.part, image.shape)
    return rule.labels_of(image)


def rule_from(options: argparse.Namespace) -> LabelRule | None:
    """Return the rule by which the options make labels; None where they name a label map."""
    from napari_eds.labels.rule import LabelRule

    if options.of is not None and options.superpixels is None:
        raise UsageError("--of names the image for --superpixels, which is not asked for")
    if getattr(options, "labels", None) is not None:
        return None
    with bad_options():
        if getattr(options, "labels_from", None) is not None:
            return LabelRule.beside(options.labels_from)
        if options.min_counts is not None:
            return LabelRule("min_counts", number=options.min_counts)
        if options.superpixels is not None:
            return LabelRule("superpixels", number=options.superpixels, of=options.of)
        if options.clusters is not None:
            return LabelRule("clusters", number=options.clusters)
        return LabelRule("whole") if options.whole else LabelRule.grid(_grid_size(options.grid))


def _grid_size(text: str) -> int | tuple[int, int]:
    sizes = sides(text, "--grid", "15 or 15x20")
    if not all(sizes):
        raise UsageError(f"chips of --grid {text} do not fit: give sides of 1 pixel or more")
    return sizes[0] if len(sizes) == 1 else (sizes[0], sizes[1])


def names(text: str) -> tuple[str, ...]:
    """Read names with commas between."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
