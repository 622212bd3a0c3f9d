"""Maps of energy windows as layers: a preview that follows the window, one map per element."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import Colormap
from napari.utils.notifications import show_info

from napari_eds._napari.parts.jobs import notify, one_per_turn
from napari_eds._napari.parts.keyed_jobs import Jobs
from napari_eds._napari.state.derived import ELEMENT_MAPS, PREVIEWED, WINDOW_PREVIEW, Look
from napari_eds._napari.state.element_choice import AUTO, QUANTIFY
from napari_eds._napari.state.focus import Focus, focus_of
from napari_eds._napari.state.layers import SPECTRUM_IMAGE, geometry
from napari_eds._napari.state.settings import Settings
from napari_eds.errors import EDSError, ModelError
from napari_eds.physics import lines as xray
from napari_eds.spectra.spectrum_image import SpectrumImage
from napari_eds.spectra.windows import element_maps, main_lines_keV, window_map

if TYPE_CHECKING:
    from napari.components import ViewerModel

#: Colours that add up on black and are told apart in pairs; names of elements stand in the layers.
_COLORS = (
    "#ff3b30",
    "#34c759",
    "#3478f6",
    "#ffcc00",
    "#ff2fd6",
    "#00d5e0",
    "#ff8c1a",
    "#a06bff",
    "#b8f28c",
    "#ff9ec4",
)

Window = tuple[float, float]


class _Preview(NamedTuple):
    name: str
    data: np.ndarray
    window: Window
    side_windows: bool


# The preview.


def show_window_map(
    focus: Focus,
    low_keV: float,
    high_keV: float,
    *,
    side_windows: bool,
    jobs: Jobs,
) -> None:
    """Show the map of a window in the preview of the spectrum image, made in a thread.

    Energies are those of the file's axis. The preview is one layer that follows the window until
    it is kept, by `keep_window_map` or by giving it another name.
    """
    map_layer, image, settings = focus.map_layer, focus.image, focus.settings
    if map_layer is None or image is None or settings is None:
        return
    window = (low_keV, high_keV)

    def work() -> _Preview:
        families = _all_families(settings, image)
        lines = main_lines_keV(families)
        data = window_map(image, *window, side_windows=side_windows, lines_keV=lines)
        name = _window_name(families, window, side_windows=side_windows)
        return _Preview(name, data, window, side_windows)

    def show(result: _Preview) -> None:
        # The map may have been closed meanwhile.
        if map_layer in focus.viewer.layers:
            _show_preview(focus.viewer, map_layer, result)

    jobs.run("window", work, show)


def preview_of(viewer: ViewerModel, map_layer: Image | None) -> Image | None:
    """Return the preview of a spectrum image that is not yet kept, if there is one."""
    return WINDOW_PREVIEW.layer(viewer, map_layer, None)


def keep_window_map(viewer: ViewerModel, map_layer: Image | None) -> Image | None:
    """Let the preview be a layer like any other; the next window gets a new one."""
    layer = preview_of(viewer, map_layer)
    if layer is not None:
        WINDOW_PREVIEW.release(layer)
    return layer


def _show_preview(
    viewer: ViewerModel,
    map_layer: Image,
    preview: _Preview,
) -> None:
    look = Look(
        preview.data,
        preview.name,
        renewed={"contrast_limits": _limits(preview.data), "visible": True},
        first={"colormap": "viridis", **geometry(map_layer.metadata[SPECTRUM_IMAGE])},
        told={PREVIEWED.key: (preview.window, preview.side_windows)},
        follows_name=True,
    )
    WINDOW_PREVIEW.show(viewer, map_layer, None, look, focus_of(viewer).staying)


def _window_name(families: list[xray.Family], window: Window, *, side_windows: bool) -> str:
    inside = [
        line for f in families for line in f.lines if window[0] <= line.energy_keV < window[1]
    ]
    strongest = max(inside, key=lambda line: line.weight, default=None)
    line = "" if strongest is None else f"{strongest} "
    background = " − background" if side_windows else ""
    return f"{line}{window[0]:.2f}–{window[1]:.2f} keV{background}"


# Maps of the chosen elements.


def show_element_maps(focus: Focus, *, side_windows: bool, jobs: Jobs) -> None:
    """Show a map of the main line of every chosen element, in colours that add up.

    Maps that are there already are updated and keep name, colour and visibility; those of
    elements no longer chosen are removed. What is fitted only starts hidden.
    """
    map_layer, image, settings = focus.map_layer, focus.image, focus.settings
    if map_layer is None or image is None or settings is None:
        return
    if not settings.elements:
        notify(EDSError("choose elements first: their lines tell the windows"))
        return

    def work() -> dict[xray.Family, np.ndarray]:
        return element_maps(image, _main_families(settings, image), side_windows=side_windows)

    def show(maps: dict[xray.Family, np.ndarray]) -> None:
        if map_layer in focus.viewer.layers:
            one_per_turn(_steps(focus.viewer, map_layer, settings, maps))

    jobs.run("element maps", work, show)


def element_map_layers(viewer: ViewerModel, map_layer: Image) -> dict[str, Image]:
    """Return the maps of elements made for a spectrum image, by family such as ``"Fe_K"``."""
    return ELEMENT_MAPS.layers(viewer, map_layer)


def _steps(
    viewer: ViewerModel,
    map_layer: Image,
    settings: Settings,
    maps: dict[xray.Family, np.ndarray],
) -> Iterator[Callable[[], object]]:
    """Yield what is to be done, one layer at a time."""
    known = element_map_layers(viewer, map_layer)
    for stale in ELEMENT_MAPS.others(viewer, map_layer, [str(f) for f in maps]):
        yield partial(viewer.layers.remove, stale)
    # Colours add up on black only; later, what the user shows beside them is left alone.
    covering = viewer.layers if not known else [preview_of(viewer, map_layer)]
    for layer in covering if maps else ():
        if _veils(layer):
            yield partial(_hide, layer)
    quantified = {c.symbol for c in settings.elements if c.role == QUANTIFY}
    looks = {
        str(family): partial(
            _element_look, viewer, map_layer, family, data, visible=family.element in quantified
        )
        for family, data in maps.items()
    }
    yield from ELEMENT_MAPS.steps(
        viewer, map_layer, looks, lambda f: looks[f](), staying=focus_of(viewer).staying
    )
    missing = {c.symbol for c in settings.elements} - {family.element for family in maps}
    if missing:
        yield partial(show_info, f"No line of {', '.join(sorted(missing))} lies in the range.")


def _veils(layer: Layer | None) -> bool:
    """Whether a layer would add its own colours to those of the elements: outlines do not."""
    if layer is None or not layer.visible:
        return False
    return isinstance(layer, Image) or (isinstance(layer, Labels) and not layer.contour)


def _hide(layer: Layer) -> None:
    layer.visible = False


def _element_look(
    viewer: ViewerModel,
    map_layer: Image,
    family: xray.Family,
    data: np.ndarray,
    *,
    visible: bool,
) -> Look:
    taken = [layer.colormap.name for layer in element_map_layers(viewer, map_layer).values()]
    color = _free_color(taken)
    return Look(
        data,
        f"{family.alpha} map",
        renewed={"contrast_limits": _limits(data)},
        first={
            "colormap": Colormap([[0, 0, 0, 1], color], name=color),
            "blending": "additive",
            "visible": visible,
            **geometry(map_layer.metadata[SPECTRUM_IMAGE]),
        },
        says_what_it_is=True,
    )


def _free_color(taken: list[str]) -> str:
    """Return the colour that the fewest layers have; the first of them."""
    return min(_COLORS, key=taken.count)


# Shared.


def _limits(data: np.ndarray) -> tuple[float, float]:
    """Contrast limits from 0 to what but a few pixels exceed; never empty."""
    high = float(np.percentile(data, 99.8)) if data.size else 0.0
    return (0.0, high if high > 0 else max(float(data.max(initial=0)), 1.0))


def _span(settings: Settings, image: SpectrumImage) -> tuple[float, float, float]:
    """Return the range of energies to look for lines in, and the beam energy, in keV."""
    beam = settings.draft.beam_energy_keV or image.acquisition.beam_energy_keV
    return (*settings.draft.energy_range_keV, beam or image.energy.last_keV)


def _main_families(settings: Settings, image: SpectrumImage) -> list[xray.Family]:
    """Return the family that stands for each chosen element: its own, or as a recipe has it."""
    found = []
    for choice in settings.elements:
        if choice.family != AUTO:
            found.append(xray.family(choice.symbol, choice.family))
            continue
        try:
            found.append(xray.default_family(choice.symbol, *_span(settings, image)))
        except ModelError:
            continue  # no line in the range: reported with the result
    return found


def _all_families(settings: Settings, image: SpectrumImage) -> list[xray.Family]:
    """Return all families of the chosen elements that are excited."""
    span = _span(settings, image)
    return [f for c in settings.elements for f in xray.families_in_range(c.symbol, *span)]
