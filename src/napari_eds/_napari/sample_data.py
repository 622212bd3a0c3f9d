"""napari sample data: a simulated map of known composition.

It is there within a second, and returned at once: napari takes a sample that returns no layers
for a failed one, so they cannot come later from a thread as those of files do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_eds._napari.state.layers import LayerTuple


def lanthanum_ferrite() -> list[LayerTuple]:
    """Return the layers of a simulated LaFeO3 film on SrTiO3."""
    from napari_eds._napari.state.layers import image_layers
    from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

    return image_layers(lanthanum_ferrite_on_strontium_titanate().image)
