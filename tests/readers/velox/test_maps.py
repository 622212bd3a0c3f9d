"""Velox files: the event stream against independent readings, settings, and damaged files."""

import json
from urllib.parse import quote

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import napari_eds
from napari_eds.readers.velox import document as velox_document
from napari_eds.readers.velox import settings as velox_settings
from napari_eds.readers.velox.stream import GATE, Grid, Stream, decode
from velox_files import encode, write_metadata, write_velox

SMALL_MAPS = [
    "real/velox/fei_SI_EDS-HAADF-4detectors_2frames.emd",
    "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd",
    "real/velox/velox_emd_version11.zip/Test SI 16x16 215 kx.emd",
    "real/velox/velox_emd_v11_elementSelection.zip/SI_empty selection.emd",
]
FOUR_DETECTORS = SMALL_MAPS[0]
TEN_FRAMES = SMALL_MAPS[1]
STO = "real/velox/EDS-STO.emd"


def rosetta_maps(path, **options):
    """Read maps densely with RosettaSciIO's own decoder."""
    from rsciio.emd import file_reader

    return file_reader(str(path), select_type="spectrum_image", **options)


@pytest.fixture
def two_detectors(tmp_path):
    """Random counts (detectors, frames, pixels, channels) of 2 x 3 pixels, and their file."""
    counts = np.random.default_rng(5).poisson(1.0, (2, 3, 6, 8))
    streams = {f"Segment{i + 1}": encode(counts[i].reshape(-1, 8)) for i in range(2)}
    return counts, write_velox(tmp_path / "two.emd", streams, (2, 3), n_frames=3)


# The stream, against RosettaSciIO


@pytest.mark.parametrize("name", SMALL_MAPS)
def test_same_counts_as_the_dense_reading(name, data_file):
    path = data_file(name)
    (dense,) = rosetta_maps(path)
    np.testing.assert_array_equal(napari_eds.load(path).to_array(), dense["data"])


def test_every_detector(data_file):
    path = data_file(FOUR_DETECTORS)
    for dense in rosetta_maps(path, sum_EDS_detectors=False):
        detector = dense["original_metadata"]["BinaryResult"]["Detector"]
        image = napari_eds.load(path, detectors=detector)
        np.testing.assert_array_equal(image.to_array(), dense["data"])
        assert [one.name for one in image.acquisition.detectors] == [detector]
        assert image.acquisition.detectors[0].counts == image.total_counts


def test_counts_per_detector(lfo_sto_96):
    counts = [detector.counts for detector in lfo_sto_96.acquisition.detectors]
    assert counts == [704578, 689550, 691211, 677688]


def test_detectors_by_position_are_those_by_name(data_file):
    path = data_file(FOUR_DETECTORS)
    by_name = napari_eds.load(path, detectors=["SuperXG24", "SuperXG21"])
    by_position = napari_eds.load(path, detectors=[0, 3])
    assert by_name.total_counts == 916174 + 913682
    np.testing.assert_array_equal(by_name.to_array(), by_position.to_array())


@pytest.mark.parametrize(("first", "stop"), [(0, 10), (0, 1), (4, 7), (9, 10)])
def test_range_of_frames(first, stop, data_file):
    path = data_file(TEN_FRAMES)
    (dense,) = rosetta_maps(path, sum_frames=False)
    image = napari_eds.load(path, frames=(first, stop))
    np.testing.assert_array_equal(image.to_array(), dense["data"][first:stop].sum(axis=0))
    assert image.acquisition.real_time_s == pytest.approx(0.768 * (stop - first))


@pytest.mark.parametrize("factor", [2, 8])
def test_rebinned_energy(factor, data_file):
    path = data_file(FOUR_DETECTORS)
    (dense,) = rosetta_maps(path, rebin_energy=factor)
    image = napari_eds.load(path, rebin_energy=factor)
    np.testing.assert_array_equal(image.to_array(), dense["data"])
    assert image.energy.scale_keV == pytest.approx(0.005 * factor)


def test_crop_and_rebin_while_decoding(lfo_sto_96):
    image = napari_eds.load(lfo_sto_96.source, energy_range_keV=(0.3, 20.03), rebin_energy=3)
    expected = lfo_sto_96.crop_energy(0.3, 20.03).rebin_energy(3)
    assert image.energy == expected.energy
    assert (image.counts != expected.counts).nnz == 0


def test_map_of_scanned_part_of_the_raster(data_file):
    """The overview image of this file is larger than the map, which has no last gate."""
    image = napari_eds.load(data_file("real/velox/velox_EELS_EDS.zip/example_velox_EELS_EDS.emd"))
    assert image.shape == (16, 20)
    assert {one.name for one in image.images if one.fits(image.shape)} >= {"DF-S", "Fe", "O"}
    with h5py.File(image.source) as file:
        streams = [group["Data"][:, 0] for group in file["Data/SpectrumStream"].values()]
    last = sum(events.size - np.flatnonzero(events == GATE)[-1] - 1 for events in streams)
    assert image.counts_map(all_channels=True)[-1, -1] == last


@pytest.mark.parametrize("scan", [{}, {"ScanSize": {"width": "9", "height": "9"}}])
def test_shape_of_an_image_of_as_many_pixels(scan, tmp_path):
    """Where the raster is not given or does not fit, the image recorded with the map counts."""
    path = write_velox(tmp_path / "map.emd", {"A": encode(np.eye(6, 8, dtype=int))}, (2, 3))
    with h5py.File(path, "a") as file:
        metadata = json.loads(file["Data/SpectrumStream/A/Metadata"][:, 0].tobytes().strip(b"\0"))
        del file["Data/SpectrumStream/A/Metadata"]
        write_metadata(file["Data/SpectrumStream/A"], metadata | {"Scan": scan})
    np.testing.assert_array_equal(napari_eds.load(path).to_array().reshape(6, 8), np.eye(6, 8))


# The stream, against a naive loop


def naive(streams, n_pixels, n_channels, frames):
    """Decode streams one event at a time."""
    counts = np.zeros((n_pixels, n_channels), int)
    for events in streams:
        position = 0
        for event in events:
            if event == GATE:
                position += 1
            elif position // n_pixels in frames:
                counts[position % n_pixels, event] += 1
    return counts


@given(
    st.lists(
        st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=12, max_size=12),
        min_size=1,
        max_size=3,
    ),
    st.tuples(st.integers(0, 2), st.integers(1, 3)).filter(lambda pair: pair[0] < pair[1]),
    st.tuples(st.integers(0, 8), st.integers(1, 10)).filter(lambda pair: pair[0] < pair[1]),
    st.integers(1, 4),
    st.booleans(),
)
def test_decoding_like_a_naive_loop(pixels, frames, channels, rebin, last_gate):
    """Three frames of four pixels, ten channels, any detectors, frames, channels and groups."""
    start, stop = channels
    rebin = min(rebin, stop - start)
    streams = [
        Stream("X", np.array([e for pixel in stream for e in [*pixel, GATE]][: None if last_gate
               else -1], np.uint16))
        for stream in pixels
    ]  # fmt: skip
    grid = Grid(4, 10, range(*frames), slice(start, stop), rebin)
    counts, totals = decode(streams, grid)
    full = naive([stream.events for stream in streams], 4, 10, range(*frames))
    kept = start + (stop - start) // rebin * rebin
    expected = full[:, start:kept].reshape(4, -1, rebin).sum(axis=2)
    np.testing.assert_array_equal(counts.toarray(), expected)
    assert counts.has_canonical_format
    assert sum(totals) == full.sum()


def test_blocks_and_scans_smaller_than_the_stream(monkeypatch, two_detectors):
    """Blocks of one pixel and scans of five events give what one block gives."""
    counts, path = two_detectors
    for name, value in [("_BLOCK_EVENTS", 1), ("_SLICE_EVENTS", 1), ("_SCAN_EVENTS", 5)]:
        monkeypatch.setattr(f"napari_eds.readers.velox.stream.{name}", value)
    image = napari_eds.load(path)
    np.testing.assert_array_equal(image.to_array(), counts.sum(axis=(0, 1)).reshape(2, 3, 8))


@pytest.mark.parametrize("n", [255, 256, 65535, 65536, 70000])
def test_counts_beyond_small_integers(n, tmp_path):
    events = np.concatenate([np.full(n, 3), [GATE, 3, GATE]])
    image = napari_eds.load(write_velox(tmp_path / "many.emd", {"A": events}, (1, 2)))
    assert image.counts_map().tolist() == [[n, 1]]


def test_counts_after_the_last_frame_are_left_out(tmp_path):
    """Velox stops between two frames; what came in until then belongs to no frame."""
    events = [1, GATE, 2, GATE, 5, 5, 5]
    image = napari_eds.load(write_velox(tmp_path / "more.emd", {"A": events}, (1, 2)))
    assert image.total_counts == 2
    assert image.acquisition.detectors[0].counts == 2


def test_stream_without_counts(tmp_path):
    image = napari_eds.load(write_velox(tmp_path / "no.emd", {"A": [GATE] * 4}, (2, 2)))
    assert image.shape == (2, 2)
    assert image.total_counts == 0


def test_number_of_frames_from_the_stream(tmp_path):
    path = write_velox(tmp_path / "frames.emd", {"A": encode(np.ones((6, 8), int))}, (1, 2))
    with h5py.File(path, "a") as file:
        del file["Data/SpectrumImage/0/SpectrumImageSettings"]
        file["Data/SpectrumImage/0/Other"] = 1
    assert napari_eds.load(path).counts_map().tolist() == [[24, 24]]


# What the files say


def test_energy_axis_and_pixel_size(two_detectors):
    image = napari_eds.load(two_detectors[1])
    assert (image.energy.offset_keV, image.energy.scale_keV) == (-0.01, 0.005)
    assert image.pixel_size == pytest.approx((3.0, 2.0))
    assert image.pixel_unit == "nm"


def test_energy_axis_of_the_user(two_detectors):
    """It holds for the channels of the file, before a range is cut out."""
    image = napari_eds.load(
        two_detectors[1], energy_axis=(1.0, 0.5), energy_range_keV=(2.0, 4.0), rebin_energy=2
    )
    np.testing.assert_allclose(image.energy.energies_keV, [2.25, 3.25])


@pytest.mark.parametrize(
    "name",
    [
        "simulated/LFO_STO_96.emd",
        "real/velox/velox_EELS_EDS.zip/example_velox_EELS_EDS.emd",
        *SMALL_MAPS,
    ],
)
def test_images_beside_the_map(name, data_file):
    from rsciio.emd import file_reader

    image = napari_eds.load(data_file(name))
    expected = file_reader(str(data_file(name)), select_type="images")
    titles = [entry["metadata"]["General"]["title"] for entry in expected]
    assert [one.name for one in image.images] == titles
    with h5py.File(image.source) as file:
        series = [
            group["Data"][:]
            for group in file["Data/Image"].values()
            if group["Data"].dtype.kind in "biuf"
        ]
    for one, entry, frames in zip(image.images, expected, series, strict=True):
        if frames.shape[2] == 1:
            np.testing.assert_array_equal(one.data, entry["data"])
        # RosettaSciIO shows the first frame of a series; the noise of its mean is lower.
        np.testing.assert_allclose(one.data, frames.mean(axis=2), rtol=1e-6)
        if one.pixel_unit != "pixel":
            in_nm = {"nm": 1, "µm": 1000}[entry["axes"][0]["units"]]
            size = tuple(axis["scale"] * in_nm for axis in entry["axes"])
            assert one.pixel_unit == image.pixel_unit == "nm"
            assert one.pixel_size == pytest.approx(size)


def test_images_without_a_title(tmp_path):
    """One without a display is called after its detector; complex ones are left out."""
    path = write_velox(tmp_path / "images.emd", {"A": [1, GATE]}, (1, 1))
    with h5py.File(path, "a") as file:
        for key, name in [("1", "DF-S"), ("2", "")]:
            file[f"Data/Image/{key}/Data"] = np.zeros((4, 4, 1))
            write_metadata(file[f"Data/Image/{key}"], {"BinaryResult": {"Detector": name}})
        complex_type = [("realFloat", "<f4"), ("imagFloat", "<f4")]
        file["Data/Image/3/Data"] = np.zeros((4, 4, 1), complex_type)
        file["Displays/ImageDisplay/1"] = ["no JSON"]
    assert [one.name for one in napari_eds.load(path).images] == ["HAADF", "DF-S", "image"]


@pytest.mark.parametrize(
    ("name", "elevation", "angle"),
    [
        ("simulated/LFO_STO_96.emd", 22, 22),
        # These are tilted, the last one so far that two of four segments look at its edge.
        (STO, 18, 17.538646),
        (FOUR_DETECTORS, 22, 22.000131),
        (TEN_FRAMES, 22, 43.073325),
    ],
)
def test_take_off_angle(name, elevation, angle, data_file):
    image = napari_eds.load(data_file(name), index=0)
    assert image.acquisition.take_off_angle_deg == pytest.approx(angle, abs=1e-6)
    assert all(
        detector.elevation_deg == pytest.approx(elevation, abs=1e-6)
        for detector in image.acquisition.detectors
    )


def test_azimuth(lfo_sto_96):
    azimuths = [detector.azimuth_deg for detector in lfo_sto_96.acquisition.detectors]
    assert azimuths == pytest.approx([45, 135, 225, 315])


def test_take_off_angle_of_detectors_on_both_sides(data_file):
    image = napari_eds.load(data_file("real/velox/velox_EELS_EDS.zip/example_velox_EELS_EDS.emd"))
    elevations = [detector.elevation_deg for detector in image.acquisition.detectors]
    assert elevations == pytest.approx([32.06, -32.06] * 3)
    assert image.acquisition.take_off_angle_deg == pytest.approx(32.06, abs=1e-3)  # tilted


@pytest.mark.parametrize(
    ("elevation", "azimuth", "degrees"),
    [
        ("0.383972435", "0.785398163", (22, 45)),
        ("22", "45", (22, 45)),
        ("22 deg", "45 deg", (22, 45)),
        (22.0, 45, (22, 45)),
        ("5", "90", (5, 90)),
        ("1.57", "0", (89.954, 0)),
    ],
)
def test_angles_in_radians_degrees_and_text(elevation, azimuth, degrees, tmp_path):
    angles = {"A": {"ElevationAngle": elevation, "AzimuthAngle": azimuth}}
    path = write_velox(tmp_path / "angles.emd", {"A": [1, GATE]}, (1, 1), detectors=angles)
    (detector,) = napari_eds.load(path).acquisition.detectors
    assert (detector.elevation_deg, detector.azimuth_deg) == pytest.approx(degrees, abs=1e-3)


def test_angle_that_is_not_given(tmp_path):
    angles = {"A": {"ElevationAngle": ""}}
    path = write_velox(tmp_path / "angles.emd", {"A": [1, GATE]}, (1, 1), detectors=angles)
    assert napari_eds.load(path).acquisition.take_off_angle_deg is None


def test_times(lfo_sto_96, data_file):
    assert lfo_sto_96.acquisition.real_time_s == pytest.approx(3.6864)
    assert lfo_sto_96.acquisition.live_time_s == pytest.approx(3.50208)
    half = napari_eds.load(lfo_sto_96.source, frames=(0, 1)).acquisition
    assert (half.real_time_s, half.live_time_s) == pytest.approx((1.8432, 1.75104))
    # The detectors of this file give 0.03 s for a scan of 33 s, which is something else.
    other = napari_eds.load(data_file(FOUR_DETECTORS)).acquisition
    assert other.real_time_s == pytest.approx(32.768)
    assert other.live_time_s is None


@pytest.mark.parametrize(
    ("name", "elements"),
    [
        ("simulated/LFO_STO_96.emd", "La Fe O Sr Ti Pt"),
        (FOUR_DETECTORS, ""),
        (TEN_FRAMES, "Nb"),
        (SMALL_MAPS[2], "C O Ca Cu"),
        (SMALL_MAPS[3], ""),
        (STO, "O Ti Cu Sr"),
    ],
)
def test_elements(name, elements, data_file):
    image = napari_eds.load(data_file(name), index=0)
    assert image.acquisition.elements == tuple(elements.split())


# Velox's own quantification


def test_settings_of_version_11(data_file):
    vendor = napari_eds.load(data_file(SMALL_MAPS[2])).acquisition.vendor
    assert vendor.program == "Velox"
    assert vendor.families == {"C": "K", "O": "K", "Ca": "K", "Cu": "K"}
    assert vendor.quantified == ("Ca",)
    assert vendor.ionization_model == "BrownPowell"
    assert vendor.absorption["enabled"] is False
    assert vendor.absorption["thickness_nm"] == pytest.approx(50)
    assert vendor.absorption["density_g_cm3"] is None
    assert "at least 11px average filter" in vendor.log
    assert vendor.compositions == ()


def test_settings_of_other_versions(data_file):
    older = napari_eds.load(data_file(TEN_FRAMES)).acquisition.vendor
    assert (older.families, older.quantified) == ({"Nb": "K"}, ("Nb",))
    assert older.absorption["enabled"] is False
    spectrum = napari_eds.load(data_file(STO), index=0).acquisition.vendor
    assert spectrum.families == {"O": "K", "Ti": "K", "Cu": "K", "Sr": "K"}
    assert spectrum.quantified == ("O", "Ti", "Cu", "Sr")
    newer = napari_eds.load(data_file("real/velox/velox_EELS_EDS.zip/example_velox_EELS_EDS.emd"))
    assert newer.acquisition.vendor.families == {"O": "K", "Fe": "K", "Co": "K"}


def test_absorption_that_is_used(tmp_path):
    settings = {
        "elementSelection": [8],
        "absorptionCorrection": {
            "enabled": True, "sampleThickness": 2.1e-7, "density": 5.12, "useDensity": True,
        },
    }  # fmt: skip
    extra = {"SharedProperties/EDSSpectrumQuantificationSettings/0": settings}
    path = write_velox(tmp_path / "settings.emd", {"A": [1, GATE]}, (1, 1), extra=extra)
    vendor = napari_eds.load(path).acquisition.vendor
    assert vendor.absorption["enabled"] is True
    assert vendor.absorption["thickness_nm"] == pytest.approx(210)
    assert vendor.absorption["density_g_cm3"] == 5.12


def test_results_in_the_log(data_file):
    vendor = napari_eds.load(data_file(STO), index=0).acquisition.vendor
    last = {
        row.element: (row.family, row.atomic_percent, row.atomic_error)
        for row in vendor.compositions[-1]
    }
    assert last == {
        "O": ("K", 46.21, 2.41),
        "Ti": ("K", 24.56, 3.23),
        "Cu": ("K", 5.32, 0.77),
        "Sr": ("K", 23.91, 2.54),
    }
    oxygen = vendor.compositions[-1][0]
    assert (oxygen.weight_percent, oxygen.weight_error) == (17.01, 1.32)
    assert oxygen.fit_error_percent == 0.41
    # The first table of the log has no rows.
    assert vendor.compositions[0][0].atomic_percent == 40.14
    assert all(
        sum(row.atomic_percent for row in table) == pytest.approx(100, abs=0.05)
        for table in vendor.compositions
    )
    assert "46.21\t2.41" in vendor.log
    assert "<" not in vendor.log


def test_tables_that_are_no_compositions():
    html = (
        "<td>x</td><tr></tr><table></table><table><tr><th>Z</th></tr><tr><td>8</td></tr></table>"
    )
    assert velox_settings.compositions(html) == ()


def test_settings_in_an_unknown_form_do_not_hide_the_map(tmp_path):
    extra = {"SharedProperties/EDSSpectrumQuantificationSettings/0": {"elementSelection": "x"}}
    path = write_velox(tmp_path / "odd.emd", {"A": [1, GATE]}, (1, 1), extra=extra)
    with pytest.warns(napari_eds.ReadWarning, match=r"odd\.emd: Velox's quantification settings"):
        image = napari_eds.load(path)
    assert image.acquisition.vendor is None
    assert image.total_counts == 1


def test_log_of_escaped_text(tmp_path):
    extra = {"Data/Text/0": {"text": quote("a filter of 41 µm &amp; 3 px<br>\n")}}
    path = write_velox(tmp_path / "log.emd", {"A": [1, GATE]}, (1, 1), extra=extra)
    assert napari_eds.load(path).acquisition.vendor.log.strip() == "a filter of 41 µm & 3 px"


# Single spectra


def test_several_spectra_must_be_chosen_from(data_file):
    path = data_file(STO)
    with pytest.raises(napari_eds.ReadError) as error:
        napari_eds.load(path)
    message = str(error.value)
    assert "0: EDS-STO: SuperXG2 (sum of 4 detectors), 1 x 1 pixels, 183,149 X-rays" in message
    assert "4: EDS-STO: SuperXG24, 1 x 1 pixels, 73,591 X-rays" in message
    with pytest.raises(napari_eds.ReadError, match="none with index=5"):
        napari_eds.load(path, index=5)


def test_sum_of_chosen_spectra(data_file):
    (image,) = napari_eds.read(data_file(STO), detectors=["SuperXG21", "SuperXG22"])
    assert image.total_counts == 34344 + 8501
    with pytest.raises(napari_eds.ReadError, match="no frames"):
        napari_eds.read(data_file(STO), frames=(0, 1))


# Files that cannot be read


def test_pruned_file(data_file):
    path = data_file("real/velox/velox_emd_version11.zip/Test SI 16x16 ReducedData 215 kx.emd")
    with pytest.raises(napari_eds.ReadError, match=r"is a pruned file.*without the event stream"):
        napari_eds.read(path)


def test_stream_cut_short(two_detectors, tmp_path):
    counts, path = two_detectors
    with h5py.File(path, "a") as file:
        events = file["Data/SpectrumStream/Segment2/Data"][:]
        del file["Data/SpectrumStream/Segment2/Data"]
        file["Data/SpectrumStream/Segment2/Data"] = events[: int(0.6 * len(events))]
    with pytest.warns(napari_eds.ReadWarning, match=r"of frame 2 .* in detector Segment2"):
        image = napari_eds.load(path)
    with h5py.File(path) as file:
        events = [group["Data"][:, 0] for group in file["Data/SpectrumStream"].values()]
    assert image.total_counts == sum((one != GATE).sum() for one in events)
    np.testing.assert_array_equal(image.to_array().reshape(6, 8), naive(events, 6, 8, range(3)))
    assert str(image.frames) == "frames 1 to 3 of 3"
    np.testing.assert_array_equal(
        napari_eds.load(path, frames=(0, 1)).to_array().reshape(6, 8), counts[:, 0].sum(axis=0)
    )
    assert napari_eds.load(path, detectors="Segment1").total_counts == counts[0].sum()


def test_first_frame_cut_short(tmp_path):
    path = write_velox(tmp_path / "cut.emd", {"A": [1, GATE, 2]}, (2, 2))
    with pytest.warns(napari_eds.ReadWarning, match=r"pixel 1 of 4 of frame 1 \(1 of 4 pixels"):
        image = napari_eds.load(path)
    assert image.counts_map(all_channels=True).tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("settings", "told", "counts"),
    [
        ({"endFramePosition": "1"}, "frames 1 to 1 of 3", 1),
        ({"startFramePosition": "2"}, "frames 2 to 3 of 3", 6),
        ({"startFramePosition": 2, "endFramePosition": 2}, "frames 2 to 2 of 3", 2),
        ({"startFramePosition": "0", "endFramePosition": "0"}, "frames 1 to 3 of 3", 7),
        ({}, "frames 1 to 3 of 3", 7),
    ],
)
def test_frames_that_the_file_selects(settings, told, counts, tmp_path):
    """The map of one pixel and three frames holds 1, 2 and 4 counts."""
    events = [1, GATE, 1, 1, GATE, 1, 1, 1, 1, GATE]
    path = with_frames(write_velox(tmp_path / "map.emd", {"A": events}, (1, 1)), settings)
    image = napari_eds.load(path)
    assert (str(image.frames), image.total_counts) == (told, counts)
    assert napari_eds.load(path, frames=(0, 3)).total_counts == 7
    assert napari_eds.load(path, frames=(2, 3)).total_counts == 4


def with_frames(path, settings):
    with h5py.File(path, "a") as file:
        del file["Data/SpectrumImage/0/SpectrumImageSettings"]
        file["Data/SpectrumImage/0/SpectrumImageSettings"] = [json.dumps(settings)]
    return path


def test_more_frames_named_than_recorded(tmp_path):
    path = write_velox(tmp_path / "map.emd", {"A": [1, GATE, 1, GATE]}, (1, 1), n_frames=9)
    with pytest.warns(napari_eds.ReadWarning, match="names frames up to 9, but recorded are 2"):
        assert napari_eds.load(path).total_counts == 2


@pytest.mark.parametrize("value", ["abc", None, -1, "-1", float("nan"), 1e30, [1], {}, True, "1x"])
@pytest.mark.parametrize("key", ["startFramePosition", "endFramePosition"])
def test_frames_that_are_no_numbers(key, value, tmp_path):
    path = with_frames(write_velox(tmp_path / "map.emd", {"A": [1, GATE]}, (1, 1)), {key: value})
    with pytest.raises(napari_eds.ReadError, match=f"SpectrumImageSettings: {key} is .*expected"):
        napari_eds.load(path)


def test_first_frame_that_is_not_there(tmp_path):
    settings = {"startFramePosition": 3}
    path = with_frames(write_velox(tmp_path / "map.emd", {"A": [1, GATE]}, (1, 1)), settings)
    with pytest.raises(napari_eds.ReadError, match="startFramePosition is 3, expected 1 to 1"):
        napari_eds.load(path)


@pytest.mark.parametrize("value", [None, "x", 0, -8, 65536, float("nan"), 1e300])
def test_number_of_channels_that_is_wrong(value, two_detectors):
    with h5py.File(two_detectors[1], "a") as file:
        del file["Data/SpectrumStream/Segment1/AcquisitionSettings"]
        settings = json.dumps({"bincount": value})
        file["Data/SpectrumStream/Segment1/AcquisitionSettings"] = [settings]
    with pytest.raises(napari_eds.ReadError, match=r"Segment1/AcquisitionSettings: bincount is "):
        napari_eds.load(two_detectors[1])


@pytest.mark.parametrize("value", [None, "x", float("nan"), -5, 1e9, [1]])
def test_energies_that_are_wrong_stop_a_map(value, tmp_path):
    """They are needed, unless the axis is given by hand."""
    wrong = {"A": {"Dispersion": value}}
    path = write_velox(tmp_path / "map.emd", {"A": [1, GATE]}, (1, 1), detectors=wrong)
    with pytest.raises(napari_eds.ReadError, match=r"A/Metadata: Detectors.*Dispersion is "):
        napari_eds.load(path)
    with pytest.warns(napari_eds.ReadWarning, match="Dispersion is"):
        assert napari_eds.load(path, energy_axis=(0.0, 0.01)).total_counts == 1


@pytest.mark.parametrize("name", ["Optics", "Scan"])
@pytest.mark.parametrize("value", [None, [], "x", 5])
def test_a_whole_part_that_is_wrong_is_refused(name, value, tmp_path):
    path = write_velox(tmp_path / "map.emd", {"A": [1, GATE]}, (1, 1), metadata={name: value})
    with pytest.raises(napari_eds.ReadError, match=f"Metadata: {name} is .*expected"):
        napari_eds.load(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"Optics": {"AccelerationVoltage": "high"}},
        {"Optics": {"AccelerationVoltage": float("nan")}},
        {"Optics": {"AccelerationVoltage": -200000}},
        {"BinaryResult": {"PixelSize": None}},
        {"BinaryResult": {"PixelSize": {"width": 1e300}, "PixelUnitX": 5}},
        {"Scan": {"FrameTime": {}}},
    ],
)
def test_what_a_map_can_do_without_is_noted(wrong, tmp_path):
    path = write_velox(tmp_path / "map.emd", {"A": [1, GATE]}, (1, 1), metadata=wrong)
    with pytest.warns(napari_eds.ReadWarning, match=r"is .*expected .*; left out"):
        image = napari_eds.load(path)
    assert image.total_counts == 1
    assert image.notes


def test_map_of_more_pixels_than_can_be(tmp_path):
    size = {"Scan": {"ScanSize": {"width": 60000, "height": 60000}}}
    path = write_velox(tmp_path / "map.emd", {"A": [1, GATE, 2]}, (1, 1), metadata=size)
    with h5py.File(path, "a") as file:
        del file["Data/Image"]
    with pytest.raises(napari_eds.ReadError, match="60000 x 60000 pixels"):
        napari_eds.load(path)


def test_link_into_another_file(two_detectors, tmp_path):
    with h5py.File(two_detectors[1], "a") as file:
        file["Data/Image/1"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")
    with pytest.raises(napari_eds.ReadError, match="link into another file"):
        napari_eds.load(two_detectors[1])


def test_events_stored_in_another_file(two_detectors, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(200)))
    with h5py.File(two_detectors[1], "a") as file:
        group = file["Data/SpectrumStream/Segment1"]
        del group["Data"]
        group.create_dataset("Data", (100, 1), np.uint16, external=[(str(secret), 0, 200)])
    with pytest.raises(napari_eds.ReadError, match="stored in another file"):
        napari_eds.load(two_detectors[1])


def test_channel_that_does_not_exist(tmp_path):
    path = write_velox(tmp_path / "odd.emd", {"A": [1, 8, GATE]}, (1, 1), n_channels=8)
    with pytest.raises(napari_eds.ReadError, match="names channel 8, but there are 8 channels"):
        napari_eds.load(path)


def test_metadata_that_are_no_json(two_detectors):
    with h5py.File(two_detectors[1], "a") as file:
        file["Data/SpectrumStream/Segment1/Metadata"][:5] = 7
    with pytest.raises(napari_eds.ReadError, match="Segment1/Metadata is not readable JSON"):
        napari_eds.load(two_detectors[1])


def test_part_that_is_missing(two_detectors):
    with h5py.File(two_detectors[1], "a") as file:
        del file["Data/SpectrumStream/Segment1/AcquisitionSettings"]
    with pytest.raises(napari_eds.ReadError, match=r"two\.emd is damaged: .*AcquisitionSettings"):
        napari_eds.load(two_detectors[1])


def test_events_of_another_type(two_detectors):
    with h5py.File(two_detectors[1], "a") as file:
        group = file["Data/SpectrumStream/Segment1"]
        events = group["Data"][:].astype(np.uint32)
        del group["Data"]
        group["Data"] = events
    with pytest.raises(napari_eds.ReadError, match="events of type uint32 are not supported"):
        napari_eds.load(two_detectors[1])


def test_file_cut_short(data_file, tmp_path):
    whole = data_file(FOUR_DETECTORS).read_bytes()
    path = tmp_path / "half.emd"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(napari_eds.ReadError, match=r"half\.emd is no HDF5 file, or is damaged"):
        napari_eds.load(path)


def test_damaged_chunk(data_file, tmp_path):
    whole = bytearray(data_file("simulated/LFO_STO_96.emd").read_bytes())
    with h5py.File(data_file("simulated/LFO_STO_96.emd")) as file:
        data = next(iter(file["Data/SpectrumStream"].values()))["Data"]
        chunk = data.id.get_chunk_info(0)
    whole[chunk.byte_offset + 100 : chunk.byte_offset + 5000] = bytes(4900)
    path = tmp_path / "damaged.emd"
    path.write_bytes(whole)
    with pytest.raises(napari_eds.ReadError, match=r"damaged\.emd is damaged"):
        napari_eds.load(path)


def test_detectors_of_different_calibration(tmp_path):
    streams = {"A": [1, GATE], "B": [1, GATE]}
    other = {"B": {"Dispersion": "10"}}
    path = write_velox(tmp_path / "two.emd", streams, (1, 1), detectors=other)
    with pytest.raises(napari_eds.ReadError, match="different energy axes"):
        napari_eds.load(path)
    assert napari_eds.load(path, detectors="B").energy.scale_keV == 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"detectors": "X"}, "no detector 'X'; the file has 0: Segment1, 1: Segment2"),
        ({"detectors": [2]}, "no detector 2"),
        ({"detectors": [0, "Segment1"]}, "named twice"),
        ({"detectors": []}, "at least one detector"),
        ({"frames": (0, 4)}, "not within the 3 frames"),
        ({"frames": (2, 2)}, "not within the 3 frames"),
        ({"frames": (-1, 2)}, "not within the 3 frames"),
        ({"frames": (1,)}, "must be a pair"),
        ({"frames": (0, 1.5)}, "must be whole numbers"),
        ({"rebin_energy": 0}, "whole number from 1"),
        ({"rebin_energy": 1.5}, "whole number from 1"),
        ({"rebin_energy": 9}, "cannot rebin 8 channels by 9"),
        ({"energy_range_keV": (5, 6)}, "no channel lies between"),
        ({"energy_axis": (0.0, 0.0)}, "must be positive"),
    ],
)
def test_options_that_do_not_fit(options, message, two_detectors):
    with pytest.raises(napari_eds.EDSError, match=message):
        napari_eds.load(two_detectors[1], **options)


def test_velox_file_without_spectra(tmp_path):
    path = tmp_path / "image.emd"
    with h5py.File(path, "w") as file:
        file["Version"] = [json.dumps({"version": "11", "format": "Velox"})]
        file["Data/Image/0/Data"] = np.zeros((2, 2, 1))
    with pytest.raises(napari_eds.ReadError, match="no EDS data, only: Image"):
        napari_eds.load(path)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("18 deg", 18), (" -1.5e-009 m", -1.5e-9), (".5", 0.5), (3, 3), ("", None), (None, None)],
)
def test_numbers(value, expected):
    assert velox_document.number(value) == expected
