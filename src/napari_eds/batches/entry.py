"""`BatchEntry`: what is known of one file of a batch, a row of its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_eds._support.brief import brief

State = Literal["waiting", "running", "done", "failed"]


@brief
@dataclass(frozen=True)
class BatchEntry:
    """One file of a batch and what became of it.

    Attributes
    ----------
    file : str
        As seen from the folder that all inputs have in common; also the name of its results.
    size_bytes : int
    modified_ns : int
        When the file was last changed, in ns since 1970.
    file_sha256 : str
    labels_sha256 : str
        Of the label file and the table of classes beside it; empty without.
    recipe_sha256 : str
        Of recipe, part of the map, and rule for labels.
    version : str
        Of napari-eds.
    state : {"waiting", "running", "done", "failed"}
    n_labels : int
    remark : str
        In what the file differs: elements seen in none of its labels, peaks of others, notes of
        the reader.
    error : str
        Why it failed.
    """

    file: str
    size_bytes: int = 0
    modified_ns: int = 0
    file_sha256: str = ""
    labels_sha256: str = ""
    recipe_sha256: str = ""
    version: str = ""
    state: State = "waiting"
    n_labels: int = 0
    remark: str = ""
    error: str = ""

    def _brief(self) -> str:
        return f"{self.file!r}, {self.state}"
