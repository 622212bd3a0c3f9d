from ._version import __version__
from .compare.results import Comparison, KnownComparison, compare_known, compare_results
from .elements.proposals import Proposal, find_elements
from .errors import (
    EDSError,
    KFactorError,
    LabelError,
    ModelError,
    ReadError,
    RecipeError,
    UncalibratedError,
)
from .exchange.hyperspy import LabelFile, read_hspy, save_hspy, to_hyperspy
from .exchange.session import (
    Session,
    SessionError,
    load_session,
    save_session,
    session_beside,
)
from .exchange.spectra import save_spectra
from .few_shot.chip_classes import ChipClasses, read_chip_classes
from .few_shot.classification import Classification, classify, read_classification
from .few_shot.export import (
    FewShotError,
    FewShotFormat,
    MapSize,
    export_few_shot,
    few_shot_grid,
    few_shot_map_size,
    support_from_painting,
)
from .labels.chips import Chips, describe_labels, grid_chips, read_labels
from .labels.edits import (
    fill_holes,
    grow_labels,
    in_reading_order,
    merge_labels,
    remove_small_labels,
    shrink_labels,
    smooth_labels,
    split_labels,
)
from .labels.from_counts import adaptive_chips, adaptive_chips_for_error
from .labels.from_images import resampled, superpixels, threshold_regions, watershed_regions
from .labels.from_shapes import labels_from_shapes
from .labels.from_spectra import cluster_labels
from .physics.absorption import Absorption
from .physics.formulas import parse_formula
from .quantification.advice import ChipSizeAdvice, chip_size_advice
from .quantification.kernels import Kernel
from .quantification.known_region import (
    RegionThickness,
    k_factors_from_region,
    thickness_from_region,
)
from .quantification.pixels import PixelMaps, pixel_maps, recommended_kernel
from .quantification.run import Quantification, quantify
from .readers import load, read
from .readers.detectors import DetectorComparison, compare_detectors
from .recipe.k_factors import KFactor, KFactorTable, read_k_factors, theoretical_k_factors
from .recipe.recipe import AxisCorrection, Recipe
from .spectra.acquisition import Acquisition, Detector
from .spectra.spectrum_image import AuxiliaryImage, EnergyAxis, LabelSpectra, SpectrumImage

__all__ = [
    "Absorption",
    "Acquisition",
    "AuxiliaryImage",
    "AxisCorrection",
    "ChipClasses",
    "ChipSizeAdvice",
    "Chips",
    "Classification",
    "Comparison",
    "Detector",
    "DetectorComparison",
    "EDSError",
    "EnergyAxis",
    "FewShotError",
    "FewShotFormat",
    "KFactor",
    "KFactorError",
    "KFactorTable",
    "Kernel",
    "KnownComparison",
    "LabelError",
    "LabelFile",
    "LabelSpectra",
    "MapSize",
    "ModelError",
    "PixelMaps",
    "Proposal",
    "Quantification",
    "ReadError",
    "Recipe",
    "RecipeError",
    "RegionThickness",
    "Session",
    "SessionError",
    "SpectrumImage",
    "UncalibratedError",
    "__version__",
    "adaptive_chips",
    "adaptive_chips_for_error",
    "chip_size_advice",
    "classify",
    "cluster_labels",
    "compare_detectors",
    "compare_known",
    "compare_results",
    "describe_labels",
    "export_few_shot",
    "few_shot_grid",
    "few_shot_map_size",
    "fill_holes",
    "find_elements",
    "grid_chips",
    "grow_labels",
    "in_reading_order",
    "k_factors_from_region",
    "labels_from_shapes",
    "load",
    "load_session",
    "merge_labels",
    "parse_formula",
    "pixel_maps",
    "quantify",
    "read",
    "read_chip_classes",
    "read_classification",
    "read_hspy",
    "read_k_factors",
    "read_labels",
    "recommended_kernel",
    "remove_small_labels",
    "resampled",
    "save_hspy",
    "save_session",
    "save_spectra",
    "session_beside",
    "shrink_labels",
    "smooth_labels",
    "split_labels",
    "superpixels",
    "support_from_painting",
    "theoretical_k_factors",
    "thickness_from_region",
    "threshold_regions",
    "to_hyperspy",
    "watershed_regions",
]
