from .advice import ChipSizeAdvice, adaptive_chips_for_error, chip_size_advice, counts_for_error
from .cliff_lorimer import Composition
from .combined import Combined, combined
from .interfaces import Interface
from .kernels import Kernel
from .known_region import RegionThickness, k_factors_from_region, thickness_from_region
from .over_frames import FrameResult, quantify_frames
from .pixels import PixelMaps, pixel_maps, recommended_kernel
from .profiles import (
    LineProfile,
    advised_bin_px,
    draw_profiles,
    line_profile,
    save_profile_figure,
    save_profiles,
)
from .result import Quantification
from .run import quantify
from .saved_maps import save_column_maps
from .saving import save_maps

__all__ = [
    "ChipSizeAdvice",
    "Combined",
    "Composition",
    "FrameResult",
    "Interface",
    "Kernel",
    "LineProfile",
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
    "quantify_frames",
    "recommended_kernel",
    "save_column_maps",
    "save_maps",
    "save_profile_figure",
    "save_profiles",
    "thickness_from_region",
]
