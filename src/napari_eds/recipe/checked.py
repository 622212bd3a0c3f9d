"""`Checked`: settings that are validated, immutable, and know no names but their own.

What pydantic finds wrong with them is told in one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_eds._support.arguments import told
from napari_eds.errors import ArgumentError, RecipeError

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass as _Models
else:
    _Models = type(BaseModel)


class _InOneLine(_Models):
    """Has constructors raise errors of the package, in place of pydantic's report."""

    if not TYPE_CHECKING:  # what a constructor takes is known by the fields

        def __call__(cls, *unnamed: Any, **settings: Any) -> Any:  # noqa: N805 - a class of classes
            if unnamed:
                raise ArgumentError(
                    f"{cls.__name__} takes its settings by name, as in "
                    f"{cls.__name__}({next(iter(cls.model_fields))}=...), not {told(unnamed[0])}"
                )
            try:
                return super().__call__(**settings)
            except ValidationError as problem:
                raise recipe_error(problem) from problem


class Checked(BaseModel, metaclass=_InOneLine):
    """Base of a recipe and of its parts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def create(cls, **settings: Any) -> Self:
        """Build settings, as the constructor does."""
        return cls(**settings)


def recipe_error(problem: ValidationError, where: str = "") -> RecipeError:
    """Return what pydantic reports, in one line that names the fields at fault."""
    faults = []
    for error in problem.errors():
        if error["type"] == "default_factory_not_called":
            continue  # for another field is at fault, which is told
        place = ".".join(str(part) for part in error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        faults.append(f"{place}: {message}" if place else message)
    return RecipeError(f"{where}{'; '.join(faults)}")
