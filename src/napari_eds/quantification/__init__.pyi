from .advice import ChipSizeAdvice, adaptive_chips_for_error, chip_size_advice, counts_for_error
from .calibration.known_region import RegionThickness, k_factors_from_region, thickness_from_region
from .calibration.zeta import zeta_factors_from_label
from .combinations import Combined, combined
from .frames.series import FrameResult, quantify_frames
from .methods.composition import Composition, MassThickness
from .methods.joint import DetectorAgreement, DetectorShare
from .pixels.kernels import Kernel
from .pixels.maps import PixelMaps, pixel_maps, recommended_kernel
from .profiles.figure import draw_profiles, save_profile_figure
from .profiles.interfaces import Interface
from .profiles.lines import (
    LineProfile,
    advised_bin_px,
    line_profile,
    save_profiles,
)
from .result import Quantification
from .run import quantify, quantify_by_zeta
from .saving.columns import save_column_maps
from .saving.results import save_maps
from .thickness.family_ratio import (
    FamilyRatio,
    family_ratio_from_label,
    thickness_from_families,
)
from .thickness.files import read_thickness_map
from .thickness.of_labels import LabelThickness, compare_thicknesses
from .thickness.ways import (
    thickness_from_formula,
    thickness_from_map,
    thickness_from_zeta,
)

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
