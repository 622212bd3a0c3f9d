"""The window that the command line opens on a result."""

import napari
import pytest

import napari_eds as eds
from napari_eds._napari.parts.panels import find_quantification
from napari_eds._napari.window import show
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

pytestmark = pytest.mark.usefixtures("hyperspy_is_there")


def test_the_workbench_knows_the_result(make_napari_viewer, monkeypatch):
    """What can be done with a result is offered, and its summary shown."""
    monkeypatch.setattr(napari, "Viewer", lambda **_: make_napari_viewer())
    image = lanthanum_ferrite_on_strontium_titanate((48, 48)).image
    recipe = eds.Recipe(elements=("La", "Fe", "O", "Sr", "Ti"), fit_only=("Cu", "C", "Pt"))
    viewer = show(eds.quantify(image, eds.grid_chips(image.shape, 12), recipe))
    dock = find_quantification(viewer)
    assert dock.table.enabled
    assert dock.save.enabled
    assert dock.status.text().startswith("16 labels")
