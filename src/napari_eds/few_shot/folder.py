"""Writing the files of a few-shot folder, everything checked beforehand."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from napari_eds._support.arguments import expect, pair
from napari_eds._support.csv_cells import csv_text
from napari_eds._support.progress import Progress
from napari_eds.few_shot.chips import ChipOrder, FewShotError
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.saving import results as saving
from napari_eds.quantification.table import CHIP
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Dense counts held at a time while the map is written.
_BLOCK_BYTES = 64e6


@dataclass(frozen=True)
class FewShotFormat:
    """Details of a few-shot folder.

    Attributes
    ----------
    rebin : int
        Channels summed to one in spectra and map. Multimodal-Few-Shot's example takes 4.
    energy_range_keV : (float, float) or None
        Channels kept, after rebinning; None keeps all. The example takes 5 to 10 keV.
    save_map : bool
        Whether to write ``map.npy``, which Multimodal-Few-Shot sums itself. It is dense and can
        take gigabytes: ask `few_shot_map_size` first.
    picture_percentiles : (float, float)
        Percentiles of the whole picture that become black and white.
    jpeg_quality : int
        1 to 95.
    pychip_colormap : str
        matplotlib's name of the colours of ``chips_pychip``, from black to white of the picture:
        pychip_gui saves grey values of its chips in viridis, and its classifier sees those.
        ``"gray"`` leaves them grey.

    Raises
    ------
    FewShotError
        If a value is out of range.
    """

    rebin: int = 1
    energy_range_keV: tuple[float, float] | None = None
    save_map: bool = False
    picture_percentiles: tuple[float, float] = (0.5, 99.5)
    jpeg_quality: int = 95
    pychip_colormap: str = "viridis"

    def __post_init__(self) -> None:
        expect(rebin=(self.rebin, Real), jpeg_quality=(self.jpeg_quality, Real))
        expect(pychip_colormap=(self.pychip_colormap, str))
        if self.energy_range_keV is not None:
            pair("energy_range_keV", self.energy_range_keV)
        low, high = pair("picture_percentiles", self.picture_percentiles)
        if not 0 <= low < high <= 100:
            raise FewShotError(f"percentiles must rise within 0 to 100, not {low}, {high}")
        if not 1 <= self.rebin < np.inf or self.rebin != int(self.rebin):
            raise FewShotError(f"channels are summed in groups of 1 or more, not {self.rebin}")
        if not 1 <= self.jpeg_quality <= 95:
            raise FewShotError(f"JPEG quality is 1 to 95, not {self.jpeg_quality}")
        _colours(self.pychip_colormap)


def _colours(name: str) -> np.ndarray:
    """Return the colours of the 256 grey values by a colormap, (256, 3) of uint8."""
    from matplotlib import colormaps

    if name not in colormaps:
        raise FewShotError(f"matplotlib has no colormap {name!r}; viridis and gray are two it has")
    return colormaps[name](np.arange(256, dtype=np.uint8), bytes=True)[:, :3]


class MapSize(NamedTuple):
    """Size of the dense map: (rows, columns, channels), type of its numbers, bytes in all."""

    shape: tuple[int, int, int]
    dtype: np.dtype
    n_bytes: int


@dataclass(frozen=True, eq=False)
class Job:
    """What is exported: everything the writers below need, checked.

    `pixels` is the part of the map that pictures and map cover; `binned` has the channels to
    export.
    """

    image: SpectrumImage
    binned: SpectrumImage
    result: Quantification | None
    chips: ChipOrder
    labels: np.ndarray
    pixels: tuple[int, int]
    picture: np.ndarray
    picture_name: str
    support: dict[str, tuple[str, ...]]
    settings: FewShotFormat
    progress: Progress | None


def binned(image: SpectrumImage, settings: FewShotFormat) -> SpectrumImage:
    """Return the image with the channels to export."""
    if settings.rebin > 1:
        image = image.rebin_energy(settings.rebin)
    if settings.energy_range_keV is not None:
        image = image.crop_energy(*settings.energy_range_keV)
    return image


def map_size(image: SpectrumImage, pixels: tuple[int, int], settings: FewShotFormat) -> MapSize:
    """Return what the dense map of so many (rows, columns) will take."""
    axis = image.energy.rebin(settings.rebin)
    if settings.energy_range_keV is not None:
        axis = axis.crop(axis.channels(*settings.energy_range_keV))
    stored = image.counts if isinstance(image.counts, np.ndarray) else image.counts.data
    dtype = np.dtype(np.float64)
    if stored.dtype.kind != "f":
        highest = int(stored.max()) if stored.size else 0
        dtype = np.min_scalar_type(highest * settings.rebin)
    shape = (*pixels, axis.size)
    return MapSize(shape, dtype, int(np.prod(shape, dtype=object)) * dtype.itemsize)


def write(folder: Path, job: Job) -> None:
    """Write all files of an export but the account of where they are from; report progress."""
    steps = {
        "chip pictures": _write_pictures,
        "spectra": _write_spectra,
        "tables": _write_tables,
        "support set": _write_support,
        "map": _write_map,
    }
    for done, (what, write) in enumerate(steps.items()):
        if job.progress is not None:
            job.progress(done, len(steps), what)
        write(folder, job)


def _write_pictures(folder: Path, job: Job) -> None:
    """Write the picture, whole and by chip, in grey levels that all chips share."""
    from PIL import Image

    grey = _grey(job)
    np.save(folder / "picture.npy", job.picture, allow_pickle=False)
    Image.fromarray(grey).save(folder / "picture.png")
    boxes = _boxes(job.chips)
    _make(folder, "chips")
    for chip, box in boxes.items():
        Image.fromarray(grey[box]).save(folder / "chips" / f"{chip}.png")
    if job.chips.size is None:
        _make(folder, "masks")
        for chip, box in boxes.items():
            mask = (job.labels[box] == job.chips.labels[chip]) * np.uint8(255)
            Image.fromarray(mask).save(folder / "masks" / f"{chip}.png")
        return
    _make(folder, "chips_pychip")
    colours = _colours(job.settings.pychip_colormap)
    for name, box in zip(job.chips.pychip_names, boxes.values(), strict=True):
        Image.fromarray(colours[grey[box]]).save(
            folder / "chips_pychip" / name, quality=job.settings.jpeg_quality, subsampling=0
        )


def _make(folder: Path, name: str) -> None:
    (folder / name).mkdir()


def _grey(job: Job) -> np.ndarray:
    """Return the picture in 8 bit; what is not finite is black."""
    low, high = grey_limits(job)
    data = np.nan_to_num(job.picture.astype(np.float64), nan=low, posinf=high, neginf=low)
    scaled = (data - low) / (high - low) if high > low else np.zeros_like(data)
    return np.rint(255 * scaled.clip(0, 1)).astype(np.uint8)


def grey_limits(job: Job) -> tuple[float, float]:
    """Return the numbers of the picture that are black and white."""
    finite = job.picture[np.isfinite(job.picture)].astype(np.float64)
    if not finite.size:
        return 0.0, 0.0
    low, high = np.percentile(finite, job.settings.picture_percentiles)
    # A few bright spots on an even ground leave no range between percentiles.
    return (low, high) if high > low else (finite.min(), finite.max())


def _boxes(chips: ChipOrder) -> dict[str, tuple[slice, slice]]:
    columns = ["row_start", "row_stop", "column_start", "column_stop"]
    bounds = chips.table[columns].to_numpy().tolist()
    return {
        chip: (slice(top, bottom), slice(left, right))
        for chip, (top, bottom, left, right) in zip(chips.ids, bounds, strict=True)
    }


def _write_spectra(folder: Path, job: Job) -> None:
    summed = job.binned.label_spectra(job.labels)
    rows = np.searchsorted(summed.ids, job.chips.label_ids)
    spectra = summed.spectra[rows].astype(np.float64)
    totals = spectra.sum(axis=1, keepdims=True)
    np.save(folder / "spectra_sum.npy", spectra)
    np.save(folder / "spectra_normalised.npy", spectra / np.where(totals > 0, totals, 1))
    write_json(folder / "chip_ids.json", list(job.chips.ids))
    if job.binned.energy.calibrated:
        np.save(folder / "energies_keV.npy", job.binned.energy.energies_keV)


def _write_tables(folder: Path, job: Job) -> None:
    np.save(folder / "labels.npy", job.labels.astype(np.min_scalar_type(job.labels.max())))
    boxes = csv_text(job.chips.table)
    (folder / "bounding_boxes.csv").write_text(boxes, encoding="utf-8", newline="\n")
    if job.result is None:
        return
    table = job.result.table.rename(columns={CHIP: "name"}).loc[list(job.chips.label_ids)]
    table = table.reset_index().set_index(job.chips.table.index)
    table["name"] = job.chips.table["name"]
    text = saving.table_csv(replace(job.result, table=table))
    (folder / "quantification.csv").write_text(text, encoding="utf-8", newline="\n")
    about = saving.about_image(job.result.image)
    job.result.recipe.to_json(folder / "recipe.json", job.image.part, image=about)


def _write_support(folder: Path, job: Job) -> None:
    if not job.support:
        return
    write_json(folder / "support_set.json", job.support)
    if job.chips.size is not None:
        name = dict(zip(job.chips.ids, job.chips.pychip_names, strict=True))
        renamed = {c: [name[chip] for chip in ids] for c, ids in job.support.items()}
        write_json(folder / "support_set_pychip.json", renamed)


def _write_map(folder: Path, job: Job) -> None:
    """Write the dense map a block of rows at a time.

    Written as a stream, not through a memory map, whose pages would count as ours until the
    system writes them back.
    """
    if not job.settings.save_map:
        return
    shape, dtype, _ = map_size(job.image, job.pixels, job.settings)
    descr = np.lib.format.dtype_to_descr(dtype)
    width, channels = job.image.shape[1], shape[2]
    step = max(int(_BLOCK_BYTES // (width * channels * 8)), 1)
    with (folder / "map.npy").open("wb") as file:
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, shape[0], step):
            if job.progress is not None:
                job.progress(start, shape[0], "rows of the map")
            stop = min(start + step, shape[0])
            block = job.binned.counts[start * width : stop * width]
            counts = block if isinstance(block, np.ndarray) else block.toarray()
            kept = counts.reshape(stop - start, width, channels)[:, : shape[1]]
            file.write(kept.astype(dtype, copy=False).tobytes())


def write_json(path: Path, content: Any) -> None:
    """Write what JSON can hold, for people to read."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
