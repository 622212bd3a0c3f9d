"""Labels most of whose counts are of elements that are not quantified."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.simulate import Phase, simulate


@pytest.mark.parametrize("engine", ["poisson", "linear"])
def test_an_element_left_to_the_fit_is_told_where_it_is_most_of_a_label(engine):
    """Silica beside alumina: read with Si only fitted, the one is pure oxygen, and sure of it."""
    regions = np.repeat([[1, 2]], 2, axis=0)
    phases = (
        Phase("alumina", {"Al": 40, "O": 60}, 3.95),
        Phase("silica", {"Si": 33.3, "O": 66.7}, 2.2),
    )
    image = simulate(regions, phases, 50.0, counts_per_pixel=2e4).image
    recipe = eds.Recipe(
        elements=("O", "Al"),
        fit_only=("Si", "C", "Cu"),
        engine=engine,
        absorption=eds.Absorption(thickness_nm=50, density_g_cm3=3),
    )
    flags = eds.quantify(image, regions, recipe).table["flag"].tolist()
    assert "only fitted" not in flags[0]
    assert "much is only fitted: Si (" in flags[1]


def test_grid_and_support_are_told_where_next_to_nothing_else_is_there(data_dir):
    """Chips of carbon film without a grain, and chips full of alumina."""
    image = eds.load(data_dir / "real/jeol/64.pts")
    labels = eds.grid_chips(image.shape[:2], 10)
    recipe = eds.Recipe(elements=("O", "Al"), fit_only=("Si", "C", "Cu"))
    table = eds.quantify(image, labels.labels, recipe).table
    told = table["flag"].str.contains("only fitted")
    assert told[table["counts"] > 30_000].sum() == 0
    assert told[table["counts"] < 12_000].all()
