"""JEOL maps `.pts`, straight from their event streams, and projects `.asw`."""
