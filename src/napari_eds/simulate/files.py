"""Simulated maps as files: a Velox file of the counts, and the truth beside it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from napari_eds._support.files import write_atomically
from napari_eds._support.outputs import check_files
from napari_eds.errors import EDSError
from napari_eds.physics.vacancies import atomic_number
from napari_eds.readers.velox.stream import GATE
from napari_eds.simulate.expected import FamilyKey
from napari_eds.simulate.frames import FrameSimulation
from napari_eds.simulate.maps import Simulation
from napari_eds.spectra.axes import NM_PER_UNIT
from napari_eds.spectra.frame_series import FrameSeries
from napari_eds.spectra.spectrum_image import SpectrumImage

if TYPE_CHECKING:
    import h5py

#: Events of a chunk of a tiled stream.
_CHUNK_EVENTS = 2**18


def simulation_files(path: str | Path) -> list[Path]:
    """Return what `save_simulation` writes: the map, phases as map and table, k-factors.

    Raises
    ------
    EDSError
        If the name has another ending than ``.emd``.
    """
    path = Path(path)
    if path.suffix.lower() != ".emd":
        raise EDSError(f"a simulated map is written as a Velox file, .emd, not as {path.name}")
    endings = ("_phases.tif", "_phases.csv", "_k-factors.csv")
    return [path, *(path.with_name(path.stem + ending) for ending in endings)]


def save_simulation(
    simulation: Simulation,
    path: str | Path,
    *,
    tiles: tuple[int, int] = (1, 1),
    overwrite: bool = False,
) -> list[Path]:
    """Save a simulation as a Velox file, with what is true of it beside.

    Parameters
    ----------
    simulation : Simulation
    path : str or Path
        Ends in ``.emd``. Its neighbours are ``<stem>_phases.tif``, the label map of the phases;
        ``<stem>_phases.csv``, their names, densities and at.%; and ``<stem>_k-factors.csv``, the
        k-factors of whole families that the simulation itself implies.
    tiles : tuple of int
        How often the map is repeated downwards and across, for maps that are too large to be
        simulated: every tile has the same counts, and they are never held more than one row of
        tiles at a time.
    overwrite : bool
        Whether to replace an earlier simulation.

    Returns
    -------
    list of Path

    Raises
    ------
    EDSError
        If the name has another ending.
    OutputError
        If a file is in the way.
    OSError
        If the folder does not exist or cannot be written.
    """
    files = simulation_files(path)
    check_files(files[:1], overwrite=overwrite, raw=True)
    check_files(files[1:], overwrite=overwrite)

    def write_map(draft: Path) -> None:
        write_velox(draft, simulation.image, tiles)

    contents: tuple[bytes | Callable[[Path], None], ...] = (
        write_map,
        _phase_map(np.tile(simulation.labels, tiles)),
        _phases_csv(simulation).encode(),
        _k_factors_csv(simulation.k_factors).encode(),
    )
    return [
        write_atomically(file, content, overwrite=overwrite)
        for file, content in zip(files, contents, strict=True)
    ]


def frame_files(path: str | Path) -> list[Path]:
    """Return what `save_frames` writes: the map, phases, their at.% and drift, and k-factors.

    Raises
    ------
    EDSError
        If the name has another ending than ``.emd``.
    """
    path, phases, _, k_factors = simulation_files(path)
    return [path, phases, path.with_name(f"{path.stem}_frames.csv"), k_factors]


def save_frames(
    simulation: FrameSimulation, path: str | Path, *, overwrite: bool = False
) -> list[Path]:
    """Save simulated frames as a Velox file, with what is true of them beside.

    ``<stem>_frames.csv`` has a row for every frame and phase: where the specimen lies, in rows and
    columns against the first frame, and at.% of what is left.

    Parameters
    ----------
    simulation : FrameSimulation
    path, overwrite
        As of `save_simulation`.

    Raises
    ------
    EDSError, OutputError, OSError
        As `save_simulation`.
    """
    files = frame_files(path)
    check_files(files[:1], overwrite=overwrite, raw=True)
    check_files(files[1:], overwrite=overwrite)

    def write_map(draft: Path) -> None:
        write_velox(draft, simulation.series)

    contents: tuple[bytes | Callable[[Path], None], ...] = (
        write_map,
        _phase_map(simulation.labels),
        _frames_csv(simulation).encode(),
        _k_factors_csv(simulation.k_factors).encode(),
    )
    return [
        write_atomically(file, content, overwrite=overwrite)
        for file, content in zip(files, contents, strict=True)
    ]


def write_velox(
    path: Path,
    recorded: SpectrumImage | FrameSeries,
    tiles: tuple[int, int] = (1, 1),
    seed: int = 0,
    by_detector: Sequence[sparse.csr_array] | None = None,
) -> None:
    """Write a Velox file of a map: an event stream per detector, its images, its elements.

    Parameters
    ----------
    path : Path
    recorded : SpectrumImage or FrameSeries
        Of whole counts, below 65535 channels, with pixels of a length and named detectors.
    tiles : tuple of int
        How often it is repeated downwards and across.
    seed : int
        Which detector a count falls to is drawn, all being alike.
    by_detector : sequence of scipy.sparse.csr_array, (pixels, channels), optional
        What each detector counted, in place of that.
    """
    import h5py

    with h5py.File(path, "w") as file:
        _write(file, recorded, tiles, by_detector or _drawn(recorded, seed))


def _write(
    file: h5py.File,
    recorded: SpectrumImage | FrameSeries,
    tiles: tuple[int, int],
    by_detector: Iterable[sparse.csr_array],
) -> None:
    # A stream runs through the pixels of one frame after the other.
    if isinstance(recorded, FrameSeries):
        image, n_frames = recorded.stacked, recorded.n_frames
        pictures = [(im.name, np.moveaxis(im.data, 0, -1)) for im in recorded.images]
    else:
        image, n_frames = recorded, 1
        pictures = [(im.name, im.data[..., None]) for im in recorded.images if im.data.ndim == 2]
    detectors = image.acquisition.detectors
    rows, columns = (n * times for n, times in zip(recorded.shape, tiles, strict=True))
    metadata = _metadata(image, (rows, columns), n_frames)
    file["Version"] = [json.dumps({"version": "11", "format": "Velox"})]
    file["Data/SpectrumImage/0/SpectrumImageSettings"] = [
        json.dumps({"endFramePosition": str(n_frames)})
    ]
    for number, (detector, share) in enumerate(zip(detectors, by_detector, strict=True)):
        group = file.create_group(f"Data/SpectrumStream/{number}")
        _write_events(group, _across(_events(share), image.shape[1], tiles[1]), tiles[0])
        settings = {"bincount": str(image.n_channels), "StreamEncoding": "uint16"}
        group["AcquisitionSettings"] = [json.dumps(settings)]
        result = metadata["BinaryResult"] | {"Detector": detector.name}
        _write_metadata(group, metadata | {"BinaryResult": result})
    for number, (name, data) in enumerate(pictures):
        group = file.create_group(f"Data/Image/{number}")
        group["Data"] = np.tile(data, (*tiles, 1))
        _write_metadata(group, metadata)
        reference = f"/SharedProperties/ImageDisplay/{number}"
        file[reference] = [json.dumps({"dataPath": f"/Data/Image/{number}"})]
        display = json.dumps({"id": name, "data": reference})
        file[f"Displays/ImageDisplay/{number}"] = [display]
    chosen = [atomic_number(element) for element in image.acquisition.elements]
    file["SharedProperties/EDSSpectrumQuantificationSettings/0"] = [
        json.dumps({"elementSelection": chosen})
    ]


def _drawn(recorded: SpectrumImage | FrameSeries, seed: int) -> Iterator[sparse.csr_array]:
    """Share counts among detectors that are all alike."""
    image = recorded.stacked if isinstance(recorded, FrameSeries) else recorded
    rng, n = np.random.default_rng(seed), len(image.acquisition.detectors)
    left = sparse.csr_array(image.counts).astype(np.int64)
    for number in range(n):
        # Binomial draws from what is left share counts as one multinomial draw would.
        share = left.copy()
        share.data = rng.binomial(left.data, 1 / (n - number))
        left = left - share
        yield share


def _write_events(group: h5py.Group, events: np.ndarray, times: int) -> None:
    """Write a stream so many times in succession."""
    if times == 1:
        group.create_dataset("Data", data=events[:, None], compression="gzip")
        return
    # As Velox does: in chunks, not compressed. Packing gigabytes would take minutes.
    shape, chunks = (events.size * times, 1), (min(events.size, _CHUNK_EVENTS), 1)
    data = group.create_dataset("Data", shape, np.uint16, chunks=chunks)
    for start in range(0, shape[0], events.size):
        data[start : start + events.size, 0] = events


def _across(events: np.ndarray, n_columns: int, times: int) -> np.ndarray:
    """Repeat every row of pixels of a stream so many times."""
    if times == 1:
        return events
    ends = np.flatnonzero(events == GATE)[n_columns - 1 :: n_columns] + 1
    return np.concatenate([np.tile(row, times) for row in np.split(events, ends[:-1])])


def _events(counts: sparse.csr_array) -> np.ndarray:
    """Return the stream of counts (pixels, channels): channels of X-rays, a gate a pixel."""
    row_of = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    per_pixel = np.bincount(row_of, counts.data, counts.shape[0]).astype(np.int64)
    gates = np.cumsum(per_pixel + 1) - 1
    events = np.empty(int(per_pixel.sum()) + counts.shape[0], np.uint16)
    is_gate = np.zeros(events.size, bool)
    is_gate[gates] = True
    events[is_gate] = GATE
    events[~is_gate] = np.repeat(counts.indices, counts.data)
    return events


def _metadata(image: SpectrumImage, shape: tuple[int, int], n_frames: int) -> dict[str, Any]:
    """Return what Velox writes of a recording, as far as it is known."""
    told = image.acquisition
    to_m = NM_PER_UNIT[image.pixel_unit] * 1e-9
    height, width = (str(size * to_m) for size in image.pixel_size)
    beam = told.beam_energy_keV
    frame_time = told.dwell_time_s and told.dwell_time_s * shape[0] * shape[1]
    real, live = frame_time and frame_time * n_frames, told.live_fraction()
    return {
        "BinaryResult": {
            "PixelSize": {"width": width, "height": height},
            "PixelUnitX": "m",
            "Offset": {"x": "0", "y": "0"},
        },
        # Empty, but HyperSpy reads no file without them.
        "Acquisition": {},
        "CustomProperties": "",
        "Optics": _known(
            AccelerationVoltage=None if beam is None else beam * 1000,
            LastMeasuredScreenCurrent=told.beam_current_nA and told.beam_current_nA * 1e-9,
        ),
        "Stage": _known(
            AlphaTilt=None if told.tilt_deg is None else math.radians(told.tilt_deg[0]),
            BetaTilt=None if told.tilt_deg is None else math.radians(told.tilt_deg[1]),
        ),
        "Scan": {
            "ScanSize": {"width": str(shape[1]), "height": str(shape[0])},
            **_known(DwellTime=told.dwell_time_s, FrameTime=frame_time),
        },
        "Detectors": {
            f"Detector-{number}": {
                "DetectorName": detector.name,
                "Dispersion": str(image.energy.scale_keV * 1000),
                "OffsetEnergy": str(image.energy.offset_keV * 1000),
                "ElevationAngle": str(math.radians(detector.elevation_deg or 0)),
                "AzimuthAngle": str(math.radians(detector.azimuth_deg or 0)),
                **_known(
                    LiveTime=live and real and real * live,
                    RealTime=real,
                    CollectionAngle=detector.solid_angle_sr,
                ),
            }
            for number, detector in enumerate(image.acquisition.detectors)
        },
    }


def _known(**values: float | None) -> dict[str, str]:
    """Return values as text, as Velox writes them, without those that are unknown."""
    return {name: str(value) for name, value in values.items() if value is not None}


def _write_metadata(group: h5py.Group, metadata: Mapping[str, Any]) -> None:
    text = np.frombuffer(json.dumps(metadata).encode(), np.uint8)
    group["Metadata"] = text[:, None]


def _phases_csv(simulation: Simulation) -> str:
    elements = list(simulation.atomic_percent)
    rows = [["label", "phase", "density_g_cm3", "thickness_nm", *elements]]
    for label, phase in enumerate(simulation.phases, start=1):
        inside = simulation.thickness_nm[simulation.labels == label]
        thickness = f"{inside.mean():.2f}" if inside.size else ""
        amounts = [f"{phase.atomic_percent.get(e, 0):g}" for e in elements]
        rows.append([str(label), phase.name, f"{phase.density_g_cm3:g}", thickness, *amounts])
    return _csv(rows)


def _frames_csv(simulation: FrameSimulation) -> str:
    elements = list(dict.fromkeys(e for p in simulation.phases[0] for e in p.atomic_percent))
    rows = [["frame", "drift_rows_px", "drift_columns_px", "label", "phase", *elements]]
    for frame, (phases, drift) in enumerate(
        zip(simulation.phases, simulation.drift_px.tolist(), strict=True), start=1
    ):
        place = [str(frame), *(f"{by:.3f}" for by in drift)]
        for label, phase in enumerate(phases, start=1):
            amounts = [f"{phase.atomic_percent.get(e, 0):.5g}" for e in elements]
            rows.append([*place, str(label), phase.name, *amounts])
    return _csv(rows)


def _phase_map(labels: np.ndarray) -> bytes:
    import tifffile

    buffer = BytesIO()
    tifffile.imwrite(buffer, labels.astype(np.uint8))
    return buffer.getvalue()


def _k_factors_csv(k_factors: Mapping[FamilyKey, float]) -> str:
    rows = [["element", "family", "k_factor", "relative_error", "convention"]]
    rows += [
        [element, family, f"{k:.6g}", "0", "family"] for (element, family), k in k_factors.items()
    ]
    return _csv(rows)


def _csv(rows: list[list[str]]) -> str:
    buffer = StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
