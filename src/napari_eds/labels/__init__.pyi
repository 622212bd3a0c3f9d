from .along_lines import Line
from .chips import Chips, describe_labels, grid_chips, whole_map
from .edits import (
    fill_holes,
    grow_labels,
    in_reading_order,
    merge_labels,
    remove_small_labels,
    shrink_labels,
    smooth_labels,
    split_labels,
)
from .files import read_labels
from .from_counts import adaptive_chips
from .from_images import resampled, superpixels, threshold_regions, watershed_regions
from .from_shapes import labels_from_shapes
from .from_spectra import cluster_labels
from .rule import LabelRule

__all__ = [
    "Chips",
    "LabelRule",
    "Line",
    "adaptive_chips",
    "cluster_labels",
    "describe_labels",
    "fill_holes",
    "grid_chips",
    "grow_labels",
    "in_reading_order",
    "labels_from_shapes",
    "merge_labels",
    "read_labels",
    "remove_small_labels",
    "resampled",
    "shrink_labels",
    "smooth_labels",
    "split_labels",
    "superpixels",
    "threshold_regions",
    "watershed_regions",
    "whole_map",
]
