"""k- and zeta-factors, or a thickness, from a region of known composition."""
