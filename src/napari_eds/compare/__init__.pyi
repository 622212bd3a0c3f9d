from .known import KnownComparison, compare_known
from .results import Comparison, compare_results
from .tables import CompositionTable

__all__ = ["Comparison", "CompositionTable", "KnownComparison", "compare_known", "compare_results"]
