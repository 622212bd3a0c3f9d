"""Options of the command line that describe a run, and what they mean."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from napari_eds.errors import EDSError, RecipeError

if TYPE_CHECKING:
    import numpy as np

    from napari_eds.labels.chips import Chips
    from napari_eds.recipe.absorption import Absorption
    from napari_eds.recipe.recipe import Recipe
    from napari_eds.spectra.spectrum_image import SpectrumImage


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run: file, regions, recipe."""
    add_map_options(parser)
    _add_region_options(parser)
    add_recipe_options(parser)


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a recipe, and of the detectors it is for."""
    parser.add_argument(
        "--detectors", type=_names, metavar="D1,D2", help="detectors to sum, by name"
    )
    _add_fit_options(parser)
    _add_correction_options(parser)


def add_map_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which map of which file, and on which axis."""
    parser.add_argument("file", type=Path)
    parser.add_argument("--index", type=int, help="which map, where the file holds several")
    parser.add_argument(
        "--energy-axis",
        nargs=2,
        type=float,
        metavar=("OFFSET", "SCALE"),
        help="energy of channel 0 and keV per channel, where the file gives none",
    )


def _add_region_options(parser: argparse.ArgumentParser) -> None:
    regions = parser.add_mutually_exclusive_group(required=True)
    regions.add_argument(
        "--grid", metavar="PX", help="chips of so many pixels: 15 or 15x20 (rows x columns)"
    )
    regions.add_argument(
        "--min-counts",
        type=int,
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
        "--energy-range", nargs=2, type=float, metavar=("LOW", "HIGH"), help="fitted range in keV"
    )
    parser.add_argument("--beam-energy", type=float, metavar="KEV")
    parser.add_argument(
        "--no-calibrate", action="store_true", help="take the energy axis as the file gives it"
    )
    parser.add_argument("--background", choices=get_args(Background))
    parser.add_argument("--engine", choices=get_args(Engine))
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
        "--thickness", type=float, metavar="NM", help="correct absorption for this thickness"
    )
    parser.add_argument(
        "--density",
        metavar="G_CM3",
        help="density in g/cm3, a known phase such as SrTiO3, or 'composition' (the default): "
        "what follows from the composition of each region",
    )
    parser.add_argument(
        "--take-off-angle", type=float, metavar="DEG", help="where the file gives none"
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
        raise EDSError(f"--grid takes a number of pixels such as 15 or 15x20, not {text!r}")
    sizes = [int(part) for part in parts]
    return sizes[0] if len(sizes) == 1 else (sizes[0], sizes[1])


def recipe_from(options: argparse.Namespace) -> Recipe:
    """Build the recipe: that of ``--recipe``, if any, changed by the other options."""
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
        raise RecipeError("--elements is needed, or --recipe with the settings of a run")
    return Recipe.create(**settings)


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
            raise RecipeError(
                f"--uncertainty {text!r}: there is no {name!r}; choose one of "
                f"{', '.join(Uncertainties.model_fields)}"
            )
        try:
            found[name] = float(value)
        except ValueError:
            raise RecipeError(
                f"--uncertainty {text!r}: {value!r} is no number; write {name}=10, for example"
            ) from None
    return found


def _absorption(options: argparse.Namespace) -> Absorption | None:
    from napari_eds.recipe.absorption import Absorption

    if options.thickness is None:
        # With a formula, a density alone is for solving the thickness.
        if options.density is not None and not hasattr(options, "formula"):
            raise RecipeError("--density is for the absorption correction: give --thickness, too")
        return None
    return Absorption(
        thickness_nm=options.thickness,
        density_g_cm3=density_from(options),
        take_off_angle_deg=options.take_off_angle,
    )


def density_from(options: argparse.Namespace) -> float | None:
    """Return the density in g/cm3 of ``--density``, None if it follows from the composition."""
    from napari_eds.recipe.absorption import read_density

    return None if options.density is None else read_density(options.density)


def _names_or_none(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else _names(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
