"""One file for a session: labels, recipe, table, and where the counts came from.

A zip archive with ``session.json``, ``labels.npz``, ``recipe.json`` and ``table.csv``: nothing in
it is executed on reading, and every part opens in other programs as well.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from napari_eds._support.arguments import PATH, expect
from napari_eds._support.brief import brief
from napari_eds._support.csv_cells import csv_text
from napari_eds._support.files import existing_file, write_atomically
from napari_eds._support.outputs import check_files
from napari_eds._support.progress import Progress
from napari_eds._support.provenance import file_sha256, versions
from napari_eds.errors import EDSError
from napari_eds.exchange.archive import (
    DAMAGE,
    LABELS_BYTES,
    check_parts,
    pack_labels,
    unpack_labels,
)
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.run import quantify
from napari_eds.quantification.table import CHIP, read_table
from napari_eds.readers.reading import load
from napari_eds.recipe.map_part import MAP_PART, MapPart
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.label_sums import check_labels
from napari_eds.spectra.spectrum_image import SpectrumImage

SUFFIX = ".edsession"
FORMAT = "napari-eds session"
VERSION = 1

#: What the parts of a session can hold at most, in bytes; anything larger is none.
_LARGEST_BYTES = {
    "session.json": 2**26,
    "recipe.json": 2**24,
    "table.csv": 2**28,
    "labels.npz": LABELS_BYTES,
}


class SessionError(EDSError):
    """A file is no session, or not one of this image."""


@dataclass(frozen=True)
class Source:
    """The image that a session is of.

    Attributes
    ----------
    file_name : str or None
        Name of its file, without the folder; None where the image came from none.
    file_size : int or None
        In bytes.
    file_sha256 : str or None
    image_name : str
    shape : (int, int)
        (rows, columns).
    n_channels : int
    energy_offset_keV, energy_scale_keV : float
        Axis as the image has it, before calibration.
    total_counts : float
        Of all channels, as all that identifies the image.
    counts_sha256 : str
        Of the map of all counts and the summed spectrum.
    pixel_size : (float, float)
    pixel_unit : str
    part : MapPart or None
        What of the file the image is; None where it is not known, as in files of version 0.1.0.
    """

    file_name: str | None
    file_size: int | None
    file_sha256: str | None
    image_name: str
    shape: tuple[int, int]
    n_channels: int
    energy_offset_keV: float
    energy_scale_keV: float
    total_counts: float
    counts_sha256: str
    pixel_size: tuple[float, float]
    pixel_unit: str
    part: MapPart | None = None

    @classmethod
    def of(cls, image: SpectrumImage) -> Source:
        """Describe an image and its file."""
        path = image.source if image.source is not None and image.source.is_file() else None
        return cls(
            file_name=None if image.source is None else image.source.name,
            file_size=None if path is None else path.stat().st_size,
            file_sha256=None if path is None else file_sha256(path),
            image_name=image.name,
            shape=image.shape,
            n_channels=image.n_channels,
            energy_offset_keV=image.energy.offset_keV,
            energy_scale_keV=image.energy.scale_keV,
            total_counts=float(image.total_counts),
            counts_sha256=counts_sha256(image),
            pixel_size=(float(image.pixel_size[0]), float(image.pixel_size[1])),
            pixel_unit=image.pixel_unit,
            part=image.part,
        )


@brief
@dataclass(frozen=True, eq=False)
class Session:
    """A quantification as it was saved, without the counts.

    Attributes
    ----------
    labels : ndarray of int64, (rows, columns)
    names : mapping of int to str
        Names of the labels.
    recipe : Recipe
    table : DataFrame
        That of the quantification, indexed by label.
    thickness_nm, density_g_cm3 : mapping of int to float
        By label, where a map of thickness or density was used; else empty.
    source : Source
    created : str
        Date and time in UTC, ISO 8601.
    versions : mapping of str to str
        Of the packages that computed it.
    """

    labels: np.ndarray
    names: Mapping[int, str]
    recipe: Recipe
    table: pd.DataFrame
    thickness_nm: Mapping[int, float]
    density_g_cm3: Mapping[int, float]
    source: Source
    created: str
    versions: Mapping[str, str]

    def check_source(self, image: SpectrumImage, *, check_file: bool = True) -> None:
        """Make sure that an image is the one that was saved.

        Parameters
        ----------
        image : SpectrumImage
        check_file : bool
            Whether its file has to be the same byte for byte, too; its name never matters.

        Raises
        ------
        SessionError
            If counts, axis or file differ; the message says what.
        """
        mine = self.source
        differing = _differences(mine, image)
        if differing:
            raise SessionError(
                f"{image.name} is not the image that was saved ({mine.image_name}): "
                f"{'; '.join(differing)}. Open the same file, with the same detectors, frames, "
                f"crop, binning and energy axis{_told(mine.part)}"
            )
        path = image.source
        if not check_file or mine.file_sha256 is None or path is None or not path.is_file():
            return
        size = path.stat().st_size
        same = size == mine.file_size and file_sha256(path) == mine.file_sha256
        if not same:
            what = (
                f"its size is {size:,} bytes, not {mine.file_size:,}"
                if size != mine.file_size
                else "its content is another, at the same size"
            )
            raise SessionError(
                f"{path.name} was changed since the session was saved: {what}. Its counts are the "
                "same: with check_file=False the numbers can be repeated all the same"
            )


def save_session(
    path: str | Path | None, result: Quantification, *, overwrite: bool = False
) -> Path:
    """Save all that is needed to repeat a quantification, in one file.

    Parameters
    ----------
    path : str, Path or None
        None saves it beside the map: ``map.emd`` gives ``map.edsession``.
    result : Quantification
    overwrite : bool
        Whether a file that is there may be replaced. The map itself and raw data never are.

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        If a file is in the way.
    SessionError
        If None is given for an image without a file.
    OSError
        If the folder does not exist or cannot be written.
    """
    expect(path=(path, PATH | None), result=(result, Quantification))
    if path is None:
        if result.image.source is None:
            raise SessionError("the image came from no file: give the session a path")
        path = beside(result.image.source)
    path = Path(path)
    check_files([path], overwrite=overwrite, inputs=[result.image.source])
    return write_atomically(path, _archive(result, Source.of(result.image)), overwrite=overwrite)


def beside(file: Path) -> Path:
    """Return where the session of a map's file lies unless it is put elsewhere."""
    return file.with_suffix(SUFFIX)


def load_session(path: str | Path) -> Session:
    """Read a session.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    FileNotFoundError
    SessionError
        If the file is no session, damaged, or of a newer version of the format.
    """
    expect(path=(path, PATH))
    path = Path(path)
    existing_file(path, SessionError)
    content = path.read_bytes()
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            _check_parts(archive, path)
            head = json.loads(archive.read("session.json"))
            _check_head(head, path)
            return _session(archive, head)
    except SessionError:
        raise
    except DAMAGE as error:
        raise SessionError(f"{path.name} is no session, or damaged: {error}") from error


def session_beside(source_path: str | Path) -> Path | None:
    """Return the session saved beside a map, or None.

    A session of another file with the same stem is not taken for it.

    Parameters
    ----------
    source_path : str or Path
        Of the map.
    """
    expect(source_path=(source_path, PATH))
    source_path = Path(source_path)
    path = source_path.with_suffix(SUFFIX)
    if not path.is_file():
        return None
    try:
        session = load_session(path)
    except SessionError:
        return None
    return path if session.source.file_name == source_path.name else None


def repeat(
    session: Session,
    image: SpectrumImage | str | Path,
    *,
    check_file: bool = True,
    progress: Progress | None = None,
) -> Quantification:
    """Quantify the image of a session again; same versions give the same numbers, bit for bit.

    Where a map of thickness or density was used, its mean in each label is, to rounding.

    Parameters
    ----------
    session : Session
    image : SpectrumImage, str or Path
        Of a file, the part is read that the session is of: detectors, frames, crop and energies.
    check_file : bool
        See `Session.check_source`.
    progress : callable, optional
        See `quantify`.

    Raises
    ------
    SessionError
        If it is not the session's image.
    FileNotFoundError, ReadError
        If a file cannot be read.
    """
    expect(session=(session, Session), image=(image, PATH | SpectrumImage))
    if not isinstance(image, SpectrumImage):
        image = load(image, part=session.source.part)
    session.check_source(image, check_file=check_file)
    return quantify(
        image,
        session.labels,
        session.recipe,
        names=session.names,
        thickness_nm=_map_of(session.thickness_nm, session.labels),
        density_g_cm3=_map_of(session.density_g_cm3, session.labels),
        progress=progress,
    )


def _map_of(values: Mapping[int, float], labels: np.ndarray) -> np.ndarray | None:
    """Return the map (rows, columns) with the value of each label, None without values."""
    if not values:
        return None
    found = np.zeros(labels.shape)
    for label, value in values.items():
        found[labels == label] = value
    return found


def counts_sha256(image: SpectrumImage) -> str:
    """Hash the map of counts and the summed spectrum: other counts change at least one."""
    digest = hashlib.sha256()
    for sums in (image.counts_map(all_channels=True), image.total_spectrum()):
        digest.update(np.ascontiguousarray(sums, dtype="<f8").tobytes())
    return digest.hexdigest()


def _told(part: MapPart | None) -> str:
    return "".join(f". {line.removesuffix('.')}" for line in (part.account() if part else ()))


def _differences(mine: Source, image: SpectrumImage) -> list[str]:
    """Say in what an image differs from the one of a session."""
    axis = (image.energy.offset_keV, image.energy.scale_keV)
    pairs = {
        "pixels": (mine.shape, tuple(image.shape)),
        "channels": (mine.n_channels, image.n_channels),
        "energy axis (offset, keV per channel)": (
            (mine.energy_offset_keV, mine.energy_scale_keV),
            axis,
        ),
        "counts": (mine.total_counts, float(image.total_counts)),
    }
    found = [
        f"{name}: {there}, not {here}" for name, (here, there) in pairs.items() if here != there
    ]
    if not found and counts_sha256(image) != mine.counts_sha256:
        found = ["as many counts, in other pixels or channels"]
    return found


def _archive(result: Quantification, source: Source) -> bytes:
    table = csv_text(result.table)  # all digits: floats read back the same
    names = {str(label): str(name) for label, name in result.table[CHIP].items()}
    head = {
        "format": FORMAT,
        "version": VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "source": {k: v for k, v in asdict(source).items() if k != "part"},
        MAP_PART: None if source.part is None else source.part.to_dict(),
        "names": names,
        **_of_maps(result),
    }
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("session.json", json.dumps(head, indent=2, ensure_ascii=False))
        archive.writestr("recipe.json", result.recipe.model_dump_json(indent=2))
        archive.writestr("table.csv", table)
        archive.writestr("labels.npz", pack_labels(result.labels))
    return buffer.getvalue()


def _of_maps(result: Quantification) -> dict[str, dict[str, float]]:
    """Return thickness and density of each label where they are not the recipe's, else nothing."""
    settings, foil = result.recipe.absorption, result.foil
    thickness: dict[str, float] = {}
    density: dict[str, float] = {}
    if settings is not None and foil is not None:
        ids = result.label_spectra.ids.tolist()
        if result.recipe.method != "zeta":  # which finds it again
            thickness = _other_than(settings.thickness_nm, foil.thickness_nm, ids)
        if not foil.density_is_computed:
            given = foil.densities_g_cm3(result.composition.weight_fractions)
            density = _other_than(settings.density_g_cm3, given, ids)
    return {"thickness_nm": thickness, "density_g_cm3": density}


def _other_than(of_all: float | None, values: np.ndarray, ids: list[int]) -> dict[str, float]:
    if of_all is not None and np.allclose(values, of_all, rtol=1e-9):
        return {}
    return {str(label): float(value) for label, value in zip(ids, values, strict=True)}


def _check_parts(archive: zipfile.ZipFile, path: Path) -> None:
    try:
        check_parts(archive, _LARGEST_BYTES)
    except ValueError as problem:
        raise SessionError(f"{path.name} is no session: {problem}") from problem


def _check_head(head: Any, path: Path) -> None:
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise SessionError(f"{path.name} is no session of napari-eds")
    version = head.get("version")
    if not isinstance(version, int) or version > VERSION:
        wrote = head.get("versions", {}).get("napari-eds", "a newer napari-eds")
        raise SessionError(
            f"{path.name} has version {version} of the format, and this program reads up to "
            f"{VERSION}: update napari-eds (it was written by {wrote})"
        )


def _by_label(values: Mapping[str, float]) -> Mapping[int, float]:
    return MappingProxyType({int(i): float(value) for i, value in values.items()})


def _session(archive: zipfile.ZipFile, head: Mapping[str, Any]) -> Session:
    part = head.get(MAP_PART)  # absent from version 0.1.0
    source = replace(
        TypeAdapter(Source).validate_python(head["source"]),
        part=None if part is None else MapPart.from_dict(part),
    )
    labels = check_labels(unpack_labels(archive.read("labels.npz"), source.shape), source.shape)
    labels.setflags(write=False)
    table = read_table(archive.read("table.csv"))
    if table.index.tolist() != np.setdiff1d(labels, 0).tolist() or CHIP not in table:
        raise ValueError("its table is not one of its labels")
    return Session(
        labels=labels,
        names=MappingProxyType({int(i): str(name) for i, name in head["names"].items()}),
        recipe=Recipe.model_validate_json(archive.read("recipe.json")),
        table=table,
        thickness_nm=_by_label(head["thickness_nm"]),
        density_g_cm3=_by_label(head.get("density_g_cm3", {})),  # absent from version 0.1.0
        source=source,
        created=str(head["created"]),
        versions=MappingProxyType(dict(head["versions"])),
    )
