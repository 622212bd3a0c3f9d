"""Intensities to compositions: Cliff-Lorimer and zeta-factors, one detector or several."""
