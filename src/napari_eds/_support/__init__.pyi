from .figures import save_figure
from .progress import Check, Progress, cancellable, check_cancelled

__all__ = ["Check", "Progress", "cancellable", "check_cancelled", "save_figure"]
