from .acquisition import Acquisition, Detector
from .axes import EnergyAxis
from .denoising import Denoised, denoise
from .label_sums import LabelSpectra
from .maximum import maximum_spectrum
from .overlay import Overlay, overlay, save_overlay
from .spectrum_image import AuxiliaryImage, SpectrumImage
from .windows import element_maps, window_map

__all__ = [
    "Acquisition",
    "AuxiliaryImage",
    "Denoised",
    "Detector",
    "EnergyAxis",
    "LabelSpectra",
    "Overlay",
    "SpectrumImage",
    "denoise",
    "element_maps",
    "maximum_spectrum",
    "overlay",
    "save_overlay",
    "window_map",
]
