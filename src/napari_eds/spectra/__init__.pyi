from .acquisition import Acquisition, Detector
from .axes import EnergyAxis
from .label_sums import LabelSpectra
from .spectrum_image import AuxiliaryImage, SpectrumImage
from .windows import element_maps, window_map

__all__ = [
    "Acquisition",
    "AuxiliaryImage",
    "Detector",
    "EnergyAxis",
    "LabelSpectra",
    "SpectrumImage",
    "element_maps",
    "window_map",
]
