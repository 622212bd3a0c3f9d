"""Compositions frame by frame."""
