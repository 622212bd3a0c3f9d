"""The panel *EDS thickness*."""
