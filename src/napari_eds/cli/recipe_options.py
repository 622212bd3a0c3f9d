"""Options of the command line that describe a recipe and a run, and what they mean."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from napari_eds.cli.options import add_map_options, add_region_options, names, part_from
from napari_eds.cli.usage import UsageError, bad_options, number, positive
from napari_eds.errors import EDSError
from napari_eds.physics.detector_windows import WINDOWS

if TYPE_CHECKING:
    from napari_eds.recipe.absorption import Absorption
    from napari_eds.recipe.dose import Dose
    from napari_eds.recipe.geometry import Geometry
    from napari_eds.recipe.recipe import Recipe
    from napari_eds.recipe.zeta_factors import ZetaFactorTable
    from napari_eds.spectra.spectrum_image import SpectrumImage

#: What ``--elements`` takes in place of names.
_FROM_MAP = ("file", "find")


def add_run_options(parser: argparse.ArgumentParser, *, regions_needed: bool = True) -> None:
    """Add the options of a run: file, regions, recipe."""
    add_map_options(parser)
    add_region_options(parser, needed=regions_needed)
    add_recipe_options(parser)


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a recipe."""
    _add_element_options(parser)
    _add_fit_options(parser)
    _add_correction_options(parser)
    _add_method_options(parser)


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
        "--take-off-angle",
        type=number,
        metavar="DEG",
        help="in place of the file's",
    )
    _add_detector_options(parser)
    parser.add_argument(
        "--allow-beam-energy-mismatch",
        action="store_true",
        help="use k-factors for another beam energy all the same",
    )


def _add_detector_options(parser: argparse.ArgumentParser) -> None:
    """Add where detectors stand, behind what, and whether each is fitted by itself."""
    parser.add_argument(
        "--detector-window",
        choices=WINDOWS,
        help="what soft X-rays have to cross into the detector, for computed k-factors and "
        "--background physical (default: that of the file, or none)",
    )
    parser.add_argument(
        "--joint-detectors",
        action="store_true",
        help="fit each detector of the file by itself and quantify all together, each with its "
        "gain and take-off angle, without those that contradict the others",
    )
    parser.add_argument(
        "--tilt",
        nargs=2,
        type=number,
        metavar=("ALPHA", "BETA"),
        help="tilt of the specimen about both axes of the stage in degrees, not the file's",
    )
    parser.add_argument(
        "--elevation",
        type=number,
        metavar="DEG",
        help="of the detectors above the plane normal to the beam, in place of the file's",
    )
    parser.add_argument(
        "--azimuth",
        metavar="DEG,DEG",
        help="of each detector, or one for all, in place of the file's",
    )


def _add_method_options(parser: argparse.ArgumentParser) -> None:
    """Add how intensities become compositions, and the dose that zeta-factors need."""
    from napari_eds.recipe.recipe import Method

    parser.add_argument(
        "--method",
        choices=get_args(Method),
        help="ratios of intensities, or zeta-factors, which tell the thickness too (default: "
        "zeta where --zeta-factors is given, otherwise cliff_lorimer)",
    )
    parser.add_argument(
        "--zeta-factors",
        type=Path,
        metavar="CSV",
        help="table of zeta-factors or of partial ionisation cross-sections",
    )
    parser.add_argument(
        "--beam-current-nA",
        type=positive,
        metavar="NA",
        help="beam current in place of the file's, for zeta-factors",
    )


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
        asked = names(options.fit_only)
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
    from napari_eds.recipe.recipe import Recipe

    before = {} if options.recipe is None else dict(Recipe.from_json(options.recipe))
    method = _method(options, before)
    settings = before | _given(options, before, method)
    if options.uncertainty:
        from napari_eds.recipe.uncertainties import Uncertainties

        stated = before.get("uncertainties", Uncertainties())
        settings["uncertainties"] = {**dict(stated), **_uncertainties(options.uncertainty)}
    if options.k_factors is not None:
        from napari_eds.recipe.k_factor_files import read_k_factors

        settings["k_factors"] = read_k_factors(
            options.k_factors,
            convention=options.convention,
            map_beam_energy_keV=settings.get("beam_energy_keV"),
        )
    if "elements" not in settings:
        raise UsageError("--elements is needed, or --recipe with the settings of a run")
    with bad_options():
        recipe = _by_method(settings, method)
        for name in (*recipe.elements, *recipe.fit_only):
            check_element(name.partition("_")[0])
        return recipe


def _given(options: argparse.Namespace, before: dict[str, Any], method: str) -> dict[str, Any]:
    """Return the settings that options give, but for k-factors and uncertainties."""
    given = {
        "elements": _names_or_none(options.elements),
        "fit_only": _names_or_none(options.fit_only),
        "energy_range_keV": options.energy_range,
        "beam_energy_keV": options.beam_energy,
        "background": options.background,
        "engine": options.engine,
        "calibrate": False if options.no_calibrate else None,
        "absorption": _absorption(options, method),
        "allow_beam_energy_mismatch": options.allow_beam_energy_mismatch or None,
        "zeta_factors": _zeta_factors(options),
        "dose": dose_from(options, before.get("dose")),
        "detectors": "joint" if options.joint_detectors else None,
        "detector_window": options.detector_window,
        "geometry": geometry_from(options, before.get("geometry")),
    }
    return {name: value for name, value in given.items() if value is not None}


def _method(options: argparse.Namespace, before: dict[str, Any]) -> str:
    """Return how intensities are quantified: a table of zeta-factors asks for their method."""
    if options.method is not None:
        return str(options.method)
    if options.zeta_factors is not None:
        return "zeta"
    return str(before.get("method", "cliff_lorimer"))


def _by_method(settings: dict[str, Any], method: str) -> Recipe:
    """Return the recipe with a method, for which a thickness of ``--recipe`` may be of no use."""
    from napari_eds.recipe.recipe import Recipe

    zeta = settings.get("zeta_factors")
    if method == "zeta" and zeta is None:
        raise UsageError("--method zeta needs --zeta-factors, or --recipe with a table of them")
    foil = settings.get("absorption")
    if method == "cliff_lorimer" and foil is not None and foil.thickness_nm is None:
        raise UsageError("--method cliff_lorimer corrects absorption for a --thickness: give it")
    if zeta is None or method != "zeta":
        return Recipe.create(**{**settings, "method": method})
    had = {} if foil is None else {**dict(foil), "thickness_nm": None}
    plain = {**settings, "method": "zeta", "absorption": had or None}
    return Recipe.create(**plain)


def _zeta_factors(options: argparse.Namespace) -> ZetaFactorTable | None:
    from napari_eds.recipe.zeta_factors import read_zeta_factors

    return None if options.zeta_factors is None else read_zeta_factors(options.zeta_factors)


def dose_from(options: argparse.Namespace, before: Dose | None = None) -> Dose | None:
    """Return the dose with what ``--beam-current-nA`` states; None where it is not given."""
    from napari_eds.recipe.dose import Dose

    current = options.beam_current_nA
    if current is None:
        return None
    return (before or Dose()).model_copy(update={"beam_current_nA": current})


def geometry_from(options: argparse.Namespace, before: Geometry | None = None) -> Geometry | None:
    """Return tilt and directions with what options state; None where nothing is given."""
    from napari_eds.recipe.geometry import Geometry

    given = {
        "tilt_deg": options.tilt and tuple(options.tilt),
        "elevation_deg": options.elevation,
        "azimuth_deg": options.azimuth and _angles(options.azimuth),
    }
    stated = {name: value for name, value in given.items() if value is not None}
    if not stated:
        return None
    with bad_options():
        return Geometry.create(**{**dict(before or Geometry()), **stated})


def _angles(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--azimuth {text}: give degrees, such as 45,135,225,315") from None


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


def _absorption(options: argparse.Namespace, method: str) -> Absorption | None:
    from napari_eds.recipe.absorption import Absorption

    # An angle that none can be is refused also where nothing comes of it.
    with bad_options():
        Absorption.create(take_off_angle_deg=options.take_off_angle)
    if options.thickness is None and method != "zeta":
        # With a formula, a density alone is for solving the thickness.
        if options.density is not None and not hasattr(options, "formula"):
            raise UsageError("--density is for the absorption correction: give --thickness, too")
        return None
    if options.thickness is not None and method == "zeta":
        raise UsageError("--thickness is what zeta-factors find: leave it out with --method zeta")
    if all(o is None for o in (options.thickness, options.density, options.take_off_angle)):
        return None
    density = density_from(options)
    with bad_options():
        return Absorption.create(
            thickness_nm=options.thickness,
            density_g_cm3=density,
            take_off_angle_deg=options.take_off_angle,
        )


def density_from(options: argparse.Namespace) -> float | None:
    """Return the density in g/cm3 of ``--density``, None if it follows from the composition."""
    from napari_eds.recipe.absorption import read_density

    with bad_options():
        return None if options.density is None else read_density(options.density)


def _names_or_none(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else names(text)
