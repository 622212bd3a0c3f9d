"""napari reader: EDS files as layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds._support.raw_files import SUFFIXES
from napari_eds.errors import EDSError
from napari_eds.readers.reading import load, read, read_images

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_eds._napari.state.layers import LayerTuple
    from napari_eds._support.progress import Check
    from napari_eds.recipe.map_part import MapPart

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
    from napari_eds._napari.parts.asking import asking_viewer
    from napari_eds._napari.parts.jobs import event_loop_runs

    paths = _as_list(path)
    viewer = asking_viewer()
    if viewer is not None and event_loop_runs():
        what = f"opening {Path(paths[0]).name}"
        return load_in_background(lambda check: _read(paths, check), what, viewer)
    layers = _read(paths)
    _tell_notes(layers)
    if viewer is not None:
        _keep_unsaved(viewer)
        _fit_units(viewer, layers)
        _show_spectra(viewer, layers)
    return layers


def load_in_background(
    load: Callable[[Check], list[LayerTuple]], what: str, viewer: ViewerModel
) -> list[LayerTuple]:
    """Run `load` in a thread, add its layers to the viewer, and return napari's "no layers".

    napari's list of activities shows it with a Cancel, upon which the check that `load` is given
    raises.
    """
    import numpy as np
    from napari.layers import Image
    from napari.qt.threading import create_worker
    from napari.utils import cancelable_progress

    from napari_eds._napari.parts.jobs import Cancelled, notify

    def check() -> None:
        if bar.is_canceled:
            raise Cancelled

    def work() -> list[LayerTuple]:
        layers = load(check)
        Image(np.zeros((1, 1)))  # its first image has napari import xarray, here in the thread
        return layers

    def add(layers: list[LayerTuple]) -> None:
        if not bar.is_canceled:
            add_layers(viewer, layers)

    def tell(error: Exception) -> None:
        if not isinstance(error, Cancelled):
            notify(error)

    # Of one step: a bar of none runs to and fro, and each move has the canvas drawn anew.
    bar = cancelable_progress(total=1, desc=what)
    create_worker(
        work,
        _ignore_errors=True,
        _connect={"returned": add, "errored": tell, "finished": bar.close},
    )
    return [(None,)]  # type: ignore[list-item]


def add_layers(viewer: ViewerModel, layers: list[LayerTuple]) -> None:
    """Add layer tuples to a viewer; in a running window one after the other."""
    from napari_eds._napari.parts.jobs import one_per_turn

    _tell_notes(layers)
    _keep_unsaved(viewer)
    one_per_turn(partial(_add_layer, viewer, layer) for layer in layers)
    _show_spectra(viewer, layers)


def _show_spectra(viewer: ViewerModel, layers: list[LayerTuple]) -> None:
    """Bring the panel of spectra to the front where a file of spectra, and no map, was opened."""
    from napari_eds._napari.parts.panels import SPECTRUM, show_panel_soon
    from napari_eds._napari.state.layers import SPECTRA, SPECTRUM_IMAGE

    notes = [look["metadata"] for _, look, _ in layers if "metadata" in look]
    if notes and all(SPECTRA in note for note in notes if SPECTRUM_IMAGE in note):
        show_panel_soon(viewer, SPECTRUM)


def _keep_unsaved(viewer: ViewerModel) -> None:
    from napari_eds._napari.exchange.unsaved_bar import keep_unsaved

    keep_unsaved(viewer)


def _add_layer(viewer: ViewerModel, layer: LayerTuple) -> None:
    from napari.layers import Layer

    from napari_eds._napari.state.units import fit_in

    made = Layer.create(*layer)
    fit_in(viewer, made)
    viewer.add_layer(made)


def _fit_units(viewer: ViewerModel, layers: list[LayerTuple]) -> None:
    """Fit the units of layers that napari is going to add to those that are there."""
    from napari_eds._napari.state.layers import SPECTRUM_IMAGE
    from napari_eds._napari.state.units import fit_attributes

    wanted = viewer.layers.extent.units if len(viewer.layers) else None
    fit_attributes(
        wanted, [(look, SPECTRUM_IMAGE in look.get("metadata", {})) for _, look, _ in layers]
    )


def _tell_notes(layers: list[LayerTuple]) -> None:
    """Show what the readers noted: what is missing or wrong in a file."""
    from napari.utils.notifications import show_warning

    from napari_eds._napari.state.layers import SPECTRUM_IMAGE

    for _, attributes, _ in layers:
        image = attributes.get("metadata", {}).get(SPECTRUM_IMAGE)
        if image is not None and image.notes:
            show_warning(f"{image.name}: {'; '.join(image.notes)}")


def _read(paths: Sequence[str | Path], check: Check | None = None) -> list[LayerTuple]:
    """Read what can be read; errors are shown, and raised where there is nothing else."""
    from napari.utils.notifications import show_error

    layers, problems = read_each(paths, check=check)
    if problems and not layers:
        raise problems[0]
    for problem in problems:
        show_error(str(problem))
    return layers


def read_each(
    paths: Sequence[str | Path], part: MapPart | None = None, check: Check | None = None
) -> tuple[list[LayerTuple], list[EDSError | OSError]]:
    """Read files each on its own merits; return layers, and what is wrong with the others.

    Images of a file without a map are shown beside the maps of others, not alone.
    """
    maps: list[LayerTuple] = []
    failed: dict[str | Path, EDSError | OSError] = {}
    for path in paths:
        try:
            maps += _layers_of(path, part, check)
        except (EDSError, OSError) as error:
            failed[path] = error
    if not maps:
        return [], list(failed.values())
    pictures = {path: _pictures_of(path) for path in failed}
    # Below the maps, as images of a map's own file are.
    layers = [layer for found in pictures.values() for layer in found] + maps
    return layers, [error for path, error in failed.items() if not pictures[path]]


def _pictures_of(path: str | Path) -> list[LayerTuple]:
    """Read the images of a file that holds no map, to be shown beside the maps of others.

    Nothing where there are none, or the file is damaged.
    """
    from napari_eds._napari.state.layers import picture_layers

    try:
        return picture_layers(Path(path).stem, read_images(path))
    except (EDSError, OSError):
        return []


def _layers_of(path: str | Path, part: MapPart | None, check: Check | None) -> list[LayerTuple]:
    """Read a file, or the part of it that is asked for, as layers."""
    from napari_eds._napari.state.layers import layers_of

    if part is None or part.index is None:
        images = read(path, **({} if part is None else part.reading()), spectra=True, check=check)
    else:
        images = [load(path, part=part)]
    return _each_once(layers_of(images))


def _each_once(layers_of_maps: list[list[LayerTuple]]) -> list[LayerTuple]:
    """Return the layers of several maps, images that came with more than one of them once."""
    import numpy as np

    from napari_eds._napari.state.belonging import GROUPS

    shared: list[LayerTuple] = []
    for *pictures, counts in layers_of_maps:
        for data, look, kind in pictures:
            twin = next(
                (
                    other
                    for seen, other, _ in shared
                    if seen is data or (seen.shape == data.shape and np.array_equal(seen, data))
                    if _placed(other) == _placed(look)
                ),
                None,
            )
            if twin is None:
                shared.append((data, look, kind))
            else:
                twin["metadata"][GROUPS] += look["metadata"][GROUPS]
        shared.append(counts)
    return shared


def _placed(look: dict[str, Any]) -> tuple[Any, ...]:
    """Return where a layer lies, and whether it is shown."""
    return tuple(look["scale"]), tuple(look.get("translate", (0, 0))), look.get("visible", True)


def _as_list(path: Paths) -> list[str | Path]:
    return [path] if isinstance(path, (str, Path)) else list(path)
