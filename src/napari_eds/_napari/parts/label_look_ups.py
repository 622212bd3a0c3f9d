"""Look-ups from labels to colours, which napari compiles when a layer first needs them."""

from __future__ import annotations

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap


def compile_look_ups(n_colors: int, dtype: np.dtype) -> None:
    """Have them compiled for labels of a type with so many colours; for any thread.

    Making a Labels layer would do so, too, but silences warnings meanwhile, and Python keeps one
    set of filters for all threads. Nothing public of napari compiles them alone.
    """
    colormap = CyclicLabelColormap(colors=np.zeros((n_colors, 4), np.float32))
    look_up = getattr(colormap, "_data_to_texture", None)
    if look_up is None:
        return
    for n_dimensions in (1, 2):
        look_up(np.zeros((2,) * n_dimensions, dtype))
