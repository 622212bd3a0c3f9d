from .detectors import DetectorComparison, compare_detectors
from .reading import load, read

__all__ = ["DetectorComparison", "compare_detectors", "load", "read"]
