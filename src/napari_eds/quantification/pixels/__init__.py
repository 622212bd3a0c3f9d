"""Compositions of single pixels, averaged with their neighbours."""
