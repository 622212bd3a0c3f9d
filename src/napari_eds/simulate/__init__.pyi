from .conditions import Conditions, Phase
from .frames import FrameSimulation, film_frames, simulate_frames
from .maps import (
    Simulation,
    lanthanum_ferrite_interface,
    lanthanum_ferrite_on_strontium_titanate,
    simulate,
)

__all__ = [
    "Conditions",
    "FrameSimulation",
    "Phase",
    "Simulation",
    "film_frames",
    "lanthanum_ferrite_interface",
    "lanthanum_ferrite_on_strontium_titanate",
    "simulate",
    "simulate_frames",
]
