from .acquisition import Acquisition, Detector
from .axes import EnergyAxis
from .denoising import Denoised, denoise
from .drift import Drift, find_drift
from .frame_series import FrameSeries
from .label_sums import LabelSpectra
from .maximum import maximum_spectrum
from .overlays import Overlay, overlay, save_overlay
from .spectrum_image import AuxiliaryImage, SpectrumImage
from .windows import element_maps, window_map

__all__ = [
    "Acquisition",
    "AuxiliaryImage",
    "Denoised",
    "Detector",
    "Drift",
    "EnergyAxis",
    "FrameSeries",
    "LabelSpectra",
    "Overlay",
    "SpectrumImage",
    "denoise",
    "element_maps",
    "find_drift",
    "maximum_spectrum",
    "overlay",
    "save_overlay",
    "window_map",
]
