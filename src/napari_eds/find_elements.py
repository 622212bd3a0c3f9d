"""Which elements a summed spectrum shows: a greedy search by score tests.

Starting from what is nearly always there, the element whose lines explain most of what the model
leaves over is added, the axis is calibrated anew where that matters, and so on until nothing that
is left can be proved. Only a line of its own proves an element: soft L and M lines, which crowd
below 1 keV, never do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations

import numpy as np
from scipy.linalg import qr, solve_triangular

from napari_eds import xray
from napari_eds.acquisition import Acquisition
from napari_eds.calibration import Calibration, calibrate
from napari_eds.errors import EDSError, ModelError
from napari_eds.model import DEFAULT_RESOLUTION_EV, SpectralModel
from napari_eds.refinement import corrected
from napari_eds.spectrum_image import EnergyAxis, SpectrumImage

#: Where the search starts: oxygen, the support or contamination, and the grid.
SEEDS = ("C", "O", "Cu")
