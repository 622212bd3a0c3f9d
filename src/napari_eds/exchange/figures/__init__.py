"""Figures for a paper: maps side by side, spectra with their fits, plots of compositions."""
