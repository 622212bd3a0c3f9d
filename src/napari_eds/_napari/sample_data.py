"""napari sample data: a simulated map of known composition."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_eds._napari.state.layers import LayerTuple


def lanthanum_ferrite() -> list[LayerTuple]:
    """Return the layers of a simulated LaFeO3 film on SrTiO3, at once or from a running window."""
    from napari import current_viewer

    from napari_eds._napari.parts.jobs import event_loop_runs
    from napari_eds._napari.reader import load_in_background

    viewer = current_viewer()
    if viewer is not None and event_loop_runs():
        return load_in_background(_simulate, "simulating a map", viewer)
    return _simulate()


def _simulate() -> list[LayerTuple]:
    from napari_eds._napari.state.layers import image_layers
    from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

    return image_layers(lanthanum_ferrite_on_strontium_titanate().image)
