"""The command ``napari-eds``."""
