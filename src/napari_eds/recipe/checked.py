"""`Checked`: settings that are validated, immutable, and know no names but their own."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_eds.recipe.problems import recipe_error


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
