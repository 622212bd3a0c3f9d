"""`RecipeDraft`: a recipe that is still being filled in, behind every form."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from napari_eds.errors import RecipeError
from napari_eds.recipe.checked import Checked
from napari_eds.recipe.recipe import Positive, Recipe, RecipeFields


class AbsorptionDraft(Checked):
    """The absorption correction to be; without a thickness there is none.

    The zeta-factor method finds the thickness and passes over the one that stands here.

    Attributes
    ----------
    thickness_nm : float or None
        None corrects nothing; density and angle are kept for when there is one.
    density_g_cm3 : float or None
        None lets it follow from each composition.
    take_off_angle_deg : float or None
        None takes the file's.
    """

    thickness_nm: Positive | None = None
    density_g_cm3: Positive | None = None
    take_off_angle_deg: Annotated[float, Field(gt=0, le=90)] | None = None


class RecipeDraft(RecipeFields):
    """Every setting of a `Recipe`, each of a possible value, but not yet checked together.

    A form writes one setting after the other, so on the way elements may be missing and the
    energy range may be empty. What is unset is None where the recipe says None.
    """

    elements: tuple[str, ...] = ()
    absorption: AbsorptionDraft = AbsorptionDraft()

    @classmethod
    def of(cls, recipe: Recipe) -> RecipeDraft:
        """Return the draft whose recipe this is."""
        corrected = recipe.absorption
        absorption = AbsorptionDraft(**({} if corrected is None else dict(corrected)))
        return cls(**{**dict(recipe), "absorption": absorption})

    def edited(self, **changes: Any) -> RecipeDraft:
        """Return the draft with some settings changed.

        Raises
        ------
        RecipeError
            If one of them is unknown or of no possible value.
        """
        return RecipeDraft.create(**{**dict(self), **changes})

    def recipe(self) -> Recipe:
        """Return the recipe.

        Raises
        ------
        RecipeError
            If settings are missing or do not go together.
        """
        if not self.elements:
            raise RecipeError("choose at least one element to quantify")
        foil: dict[str, Any] | None = dict(self.absorption)
        if self.method == "zeta":
            foil = {**dict(self.absorption), "thickness_nm": None}
            foil = foil if any(foil.values()) else None
        elif self.absorption.thickness_nm is None:
            foil = None
        return Recipe.create(**{**dict(self), "absorption": foil})
