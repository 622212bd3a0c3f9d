"""Options of the command line that describe a run, and what they mean."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from napari_eds.cli.usage import UsageError, at_least_1, bad_options, number, positive, whole

if TYPE_CHECKING:
    import numpy as np

    from napari_eds.labels.chips import Chips
    from napari_eds.recipe.absorption import Absorption
    from napari_eds.recipe.recipe import Recipe
    from napari_eds.spectra.spectrum_image import SpectrumImage

#: What the output of a run is.
TABLE = "table of the result (.csv, or .parquet for Parquet); its recipe is saved beside it"


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run: file, regions, recipe."""
    add_map_options(parser)
    _add_region_options(parser)
    add_recipe_options(parser)


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a recipe, and of the detectors it is for."""
    parser.add_argument(
        "--detectors", type=_names, metavar="D1,D2", help="detectors to sum, by name (Velox)"
    )
    _add_fit_options(parser)
    _add_correction_options(parser)


def add_map_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which map of which file, and on which axis."""
    parser.add_argument("file", type=Path, help="file of the map")
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


def add_ome_option(parser: argparse.ArgumentParser) -> None:
    """Add the option for maps in one file."""
    parser.add_argument(
        "--ome-tiff",
        action="store_true",
        help="save the maps also as the channels of one OME-TIFF (at_pct.ome.tif)",
    )


def _add_region_options(parser: argparse.ArgumentParser) -> None:
    regions = parser.add_mutually_exclusive_group(required=True)
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
        "--labels", type=Path, metavar="FILE", help="label map: .npy, .tif or .png"
    )


def _add_fit_options(parser: argparse.ArgumentParser) -> None:
    from napari_eds.recipe.recipe import Background, Engine

    parser.add_argument(
        "--elements",
        metavar="O,Ti,Sr_K",
        help="elements to quantify, with their family where needed",
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
    from napari_eds.labels.chips import grid_chips, read_labels
    from napari_eds.labels.from_counts import adaptive_chips

    if options.labels is not None:
        return read_labels(options.labels)
    if options.min_counts is not None:
        return adaptive_chips(image.counts_map(), options.min_counts, counted=image.energy.counted)
    return grid_chips(image.shape, _grid_size(options.grid))


def _grid_size(text: str) -> int | tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise UsageError(f"--grid takes a number of pixels such as 15 or 15x20, not {text!r}")
    sizes = [int(part) for part in parts]
    if not all(sizes):
        raise UsageError(f"chips of --grid {text} do not fit: give sides of 1 pixel or more")
    return sizes[0] if len(sizes) == 1 else (sizes[0], sizes[1])


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
