"""Formats read through RosettaSciIO: choice of the map, units, images, and errors."""

import logging
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
import zarr

import napari_eds
from napari_eds._support.raw_files import SUFFIXES
from napari_eds.readers.options import Options
from napari_eds.readers.reading import read_images
from napari_eds.readers.rosetta import call as rosetta_call
from napari_eds.readers.rosetta import maps
from napari_eds.spectra.recorded import positive

RPL = "real/ripple/bruker_bcf_fileformat_16x16.rpl"
BCF = "real/bruker/P45_12bit_packed_8bit.bcf"


def axis(size, units="keV", *, navigate=False, offset=0.0, scale=0.01):
    """Return an axis as RosettaSciIO gives it."""
    return {
        "name": "", "size": size, "units": units, "navigate": navigate,
        "offset": offset, "scale": scale,
    }  # fmt: skip


def entry(data, axes, signal_type="EDS_TEM", **metadata):
    """Return an entry as RosettaSciIO gives it."""
    data = np.asarray(data)
    metadata = {"General": {"title": "X"}, "Signal": {"signal_type": signal_type}} | metadata
    return {"data": data, "axes": axes, "metadata": metadata, "original_metadata": {"a": 1}}


def map_entry(data=None, energy=None, **options):
    """Return an entry of a map of 2 x 3 pixels and 1000 channels."""
    data = np.ones((2, 3, 1000), np.uint8) if data is None else data
    places = [axis(2, "nm", navigate=True, scale=4), axis(3, "nm", navigate=True, scale=4)]
    return entry(data, [*places, energy or axis(1000)], **options)


@pytest.fixture
def read_entries(monkeypatch, tmp_path):
    """Function that reads given entries, as if they came from a file."""

    def read(*entries, **options):
        monkeypatch.setattr(maps, "call", lambda *_: list(entries))
        return maps.read(tmp_path / "file.bcf", Options(**options))

    return read


# What is a map


def test_map_is_found_among_images_and_spectra(read_entries):
    image = entry(np.zeros((5, 7)), [axis(5, "nm"), axis(7, "nm")], "")
    spectrum = entry(np.ones(1000), [axis(1000)])
    (found,) = read_entries(image, spectrum, map_entry())
    assert found.shape == (2, 3)
    assert found.name == "file"
    assert [one.data.shape for one in found.images] == [(5, 7)]
    assert not found.images[0].fits(found.shape)


def test_spectra_and_lines_without_a_map(read_entries):
    line = entry(np.ones((4, 1000)), [axis(4, "nm", navigate=True), axis(1000)])
    spectrum = entry(np.ones(1000), [axis(1000)])
    images = read_entries(spectrum, line)
    assert [image.shape for image in images] == [(1, 1), (1, 4)]
    assert [image.name for image in images] == ["file: X 1", "file: X 2"]


def test_every_map_of_a_file(data_file):
    images = napari_eds.read(data_file("real/phenom/Elid2Version4.elid"))
    titles = [image.name.removeprefix("Elid2Version4: ") for image in images]
    assert titles == ["Image 1, Map 3", "Image 1, Map 6", "Image 1, Map 1"]
    assert {image.data.shape for image in images[0].images} == {(16, 20), (35, 40), (24, 32, 4)}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (entry(np.zeros((4, 5)), [axis(4, "nm"), axis(5, "nm")], ""), r"an image 'X' \(4 x 5\)"),
        (map_entry(signal_type="EELS"), r"axes in nm, nm, keV; signal type EELS"),
        # No signal type, and an axis in eV that ends where energy losses do.
        (map_entry(energy=axis(1000, "eV", scale=2), signal_type=""), r"signal type unknown"),
        (entry(np.zeros((4, 5)), [axis(4, "s"), axis(5, "s")], "EDS_TEM"), "an image"),
        (entry(np.zeros(5), [axis(5, "")], ""), "axes in no unit"),
    ],
)
def test_what_is_no_eds_data(found, message, read_entries):
    with pytest.raises(napari_eds.ReadError, match=message):
        read_entries(found)


def test_file_with_nothing_in_it(read_entries):
    with pytest.raises(napari_eds.ReadError, match="nothing that can be read"):
        read_entries()


def test_image_in_its_own_file(data_file):
    with pytest.raises(napari_eds.ReadError, match=r"an image 'HAADF Image' \(128 x 128\)"):
        napari_eds.read(data_file("real/hspy/SiO2 HAADF Image.hspy"))


def test_diffraction_patterns(data_file):
    name = "real/tia/16x16-line_profile_horizontal_5x128x128_EDS_2.ser"
    with pytest.raises(napari_eds.ReadError, match="5 x 128 x 128"):
        napari_eds.read(data_file(name))


def test_stack_of_maps(read_entries):
    axes = [axis(2, "s", navigate=True), *map_entry()["axes"]]
    stack = np.arange(2 * 2 * 3 * 1000, dtype=np.uint16).reshape(2, 2, 3, 1000)
    (image,) = read_entries(entry(stack, axes))
    np.testing.assert_array_equal(image.to_array(), stack.sum(axis=0))
    assert str(image.frames) == "frames 1 to 2 of 2"
    axes = [axis(1, "tilt", navigate=True), *axes]
    with pytest.raises(napari_eds.ReadError, match=r"got shape \(1, 2, 2, 3, 1000\).*tilt"):
        read_entries(entry(stack[None], axes))


def test_negative_counts(read_entries):
    with pytest.raises(napari_eds.ReadError, match="must not be negative"):
        read_entries(map_entry(np.full((2, 3, 1000), -1)))


def test_channels_first(read_entries):
    """Image by image, as some Ripple files are written."""
    data = np.arange(1000 * 6).reshape(1000, 2, 3)
    axes = [axis(1000), *map_entry()["axes"][:2]]
    (image,) = read_entries(entry(data, axes))
    np.testing.assert_array_equal(image.to_array(), np.moveaxis(data, 0, -1))


# Energies


@pytest.mark.parametrize(
    ("units", "factor"),
    [("keV", 1), ("eV", 1e-3), ("KEV", 1), ("Energy (EV)", 1e-3), ("Energy (keV)", 1)],
)
def test_units_of_energy(units, factor, read_entries):
    energy = axis(1000, units, offset=-0.2 / factor, scale=0.01 / factor)
    (image,) = read_entries(map_entry(energy=energy))
    assert image.energy.offset_keV == pytest.approx(-0.2)
    assert image.energy.scale_keV == pytest.approx(0.01)


@pytest.mark.parametrize(("beam", "kind"), [(15.0, "SEM"), (80.0, "STEM"), (200.0, "STEM")])
def test_spectra_of_beams_that_no_scanning_microscope_has_are_of_foils(read_entries, beam, kind):
    # RosettaSciIO files whatever EDAX wrote under SEM.
    instrument = {"SEM": {"beam_energy": beam}}
    (image,) = read_entries(map_entry(signal_type="EDS_SEM", Acquisition_instrument=instrument))
    assert image.acquisition.signal_type == kind


def test_energies_in_ev_without_a_signal_type(read_entries):
    (image,) = read_entries(map_entry(energy=axis(1000, "eV", scale=10), signal_type=""))
    assert image.energy.scale_keV == pytest.approx(0.01)


def test_uncalibrated_map(data_file):
    image = napari_eds.load(data_file(RPL))
    assert (image.shape, image.n_channels, image.total_counts) == ((16, 16), 1121, 72418)
    assert not image.energy.calibrated
    with pytest.raises(napari_eds.EDSError, match="not calibrated"):
        image.window_map(1, 2)
    with pytest.raises(napari_eds.EDSError, match="not calibrated"):
        napari_eds.load(data_file(RPL), energy_range_keV=(1, 2))


def test_uncalibrated_map_with_given_energies(data_file):
    image = napari_eds.load(
        data_file(RPL), energy_axis=(-0.1, 0.02), energy_range_keV=(1, 2), rebin_energy=5
    )
    full = napari_eds.load(data_file(RPL)).with_energy_axis(offset_keV=-0.1, scale_keV=0.02)
    expected = full.crop_energy(1, 2).rebin_energy(5)
    assert image.energy == expected.energy
    np.testing.assert_array_equal(image.to_array(), expected.to_array())


def test_unit_that_is_none_of_energy(read_entries):
    (image,) = read_entries(map_entry(energy=axis(1000, "channel")))
    assert not image.energy.calibrated


# Counts


def test_msa_without_a_blank_after_spectrum(data_file):
    image = napari_eds.load(data_file("real/msa/NIST_K412/Al2O3 std.msa"))
    spectrum = image.total_spectrum()
    assert spectrum[:5].tolist() == [18, 23, 26, 20, 13]
    assert spectrum.size == 4096
    assert image.name == "Al2O3 std"


def test_msa_cut_short(data_file, tmp_path):
    path = tmp_path / "cut.msa"
    text = data_file("real/msa/NIST_K412/Fe std.msa").read_text()
    path.write_text("\n".join(text.splitlines()[:1000]))
    with pytest.raises(napari_eds.ReadError, match=r"cut\.msa is cut short: .* of 4096 channels"):
        napari_eds.read(path)


def test_memory_map_is_not_kept(data_file):
    image = napari_eds.load(data_file(RPL))
    values = image.counts.data if image.is_sparse else image.counts
    assert not isinstance(values, np.memmap)


# What the files say


def test_images_of_the_same_file(data_file):
    image = napari_eds.load(data_file(BCF))
    assert [one.name for one in image.images] == ["BSE", "SE"]
    assert all(one.fits(image.shape) for one in image.images)
    assert image.images[0].pixel_size == pytest.approx(image.pixel_size)
    assert image.images[0].pixel_unit == image.pixel_unit == "µm"


def test_sizes_of_images_in_the_unit_of_the_map(read_entries):
    overview = entry(np.zeros((4, 5)), [axis(4, "um", scale=2), axis(5, "um", scale=3)], "")
    elsewhere = entry(np.zeros((4, 5)), [axis(4, "s"), axis(5, "s")], "")
    (image,) = read_entries(map_entry(), overview, elsewhere)
    assert image.pixel_unit == "nm"
    assert image.images[0].pixel_size == pytest.approx((2000, 3000))
    assert image.images[0].pixel_unit == "nm"
    assert image.images[1].pixel_unit == "pixel"


def test_acquisition(data_file):
    acquisition = napari_eds.load(data_file("real/jeol/64.pts")).acquisition
    assert acquisition.take_off_angle_deg == 21.5
    assert acquisition.energy_resolution_MnKa_eV == 133
    assert acquisition.real_time_s == pytest.approx(1023.8)
    assert type(acquisition.energy_resolution_MnKa_eV) is float
    standard = napari_eds.load(data_file("real/msa/NIST_K412/Fe std.msa")).acquisition
    assert standard.beam_current_nA == 1.10989
    assert standard.live_time_s == 1171.48439
    phenom = napari_eds.load(data_file("real/phenom/Elid2Version4.elid"), 0).acquisition
    assert phenom.take_off_angle_deg == pytest.approx(28.5)
    spectrum = napari_eds.load(data_file("real/dm/test-EDS_spectrum.dm3")).acquisition
    assert (spectrum.take_off_angle_deg, spectrum.live_time_s) == (18, 3.806)


def test_elements(data_file):
    elements = napari_eds.load(data_file("real/hspy/bare_core.hdf5")).acquisition.elements
    assert elements == ("Fe", "Pt")
    elements = napari_eds.load(data_file(BCF)).acquisition.elements
    assert " ".join(elements) == "Al Ca Cl Fe K Mg Na O P Si Ti"


def test_defaults_of_a_program_are_not_taken_for_measurements(data_file):
    """eXSpy's 35 degrees and 130 eV are stored in every file HyperSpy writes."""
    default = napari_eds.load(data_file("real/hspy/bare_core.hdf5")).acquisition
    assert default.take_off_angle_deg is None
    assert default.energy_resolution_MnKa_eV is None
    measured = napari_eds.load(data_file("real/hspy/SiO2 EDS Spectrum Image.hspy")).acquisition
    assert measured.take_off_angle_deg == 40
    # Here, the maker of the detector says 35 degrees.
    assert napari_eds.load(data_file(BCF)).acquisition.take_off_angle_deg == 35


@pytest.mark.parametrize("value", [0, -1, None, "", "x", np.nan, np.inf, [1, 2]])
def test_values_that_say_nothing(value):
    assert positive(value) is None


def test_metadata_to_be_translated(read_entries):
    found = map_entry()
    found["original_metadata"] = {"High tension_kV": {"Value (kV)": 200e3}, "Angle": "?"}
    target = "Acquisition_instrument.TEM"
    found["mapping"] = {
        "High_tension_kV.Value (kV)": (f"{target}.beam_energy", lambda x: x / 1000),
        "Angle": (f"{target}.Detector.EDS.elevation_angle", float),
        "Missing.Altogether": (f"{target}.beam_current", None),
    }
    (image,) = read_entries(found)
    assert image.acquisition.beam_energy_keV == 200
    assert image.acquisition.take_off_angle_deg is None


# Names and places of files


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("real/ripple", "bruker_bcf_fileformat_16x16.rpl"),
        ("real/hspy", "bare_core.hdf5"),
        ("real/jeol", "area.eds"),
        ("real/edax", "647_leo_edax_test.spc"),
        ("real/tia", "16x16-line_profile_horizontal_5x128x128_EDS.emi"),
        ("real/tia", "16x16-line_profile_horizontal_5x128x128_EDS_1.ser"),
        ("real/phenom", "Elid2Version4.elid"),
        ("real/bruker", "bruker_nano.spx"),
        ("real/velox", "EDS-STO.emd"),
    ],
)
def test_brackets_in_the_path(folder, name, data_file, tmp_path):
    """A pattern would take [1] for the letter 1."""
    target = tmp_path / "a [1] *folder?" if sys.platform != "win32" else tmp_path / "a [1]"
    shutil.copytree(data_file(folder), target)
    images = napari_eds.read(target / name)
    expected = napari_eds.read(data_file(folder) / name)
    assert [image.total_counts for image in images] == [one.total_counts for one in expected]
    assert [image.name for image in images] == [one.name for one in expected]
    assert images[0].source == target / name


def test_relative_path_and_capital_suffix(data_file, tmp_path, monkeypatch):
    shutil.copy(data_file("real/bruker/bruker_nano.spx"), tmp_path / "NANO.SPX")
    monkeypatch.chdir(tmp_path)
    image = napari_eds.load("NANO.SPX")
    assert image.total_counts == 76293
    assert image.source == tmp_path / "NANO.SPX"


# Files that cannot be read


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.emd"):
        napari_eds.read(tmp_path / "none.emd")


def test_folder(tmp_path):
    (tmp_path / "x.emd").mkdir()
    with pytest.raises(napari_eds.ReadError, match="is a folder"):
        napari_eds.read(tmp_path / "x.emd")


def test_unknown_suffix(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"x")
    with pytest.raises(napari_eds.ReadError, match=r"x\.jpg has none of the extensions"):
        napari_eds.read(tmp_path / "x.jpg")


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix != ".zspy"])
def test_wrong_contents(suffix, tmp_path):
    path = tmp_path / f"wrong{suffix}"
    path.write_text("This is not what it seems to be.\n" * 50)
    with pytest.raises(napari_eds.ReadError, match=rf"wrong\{suffix}"):
        napari_eds.read(path)


@pytest.mark.parametrize("suffix", [".emd", ".bcf", ".msa"])
def test_empty_file(suffix, tmp_path):
    (tmp_path / f"empty{suffix}").touch()
    with pytest.raises(napari_eds.ReadError, match=rf"empty\{suffix} is empty"):
        napari_eds.read(tmp_path / f"empty{suffix}")


def test_hdf5_of_another_program(tmp_path):
    for name in ("other.hdf5", "other.h5", "other.hspy"):
        with h5py.File(tmp_path / name, "w") as file:
            file["measurement/data"] = [1, 2]
        with pytest.raises(
            napari_eds.ReadError,
            match=r"none that HyperSpy, Velox, AZtec or APEX wrote.* measurement",
        ):
            napari_eds.read(tmp_path / name)


def test_contents_decide_about_hdf5(data_file, tmp_path):
    shutil.copy(data_file("real/velox/EDS-STO.emd"), tmp_path / "velox.h5")
    assert napari_eds.load(tmp_path / "velox.h5", 0).total_counts == 190830


@pytest.mark.parametrize(("unit", "opens"), [("keV", True), ("nm", False)])
def test_emd_of_another_kind(unit, opens, tmp_path):
    """The Berkeley form of .emd has units, but no signal type and no axes of navigation."""
    path = tmp_path / "berkeley.emd"
    counts = np.random.default_rng(1).poisson(1.0, (700, 3, 2)).astype(np.uint16)
    with h5py.File(path, "w") as file:
        file.attrs.update(version_major=0, version_minor=2)
        group = file.create_group("data/map")
        group.attrs["emd_group_type"] = 1
        group["data"] = counts.T
        for i, (size, scale, name, units) in enumerate(
            [(2, 4.0, "x", "nm"), (3, 5.0, "y", "nm"), (700, 0.01, "E", unit)], start=1
        ):
            group[f"dim{i}"] = np.arange(size) * scale
            group[f"dim{i}"].attrs.update(name=name, units=f"[{units}]")
    if not opens:
        with pytest.raises(napari_eds.ReadError, match="holds no EDS data, but 'map'"):
            napari_eds.load(path)
        return
    image = napari_eds.load(path)
    np.testing.assert_array_equal(image.to_array(), np.moveaxis(counts, 0, -1))
    assert image.energy.scale_keV == pytest.approx(0.01)
    assert image.pixel_size == pytest.approx((5, 4))
    assert image.acquisition.signal_type is None


def test_detectors_and_frames_are_for_formats_that_keep_them_apart(data_file):
    for options, said in [
        ({"detectors": [0]}, "detectors can be chosen in files of Velox and AZtec only"),
        ({"frames": (0, 1)}, "frames can be chosen in event streams of Velox and JEOL only"),
    ]:
        with pytest.raises(napari_eds.ReadError, match=said):
            napari_eds.read(data_file(BCF), **options)


def test_zspy(tmp_path):
    counts = np.arange(3 * 4 * 50, dtype=np.uint16).reshape(3, 4, 50)
    write_zspy(tmp_path / "map.zspy", counts)
    image = napari_eds.load(tmp_path / "map.zspy")
    np.testing.assert_array_equal(image.to_array(), counts)
    assert image.energy == napari_eds.EnergyAxis(-0.2, 0.1, 50)
    assert (image.pixel_size, image.pixel_unit) == ((2.0, 2.0), "nm")


def write_zspy(path, counts):
    """Write a map as HyperSpy lays it out, whose own writer does not know the newest zarr."""
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs.update({"file_format": "ZSpy", "file_format_version": "3.3"})
    signal = root.create_group("Experiments").create_group("EDS")
    signal.attrs.update({"package": "hyperspy", "package_version": "2.5.0"})
    signal["data"] = counts
    axes = [("y", 0.0, 2.0, "nm"), ("x", 0.0, 2.0, "nm"), ("Energy", -0.2, 0.1, "keV")]
    for i, (name, offset, scale, units) in enumerate(axes):
        signal.create_group(f"axis-{i}").attrs.update(
            {
                "_type": "UniformDataAxis",
                "name": name,
                "offset": offset,
                "scale": scale,
                "units": units,
                "size": counts.shape[i],
                "navigate": i < 2,
                "is_binned": i == 2,
                "index_in_array": i,
            }
        )
    metadata = signal.create_group("metadata")
    metadata.create_group("General").attrs["title"] = "EDS"
    metadata.create_group("Signal").attrs["signal_type"] = "EDS_TEM"
    for empty in ("original_metadata", "learning_results", "attributes"):
        signal.create_group(empty)


@pytest.fixture
def in_this_process(monkeypatch):
    """Have readers run here, where a test can replace them."""
    monkeypatch.setattr(rosetta_call.isolated, "read", rosetta_call.call_here)


@pytest.mark.usefixtures("in_this_process")
def test_package_that_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rsciio.zspy", None)
    (tmp_path / "x.zspy").mkdir()
    with pytest.raises(napari_eds.ReadError, match=r"reading x\.zspy needs a package"):
        napari_eds.read(tmp_path / "x.zspy")


# Manners


@pytest.fixture
def talkative(monkeypatch):
    """Add a reader to RosettaSciIO that logs a warning, and returns what it is told to."""
    module = type(sys)("rsciio.talkative")

    def file_reader(filename, entries):
        logging.getLogger("rsciio.talkative").warning("half of it is missing")
        logging.getLogger("rsciio.talkative").info("nobody needs to know")
        return entries

    module.file_reader = file_reader
    monkeypatch.setitem(sys.modules, "rsciio.talkative", module)


@pytest.mark.usefixtures("in_this_process", "talkative")
def test_messages_of_a_reader_become_warnings(tmp_path, capsys):
    with pytest.warns(UserWarning, match=r"^x\.y: half of it is missing$") as caught:
        assert rosetta_call.call("talkative", tmp_path / "x.y", entries=["a"]) == ["a"]
    assert len(caught) == 1
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("in_this_process", "talkative")
def test_message_of_a_reader_that_finds_nothing(tmp_path):
    with pytest.raises(napari_eds.ReadError, match=r"x\.y .* half of it is missing"):
        rosetta_call.call("talkative", tmp_path / "x.y", entries=None)


def test_nothing_heavy_is_imported(data_file):
    """Opening files must not wait for HyperSpy, nor need a display."""
    program = """
import sys
import napari_eds
napari_eds.read
light = {"numpy", "scipy", "h5py", "rsciio"} & set(sys.modules)
assert not light, light
for path in sys.argv[1:]:
    napari_eds.read(path)
heavy = {"hyperspy", "exspy", "napari", "qtpy", "magicgui", "pandas"} & set(sys.modules)
assert not heavy, heavy
"""
    files = [BCF, "real/velox/EDS-STO.emd", "real/jeol/area.eds", "real/hspy/bare_core.hdf5"]
    paths = [str(data_file(name)) for name in files]
    done = subprocess.run(
        [sys.executable, "-c", program, *paths], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_images_of_a_file_without_maps(tmp_path):
    hyperspy = pytest.importorskip("hyperspy.api")
    image = hyperspy.signals.Signal2D(np.arange(12.0).reshape(3, 4))
    for axis, scale in zip(image.axes_manager.signal_axes, (0.002, 0.003), strict=True):
        axis.scale, axis.units = scale, "µm"
    image.metadata.General.title = "survey"
    image.save(tmp_path / "survey.hspy")
    (found,) = read_images(tmp_path / "survey.hspy")
    np.testing.assert_array_equal(found.data, image.data)
    assert (found.name, found.pixel_unit) == ("survey", "nm")
    assert found.pixel_size == pytest.approx((3, 2))
