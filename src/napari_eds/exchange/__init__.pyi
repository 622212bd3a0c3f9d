from .figures.montage import map_figure
from .figures.page import FigureStyle
from .figures.plots import plot_figure
from .figures.spectrum import spectrum_figure
from .hyperspy import LabelFile, read_hspy, save_hspy, to_hyperspy
from .report.saving import save_report
from .session import Session, SessionError, load_session, repeat, save_session, session_beside
from .spectra import save_spectra

__all__ = [
    "FigureStyle",
    "LabelFile",
    "Session",
    "SessionError",
    "load_session",
    "map_figure",
    "plot_figure",
    "read_hspy",
    "repeat",
    "save_hspy",
    "save_report",
    "save_session",
    "save_spectra",
    "session_beside",
    "spectrum_figure",
    "to_hyperspy",
]
