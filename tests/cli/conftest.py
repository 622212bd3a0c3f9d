"""A small map on which a run takes a moment, with all that belongs to it."""

import json

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate
from velox_files import write_velox_map


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder of inputs, made once: copy what is to be worked on."""
    folder = tmp_path_factory.mktemp("made")
    simulated = lanthanum_ferrite_on_strontium_titanate((16, 16), counts_per_pixel=400)
    write_velox_map(folder / "map.emd", simulated.image, ("La", "Fe", "O", "Sr", "Ti"))
    image = eds.load(folder / "map.emd")
    labels = np.ones(image.shape, np.uint8)
    labels[8:] = 2
    np.save(folder / "labels.npy", labels)
    recipe = eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti"), fit_only=("Cu", "C", "Pt"), calibrate=False
    )
    result = eds.quantify(image, labels, recipe)
    result.to_csv(folder / "run.csv")
    eds.save_session(folder / "run.edsession", result)
    eds.save_hspy(result, folder / "run.hspy")
    eds.theoretical_k_factors(300, elements=recipe.elements).to_csv(folder / "kk.csv")
    # Files that are not what their names say.
    (folder / "text.emd").write_text("no HDF5 file")
    (folder / "empty.emd").write_bytes(b"")
    (folder / "cut.emd").write_bytes((folder / "map.emd").read_bytes()[:5000])
    (folder / "text.npy").write_text("no array")
    (folder / "words.json").write_text("no recipe")
    (folder / "list.json").write_text(json.dumps([1, 2]))
    (folder / "deep.json").write_text("[" * 100_000)
    (folder / "bad.csv").write_text("a,b\n1\n")
    (folder / "bytes.csv").write_bytes(bytes(range(256)))
    (folder / "bad.edsession").write_text("no zip file")
    np.save(folder / "small.npy", np.ones((3, 3), np.uint8))
    np.save(folder / "floats.npy", np.full((16, 16), 0.5))
    np.save(folder / "nothing.npy", np.zeros((16, 16), np.uint8))
    np.save(folder / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    return folder
