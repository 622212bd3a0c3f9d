"""Which module of RosettaSciIO reads the files of an extension."""

from __future__ import annotations

PLUGINS = {
    ".bcf": "bruker",
    ".dm3": "digitalmicrograph",
    ".dm4": "digitalmicrograph",
    ".eds": "jeol",
    ".elid": "phenom",
    ".emi": "tia",
    ".ser": "tia",
    ".spc": "edax",
    ".spx": "bruker",
    ".zspy": "zspy",
}
