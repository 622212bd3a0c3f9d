from .densities import density_from_composition, density_of
from .formulas import parse_formula

__all__ = ["density_from_composition", "density_of", "parse_formula"]
