"""What is wrong with settings, from pydantic's report in one line."""

from __future__ import annotations

from pydantic import ValidationError

from napari_eds.errors import RecipeError


def recipe_error(problem: ValidationError, where: str = "") -> RecipeError:
    """Return what pydantic reports, in one line that names the fields at fault."""
    faults = []
    for error in problem.errors():
        place = ".".join(str(part) for part in error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        faults.append(f"{place}: {message}" if place else message)
    return RecipeError(f"{where}{'; '.join(faults)}")
