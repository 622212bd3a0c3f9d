"""napari writer: labels and at. % maps as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_eds._napari.parts.jobs import event_loop_runs
from napari_eds._napari.parts.saving import may_replace
from napari_eds._napari.state.layers import QUANTIFICATION
from napari_eds._support.csv_cells import csv_text
from napari_eds._support.outputs import write_files
from napari_eds.errors import EDSError
from napari_eds.labels.chips import describe_labels
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.saving.results import csv_files
from napari_eds.quantification.table import CHIP

LayerData = tuple[np.ndarray, dict[str, Any], str]


def write_csv(path: str, layers: Sequence[LayerData]) -> list[str]:
    """Save the quantification that layers hold, with its recipe, as CSV.

    Labels that were not quantified yet are saved as a table of where they lie. From a window the
    user is asked before files are replaced; from a script none is.

    Raises
    ------
    OutputError
        If a file is in the way.
    EDSError
        If the layers hold results of different runs, none at all, or labels that were changed
        after they were quantified.
    """
    results = _results(layers)
    labels = [(data, attributes) for data, attributes, kind in layers if kind == "labels"]
    if len(results) > 1:
        raise EDSError("the chosen layers hold results of different runs; save them one by one")
    if results:
        for data, attributes in labels:
            _check_current(data, attributes, results[0])
        overwrite = _may_replace(csv_files(path))
        return [str(written) for written in results[0].to_csv(path, overwrite=overwrite)]
    if len(labels) != 1:
        raise EDSError(
            "no quantification in the chosen layers; choose one Labels layer, or quantify first"
        )
    data, attributes = labels[0]
    text = csv_text(describe_labels(data, _names(attributes)))
    written = write_files([path], [text], overwrite=_may_replace([Path(path)]))
    return list(map(str, written))


def _may_replace(files: Sequence[Path]) -> bool:
    """Ask in a running window, where saving that is called off ends as an error."""
    return bool(event_loop_runs() and may_replace(None, files))


def _results(layers: Sequence[LayerData]) -> list[Quantification]:
    """Return the distinct results among the layers."""
    found = (attributes.get("metadata", {}).get(QUANTIFICATION) for _, attributes, _ in layers)
    return list({id(result): result for result in found if result is not None}.values())


def _check_current(data: np.ndarray, attributes: dict[str, Any], result: Quantification) -> None:
    if not np.array_equal(data, result.labels):
        raise EDSError(
            f"the labels of {attributes.get('name', 'the layer')!r} were changed after they were "
            "quantified; quantify again, or save one of its at. % maps to get the earlier result"
        )


def _names(attributes: dict[str, Any]) -> dict[int, str]:
    features = pd.DataFrame(attributes.get("features", {}))
    if not {"index", CHIP} <= set(features):
        return {}
    return dict(zip(features["index"], features[CHIP], strict=True))
