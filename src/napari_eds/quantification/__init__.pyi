from .advice import ChipSizeAdvice, adaptive_chips_for_error, chip_size_advice, counts_for_error
from .combinations import Combined, combined
from .composition import Composition, MassThickness
from .interfaces import Interface
from .kernels import Kernel
from .known_region import RegionThickness, k_factors_from_region, thickness_from_region
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
from .zeta_calibration import zeta_factors_from_label

__all__ = [
    "ChipSizeAdvice",
    "Combined",
    "Composition",
    "FrameResult",
    "Interface",
    "Kernel",
    "LineProfile",
    "MassThickness",
    "PixelMaps",
    "Quantification",
    "RegionThickness",
    "adaptive_chips_for_error",
    "advised_bin_px",
    "chip_size_advice",
    "combined",
    "counts_for_error",
    "draw_profiles",
    "k_factors_from_region",
    "line_profile",
    "pixel_maps",
    "quantify",
    "quantify_by_zeta",
    "quantify_frames",
    "recommended_kernel",
    "save_column_maps",
    "save_maps",
    "save_profile_figure",
    "save_profiles",
    "thickness_from_region",
    "zeta_factors_from_label",
]
