from .advice import ChipSizeAdvice, adaptive_chips_for_error, chip_size_advice, counts_for_error
from .combinations import Combined, combined
from .composition import Composition, MassThickness
from .family_ratio import (
    FamilyRatio,
    family_ratio_from_label,
    thickness_from_families,
)
from .interfaces import Interface
from .joint import DetectorAgreement, DetectorShare
from .kernels import Kernel
from .known_region import RegionThickness, k_factors_from_region, thickness_from_region
from .label_thickness import LabelThickness, compare_thicknesses
from .over_frames import FrameResult, quantify_frames
from .pixels import PixelMaps, pixel_maps, recommended_kernel
from .profile_figure import draw_profiles, save_profile_figure
from .profiles import (
    LineProfile,
    advised_bin_px,
    line_profile,
    save_profiles,
)
from .result import Quantification
from .run import quantify, quantify_by_zeta
from .saved_maps import save_column_maps
from .saving import save_maps
from .thickness_files import read_thickness_map
from .thickness_ways import (
    thickness_from_formula,
    thickness_from_map,
    thickness_from_zeta,
)
from .zeta_calibration import zeta_factors_from_label

__all__ = [
    "ChipSizeAdvice",
    "Combined",
    "Composition",
    "DetectorAgreement",
    "DetectorShare",
    "FamilyRatio",
    "FrameResult",
    "Interface",
    "Kernel",
    "LabelThickness",
    "LineProfile",
    "MassThickness",
    "PixelMaps",
    "Quantification",
    "RegionThickness",
    "adaptive_chips_for_error",
    "advised_bin_px",
    "chip_size_advice",
    "combined",
    "compare_thicknesses",
    "counts_for_error",
    "draw_profiles",
    "family_ratio_from_label",
    "k_factors_from_region",
    "line_profile",
    "pixel_maps",
    "quantify",
    "quantify_by_zeta",
    "quantify_frames",
    "read_thickness_map",
    "recommended_kernel",
    "save_column_maps",
    "save_maps",
    "save_profile_figure",
    "save_profiles",
    "thickness_from_families",
    "thickness_from_formula",
    "thickness_from_map",
    "thickness_from_region",
    "thickness_from_zeta",
    "zeta_factors_from_label",
]
