"""`Checked`: settings that are validated, immutable, and know no names but their own.

What pydantic finds wrong with them is told in one line.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_eds.errors import RecipeError


class Checked(BaseModel):
    """Base of a recipe and of its parts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def create(cls, **settings: Any) -> Self:
        """Build settings, turning pydantic's report into one readable `RecipeError`."""
        try:
            return cls(**settings)
        except ValidationError as problem:
            raise recipe_error(problem) from problem


def recipe_error(problem: ValidationError, where: str = "") -> RecipeError:
    """Return what pydantic reports, in one line that names the fields at fault."""
    faults = []
    for error in problem.errors():
        place = ".".join(str(part) for part in error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        faults.append(f"{place}: {message}" if place else message)
    return RecipeError(f"{where}{'; '.join(faults)}")
