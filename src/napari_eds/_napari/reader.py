"""napari reader: EDS files as layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_eds.readers.reading import SUFFIXES, read

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_eds._napari.state.layers import LayerTuple
    from napari_eds._support.progress import Check

Paths = str | Path | Sequence[str | Path]


def get_reader(path: Paths) -> Callable[[Paths], list[LayerTuple]] | None:
    """Return the reader of the file(s), or None where the suffix is not of an EDS format."""
    paths = _as_list(path)
    if not paths or any(Path(p).suffix.lower() not in SUFFIXES for p in paths):
        return None
    return read_layers


def read_layers(path: Paths) -> list[LayerTuple]:
    """Read files as layers.

    From a running window the files are read in a thread and the layers appear when they are
    there, so that nothing freezes; napari is told "no layers" (``[(None,)]``). From a script they
    are returned at once.
    """
    from napari import current_viewer

    from napari_eds._napari.parts.jobs import event_loop_runs

    paths = _as_list(path)
    viewer = current_viewer()
    if viewer is not None and event_loop_runs():
        what = f"opening {Path(paths[0]).name}"
        return load_in_background(lambda check: _read(paths, check), what, viewer)
    return _read(paths)


def load_in_background(
    load: Callable[[Check], list[LayerTuple]], what: str, viewer: ViewerModel
) -> list[LayerTuple]:
    """Run `load` in a thread, add its layers to the viewer, and return napari's "no layers".

    napari's list of activities shows it with a Cancel, upon which the check that `load` is given
    raises.
    """
    from napari.qt.threading import create_worker
    from napari.utils import cancelable_progress

    from napari_eds._napari.parts.jobs import Cancelled, notify

    def check() -> None:
        if bar.is_canceled:
            raise Cancelled

    def add(layers: list[LayerTuple]) -> None:
        if not bar.is_canceled:
            add_layers(viewer, layers)

    def tell(error: Exception) -> None:
        if not isinstance(error, Cancelled):
            notify(error)

    bar = cancelable_progress(total=0, desc=what)
    create_worker(
        load,
        check,
        _ignore_errors=True,
        _connect={"returned": add, "errored": tell, "finished": bar.close},
    )
    return [(None,)]  # type: ignore[list-item]


def add_layers(viewer: ViewerModel, layers: list[LayerTuple]) -> None:
    """Add layer tuples to a viewer; in a running window one after the other."""
    from napari_eds._napari.parts.jobs import one_per_turn

    one_per_turn(partial(_add_layer, viewer, layer) for layer in layers)


def _add_layer(viewer: ViewerModel, layer: LayerTuple) -> None:
    from napari.layers import Layer

    viewer.add_layer(Layer.create(*layer))


def _read(paths: Sequence[str | Path], check: Check | None = None) -> list[LayerTuple]:
    from napari_eds._napari.state.layers import image_layers

    return [
        layer
        for path in paths
        for image in read(path, check=check)
        for layer in image_layers(image)
    ]


def _as_list(path: Paths) -> list[str | Path]:
    return [path] if isinstance(path, (str, Path)) else list(path)
