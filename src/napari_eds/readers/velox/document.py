"""The JSON of a Velox file as typed values, checked once on the way in.

Velox writes numbers as text (``"2e-9"``, ``"18 deg"``), and leaves out what it does not know. What
is there but wrong - text where a number belongs, null, below or beyond what can be - is left out
and noted where the map can do without it, and refused where it cannot, or where a whole part is
wrong.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import h5py
import numpy as np
from pydantic import AliasGenerator, BaseModel, ConfigDict, PlainValidator, ValidationError
from pydantic.alias_generators import to_camel, to_pascal

from napari_eds.errors import ReadError
from napari_eds.readers.hdf5_checks import check_size

#: Channels that 16-bit events can name; the highest value is the gate.
_MOST_CHANNELS = 65535
_MOST_FRAMES = 10**9
#: Rows or columns of a scan; the largest that Velox offers are 16384.
_LONGEST_SCAN = 65536
_LONGEST_TEXT = 60


class DamageError(ReadError):
    """A part of a file that is missing or wrong: its group, what was found, what was expected."""


def number(value: Any) -> float | None:
    """Return the number that a JSON value or text such as ``"18 deg"`` starts with, or None."""
    if isinstance(value, bool):
        return None
    found = re.match(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", str(value))
    return float(found.group()) if found else None


def _is_empty(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def _in(low: float, high: float) -> PlainValidator:
    """Accept numbers of a range; an empty text stands for none."""

    def check(value: Any) -> float | None:
        if _is_empty(value):
            return None
        found = number(value)
        if found is None or not low <= found <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return found

    return PlainValidator(check)


def _whole(low: int, high: int) -> PlainValidator:
    """Accept whole numbers of a range."""

    def check(value: Any) -> int:
        # Not by way of `number`: "12abc" is no number of channels.
        text = str(value).strip()
        if isinstance(value, bool) or not re.fullmatch(r"\d{1,18}(\.0*)?", text):
            raise ValueError(f"a whole number from {low} to {high}")
        found = int(float(text)) if "." in text else int(text)
        if not low <= found <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return found

    return PlainValidator(check)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


Text = Annotated[str, PlainValidator(_text)]
Length = Annotated[float | None, _in(0, 1)]  # m; 0 where it is not known
Pixels = Annotated[float | None, _in(0, _LONGEST_SCAN)]
Fraction = Annotated[float, _in(0, 1)]
Angle = Annotated[float | None, _in(-360, 360)]
Seconds = Annotated[float | None, _in(0, 1e9)]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=AliasGenerator(validation_alias=to_pascal)
    )


class PixelSize(_Part):
    """Size of a pixel, in the unit that stands beside it."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))

    width: Length = None
    height: Length = None


class ScanSize(_Part):
    """The whole raster, in pixels."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))

    width: Pixels = None
    height: Pixels = None


class ScanArea(_Part):
    """The scanned part of the raster, in fractions of it."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))

    left: Fraction
    top: Fraction
    right: Fraction
    bottom: Fraction


class Stage(_Part):
    """The stage; tilts are in radians."""

    alpha_tilt: Annotated[float | None, _in(-math.pi, math.pi)] = None
    beta_tilt: Annotated[float | None, _in(-math.pi, math.pi)] = None


class Scan(_Part):
    """The raster of a scan; the dwell time is that of a pixel."""

    scan_size: ScanSize = ScanSize()
    scan_area: ScanArea | None = None
    frame_time: Seconds = None
    dwell_time: Seconds = None


class Optics(_Part):
    """The column; the voltage is in V, the current in A, 0 where it was not measured."""

    acceleration_voltage: Annotated[float | None, _in(0, 1e7)] = None
    last_measured_screen_current: Annotated[float | None, _in(-1e-3, 1e-3)] = None


class BinaryResult(_Part):
    """What was recorded, by which detector."""

    detector: Text = ""
    pixel_size: PixelSize = PixelSize()
    pixel_unit_x: Text = ""


class DetectorEntry(_Part):
    """One detector; those of X-rays have a dispersion (eV per channel) and an offset (eV)."""

    detector_name: Text = ""
    dispersion: Annotated[float | None, _in(0, 1e4)] = None
    offset_energy: Annotated[float | None, _in(-1e6, 1e6)] = 0.0
    elevation_angle: Angle = None
    azimuth_angle: Angle = None
    live_time: Seconds = None
    real_time: Seconds = None
    input_count_rate: Annotated[float | None, _in(0, 1e12)] = None
    output_count_rate: Annotated[float | None, _in(0, 1e12)] = None
    collection_angle: Annotated[float | None, _in(0, 4 * math.pi)] = None


class Metadata(_Part):
    """The `Metadata` beside spectra, streams and images."""

    binary_result: BinaryResult = BinaryResult()
    optics: Optics = Optics()
    scan: Scan = Scan()
    stage: Stage = Stage()
    detectors: dict[str, DetectorEntry] = {}


class AcquisitionSettings(BaseModel):
    """How a stream is encoded."""

    bincount: Annotated[int, _whole(1, _MOST_CHANNELS)]


class SpectrumImageSettings(BaseModel):
    """Frames of a map, both ends counted from 1; 0 where none is chosen."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))

    start_frame_position: Annotated[int, _whole(0, _MOST_FRAMES)] = 0
    end_frame_position: Annotated[int, _whole(0, _MOST_FRAMES)] = 0


#: Without these a map has no energies: they are refused, not left out.
NEEDED_FOR_ENERGIES = ("Dispersion", "OffsetEnergy")

Model = TypeVar("Model", bound=BaseModel)


def required(model: type[Model], dataset: Any) -> Model:
    """Return the JSON of a dataset as a model.

    Raises
    ------
    DamageError
        If it is no JSON, or anything in it is wrong.
    """
    try:
        return model.model_validate(read_json(dataset))
    except ValidationError as problem:
        raise DamageError(_told(problem.errors()[0], dataset.name)) from problem


def lenient(
    tree: Mapping[str, Any], where: str, *, needed: tuple[str, ...] = ()
) -> tuple[Metadata, tuple[str, ...]]:
    """Return metadata, and a note on everything in them that is wrong and therefore left out.

    A whole part, such as the optics, that is something else than Velox writes is no slip of one
    value, and is refused.

    Parameters
    ----------
    tree : mapping
        As JSON has it.
    where : str
        Name of the dataset that it came from.
    needed : tuple of str
        Keys that are not left out: a fault in one of them raises.

    Raises
    ------
    DamageError
    """
    notes: list[str] = []
    kept: dict[str, Any] = _copied(tree)
    while True:
        try:
            return Metadata.model_validate(kept), tuple(notes)
        except ValidationError as problem:
            error = problem.errors()[0]
            told = _told(error, where)
            path = _existing(error["loc"], kept)
            if len(path) <= 1 or path[-1] in needed:
                raise DamageError(told) from problem
            notes.append(f"{told}; left out")
            _remove(kept, path)


def read_json(dataset: Any) -> dict[str, Any]:
    """Return the JSON object stored in a dataset, as a string or as a column of bytes.

    Raises
    ------
    DamageError
        If it is none.
    """
    if not isinstance(dataset, h5py.Dataset):
        raise DamageError(f"{getattr(dataset, 'name', 'a part')} is a group, expected JSON")
    try:
        check_size(dataset)
        # One column for each frame: the first one is there in every file.
        is_bytes = dataset.dtype == np.uint8
        text = dataset[:, 0].tobytes().rstrip(b"\0") if is_bytes else dataset[0]
        found = json.loads(text)
    except ReadError as error:
        raise DamageError(str(error)) from error
    except (ValueError, IndexError, TypeError, RecursionError) as error:
        raise DamageError(f"the file is damaged: {dataset.name} is not readable JSON") from error
    if not isinstance(found, dict):
        raise DamageError(f"{dataset.name} is {_shown(found)}, expected a JSON object")
    return found


def _copied(tree: Any) -> Any:
    return {k: _copied(v) for k, v in tree.items()} if isinstance(tree, Mapping) else tree


def _existing(loc: tuple[int | str, ...], tree: Any) -> tuple[str, ...]:
    """Return as much of a location as is there: pydantic names steps of its own behind it."""
    path: list[str] = []
    for step in loc:
        if not isinstance(tree, dict) or step not in tree:
            break
        path.append(str(step))
        tree = tree[step]
    return tuple(path)


def _remove(tree: dict[str, Any], path: tuple[str, ...]) -> None:
    for step in path[:-1]:
        tree = tree[step]
    del tree[path[-1]]


def _told(error: Any, where: str) -> str:
    key = ".".join(map(str, error["loc"]))
    if error["type"] == "missing":
        return f"{where}: the key {key} is missing"
    reason = error.get("ctx", {}).get("error")
    expected = str(reason) if reason is not None else "an object with keys"
    return f"{where}: {key} is {_shown(error['input'])}, expected {expected}"


def _shown(value: Any) -> str:
    text = "null" if value is None else repr(value)
    if isinstance(value, float) and math.isnan(value):
        text = "NaN"
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."


def part(group: Any, name: str, kind: Callable[..., Any] = h5py.Dataset) -> Any:
    """Return a part of a group.

    Raises
    ------
    DamageError
        If it is not there, or something else.
    """
    found = group.get(name) if isinstance(group, h5py.Group) else None
    if not isinstance(found, kind):  # type: ignore[arg-type]
        raise DamageError(f"{getattr(group, 'name', 'a group')} holds no {name}")
    return found
