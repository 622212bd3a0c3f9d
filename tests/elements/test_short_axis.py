"""Elements on axes that end below their alpha lines, and above weaker ones."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.simulate import Phase, simulate

AXES = {"10 eV": eds.EnergyAxis(0.0, 0.01, 1024), "5 eV": eds.EnergyAxis(-0.2, 0.005, 2048)}


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize(
    ("phase", "density"),
    [
        ({"Bi": 20, "Fe": 20, "O": 60}, 8.3),
        ({"Pb": 20, "Ti": 20, "O": 60}, 7.9),
        ({"Tl": 40, "O": 60}, 10.2),
    ],
)
def test_ll_of_elements_whose_alpha_lies_above_is_no_other_element(axis, phase, density):
    """Ll of Tl, Pb and Bi, at 8.95 to 9.42 keV, lies where L alpha of Os, Ir and Pt would."""
    simulated = simulate(
        np.ones((2, 2), int),
        (Phase("phase", phase, density),),
        50.0,
        counts_per_pixel=1e5,
        energy=AXES[axis],
    )
    image = simulated.image
    found = eds.find_elements(image.energy, image.to_array().sum((0, 1)), image.acquisition)
    assert {p.element for p in found if p.certain} == set(phase)
