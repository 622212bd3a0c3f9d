"""Spectrum images whose truth is known."""
