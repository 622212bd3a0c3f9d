"""Makes ``docs/images/chip_kinds_*.png``: every kind of chips, on a simulated and a measured map.

``python docs/make_chip_pictures.py [DATA_FOLDER]``
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from skimage.segmentation import find_boundaries

import napari_eds as eds

FOLDER = Path(__file__).parent / "images"
DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MAPS = {
    "simulated": ("simulated/LFO_STO_96.emd", ("La", "Fe", "O", "Sr", "Ti"), "O"),
    "measured": ("real/hspy/SiO2 EDS Spectrum Image.hspy", ("O", "Si"), "Si"),
}
FIT_ONLY = ("C", "Cu")


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_DATA
    for name, (file, elements, element) in MAPS.items():
        image = eds.load(data / file)
        picture(image, kinds(image, elements, element), FOLDER / f"chip_kinds_{name}.png")


def kinds(
    image: eds.SpectrumImage, elements: tuple[str, ...], element: str
) -> dict[str, eds.Chips]:
    """Return chips of every kind with what they were asked for."""
    counts = image.counts_map()
    rows, columns = image.shape
    recipe = eds.Recipe(elements=elements, fit_only=FIT_ONLY)
    ellipse = np.array([[0.1, 0.1], [0.1, 0.4], [0.4, 0.4], [0.4, 0.1]]) * (rows, columns)
    triangle = np.array([[0.5, 0.5], [0.9, 0.9], [0.9, 0.2]]) * (rows, columns)
    n = counts.sum() / 100
    return {
        "grid, 8 px": eds.grid_chips(image.shape, 8),
        f"at least {n:,.0f} counts": eds.adaptive_chips(counts, n),
        f"{element} within 2.5 at.%": eds.adaptive_chips_for_error(image, recipe, element, 2.5),
        "superpixels of 150 px": eds.superpixels([counts], mean_pixels=150, smoothing_px=1.0),
        "threshold (Otsu)": eds.threshold_regions(counts, min_pixels=10, smoothing_px=1.0),
        "watershed": eds.watershed_regions(counts, min_distance=2, min_pixels=10),
        "4 clusters (k-means)": eds.cluster_labels(image, 4),
        "drawn shapes": eds.labels_from_shapes(
            [("ellipse", ellipse), ("polygon", triangle)], image.shape
        ),
    }


def picture(image: eds.SpectrumImage, found: dict[str, eds.Chips], path: Path) -> None:
    """Draw the outlines of all kinds over the counts."""
    counts = image.counts_map()
    figure, axes = plt.subplots(2, 4, figsize=(11, 6), layout="constrained")
    for axis, (what, chips) in zip(axes.flat, found.items(), strict=True):
        axis.imshow(counts, cmap="gray", vmax=np.percentile(counts, 99.5))
        edges = find_boundaries(np.kron(chips.labels, np.ones((4, 4), int)), mode="inner")
        extent = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
        axis.imshow(np.where(edges, 1.0, np.nan), cmap="autumn_r", extent=extent, vmin=0, vmax=1)
        axis.set_title(f"{what}\nregions: {len(chips)}", fontsize=9)
        axis.set_axis_off()
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
