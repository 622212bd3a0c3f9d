"""Sessions and the layers of a map: what a saved one brings back, and how it is told."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from napari.layers import Labels

from napari_eds._napari.parts.numbers import counted, grouped
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import SAVED_COLUMNS, add_chips, bind, painted_as
from napari_eds._napari.state.unsaved import note_saved
from napari_eds._support.provenance import versions
from napari_eds.exchange.session import Session, SessionError, load_session, session_beside
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import at_pct, detection_limit
from napari_eds.readers.reading import load
from napari_eds.recipe.map_part import MapPart
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Metadata of restored labels: their session.
_SESSION = "eds_session"


class Found(NamedTuple):
    """A session, and what is wrong with taking it for one of a map.

    Attributes
    ----------
    path : Path
    session : Session
    file_differs : str
        The file was changed, though not its counts; empty if it was not.
    counts_differ : str
        It is another map; empty if it is not.
    """

    path: Path
    session: Session
    file_differs: str
    counts_differ: str


def find_beside(image: SpectrumImage) -> Found | None:
    """Return the session saved beside a map; it takes a moment, since the file is hashed."""
    path = None if image.source is None else session_beside(image.source)
    return None if path is None else examine(path, image)


def examine(path: Path, image: SpectrumImage) -> Found:
    """Read a session and check whether it is of a map.

    Raises
    ------
    FileNotFoundError
    SessionError
        If it is no session.
    """
    session = load_session(path)
    counts, file = (
        _complaint(session, image, check_file=check_file) for check_file in (False, True)
    )
    return Found(path, session, "" if counts else file, counts)


def part_of(found: Found, image: SpectrumImage) -> MapPart | None:
    """Return the part that a session is of, where it is another part of the map's own file."""
    source = found.session.source
    if not found.counts_differ or source.part is None or source.part == image.part:
        return None
    same = image.source is not None and image.source.name == source.file_name
    return source.part if same else None


def read_part(found: Found, image: SpectrumImage, part: MapPart) -> tuple[SpectrumImage, Found]:
    """Read another part of a map's file, and check whether the session is of it."""
    other = load(str(image.source), part=part)
    return other, examine(found.path, other)


def _complaint(session: Session, image: SpectrumImage, *, check_file: bool) -> str:
    try:
        session.check_source(image, check_file=check_file)
    except SessionError as error:
        return str(error)
    return ""


# Bringing back.


def session_of(labels: Labels | None) -> Session | None:
    """Return the session that labels were restored from."""
    return None if labels is None else labels.metadata.get(_SESSION)


def restore(focus: Focus, found: Found) -> Labels | None:
    """Add the labels of a session as a new layer, with their names and saved numbers.

    The settings become those of the session. Labels that are there are left alone.
    """
    image, map_layer, session = focus.image, focus.map_layer, found.session
    if image is None or map_layer is None or session.labels.shape != tuple(image.shape):
        return None
    layer = add_chips(
        focus.viewer,
        painted_as(session.labels),
        image,
        name=f"{found.path.stem} (restored)",
        features=session.table.reset_index(names="index"),
        metadata={_SESSION: session, SAVED_COLUMNS: tuple(session.table.columns)},
    )
    bind(layer, map_layer)
    focus.set_labels_layer(layer)
    if focus.settings is not None:
        focus.set_settings(focus.settings.with_recipe(session.recipe))
    note_saved(focus, session.labels, session.names, session.recipe)
    return layer


# Telling.


def provenance(found: Found) -> list[str]:
    """Say where a session comes from, in plain words."""
    session, source = found.session, found.session.source
    n, recipe = len(session.table), session.recipe
    total = grouped(source.total_counts, 0)
    lines = [
        f"{found.path.name}, saved {_date(session.created)}",
        f"{counted(n, 'label')}, {', '.join(recipe.elements)}, engine {recipe.engine}",
        f"Map: {source.file_name or source.image_name}, {total} counts in all",
    ]
    if source.file_size is not None:
        checksum = (source.file_sha256 or "")[:12]
        lines.append(f"{grouped(source.file_size, 0)} bytes, SHA-256 {checksum}…")
    now = versions()
    other = [
        f"{name} {saved} (now {now.get(name, 'missing')})"
        for name, saved in session.versions.items()
        if now.get(name) != saved
    ]
    lines.append(f"Other versions: {', '.join(other)}" if other else "Versions: the same as now")
    return lines


def _date(iso: str) -> str:
    return iso.replace("T", " ").replace("+00:00", " UTC")


def warnings_of(found: Found) -> list[str]:
    """Say what keeps a session from being repeated as it was."""
    lines = [f"⚠ {text}" for text in (found.counts_differ, found.file_differs) if text]
    if found.session.thickness_nm:
        lines.append("⚠ A map of thickness was used: only Repeat uses it again")
    return lines


def same_numbers(session: Session, result: Quantification) -> str:
    """Say how a repeated result differs from the saved one."""
    saved, now = session.table, result.table
    columns = [c for c in saved.columns if saved[c].dtype.kind == "f" and c in now.columns]
    before, after = saved[columns].to_numpy(), now[columns].to_numpy()
    if np.array_equal(before, after, equal_nan=True):
        return "Repeated: the same numbers as saved, to the last bit."
    in_at_pct = [f(e) for e in result.elements for f in (at_pct, detection_limit)]
    in_at_pct = [c for c in in_at_pct if c in columns]
    shift = np.nanmax(np.abs(now[in_at_pct].to_numpy() - saved[in_at_pct].to_numpy()), initial=0)
    return f"Repeated: at.% differ from the saved by up to {shift:.3g}."
