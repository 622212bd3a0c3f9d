"""What atoms, a foil and a detector do to X-rays: tables and formulas, nothing measured."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
