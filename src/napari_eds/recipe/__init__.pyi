from .absorption import Absorption
from .dose import Dose
from .geometry import Geometry
from .k_factor_files import read_k_factors
from .k_factor_theory import theoretical_k_factors
from .k_factors import KFactor, KFactorTable
from .map_part import MapPart
from .recipe import AxisCorrection, Background, Engine, LowEnergyTail, Recipe
from .uncertainties import Uncertainties
from .zeta_factors import ZetaFactorTable, read_zeta_factors, theoretical_zeta_factors

__all__ = [
    "Absorption",
    "AxisCorrection",
    "Background",
    "Dose",
    "Engine",
    "Geometry",
    "KFactor",
    "KFactorTable",
    "LowEnergyTail",
    "MapPart",
    "Recipe",
    "Uncertainties",
    "ZetaFactorTable",
    "read_k_factors",
    "read_zeta_factors",
    "theoretical_k_factors",
    "theoretical_zeta_factors",
]
