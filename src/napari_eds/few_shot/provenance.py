"""Where a few-shot folder comes from, and whether its files are still as they were written."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from napari_eds._support.provenance import file_sha256, versions
from napari_eds.few_shot.chips import ChipOrder
from napari_eds.few_shot.folder import Job, grey_limits, map_size, write_json
from napari_eds.spectra.spectrum_image import SpectrumImage

FORMAT = "napari-eds few-shot 1"
PROVENANCE = "provenance.json"
#: Key of the digests: SHA-256 by file, that of the account itself without them.
_DIGESTS = "sha256"
#: Packages whose versions are written down.
_PACKAGES = ("numpy", "scipy", "pandas", "pillow")


def write_provenance(folder: Path, job: Job) -> None:
    """Write down where everything comes from, last, with a list of all files."""
    files = sorted(files_of(folder))
    content = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **versions(_PACKAGES)},
        "source": _source(job.image.source),
        "image": _image(job.image, job.pixels),
        "chips": _chips(job.chips),
        "energy": _energy(job),
        "picture": _picture(job),
        "spectra_normalised": "counts over the sum of the chip's counts in these channels",
        "map": _map(job),
        "files": files,
    }
    digests = {name: file_sha256(folder / name) for name in files}
    digests[PROVENANCE] = _digest(content)
    write_json(folder / PROVENANCE, {**content, _DIGESTS: digests})


def files_of(folder: Path) -> set[str]:
    """Return the files of a folder and the folders below, as paths from it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def of_others(folder: Path) -> tuple[list[str], list[str]]:
    """Return the files that no export wrote into a folder, and those changed since.

    An export of version 0.1.0 noted no digests: whether its files were changed is not known, and
    all of them count as changed.
    """
    told = _told(folder)
    there = files_of(folder)
    if told is None:
        return sorted(there), []
    own = there & {*told["files"], PROVENANCE}
    digests = told.pop(_DIGESTS, {})
    changed = (name for name in own if _digest_now(folder, name, told) != digests.get(name))
    return sorted(there - own), sorted(changed)


def _told(folder: Path) -> dict[str, Any] | None:
    """Return what an export wrote of itself; None where there is none."""
    try:
        told = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        known = told["format"] == FORMAT and isinstance(told["files"], list)
        known &= isinstance(told.get(_DIGESTS, {}), dict)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return told if known else None


def _digest_now(folder: Path, name: str, told: Mapping[str, Any]) -> str | None:
    """Return the digest of a file of a folder, whose account without digests is `told`."""
    path = folder / name
    if path.is_symlink() or not path.is_file():
        return None
    return _digest(told) if name == PROVENANCE else file_sha256(path)


def _digest(content: Mapping[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _source(path: Path | None) -> dict[str, Any] | None:
    """Describe the file the map came from; no sum where it is gone or a folder."""
    if path is None:
        return None
    if not path.is_file():
        return {"file": path.name, "bytes": None, "sha256": None}
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": file_sha256(path)}


def _image(image: SpectrumImage, pixels: tuple[int, int]) -> dict[str, Any]:
    return {
        "name": image.name,
        "shape": image.shape,
        "exported_shape": pixels,
        # What of the source file the image is; empty is all of it.
        "part": None if image.part is None else image.part.to_dict(),
        "pixel_size": image.pixel_size,
        "pixel_unit": image.pixel_unit,
    }


def _chips(chips: ChipOrder) -> dict[str, Any]:
    square = chips.size is not None and chips.size[0] == chips.size[1]
    return {
        "number": len(chips.ids),
        "size": chips.size,
        "grid": chips.grid,
        # What to give Multimodal-Few-Shot, and pychip_gui, for the same chips.
        "n_columns": chips.grid[1] if chips.grid and square else None,
        "chip_size": chips.size[0] if chips.size and square else None,
    }


def _energy(job: Job) -> dict[str, Any]:
    energy = job.binned.energy
    return {
        "offset_keV": energy.offset_keV if energy.calibrated else None,
        "scale_keV": energy.scale_keV if energy.calibrated else None,
        "channels": energy.size,
        "rebin": job.settings.rebin,
        "range_keV": job.settings.energy_range_keV,
    }


def _picture(job: Job) -> dict[str, Any]:
    black, white = grey_limits(job)
    return {
        "name": job.picture_name,
        "black": float(black),
        "white": float(white),
        "pychip_colormap": job.settings.pychip_colormap,
    }


def _map(job: Job) -> dict[str, Any]:
    size = map_size(job.image, job.pixels, job.settings)
    return {
        "written": job.settings.save_map,
        "shape": size.shape,
        "dtype": str(size.dtype),
        "bytes": size.n_bytes,
    }
