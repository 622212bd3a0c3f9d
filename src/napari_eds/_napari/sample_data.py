"""napari sample data: a simulated map of known composition, and a measured one.

Both are there within a second, and returned at once: napari takes a sample that returns no layers
for a failed one, so they cannot come later from a thread as those of files do.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_eds._napari.state.layers import LayerTuple


def lanthanum_ferrite() -> list[LayerTuple]:
    """Return the layers of a simulated LaFeO3 film on SrTiO3."""
    from napari_eds._napari.state.layers import image_layers
    from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

    return image_layers(lanthanum_ferrite_on_strontium_titanate().image)


def iron_platinum() -> list[LayerTuple]:
    """Return the layer of a measured map of FePt particles in shells of iron oxide."""
    from napari_eds._napari.state.layers import image_layers
    from napari_eds.readers.reading import load

    with as_file(files("napari_eds").joinpath("data", "core_shell.hdf5")) as path:
        image = load(path)
    # Without a source nobody is led to save sessions and tables beside it, among the package.
    return image_layers(replace(image, name="FePt core-shell particles", source=None))
