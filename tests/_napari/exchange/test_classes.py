"""Classes that are painted and named."""

import numpy as np
import pandas as pd
from napari.layers import Labels

from napari_eds._napari.exchange.classes import (
    name_class,
)


def test_names_of_classes_live_in_the_layer_beside_other_features():
    layer = Labels(np.array([[1, 2], [3, 0]]))
    layer.features = pd.DataFrame({"index": [1, 2], "chip": ["R0C0", "2"], "area": [4.0, 5.0]})
    name_class(layer, 2, "film")
    name_class(layer, 3, "cap")
    assert layer.features["chip"].tolist() == ["R0C0", "film", "cap"]
    assert layer.features["area"].tolist()[:2] == [4.0, 5.0]
    bare = Labels(np.array([[1, 2]]))
    name_class(bare, 2, "film")
    assert bare.features[["index", "chip"]].to_numpy().tolist() == [[2, "film"]]
