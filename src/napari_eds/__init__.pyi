from ._version import __version__
from .absorption import Absorption
from .acquisition import Acquisition, Detector
from .analysis import Quantification, quantify
from .chips import Chips, describe_labels, grid_chips
from .composition import parse_formula
from .detectors import DetectorComparison, compare_detectors
from .errors import (
    EDSError,
    KFactorError,
    LabelError,
    ModelError,
    ReadError,
    RecipeError,
    UncalibratedError,
)
from .find_elements import Proposal, find_elements
from .kfactors import KFactor, KFactorTable, read_k_factors, theoretical_k_factors
from .known_region import RegionThickness, k_factors_from_region, thickness_from_region
from .readers import load, read
from .recipe import AxisCorrection, Recipe
from .spectrum_image import AuxiliaryImage, EnergyAxis, LabelSpectra, SpectrumImage

__all__ = [
    "Absorption",
    "Acquisition",
    "AuxiliaryImage",
    "AxisCorrection",
    "Chips",
    "Detector",
    "DetectorComparison",
    "EDSError",
    "EnergyAxis",
    "KFactor",
    "KFactorError",
    "KFactorTable",
    "LabelError",
    "LabelSpectra",
    "ModelError",
    "Proposal",
    "Quantification",
    "ReadError",
    "Recipe",
    "RecipeError",
    "RegionThickness",
    "SpectrumImage",
    "UncalibratedError",
    "__version__",
    "compare_detectors",
    "describe_labels",
    "find_elements",
    "grid_chips",
    "k_factors_from_region",
    "load",
    "parse_formula",
    "quantify",
    "read",
    "read_k_factors",
    "theoretical_k_factors",
    "thickness_from_region",
]
