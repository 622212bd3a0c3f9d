"""Velox `.emd` files, straight from their event streams."""
