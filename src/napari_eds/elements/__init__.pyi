from .line_candidates import Candidate, candidates
from .proposals import Evidence, Proposal, find_elements, search_elements

__all__ = ["Candidate", "Evidence", "Proposal", "candidates", "find_elements", "search_elements"]
