from .figures import save_figure
from .progress import (
    Check,
    Progress,
    begin,
    cancellable,
    check_cancelled,
    leavable,
    tell,
    telling,
    tells_steps,
)

__all__ = [
    "Check",
    "Progress",
    "begin",
    "cancellable",
    "check_cancelled",
    "leavable",
    "save_figure",
    "tell",
    "telling",
    "tells_steps",
]
