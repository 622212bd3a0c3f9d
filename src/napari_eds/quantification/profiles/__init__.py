"""Compositions along lines, and the interfaces that they cross."""
