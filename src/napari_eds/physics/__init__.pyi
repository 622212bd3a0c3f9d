from .formulas import density_of, parse_formula

__all__ = ["density_of", "parse_formula"]
