from .from_file import file_elements
from .line_candidates import Candidate, candidates
from .proposals import Evidence, Proposal, find_elements, recipe_elements, search_elements

__all__ = [
    "Candidate",
    "Evidence",
    "Proposal",
    "candidates",
    "file_elements",
    "find_elements",
    "recipe_elements",
    "search_elements",
]
