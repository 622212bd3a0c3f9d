"""Folders of small maps, one of them damaged, and the recipe for all."""

import shutil
from pathlib import Path

import pytest

import napari_eds as eds
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate
from velox_files import write_velox_map

SHIPPED = Path(eds.__file__).parent / "data" / "core_shell.hdf5"


@pytest.fixture(scope="session")
def recipe():
    return eds.Recipe(elements=("O", "Fe", "La_L", "Sr_K", "Ti"), fit_only=("C", "Cu", "Pt"))


@pytest.fixture(scope="session")
def made_maps(tmp_path_factory):
    """Three simulated maps, a measured one and a damaged one, in two folders; made once."""
    folder = tmp_path_factory.mktemp("made") / "maps"
    (folder / "more").mkdir(parents=True)
    for i in range(3):
        simulated = lanthanum_ferrite_on_strontium_titanate(
            (16, 16), counts_per_pixel=200 + 50 * i, seed=i
        )
        place = folder / "more" if i == 2 else folder
        write_velox_map(place / f"film{i}.emd", simulated.image, ("La", "Fe"))
    shutil.copyfile(SHIPPED, folder / "measured.hdf5")
    (folder / "cut.emd").write_bytes((folder / "film0.emd").read_bytes()[:5000])
    return folder


@pytest.fixture
def maps(made_maps, tmp_path):
    """A copy of them that a test may change."""
    shutil.copytree(made_maps, tmp_path / "maps")
    return tmp_path / "maps"


@pytest.fixture(scope="session")
def reference(made_maps, recipe, tmp_path_factory):
    """What one worker makes of them."""
    output = tmp_path_factory.mktemp("reference") / "out"
    return eds.batch(made_maps, recipe, 8, output, workers=1)
