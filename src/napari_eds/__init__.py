"""Atomic percent from EDS spectrum images, region by region.

Importing this package costs next to nothing: every name below is imported on first use.
"""

import lazy_loader as _lazy

from napari_eds._support.travel import let_mappings_travel as _let_mappings_travel

_let_mappings_travel()

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
