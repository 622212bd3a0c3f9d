"""What is done with every file of a batch, as it is saved, sent to workers and known again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from napari_eds.errors import EDSError
from napari_eds.labels.rule import LabelRule, check_naming_rule
from napari_eds.recipe.map_part import MapPart
from napari_eds.recipe.recipe import Recipe

ReportFormat = Literal["html", "pdf"]


@dataclass(frozen=True)
class BatchSettings:
    """What is done with every file.

    Attributes
    ----------
    recipe : Recipe
    labels : LabelRule
    part : MapPart
        What of each file is read.
    classes : str or None
        Naming rule of a table of classes beside each map, whose chips are joined by class.
    maps, spectra, errors : bool
        Whether these are saved as well.
    report : {"html", "pdf"} or None
        Format of the report of each file, if one is written.

    Raises
    ------
    EDSError
        If a naming rule or a format is none.
    """

    recipe: Recipe
    labels: LabelRule
    part: MapPart = field(default_factory=MapPart)
    classes: str | None = None
    maps: bool = False
    spectra: bool = False
    errors: bool = False
    report: ReportFormat | None = None

    def __post_init__(self) -> None:
        if self.report not in (None, *get_args(ReportFormat)):
            raise EDSError(f"a report is written as html or pdf, not as {self.report!r}")
        if self.classes is not None:
            check_naming_rule(self.classes)

    @property
    def sha256(self) -> str:
        """Hash of all that moves numbers."""
        text = json.dumps(self._of_numbers(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON knows them; `from_dict` reads them."""
        names = ("maps", "spectra", "errors", "report")
        outputs = {name: getattr(self, name) for name in names}
        return self._of_numbers() | outputs

    def _of_numbers(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "labels": self.labels.to_dict(),
            "part": self.part.to_dict(),
            "classes": self.classes,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> BatchSettings:
        """Return the settings that `to_dict` wrote."""
        return cls(
            **values
            | {
                "recipe": Recipe.model_validate(values["recipe"]),
                "labels": LabelRule(**values["labels"]),
                "part": MapPart.from_dict(values["part"]),
            }
        )
