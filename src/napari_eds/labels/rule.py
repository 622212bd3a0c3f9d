"""`LabelRule`: how labels are made of whatever map comes, in words that can be saved and sent."""

from __future__ import annotations

import string
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from napari_eds._support.arguments import each, expect
from napari_eds.errors import EDSError, LabelError
from napari_eds.labels.chips import Chips, grid_chips, whole_map
from napari_eds.labels.files import read_labels
from napari_eds.labels.from_counts import adaptive_chips
from napari_eds.labels.from_images import superpixels
from napari_eds.labels.from_spectra import cluster_labels

if TYPE_CHECKING:
    from napari_eds.recipe.map_part import MapPart
    from napari_eds.spectra.spectrum_image import SpectrumImage

Kind = Literal["grid", "min_counts", "superpixels", "clusters", "whole", "file"]
#: What a naming rule may fill in: the map's name without and with its ending.
_FIELDS = ("stem", "name")


@dataclass(frozen=True)
class LabelRule:
    """How the labels of a map are made; the same rule serves any number of maps.

    Attributes
    ----------
    kind : {"grid", "min_counts", "superpixels", "clusters", "whole", "file"}
    size : (int, int)
        Of a grid: rows and columns of a chip in pixels.
    number : int
        Least X-rays of a chip (``min_counts``), or about how many regions there will be
        (``superpixels``, ``clusters``).
    of : str or None
        Image whose edges superpixels follow; see `picture_of`.
    file : str
        Naming rule of the label file that lies beside each map, such as ``{stem}_labels.tif``.

    Raises
    ------
    LabelError
        If what the kind needs is missing or cannot be meant.
    """

    kind: Kind
    size: tuple[int, int] = (0, 0)
    number: int = 0
    of: str | None = None
    file: str = ""

    def __post_init__(self) -> None:
        expect(kind=(self.kind, str))
        if self.kind not in get_args(Kind):
            raise LabelError(f"labels are made by {', '.join(get_args(Kind))}, not {self.kind!r}")
        size = each("size", self.size, Integral)
        expect(number=(self.number, Real), of=(self.of, str | None), file=(self.file, str))
        object.__setattr__(self, "size", tuple(map(int, size)))
        if self.kind == "grid" and (len(self.size) != 2 or min(self.size) < 1):
            raise LabelError(f"a grid needs sides of 1 pixel or more, not {self.size}")
        if self.kind in {"min_counts", "superpixels", "clusters"} and self.number < 1:
            raise LabelError(f"{self.kind} needs a whole number from 1, not {self.number}")
        if self.kind == "file":
            check_naming_rule(self.file)

    @classmethod
    def grid(cls, side: int | tuple[int, int]) -> LabelRule:
        """Chips of so many pixels: one side, or (rows, columns)."""
        if isinstance(side, int | Integral):
            side = (int(side), int(side))
        return cls("grid", size=side)

    @classmethod
    def beside(cls, rule: str) -> LabelRule:
        """Label files beside the maps, by a naming rule such as ``{stem}_labels.tif``."""
        return cls("file", file=rule)

    def labels_of(self, image: SpectrumImage) -> np.ndarray | Chips:
        """Return the labels or chips of a map.

        Raises
        ------
        FileNotFoundError
            If there is no label file beside the map.
        LabelError, EDSError
            If the rule does not fit the map.
        """
        if self.kind == "file":
            labels = read_labels(self.file_of(image.source))
            return on_the_part(labels, image.part, image.shape)
        if self.kind == "min_counts":
            return adaptive_chips(image.counts_map(), self.number, counted=image.energy.counted)
        if self.kind == "superpixels":
            return superpixels(picture_of(self.of, image), n_regions=self.number)
        if self.kind == "clusters":
            return cluster_labels(image, self.number)
        return (
            whole_map(image.shape) if self.kind == "whole" else grid_chips(image.shape, self.size)
        )

    def file_of(self, source: Path | None) -> Path:
        """Return where the label file of a map's file lies.

        Raises
        ------
        LabelError
            If the map came from no file.
        """
        if source is None:
            raise LabelError("the map came from no file: there is no label file beside it")
        return named_beside(self.file, source)

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as JSON knows it; ``LabelRule(**values)`` makes it again."""
        return {**asdict(self), "size": list(self.size)}


def check_naming_rule(rule: str) -> None:
    """Raise `LabelError` unless a naming rule names a file of its own beside each map."""
    wanted = "a naming rule is such as {stem}_labels.tif, with {stem} or {name} of the map"
    try:
        fields = {field for _, field, _, _ in string.Formatter().parse(rule) if field is not None}
    except ValueError as error:
        raise LabelError(f"{wanted}, not {rule!r}: {error}") from error
    if not fields or not fields <= set(_FIELDS):
        raise LabelError(f"{wanted}, not {rule!r}")


def named_beside(rule: str, source: Path) -> Path:
    """Return the file that a naming rule gives for a map's file, seen from its folder."""
    return source.parent / rule.format(stem=source.stem, name=source.name)


def on_the_part(labels: np.ndarray, part: MapPart | None, shape: tuple[int, int]) -> np.ndarray:
    """Return labels of the map as its file holds it on the part of that shape that was read."""
    if part is None or part.crop is None or labels.shape == tuple(shape):
        return labels
    cut = labels[tuple(slice(*extent) for extent in part.crop)]
    return cut if cut.shape == tuple(shape) else labels


def picture_of(name: str | None, image: SpectrumImage) -> np.ndarray:
    """Return an image of the file on the map's pixels: the one named, or the first there is.

    Without one, or if it is called ``counts``, the X-ray counts.
    """
    pictures = {p.name: p.data for p in image.images if p.data.ndim == 2 and p.fits(image.shape)}
    names = list(dict.fromkeys([*pictures, "counts"]))
    chosen = names[0] if name is None else name
    if chosen not in names:
        raise EDSError(
            f"the file has no image {name!r} of the map's pixels; it has {', '.join(names)}"
        )
    return pictures[chosen] if chosen in pictures else image.counts_map()
