from napari_eds._version import __version__
from napari_eds.acquisition import Acquisition, Detector
from napari_eds.errors import EDSError, KFactorError, LabelError, ModelError, ReadError
from napari_eds.readers import load, read
from napari_eds.spectrum_image import AuxiliaryImage, EnergyAxis, LabelSpectra, SpectrumImage

__all__ = [
    "Acquisition",
    "AuxiliaryImage",
    "Detector",
    "EDSError",
    "EnergyAxis",
    "KFactorError",
    "LabelError",
    "LabelSpectra",
    "ModelError",
    "ReadError",
    "SpectrumImage",
    "__version__",
    "load",
    "read",
]
