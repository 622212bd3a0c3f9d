from .acquisition import Acquisition, Detector
from .axes import EnergyAxis
from .drift import Drift, find_drift
from .frame_series import FrameSeries
from .label_sums import LabelSpectra
from .spectrum_image import AuxiliaryImage, SpectrumImage
from .windows import element_maps, window_map

__all__ = [
    "Acquisition",
    "AuxiliaryImage",
    "Detector",
    "Drift",
    "EnergyAxis",
    "FrameSeries",
    "LabelSpectra",
    "SpectrumImage",
    "element_maps",
    "find_drift",
    "window_map",
]
