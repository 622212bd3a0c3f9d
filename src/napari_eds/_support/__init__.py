"""What may be written where, files written whole, progress, versions, HyperSpy kept quiet."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
