"""`Recipe`: every setting of one run, validated, immutable, saved beside each result."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from napari_eds._support.arguments import PATH, expect
from napari_eds._support.brief import brief
from napari_eds._support.files import existing_file
from napari_eds._support.outputs import write_files
from napari_eds.errors import RecipeError
from napari_eds.physics.detector_windows import DetectorWindow
from napari_eds.recipe.absorption import Absorption
from napari_eds.recipe.checked import Checked, recipe_error
from napari_eds.recipe.dose import Dose
from napari_eds.recipe.geometry import Geometry
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.map_part import MAP_PART, MapPart
from napari_eds.recipe.notebook import recipe_html
from napari_eds.recipe.uncertainties import Uncertainties
from napari_eds.recipe.zeta_factors import ZetaFactorTable

Engine = Literal["poisson", "linear", "nonlinear"]
Method = Literal["cliff_lorimer", "zeta"]
Detectors = Literal["sum", "joint"]
Background = Literal["auto", "polynomial", "physical"]
#: Key of a recipe's file that is no setting: the map of the run.
MAP_FILE = "map_file"
_NAME = re.compile("[A-Z][a-z]?(_[KLM])?")
#: Key of a saved recipe under which the image stands that it was used on.
_IMAGE = "image"
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class LowEnergyTail(Checked):
    """Incomplete charge collection: soft lines leak towards lower energy.

    Attributes
    ----------
    fraction : float
        Share of a line's counts in the tail.
    decay_keV : float
        Length of its exponential decay.
    below_keV : float or None
        Only lines below this energy have one; the absorption length of silicon is short there.
        None: `fraction` is that of O K, and of other lines in proportion to how strongly silicon
        absorbs them.
    """

    fraction: Annotated[float, Field(ge=0, lt=1)]
    decay_keV: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    below_keV: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = 1.0


class AxisCorrection(Checked):
    """Correction of an energy axis: true = (1 + gain) x energy of the file + offset."""

    offset_eV: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    gain_percent: Annotated[float, Field(gt=-50, lt=50, allow_inf_nan=False)] = 0.0


class RecipeFields(Checked):
    """The settings of one quantification, which `Recipe` and `RecipeDraft` have in common.

    `absorption` is left to them: in a draft it may lack its thickness.
    """

    elements: tuple[str, ...]
    k_factors: KFactorTable | None = None
    fit_only: tuple[str, ...] = ()
    energy_range_keV: tuple[Positive, Positive] = (0.2, 19.0)
    background: Background = "auto"
    background_order: Annotated[int, Field(ge=0, le=10)] = 6
    engine: Engine = "poisson"
    calibrate: bool = True
    axis_correction: AxisCorrection | None = None
    correct_lines: bool = True
    refine_line_ratios: bool = True
    low_energy_tail: LowEnergyTail | None = None
    non_negative: bool = False
    beam_energy_keV: Positive | None = None
    energy_resolution_MnKa_eV: Positive | None = None
    absorption: Any = None
    allow_beam_energy_mismatch: bool = False
    uncertainties: Uncertainties = Uncertainties()
    method: Method = "cliff_lorimer"
    zeta_factors: ZetaFactorTable | None = None
    dose: Dose = Dose()
    detectors: Detectors = "sum"
    geometry: Geometry = Geometry()
    detector_window: DetectorWindow | None = None


@brief
class Recipe(RecipeFields):
    """Settings of one quantification.

    Attributes
    ----------
    elements : tuple of str
        Elements to quantify, each a symbol (``"Sr"``: the hardest family in range at sufficient
        overvoltage) or a symbol and a family (``"Sr_K"``, ``"La_L"``).
    fit_only : tuple of str
        Elements that are in the spectrum and in the fit but not part of the specimen, such as
        the Cu of a grid. Leaving them out spoils the fit of the others.
    k_factors : KFactorTable or None
        None computes them from first principles, which every output then says. Those of the
        method ``"zeta"`` are its zeta-factors.
    energy_range_keV : (float, float)
        Range of the fit. The default starts above the zero peak.
    background : {"auto", "polynomial", "physical"}
        Shape of the background, settled on the summed spectrum: a polynomial, bremsstrahlung
        behind detector and specimen, or the polynomial unless bremsstrahlung is clearly better
        (``"poisson"`` only; HyperSpy's engines fit a polynomial to each label).
    background_order : int
        Order of the polynomial background.
    engine : {"poisson", "linear", "nonlinear"}
        Poisson maximum likelihood for all labels at once; or, as a check, HyperSpy's linear least
        squares with equal weights, or its bounded non-linear fit label by label.
    calibrate : bool
        Whether to fit offset and gain of the energy axis and the resolution to the summed
        spectrum, before the labels are fitted with them.
    axis_correction : AxisCorrection or None
        Offset and gain given by hand; the resolution is still fitted if `calibrate` says so.
    correct_lines : bool
        Whether K lines are drawn as doublets with measured K beta and integrated over channels
        (``"poisson"`` only) or exactly as eXSpy draws them.
    refine_line_ratios : bool
        Whether line ratios inside strong families follow the summed spectrum (``"poisson"``
        only).
    low_energy_tail : LowEnergyTail or None
        Tail of lines below 1 keV from incomplete charge collection (``"poisson"`` only).
    non_negative : bool
        Whether intensities are kept at or above zero (``"poisson"`` only). Means over labels are
        then biased.
    beam_energy_keV : float or None
        Overrides what the file says.
    energy_resolution_MnKa_eV : float or None
        Full width at half maximum at Mn Ka; overrides what the file says and is not fitted.
    absorption : Absorption or None
        Thickness, density and take-off angle; None leaves absorption uncorrected. The method
        ``"zeta"`` corrects it always and finds the thickness: there, density and angle alone
        are given here.
    allow_beam_energy_mismatch : bool
        Whether k-factors for another beam energy than the map's are used all the same.
    uncertainties : Uncertainties
        How well all else is known that a composition rests on; part of every total error.
    method : {"cliff_lorimer", "zeta"}
        Ratios of intensities; or intensities per electron, which give the mass thickness too.
    zeta_factors : ZetaFactorTable or None
        Those of the method ``"zeta"``.
    dose : Dose
        Current and times in place of the file's, for the method ``"zeta"``.
    detectors : {"sum", "joint"}
        Whether the summed spectra of all detectors are fitted as one; or those of each detector,
        with a calibration of its own, and quantified together, each with its gain and take-off
        angle, without detectors that contradict the others. ``"joint"`` reads the map's file.
    geometry : Geometry
        Tilt and directions of detectors in place of the file's, from which take-off angles follow.
    detector_window : {"none", "polymer", "silicon_nitride", "beryllium"} or None
        What soft X-rays have to cross, for computed k-factors and bremsstrahlung; overrides what
        the file says. Where neither does, none.

    Raises
    ------
    RecipeError
        If a setting is missing, unknown or impossible; the message names those at fault.
    """

    absorption: Absorption | None = None

    def _repr_html_(self) -> str:
        return recipe_html(self)

    @property
    def is_of_foil(self) -> bool:
        """Whether the specimen is said to be a foil: it has a thickness, given or to be found."""
        return self.absorption is not None or self.method == "zeta"

    @field_validator("elements", "fit_only", mode="before")
    @classmethod
    def _check_several(cls, names: Any) -> Any:
        if isinstance(names, str):
            raise ValueError(f"{names!r} is one text: give names apart, as in ('Fe', 'O')")
        return names

    @field_validator("elements", "fit_only")
    @classmethod
    def _check_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} is neither an element such as 'Sr' nor a family such as 'Sr_K'"
                )
        symbols = [name.partition("_")[0] for name in names]
        twice = sorted({s for s in symbols if symbols.count(s) > 1})
        if twice:
            raise ValueError(f"named more than once: {', '.join(twice)}")
        return names

    @model_validator(mode="after")
    def _check_together(self) -> Recipe:
        if not self.elements:
            raise ValueError("no element to quantify")
        both = {n.partition("_")[0] for n in self.elements} & {
            n.partition("_")[0] for n in self.fit_only
        }
        if both:
            raise ValueError(
                f"both quantified and fitted only: {', '.join(sorted(both))}; choose one"
            )
        low, high = self.energy_range_keV
        if low >= high:
            raise ValueError(f"the energy range {low:g} to {high:g} keV is empty")
        problem = self._problem_of_method()
        if problem:
            raise ValueError(problem)
        return self

    def _problem_of_method(self) -> str:
        """Say what is missing for the method, or what it has no use for."""
        thickness = self.absorption and self.absorption.thickness_nm
        if self.method == "zeta":
            if self.zeta_factors is None:
                return "the method 'zeta' needs zeta_factors: a table, or one made from a label"
            if thickness is not None:
                return (
                    "the method 'zeta' finds the thickness: leave absorption.thickness_nm out, "
                    f"which is {thickness:g}"
                )
        elif self.absorption is not None and thickness is None:
            return "absorption.thickness_nm is needed to correct absorption by Cliff-Lorimer"
        return ""

    def by_zeta(
        self,
        zeta_factors: ZetaFactorTable,
        *,
        dose: Dose | None = None,
        density_g_cm3: float | None = None,
        take_off_angle_deg: float | None = None,
    ) -> Recipe:
        """Return the recipe with the zeta-factor method.

        Parameters
        ----------
        zeta_factors : ZetaFactorTable
        dose : Dose, optional
        density_g_cm3, take_off_angle_deg : float, optional
            In place of what the recipe says; its thickness is left out.

        Raises
        ------
        RecipeError
            If a value is impossible.
        """
        had = self.absorption or Absorption()
        absorption = {
            "density_g_cm3": density_g_cm3 or had.density_g_cm3,
            "take_off_angle_deg": take_off_angle_deg or had.take_off_angle_deg,
        }
        changes = {"method": "zeta", "zeta_factors": zeta_factors, "dose": dose or self.dose}
        foil = absorption if any(absorption.values()) else None
        return Recipe.create(**{**dict(self), **changes, "absorption": foil})

    def as_json(
        self,
        map_file: str | None = None,
        part: MapPart | None = None,
        image: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the recipe, with its k-factors, as the text of a file.

        Parameters
        ----------
        map_file : str, optional
            Map that it was used on, as seen from the file; `map_beside` reads it.
        part : MapPart, optional
            The part of that map, kept beside the settings where it is not everything:
            `MapPart.from_recipe` reads it.
        image : mapping, optional
            What else to say of the image. `from_json` passes over all three.
        """
        said = {MAP_FILE: map_file, MAP_PART: part and part.to_dict(), _IMAGE: image}
        beside = {name: value for name, value in said.items() if value}
        if not beside:
            return self.model_dump_json(indent=2) + "\n"
        settings = {**self.model_dump(mode="json"), **beside}
        return json.dumps(settings, indent=2, ensure_ascii=False) + "\n"

    def to_json(
        self,
        path: str | Path,
        part: MapPart | None = None,
        *,
        image: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> None:
        """Save the recipe, with its k-factors.

        Parameters
        ----------
        path : str or Path
        part : MapPart, optional
        image : mapping, optional
            See `as_json`.
        overwrite : bool
            Whether to replace a file that is there.

        Raises
        ------
        OutputError
            If the file is there and may not be replaced.
        OSError
            If the folder does not exist or cannot be written.
        """
        write_files([path], [self.as_json(part=part, image=image)], overwrite=overwrite)

    @classmethod
    def from_json(cls, path: str | Path) -> Recipe:
        """Read a recipe that `to_json` saved.

        Raises
        ------
        FileNotFoundError
        RecipeError
            If the file is not a recipe; the message names the fields at fault.
        """
        expect(path=(path, PATH))
        content = existing_file(path, RecipeError).read_bytes()
        try:
            return cls.model_validate_json(_settings(content))
        except ValidationError as problem:
            raise recipe_error(problem, f"{Path(path).name}: ") from problem


def map_beside(path: str | Path) -> Path | None:
    """Return the map that a recipe's file names, if it names one; it may not be there.

    Raises
    ------
    FileNotFoundError
        If there is no such recipe.
    """
    path = Path(path)
    try:
        named = json.loads(path.read_bytes()).get(MAP_FILE)
    except (ValueError, AttributeError, RecursionError):
        return None
    return path.parent / named if isinstance(named, str) else None


def _settings(content: bytes) -> bytes:
    """Return a recipe's file without what it says of the map it was used on."""
    try:
        settings = json.loads(content)
    except (ValueError, RecursionError):
        return content  # pydantic says what is wrong
    beside = {MAP_FILE, MAP_PART, _IMAGE}
    if not isinstance(settings, dict) or not beside & settings.keys():
        return content
    return json.dumps({k: v for k, v in settings.items() if k not in beside}).encode()
