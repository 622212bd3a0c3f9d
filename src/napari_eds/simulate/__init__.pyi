from .conditions import Conditions, Phase
from .maps import (
    Simulation,
    lanthanum_ferrite_interface,
    lanthanum_ferrite_on_strontium_titanate,
    simulate,
)

__all__ = [
    "Conditions",
    "Phase",
    "Simulation",
    "lanthanum_ferrite_interface",
    "lanthanum_ferrite_on_strontium_titanate",
    "simulate",
]
