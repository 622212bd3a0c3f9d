"""`MapPart`: which part of a file a map is, so that the same can be read again."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from napari_eds._support.arguments import each, told
from napari_eds.errors import ArgumentError, ReadError

Unit = Literal["px", "nm"]
#: Where an axis of a crop begins and ends; None is the edge of the map.
Extent = tuple[float | None, float | None]

#: Key of the part beside the settings in a recipe's file.
MAP_PART = "map_part"
#: A pixel's centre that equals a bound up to rounding counts as equal to it.
_ROUNDING_PX = 1e-6

_AXES = ("rows", "columns")

P = TypeVar("P", bound="MapPart")


@dataclass(frozen=True)
class MapPart:
    """What of a file is read: everything, unless said otherwise.

    Attributes
    ----------
    detectors : tuple of int or str, or None
        Detectors that are summed, by position or name (Velox).
    frames : (int, int) or None
        First frame that is summed, counted from 0, and the one after the last (Velox).
    crop : ((start, stop), (start, stop)) or None
        Rows and columns that are kept, half open, counted from the upper left edge of the map;
        None in place of a bound is the edge. Those of the map as the file holds it.
    crop_unit : {"px", "nm"}
        Unit of `crop`. Of nm, the pixels are kept whose centres lie in ``start <= x < stop``;
        pixel 0 reaches from 0 to one pixel size.
    energy_range_keV : (float, float) or None
        Channels whose centres lie in ``low <= E < high`` are kept.
    rebin_energy : int
        So many channels are summed into one, after `energy_range_keV`; a remainder is dropped.
    energy_axis : (float, float) or None
        keV of the first channel and keV per channel of the file, in place of those it gives.
    clip_negative : bool
        Whether values below zero, which denoising leaves behind, are taken as 0 instead of being
        refused.
    index : int or None
        Which map of a file that holds several.

    Raises
    ------
    ReadError
        If a value makes no sense.
    """

    detectors: tuple[int | str, ...] | None = None
    frames: tuple[int, int] | None = None
    crop: tuple[Extent, Extent] | None = None
    crop_unit: Unit = "px"
    energy_range_keV: tuple[float, float] | None = None
    rebin_energy: int = 1
    energy_axis: tuple[float, float] | None = None
    clip_negative: bool = False
    index: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.rebin_energy, Integral) or self.rebin_energy < 1:
            raise ReadError(f"rebin_energy must be a whole number from 1, not {self.rebin_energy}")
        for name in ("frames", "energy_range_keV", "energy_axis"):
            value, kind = getattr(self, name), Integral if name == "frames" else Real
            if value is None:
                continue
            if not isinstance(value, Collection) or isinstance(value, str) or len(value) != 2:
                raise ReadError(f"{name} must be a pair of numbers, not {told(value)}")
            if not all(isinstance(number, kind) for number in value):
                whole = "whole " if kind is Integral else ""
                raise ReadError(f"{name} must be {whole}numbers, not {value}")
        if self.detectors is not None and not each("detectors", self.detectors, Integral | str):
            raise ReadError("detectors is empty: name at least one detector, or leave it out")
        self._make_plain()
        if not isinstance(self.crop_unit, str) or self.crop_unit not in get_args(Unit):
            raise ReadError(f"a crop is given in px or nm, not {self.crop_unit!r}")
        if self.crop is not None:
            object.__setattr__(self, "crop", _checked_crop(self.crop, self.crop_unit))

    def _make_plain(self) -> None:
        """Turn NumPy's numbers and lists into what compares, hashes and is written as JSON."""
        plain: dict[str, Any] = {"rebin_energy": int(self.rebin_energy)}
        if self.frames is not None:
            plain["frames"] = tuple(int(frame) for frame in self.frames)
        if self.index is not None:
            plain["index"] = int(self.index)
        if self.detectors is not None:
            plain["detectors"] = tuple(d if isinstance(d, str) else int(d) for d in self.detectors)
        for name in ("energy_range_keV", "energy_axis"):
            if getattr(self, name) is not None:
                plain[name] = tuple(float(number) for number in getattr(self, name))
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls: type[P], detectors: int | str | Sequence[int | str] | None, **others: Any) -> P:
        """Return the part, with a single detector allowed in place of a sequence.

        Raises
        ------
        ArgumentError
            If there is no such option, or a detector is neither a number nor a name.
        """
        unknown = sorted(others.keys() - {field.name for field in fields(cls)})
        if unknown:
            raise ArgumentError(
                f"there is no option {unknown[0]!r} of what is read: there are "
                f"{', '.join(field.name for field in fields(cls))}"
            )
        several = (detectors,) if isinstance(detectors, int | str | Integral) else detectors
        chosen = None if several is None else each("detectors", several, Integral | str)
        return cls(chosen, **others)

    @property
    def is_whole(self) -> bool:
        """Whether all of the file is read, as it is."""
        return not self.to_dict()

    def pixels(
        self, shape: tuple[int, int], pixel_nm: tuple[float | None, float | None]
    ) -> tuple[slice, slice]:
        """Return the rows and columns of `crop` in a map.

        Parameters
        ----------
        shape : (int, int)
            (rows, columns) of the map as the file holds it.
        pixel_nm : (float or None, float or None)
            Height and width of a pixel in nm; None where it is not known.

        Raises
        ------
        ReadError
            If the crop reaches outside of the map or holds no pixel, or is in nm and the pixels
            have no size.
        """
        if self.crop is None:
            return slice(0, shape[0]), slice(0, shape[1])
        in_nm = self.crop_unit == "nm"
        if in_nm and None in pixel_nm:
            raise ReadError(
                "the file does not tell the size of a pixel: give the crop in pixels, not in nm"
            )
        sizes = [float(size or 1.0) for size in pixel_nm] if in_nm else [1.0, 1.0]
        rows, columns = (self._pixels_along(axis, shape, sizes) for axis in (0, 1))
        return rows, columns

    def _pixels_along(self, axis: int, shape: tuple[int, int], sizes: Sequence[float]) -> slice:
        """Return the pixels of `crop` along rows (0) or columns (1)."""
        extent: Extent = (None, None) if self.crop is None else self.crop[axis]
        n, size = shape[axis], sizes[axis]
        low, high = (None if bound is None else bound / size for bound in extent)
        start, stop = 0.0 if low is None else low, float(n) if high is None else high
        if self.crop_unit == "nm":
            first, end = (math.ceil(edge - 0.5 - _ROUNDING_PX) for edge in (start, stop))
        else:
            first, end = int(start), int(stop)
        outside = start < -_ROUNDING_PX or stop > n + _ROUNDING_PX
        if not outside and first < end:
            return slice(first, end)
        what = "reaches outside of the map" if outside else "holds no pixel"
        in_nm = f" ({shape[0] * sizes[0]:g} x {shape[1] * sizes[1]:g} nm)"
        asked = f"{_bound(extent[0])}:{_bound(extent[1])} {self.crop_unit}"
        raise ReadError(
            f"the crop {what}: {_AXES[axis]} {asked} of {shape[0]} x {shape[1]} pixels"
            f"{in_nm if self.crop_unit == 'nm' else ''}"
        )

    def reading(self) -> dict[str, Any]:
        """Return the part as options of `read`, which reads every map of a file."""
        return {f.name: getattr(self, f.name) for f in fields(MapPart) if f.name != "index"}

    def to_dict(self) -> dict[str, Any]:
        """Return what is not everything, as JSON knows it."""
        changed = {
            f.name: getattr(self, f.name)
            for f in fields(MapPart)
            if getattr(self, f.name) != f.default
        }
        if "crop" not in changed:
            changed.pop("crop_unit", None)
        return json.loads(json.dumps(changed))

    @classmethod
    def from_dict(cls: type[P], values: Mapping[str, Any]) -> P:
        """Return the part that `to_dict` wrote.

        Raises
        ------
        ReadError
            If it is none.
        """
        try:
            return cls(**{name: _tuples(value) for name, value in values.items()})
        except (TypeError, ValueError, AttributeError) as error:
            raise ReadError(
                f"{values} does not say which part of a map to read: {error}"
            ) from error

    @classmethod
    def from_recipe(cls: type[P], path: str | Path) -> P:
        """Return the part of the map that a run was made on, from its recipe's file.

        Everything where the file says nothing of it.

        Raises
        ------
        FileNotFoundError
        ReadError
            If it cannot be read.
        """
        try:
            content = json.loads(Path(path).read_bytes())
        except ValueError as error:
            raise ReadError(f"{Path(path).name} is no recipe: {error}") from error
        return cls.from_dict(content.get(MAP_PART, {}) if isinstance(content, dict) else {})

    def account(self) -> list[str]:
        """Say in plain words what was read; nothing where all was."""
        told = []
        if self.index is not None:
            told.append(f"map {self.index} of the file")
        if self.detectors is not None:
            told.append(f"detectors {', '.join(map(str, self.detectors))}")
        if self.frames is not None:
            told.append(f"frames {self.frames[0]} to {self.frames[1] - 1}")
        if self.crop is not None:
            rows, columns = (f"{_bound(a)}:{_bound(b)}" for a, b in self.crop)
            told.append(f"rows {rows} and columns {columns} ({self.crop_unit})")
        if self.energy_axis is not None:
            told.append("axis {:g} keV + {:g} keV a channel".format(*self.energy_axis))
        if self.energy_range_keV is not None:
            told.append("{:g} to {:g} keV".format(*self.energy_range_keV))
        if self.rebin_energy > 1:
            told.append(f"{self.rebin_energy} channels summed into one")
        if self.clip_negative:
            told.append("values below zero as 0")
        return [f"Read of the file: {'; '.join(told)}."] if told else []


def _checked_crop(crop: Any, unit: Unit) -> tuple[Extent, Extent]:
    """Return a crop as pairs of numbers, whole ones of pixels."""
    wanted = "crop must be ((first row, end), (first column, end))"
    try:
        rows, columns = (tuple(extent) for extent in crop)
    except (TypeError, ValueError):
        raise ReadError(f"{wanted}, not {crop!r}") from None
    for extent in (rows, columns):
        numbers = [bound for bound in extent if bound is not None]
        kind: Any = Integral if unit == "px" else Real
        if len(extent) != 2 or not all(isinstance(n, kind) and math.isfinite(n) for n in numbers):
            whole = " of whole numbers of pixels" if unit == "px" else " of numbers in nm"
            raise ReadError(f"{wanted}{whole}, not {crop!r}")
        if len(numbers) == 2 and numbers[0] >= numbers[1]:
            raise ReadError(f"a crop ends after it begins, unlike {numbers[0]} to {numbers[1]}")
    plain = int if unit == "px" else float
    (a, b), (c, d) = (
        tuple(None if bound is None else plain(bound) for bound in extent)
        for extent in (rows, columns)
    )
    return (a, b), (c, d)


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _tuples(value: Any) -> Any:
    """Return JSON's lists as tuples, inner ones too."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
