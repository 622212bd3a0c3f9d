"""Options of the command line that describe a run, and what they mean."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from napari_eds.cli.usage import (
    UsageError,
    at_least_1,
    bad_options,
    number,
    positive,
    sides,
    whole,
)
from napari_eds.errors import EDSError

if TYPE_CHECKING:
    import numpy as np

    from napari_eds.labels.chips import Chips
    from napari_eds.labels.rule import LabelRule
    from napari_eds.recipe.absorption import Absorption
    from napari_eds.recipe.map_part import MapPart
    from napari_eds.recipe.recipe import Recipe
    from napari_eds.spectra.spectrum_image import SpectrumImage

#: What ``--elements`` takes in place of names.
_FROM_MAP = ("file", "find")
#: What the output of a run is.
TABLE = "table of the result (.csv, .xlsx or .parquet); its recipe is saved beside it"


def add_run_options(parser: argparse.ArgumentParser, *, regions_needed: bool = True) -> None:
    """Add the options of a run: file, regions, recipe."""
    add_map_options(parser)
    _add_region_options(parser, needed=regions_needed)
    add_recipe_options(parser)


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a recipe."""
    _add_element_options(parser)
    _add_fit_options(parser)
    _add_correction_options(parser)


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
        type=_names,
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


def _add_region_options(parser: argparse.ArgumentParser, *, needed: bool = True) -> None:
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


def _add_element_options(parser: argparse.ArgumentParser) -> None:
    """Add what is quantified, by which k-factors, and where all of that is taken from."""
    parser.add_argument(
        "--elements",
        metavar="O,Ti,Sr_K",
        help="elements to quantify, with their family where needed; 'file' for those that the "
        "file names, 'find' for those that the spectrum shows",
    )
    parser.add_argument("--fit-only", metavar="Cu,C", help="elements to fit but not quantify")
    parser.add_argument(
        "--k-factors",
        type=Path,
        metavar="CSV",
        help="k-factor table; without one they are computed, for 40 to 400 keV",
    )
    parser.add_argument(
        "--convention",
        choices=("family", "alpha"),
        help="what the k-factors belong to, where neither the table nor theory tells",
    )
    parser.add_argument(
        "--recipe",
        type=Path,
        metavar="JSON",
        help="settings of an earlier run; other options override them",
    )


def _add_fit_options(parser: argparse.ArgumentParser) -> None:
    """Add how spectra are fitted, and how well it is known what the fit rests on."""
    from napari_eds.recipe.recipe import Background, Engine

    parser.add_argument(
        "--energy-range",
        nargs=2,
        type=number,
        metavar=("LOW", "HIGH"),
        help=f"fitted range in keV (default: {_default('energy_range_keV')})",
    )
    parser.add_argument(
        "--beam-energy", type=positive, metavar="KEV", help="default: that of the file"
    )
    parser.add_argument(
        "--no-calibrate", action="store_true", help="take the energy axis as the file gives it"
    )
    parser.add_argument(
        "--background",
        choices=get_args(Background),
        help=f"shape of the background (default: {_default('background')})",
    )
    parser.add_argument(
        "--engine",
        choices=get_args(Engine),
        help=f"how labels are fitted (default: {_default('engine')})",
    )
    parser.add_argument(
        "--uncertainty",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="standard deviation of what a composition rests on, part of the total error; can be "
        f"repeated. Names, their units and what is taken otherwise: {_uncertainty_names()}",
    )


def _add_correction_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--thickness", type=positive, metavar="NM", help="correct absorption for this thickness"
    )
    parser.add_argument(
        "--density",
        metavar="G_CM3",
        help="density in g/cm3, a known phase such as SrTiO3, or 'composition' (the default): "
        "what follows from the composition of each region",
    )
    parser.add_argument(
        "--take-off-angle", type=number, metavar="DEG", help="where the file gives none"
    )
    parser.add_argument(
        "--allow-beam-energy-mismatch",
        action="store_true",
        help="use k-factors for another beam energy all the same",
    )


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


def recipe_and_map(options: argparse.Namespace) -> tuple[Recipe, SpectrumImage]:
    """Return the recipe and the map that the options describe.

    The recipe comes first, whose faults show at once, unless its elements are those of the map.
    """
    from napari_eds.readers.reading import load

    if options.elements not in _FROM_MAP:
        recipe = recipe_from(options)
        return recipe, load(options.file, part=part_from(options))
    image = load(options.file, part=part_from(options))
    return recipe_from(_with_elements(options, image)), image


def _with_elements(options: argparse.Namespace, image: SpectrumImage) -> argparse.Namespace:
    """Return the options with the elements of the map in place of ``file`` or ``find``."""
    from napari_eds.elements.from_file import file_elements
    from napari_eds.elements.proposals import find_elements, recipe_elements

    if options.elements == "file":
        elements, fit_only = file_elements(image.acquisition)
        problem = "the file names no element to quantify: name them, or take --elements find"
    else:
        elements, fit_only = recipe_elements(
            find_elements(
                image.energy,
                image.total_spectrum(),
                image.acquisition,
                beam_energy_keV=options.beam_energy,
            )
        )
        problem = "no element is certain in the summed spectrum: name them with --elements"
    if options.fit_only is not None:
        asked = _names(options.fit_only)
        symbols = {name.partition("_")[0] for name in asked}
        elements, others = (
            tuple(e for e in names if e.partition("_")[0] not in symbols)
            for names in (elements, fit_only)
        )
        fit_only = (*asked, *others)
    if not elements:
        raise EDSError(problem)
    named = {"--elements": ",".join(elements), "--fit-only": ",".join(fit_only)}
    said = " ".join(f"{option} {names}" for option, names in named.items() if names)
    print(f"Elements {'of the file' if options.elements == 'file' else 'found'}: {said}")
    values = vars(options) | {"elements": named["--elements"], "fit_only": named["--fit-only"]}
    return argparse.Namespace(**values)


def recipe_from(options: argparse.Namespace) -> Recipe:
    """Build the recipe: that of ``--recipe``, if any, changed by the other options."""
    from napari_eds.physics.lines import check_element
    from napari_eds.recipe.k_factor_files import read_k_factors
    from napari_eds.recipe.recipe import Recipe
    from napari_eds.recipe.uncertainties import Uncertainties

    given = {
        "elements": _names_or_none(options.elements),
        "fit_only": _names_or_none(options.fit_only),
        "energy_range_keV": options.energy_range,
        "beam_energy_keV": options.beam_energy,
        "background": options.background,
        "engine": options.engine,
        "calibrate": False if options.no_calibrate else None,
        "absorption": _absorption(options),
        "allow_beam_energy_mismatch": options.allow_beam_energy_mismatch or None,
    }
    settings = {} if options.recipe is None else dict(Recipe.from_json(options.recipe))
    settings |= {name: value for name, value in given.items() if value is not None}
    if options.uncertainty:
        before = settings.get("uncertainties", Uncertainties())
        settings["uncertainties"] = {**dict(before), **_uncertainties(options.uncertainty)}
    if options.k_factors is not None:
        settings["k_factors"] = read_k_factors(
            options.k_factors,
            convention=options.convention,
            map_beam_energy_keV=settings.get("beam_energy_keV"),
        )
    if "elements" not in settings:
        raise UsageError("--elements is needed, or --recipe with the settings of a run")
    with bad_options():
        recipe = Recipe.create(**settings)
        for name in (*recipe.elements, *recipe.fit_only):
            check_element(name.partition("_")[0])
        return recipe


def _default(setting: str) -> str:
    """Return what a setting of the recipe is unless it is given."""
    from napari_eds.recipe.recipe import Recipe

    value = Recipe.model_fields[setting].get_default()
    return " to ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _uncertainty_names() -> str:
    """List the names, which end in their units, with what they are unless given."""
    from napari_eds.recipe.uncertainties import Uncertainties

    return ", ".join(f"{name}={value:g}" for name, value in Uncertainties())


def _uncertainties(texts: list[str]) -> dict[str, float]:
    """Read ``thickness_percent=20``."""
    from napari_eds.recipe.uncertainties import Uncertainties

    found = {}
    for text in texts:
        name, _, value = (part.strip() for part in text.partition("="))
        if name not in Uncertainties.model_fields:
            raise UsageError(
                f"--uncertainty {text!r}: there is no {name!r}; choose one of "
                f"{', '.join(Uncertainties.model_fields)}"
            )
        try:
            found[name] = float(value)
        except ValueError:
            raise UsageError(
                f"--uncertainty {text!r}: {value!r} is no number; write {name}=10, for example"
            ) from None
    return found


def _absorption(options: argparse.Namespace) -> Absorption | None:
    from pydantic import ValidationError

    from napari_eds.recipe.absorption import Absorption
    from napari_eds.recipe.recipe import recipe_error

    if options.thickness is None:
        # With a formula, a density alone is for solving the thickness.
        if options.density is not None and not hasattr(options, "formula"):
            raise UsageError("--density is for the absorption correction: give --thickness, too")
        return None
    try:
        return Absorption(
            thickness_nm=options.thickness,
            density_g_cm3=density_from(options),
            take_off_angle_deg=options.take_off_angle,
        )
    except ValidationError as problem:
        with bad_options():
            raise recipe_error(problem) from problem


def density_from(options: argparse.Namespace) -> float | None:
    """Return the density in g/cm3 of ``--density``, None if it follows from the composition."""
    from napari_eds.recipe.absorption import read_density

    with bad_options():
        return None if options.density is None else read_density(options.density)


def _names_or_none(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else _names(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
