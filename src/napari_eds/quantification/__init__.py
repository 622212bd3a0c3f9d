"""Intensities to compositions with errors, per label and per pixel."""
