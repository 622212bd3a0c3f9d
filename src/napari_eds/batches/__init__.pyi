from .entry import BatchEntry
from .run import BatchResult, batch

__all__ = ["BatchEntry", "BatchResult", "batch"]
