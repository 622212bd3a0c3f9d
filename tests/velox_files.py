"""Velox files written for tests: event streams, the settings beside them, and whole maps."""

import json

import h5py
import numpy as np
from scipy import sparse

from napari_eds.readers.velox.stream import GATE


def encode(counts):
    """Return the events of counts (pixels, channels), every pixel with its gate."""
    counts = sparse.coo_array(sparse.csr_array(counts))
    n = counts.data.astype(int)
    n_pixels = counts.shape[0]
    pixels = np.concatenate([np.repeat(counts.row, n), np.arange(n_pixels)])
    events = np.concatenate([np.repeat(counts.col, n), np.full(n_pixels, GATE)])
    return events[np.argsort(pixels, kind="stable")].astype(np.uint16)


def write_velox(path, streams, shape, **options):
    """Write a minimal Velox file with one event stream for each detector.

    Options are `n_frames`, `n_channels`, entries of `detectors` by name, entries of `metadata` in
    place of the usual ones, the `picture` (rows, columns), and `extra` JSON by its path.
    """
    n_frames, n_channels = options.get("n_frames", 1), options.get("n_channels", 8)
    rows, columns = shape
    detectors = {
        f"Detector-{i}": {
            "DetectorName": name,
            "Dispersion": "5",
            "OffsetEnergy": "-10",
            "ElevationAngle": "0.3",
            "AzimuthAngle": "0.5",
        }
        | options.get("detectors", {}).get(name, {})
        for i, name in enumerate(streams)
    }
    metadata = {
        "BinaryResult": {"PixelSize": {"width": "2e-9", "height": "3e-9"}, "PixelUnitX": "m"},
        "Optics": {"AccelerationVoltage": "200000"},
        "Scan": {"ScanSize": {"width": str(columns), "height": str(rows)}},
        "Detectors": detectors,
    } | options.get("metadata", {})
    picture = np.arange(rows * columns, dtype=np.uint16).reshape(shape)
    with h5py.File(path, "w") as file:
        file["Version"] = [json.dumps({"version": "11", "format": "Velox"})]
        file["Displays/ImageDisplay/0"] = [json.dumps({"id": "HAADF", "data": "/Reference"})]
        file["Reference"] = [json.dumps({"dataPath": "/Data/Image/0"})]
        file["Data/Image/0/Data"] = options.get("picture", picture)[:, :, None]
        write_metadata(file["Data/Image/0"], metadata)
        settings = json.dumps({"endFramePosition": str(n_frames)})
        file["Data/SpectrumImage/0/SpectrumImageSettings"] = [settings]
        for name, events in streams.items():
            group = file.create_group(f"Data/SpectrumStream/{name}")
            group["Data"] = np.asarray(events, np.uint16)[:, None]
            group["AcquisitionSettings"] = [json.dumps({"bincount": str(n_channels)})]
            write_metadata(
                group, metadata | {"BinaryResult": metadata["BinaryResult"] | {"Detector": name}}
            )
        for name, content in options.get("extra", {}).items():
            file[name] = [json.dumps(content)]
    return path


def write_metadata(group, metadata):
    text = np.frombuffer(json.dumps(metadata).encode().ljust(6000, b"\0"), np.uint8)
    group["Metadata"] = text[:, None]


def write_velox_map(path, image, elements):
    """Write a calibrated spectrum image and its first picture, as measured for `elements`.

    Each of its detectors gets a stream of its own; counts fall to them at random.
    """
    from napari_eds.physics.emission import atomic_number

    counts, of = image.counts.tocoo(), np.random.default_rng(0)
    size = len(image.acquisition.detectors)
    each = of.multinomial(counts.data.astype(int), np.full(size, 1 / size)).T
    names = [detector.name for detector in image.acquisition.detectors]
    streams = {
        name: encode(sparse.csr_array((n, (counts.row, counts.col)), counts.shape))
        for name, n in zip(names, each, strict=True)
    }
    settings = {"elementSelection": [atomic_number(element) for element in elements]}
    height, width = (str(nm * 1e-9) for nm in image.pixel_size)
    return write_velox(
        path,
        streams,
        image.shape,
        n_channels=image.energy.size,
        detectors={d.name: _detector(d, image.energy) for d in image.acquisition.detectors},
        picture=image.images[0].data,
        metadata={
            "BinaryResult": {"PixelSize": {"width": width, "height": height}, "PixelUnitX": "m"},
            "Optics": {"AccelerationVoltage": str(image.acquisition.beam_energy_keV * 1000)},
        },
        extra={"SharedProperties/EDSSpectrumQuantificationSettings/0": settings},
    )


def _detector(detector, energy):
    return {
        "Dispersion": str(energy.scale_keV * 1000),
        "OffsetEnergy": str(energy.offset_keV * 1000),
        "ElevationAngle": str(np.deg2rad(detector.elevation_deg)),
        "AzimuthAngle": str(np.deg2rad(detector.azimuth_deg)),
    }
