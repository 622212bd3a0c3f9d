"""The formats that are fuzzed: a small good file of each, who reads it, and how it is broken.

A format is added by one line in `FORMATS`; one whose example does not exist is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "shared"
EARLIER = HERE.parent / "earlier_files"


@dataclass(frozen=True)
class Format:
    """A format.

    `make` writes an example into a folder, or returns one that is there; `read` is given a path;
    `kinds` are those of `mutations.KINDS`; `beside` are suffixes of files that belong to the
    example; `quick` tells that it is read without another process, which costs a second for each
    file here.
    """

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], object]
    kinds: tuple[str, ...]
    beside: tuple[str, ...] = ()
    quick: bool = True


@dataclass(frozen=True)
class _There:
    """Returns a file that is there, in place of one that is written."""

    path: Path

    def __call__(self, _: Path) -> Path:
        return self.path


def _maps(path: Path) -> object:
    import napari_eds

    return napari_eds.read(path)


def _labels(path: Path) -> object:
    import napari_eds

    return napari_eds.read_labels(path), napari_eds.read_labels(path, (24, 20))


def _label_file(path: Path) -> object:
    import napari_eds

    return napari_eds.read_hspy(path)


def _session(path: Path) -> object:
    import napari_eds

    return napari_eds.load_session(path)


def _k_factors(path: Path) -> object:
    import napari_eds

    return napari_eds.read_k_factors(path, convention="family")


def _recipe(path: Path) -> object:
    import napari_eds

    return napari_eds.Recipe.from_json(path)


def _table(path: Path) -> object:
    from napari_eds.compare.files import read

    return read(path, "at_pct")


def _zeta_factors(path: Path) -> object:
    import napari_eds

    return napari_eds.read_zeta_factors(path)


def _manifest(path: Path) -> object:
    from napari_eds.batches.manifest import read_manifest

    return read_manifest(path)


def _classes(path: Path) -> object:
    import napari_eds

    return napari_eds.read_classification(path, np.array([[1, 2], [3, 4]]))


# Examples that are written: they are there without any other data


def _find_helpers() -> None:
    """Let modules beside the tests be imported, as pytest does."""
    import sys

    if str(HERE.parent) not in sys.path:
        sys.path.insert(0, str(HERE.parent))


def _velox(folder: Path) -> Path:
    _find_helpers()
    from velox_files import encode, write_velox

    counts = np.random.default_rng(1).poisson(0.5, (2, 48, 60))
    streams = {f"S{i + 1}": encode(counts[i]) for i in range(2)}
    settings = {
        "elementSelection": [8, 26],
        "elementProperties": [{"element": "8", "atomicShellFamily": "K", "quantify": "true"}],
        "absorptionCorrection": {"enabled": True, "sampleThickness": 2e-7},
    }
    extra = {
        "SharedProperties/EDSSpectrumQuantificationSettings/0": settings,
        "Data/Text/0": {"text": "a%20log"},
    }
    return write_velox(folder / "map.emd", streams, (4, 6), n_frames=2, n_channels=60, extra=extra)


def _velox_spectra(folder: Path) -> Path:
    path = _velox(folder)
    with h5py.File(path, "a") as file:
        del file["Data/SpectrumImage"]
        for name, group in file["Data/SpectrumStream"].items():
            spectrum = file.create_group(f"Data/Spectrum/{name}")
            spectrum["Data"] = np.arange(60, dtype=np.uint32)[:, None]
            spectrum["Metadata"] = group["Metadata"][:]
    return path


def _hspy(folder: Path) -> Path:
    """Write a map with frames, as HyperSpy lays it out."""
    path = folder / "map.hspy"
    with h5py.File(path, "w") as file:
        file.attrs.update({"file_format": "HyperSpy", "file_format_version": "3.3"})
        group = file.create_group("Experiments/map")
        group.attrs.update({"package": "exspy", "package_version": "0.3"})
        counts = np.random.default_rng(1).poisson(0.5, (2, 4, 5, 30)).astype(np.uint8)
        group.create_dataset("data", data=counts, compression="gzip")
        names = (("frame", "s"), ("y", "nm"), ("x", "nm"), ("Energy", "keV"))
        for i, (name, unit) in enumerate(names):
            axis = group.create_group(f"axis-{i}")
            axis.attrs.update(
                {"_type": "UniformDataAxis", "name": name, "units": unit, "offset": 0.0,
                 "scale": 0.5, "size": counts.shape[i], "navigate": i < 3}
            )  # fmt: skip
        group.create_group("original_metadata")
        group.create_group("metadata/General").attrs["title"] = "map"
        group.create_group("metadata/Signal").attrs["signal_type"] = "EDS_TEM"
        eds = group.create_group("metadata/Acquisition_instrument/TEM/Detector/EDS")
        eds.attrs.update({"elevation_angle": 20.0, "live_time": 3.0})
        group["metadata/Acquisition_instrument/TEM"].attrs["beam_energy"] = 200.0
        group.create_group("metadata/Sample")["_list_elements"] = ["Fe", "O"]
    return path


def _hspy_labels(folder: Path) -> Path:
    """Copy the label spectra of an earlier version, with three of the components of their fit."""
    path = folder / "fitted.hspy"
    with h5py.File(EARLIER / "fitted.hspy") as source, h5py.File(path, "w") as file:
        file.attrs.update(source.attrs)
        source.copy("Experiments", file)
        for name, model in source["Analysis/models"].items():
            made = file.create_group(f"Analysis/models/{name}")
            made.attrs.update(model.attrs)
            for part, content in model["_dict"].items():
                if isinstance(content, h5py.Dataset) or not part.endswith("components"):
                    source.copy(content, made, f"_dict/{part}")
                    continue
                kept = made.create_group(f"_dict/{part}")
                for key in list(content)[:3]:
                    source.copy(content[key], kept, key)
    return path


def _zspy(folder: Path) -> Path:
    import zarr

    path = folder / "map.zspy"
    with zarr.storage.ZipStore(path, mode="w") as store:
        root = zarr.open_group(store, mode="w", zarr_format=2)
        root.attrs.update({"file_format": "ZSpy", "file_format_version": "3.3"})
        signal = root.create_group("Experiments").create_group("EDS")
        signal["data"] = np.arange(60, dtype=np.uint8).reshape(2, 3, 10)
        for i, (name, unit) in enumerate((("y", "nm"), ("x", "nm"), ("Energy", "keV"))):
            signal.create_group(f"axis-{i}").attrs.update(
                {"_type": "UniformDataAxis", "name": name, "units": unit, "offset": 0.0,
                 "scale": 0.5, "size": (2, 3, 10)[i], "navigate": i < 2}
            )  # fmt: skip
        kind = signal.create_group("metadata").create_group("Signal")
        kind.attrs["signal_type"] = "EDS_TEM"
        signal.create_group("original_metadata")
    return path


def _edaxh5(folder: Path) -> Path:
    _find_helpers()
    from edax_files import write_project

    write_project(folder / "x.edaxh5")
    return folder / "x.edaxh5"


def _nexus(folder: Path) -> Path:
    """Write a map as HyperSpy does for NeXus."""
    from rsciio.nexus import file_writer

    shape, names = (4, 5, 30), (("y", "nm"), ("x", "nm"), ("Energy", "keV"))
    axes = [
        {"_type": "UniformDataAxis", "name": name, "units": unit, "offset": 0.0, "scale": 0.5,
         "size": shape[i], "navigate": i < 2, "index_in_array": i, "is_binned": i == 2}
        for i, (name, unit) in enumerate(names)
    ]  # fmt: skip
    signal = {
        "data": np.random.default_rng(1).poisson(0.5, shape).astype(np.uint8), "axes": axes,
        "metadata": {"General": {"title": "map"}, "Signal": {"signal_type": "EDS_TEM"}},
        "original_metadata": {}, "learning_results": {}, "attributes": {"_lazy": False},
        "package": "", "package_version": "",
    }  # fmt: skip
    file_writer(str(folder / "map.nxs"), signal)
    return folder / "map.nxs"


def _zeta_table(folder: Path) -> Path:
    import napari_eds

    factors = napari_eds.KFactorTable.from_mapping({"Fe_K": 1500.0, "O_K": 900.0}, "family")
    return napari_eds.ZetaFactorTable(factors, 2.5).to_csv(folder / "zeta.csv")


def _manifest_file(folder: Path) -> Path:
    from napari_eds.batches.entry import BatchEntry
    from napari_eds.batches.manifest import manifest_text

    entries = {name: BatchEntry(name, 7, 9, "a1", state="done") for name in ("a.emd", "b.emd")}
    (folder / "manifest.csv").write_text(manifest_text(entries))
    return folder / "manifest.csv"


def _label_map() -> np.ndarray:
    return np.arange(24 * 20, dtype=np.uint16).reshape(24, 20) // 40


def _npy(folder: Path) -> Path:
    np.save(folder / "labels.npy", _label_map())
    return folder / "labels.npy"


def _png(folder: Path) -> Path:
    from PIL import Image

    Image.fromarray(_label_map()).save(folder / "labels.png")
    return folder / "labels.png"


def _tiff(folder: Path) -> Path:
    import tifffile

    tifffile.imwrite(folder / "labels.tif", _label_map(), compression="zlib")
    return folder / "labels.tif"


def _velox_table(folder: Path) -> Path:
    rows = ["Line identifier,Energy,K-factor", ",eV,"]
    rows += ["Fe-Ka1,6400,1.3", "Fe-Kb1,7058,1.3", "O-Ka1,525,1.9"]
    (folder / "velox.csv").write_text("\n".join(rows))
    return folder / "velox.csv"


def _class_table(folder: Path) -> Path:
    rows = [",film,substrate,prediction,chip", *(f"{i},0.9,0.1,film,{i}" for i in (1, 2, 3, 4))]
    (folder / "classes.csv").write_text("\n".join(rows))
    return folder / "classes.csv"


def _recipe_file(folder: Path) -> Path:
    path = folder / "recipe.json"
    text = json.loads((EARLIER / "map_recipe.json").read_bytes())
    path.write_text(json.dumps(text | {"image": {"file": "map.emd"}}))
    return path


def _real(name: str, *kinds: str, beside: tuple[str, ...] = ()) -> Format:
    """Return a format that RosettaSciIO reads."""
    path = SHARED / name
    return Format(path.suffix[1:].lower(), _There(path), _maps, kinds or ("bytes",), beside,
                  quick=False)  # fmt: skip


FORMATS = (
    Format("velox", _velox, _maps, ("bytes", "hdf5", "hdf5")),
    Format("velox-spectra", _velox_spectra, _maps, ("bytes", "hdf5", "hdf5")),
    Format("hspy", _hspy, _maps, ("bytes", "hdf5", "hdf5")),
    Format("hspy-labels", _hspy_labels, _label_file, ("bytes", "hdf5", "hdf5")),
    Format("zspy", _zspy, _maps, ("bytes", "zip", "zip")),
    Format("edaxh5", _edaxh5, _maps, ("bytes", "hdf5", "hdf5"), quick=False),
    Format("nxs", _nexus, _maps, ("bytes", "hdf5", "hdf5"), quick=False),
    Format("session", _There(EARLIER / "map.edsession"), _session, ("bytes", "zip", "zip")),
    Format("labels-npy", _npy, _labels, ("bytes", "head")),
    Format("labels-png", _png, _labels, ("bytes", "head")),
    Format("labels-tif", _tiff, _labels, ("bytes", "head")),
    Format("k-factors", _There(EARLIER / "k_factors.csv"), _k_factors, ("bytes", "csv", "csv")),
    Format("k-factors-velox", _velox_table, _k_factors, ("bytes", "csv", "csv")),
    Format("zeta-factors", _zeta_table, _zeta_factors, ("bytes", "csv", "csv")),
    Format("manifest", _manifest_file, _manifest, ("bytes", "csv", "csv")),
    Format("results", _There(EARLIER / "map.csv"), _table, ("bytes", "csv", "csv")),
    Format("classes", _class_table, _classes, ("bytes", "csv", "csv")),
    Format("recipe", _recipe_file, _recipe, ("bytes", "json", "json")),
    _real("data/real/edax/647_leo_edax_test.msa"),
    _real("data/real/edax/647_leo_edax_test.spc"),
    _real("data/real/bruker/bruker_nano.spx"),
    _real("data/real/dm/test-EDS_spectrum.dm3"),
    _real("data/real/jeol/spot.eds"),
    _real("data/real/phenom/Elid2Version4.elid"),
    _real("data/real/ripple/bruker_bcf_fileformat_16x16.rpl", beside=(".raw",)),
    _real("data/real/tia/16x16-line_profile_horizontal_5x128x128_EDS_1.ser"),
    _real("cases/05-jeol-asw-members-missing/Sample/00_Dummy-Data/Dummy-Data_0000015.pts"),
    _real("cases/07-edax-spd/full.spd", beside=(".spc",)),
    _real("cases/07-edax-spd/scan.lsd"),
    _real("data/real/bruker/P45_12bit_packed_8bit.bcf"),
    _real("cases/18-h5oina/map.h5oina", "bytes", "hdf5"),
)


def available(names: list[str] | None = None) -> list[Format]:
    """Return the formats of which there is an example, or those that are named."""
    return [
        one
        for one in FORMATS
        if not (isinstance(one.make, _There) and not one.make.path.exists())
        and (not names or one.name in names)
    ]
