from .detectors import DetectorComparison, compare_detectors
from .reading import load, read, read_frames

__all__ = ["DetectorComparison", "compare_detectors", "load", "read", "read_frames"]
