"""Ripple files: a header of keys in `.rpl`, and the numbers in `.raw` beside it.

Keys after Lispix (NIST), which made the format; HyperSpy, INCA, AZtec, Esprit and DTSA-II write
them with additions and in spellings of their own. Counts may be recorded by vector (all channels
of a pixel together) or by image (all pixels of a channel together).
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from napari_eds.errors import ReadError
from napari_eds.readers.files import companion
from napari_eds.readers.notes import note

_LINE = re.compile(r"\(?(?:MLX::)?\s*([A-Za-z][\w-]*)\s*[\t :=]\s*(.*?)\s*\)?")
_KINDS = {"signed": "i", "unsigned": "u", "float": "f"}
_ORDERS = {"little-endian": "<", "big-endian": ">", "dont-care": "="}
_LAYOUTS = ("vector", "image", "dont-care")
#: Keys that HyperSpy adds, and where its metadata have what they say.
_INSTRUMENT = {"beam-energy": "beam_energy"}
_DETECTOR = {
    "detector-peak-width-ev": "energy_resolution_MnKa",
    "energy-resolution": "energy_resolution_MnKa",
    "elevation-angle": "elevation_angle",
    "azimuth-angle": "azimuth_angle",
    "live-time": "live_time",
}


def read_ripple(path: Path) -> list[dict[str, Any]]:
    """Return the data of a Ripple file in the form of RosettaSciIO's readers, energy last.

    Raises
    ------
    ReadError
        If keys are missing or unusable, or the numbers are not all there.
    """
    keys = _keys(path)
    shape = {name: _whole(keys, name, path) for name in ("height", "width", "depth")}
    layout = _word(keys, "record-by", _LAYOUTS, path)
    data = _numbers(path, keys, shape, layout)
    axes = [_place_axis(keys, name, shape[name]) for name in ("height", "width")]
    is_image = shape["depth"] == 1
    if not is_image:
        axes.append(_depth_axis(keys, shape["depth"], path))
    for axis in axes[:2]:
        axis["navigate"] = not is_image
    metadata = {
        "General": {"title": keys.get("title") or path.stem},
        "Signal": {"signal_type": keys.get("signal", "")},
        "Acquisition_instrument": _instrument(keys),
    }
    return [{"data": data, "axes": axes, "metadata": metadata, "original_metadata": keys}]


def _instrument(keys: dict[str, str]) -> dict[str, Any]:
    """Return what keys of HyperSpy and Lispix say about microscope and detector."""
    told = {ours: float(keys[key]) for key, ours in _INSTRUMENT.items() if _is_number(keys, key)}
    eds = {ours: float(keys[key]) for key, ours in _DETECTOR.items() if _is_number(keys, key)}
    # Without a kind of signal the file does not say which microscope it was.
    name = keys.get("signal", "").rpartition("EDS_")[2]
    return {name: {**told, "Detector": {"EDS": eds}}}


def _keys(path: Path) -> dict[str, str]:
    """Return the keys of a header in lower case, and what is behind them."""
    keys = {}
    for line in path.read_bytes().decode("latin-1").splitlines():
        found = _LINE.fullmatch(line.partition(";")[0].strip())
        if found and found[2]:
            keys[found[1].lower()] = found[2]
    return keys


def _whole(keys: dict[str, str], name: str, path: Path, default: int | None = None) -> int:
    text = keys.get(name, "" if default is None else str(default))
    if not text.isdecimal() or (int(text) < 1 and default is None):
        raise ReadError(
            f"{path.name} cannot be read: its {name} is {text or 'missing'}, not a whole number"
        )
    return int(text)


def _word(keys: dict[str, str], name: str, known: tuple[str, ...], path: Path) -> str:
    # INCA writes all choices behind the one that holds.
    words = re.split(r"[\s,|/(]+", keys.get(name, "").lower().replace("don't", "dont"))
    if words[0] not in known:
        raise ReadError(
            f"{path.name} cannot be read: its {name} is {words[0] or 'missing'}, not one of "
            f"{', '.join(known)}"
        )
    return words[0]


def _numbers(path: Path, keys: dict[str, str], shape: dict[str, int], layout: str) -> np.ndarray:
    """Return the numbers as they lie in the file, as (height, width[, depth])."""
    raw = companion(path, ".raw")
    if raw is None:
        raise ReadError(f"{path.name} cannot be read: {path.stem}.raw with its data is not there")
    kind = _KINDS[_word(keys, "data-type", tuple(_KINDS), path)]
    length = _whole(keys, "data-length", path)
    if kind == "f" and length < 4:
        raise ReadError(
            f"{path.name} cannot be read: there are no float numbers of {length} bytes"
        )
    order = "="
    if length > 1:
        order = _ORDERS[_word(keys, "byte-order", tuple(_ORDERS), path)]
    try:
        dtype = np.dtype(f"{order}{kind}{length}")
    except TypeError as error:
        raise ReadError(
            f"{path.name} cannot be read: there are no {keys['data-type']} numbers of {length} "
            "bytes"
        ) from error
    sizes = (shape["height"], shape["width"], shape["depth"])
    if layout != "vector":
        sizes = (shape["depth"], shape["height"], shape["width"])
    offset = _whole(keys, "offset", path, default=0)
    needed, there = offset + math.prod(sizes) * dtype.itemsize, raw.stat().st_size
    if there < needed:
        raise ReadError(
            f"{raw.name} is cut short, or {path.name} is not its header: it holds {there:,} of "
            f"{needed:,} bytes"
        )
    data = np.memmap(raw, dtype, mode="r", offset=offset, shape=sizes)
    if layout != "vector":
        data = np.moveaxis(data, 0, -1)
    return data[..., 0] if shape["depth"] == 1 else data


def _place_axis(keys: dict[str, str], name: str, size: int) -> dict[str, Any]:
    return {
        "name": name,
        "size": size,
        "offset": 0.0,
        "scale": float(keys[f"{name}-scale"]) if _is_number(keys, f"{name}-scale") else 1.0,
        "units": keys.get(f"{name}-units", ""),
    }


def _depth_axis(keys: dict[str, str], size: int, path: Path) -> dict[str, Any]:
    """Return the axis of the channels.

    The format itself has ``ev-per-chan`` only, without the energy of the first channel.
    """
    scale, units = 1.0, keys.get("depth-units", "")
    if _is_number(keys, "depth-scale"):
        scale = float(keys["depth-scale"])
    if _is_number(keys, "ev-per-chan"):
        eV = float(keys["ev-per-chan"])
        if not _is_number(keys, "depth-scale"):
            units = units or "eV"
            scale = eV / 1000 if units.lower() == "kev" else eV
        elif not units:
            units = "keV" if math.isclose(scale * 1000, eV, rel_tol=1e-3) else "eV"
    offset = float(keys["depth-origin"]) if _is_number(keys, "depth-origin") else None
    if offset is None and re.fullmatch(r"k?ev", units.lower()):
        note(
            f"{path.name} does not say the energy of its first channel, and 0 keV is taken; "
            "energy_axis= or --energy-axis sets it"
        )
    return {
        "name": "depth",
        "size": size,
        "offset": offset or 0.0,
        "scale": scale,
        "units": units,
        "navigate": False,
    }


def _is_number(keys: dict[str, str], name: str) -> bool:
    try:
        return math.isfinite(float(keys.get(name, "")))
    except ValueError:
        return False
