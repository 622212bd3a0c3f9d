from .hyperspy import LabelFile, read_hspy, save_hspy, to_hyperspy
from .session import Session, SessionError, load_session, repeat, save_session, session_beside
from .spectra import save_spectra

__all__ = [
    "LabelFile",
    "Session",
    "SessionError",
    "load_session",
    "read_hspy",
    "repeat",
    "save_hspy",
    "save_session",
    "save_spectra",
    "session_beside",
    "to_hyperspy",
]
