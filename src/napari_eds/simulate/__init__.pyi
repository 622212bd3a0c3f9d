from .conditions import Conditions, Phase
from .detectors import (
    DetectorSimulation,
    SimulatedDetector,
    save_detectors,
    simulate_detectors,
)
from .frames import FrameSimulation, film_frames, simulate_frames
from .maps import (
    Simulation,
    lanthanum_ferrite_interface,
    lanthanum_ferrite_on_strontium_titanate,
    simulate,
)

__all__ = [
    "Conditions",
    "DetectorSimulation",
    "FrameSimulation",
    "Phase",
    "SimulatedDetector",
    "Simulation",
    "film_frames",
    "lanthanum_ferrite_interface",
    "lanthanum_ferrite_on_strontium_titanate",
    "save_detectors",
    "simulate",
    "simulate_detectors",
    "simulate_frames",
]
