"""What the user asks for: elements, k-factors, absorption, fit; validated and saved."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
