from .advice import ChipSizeAdvice, adaptive_chips_for_error, chip_size_advice, counts_for_error
from .cliff_lorimer import Composition
from .kernels import Kernel
from .known_region import RegionThickness, k_factors_from_region, thickness_from_region
from .pixels import PixelMaps, pixel_maps, recommended_kernel
from .result import Quantification
from .run import quantify
from .saving import save_maps
from .thickness import ZetaQuantification, quantify_by_zeta, zeta_factors_from_label

__all__ = [
    "ChipSizeAdvice",
    "Composition",
    "Kernel",
    "PixelMaps",
    "Quantification",
    "RegionThickness",
    "ZetaQuantification",
    "adaptive_chips_for_error",
    "chip_size_advice",
    "counts_for_error",
    "k_factors_from_region",
    "pixel_maps",
    "quantify",
    "quantify_by_zeta",
    "recommended_kernel",
    "save_maps",
    "thickness_from_region",
    "zeta_factors_from_label",
]
