"""Files as they come from instruments and copies: each opens rightly, or says why not."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest

import napari_eds

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"


@pytest.fixture
def case():
    """Function from a name below the folder of cases to its path."""
    if not CASES.is_dir():
        pytest.skip(f"there is no folder {CASES}")
    return lambda name: CASES / name


@pytest.mark.filterwarnings("ignore:.*the size of its pixels is unknown")
@pytest.mark.parametrize(
    ("name", "shape", "counts", "channels"),
    [
        ("03-rpl-record-by-image/inca_image.rpl", (6, 8), 41_492, 512),
        ("07-edax-spd/full.spd", (6, 8), 3_778, 1024),
        ("07-edax-spd/UPPER.SPD", (6, 8), 3_778, 1024),
        ("18-h5oina/map.h5oina", (12, 16), 22_794, 1024),
        ("18-h5oina/two_detectors.h5oina", (12, 16), 22_794, 1024),
        ("18-h5oina/line.h5oina", (1, 16), 1_809, 1024),
    ],
)
def test_opens(case, name, shape, counts, channels):
    image = napari_eds.load(case(name))
    assert (image.shape, image.total_counts, image.n_channels) == (shape, counts, channels)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "shape", "counts", "told"),
    [
        ("07-edax-spd/stopped.spd", (6, 8), 2_355, "stopped after 30 of 48 pixels"),
        ("07-edax-spd/scan.lsd", (1, 48), 3_778, "scan.spc is not beside scan.lsd"),
        ("13-truncated-silent/truncated.pts", (64, 64), 318, "cut short: 36,436 of 72,872 bytes"),
    ],
)
def test_opens_and_tells_what_is_missing(case, name, shape, counts, told):
    with pytest.warns(UserWarning, match=told):
        image = napari_eds.load(case(name))
    assert (image.shape, image.total_counts) == (shape, counts)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("12-truncated-elid-hangs/truncated.elid", "truncated.elid is cut short"),
        ("13-truncated-silent/truncated.bcf", "166,028 of 332,056 bytes"),
        ("18-h5oina/no_spectra.h5oina", "holds no spectra.* from version 6.2"),
        ("30-damaged/segv_truncated.bcf", "is cut short: 240,577 of 332,056 bytes"),
        ("30-damaged/hang_truncated.elid", "hang_truncated.elid is cut short"),
        ("30-damaged/silent_half_channels.spx", "is cut short: it holds 1824 of 4096 channels"),
        ("30-damaged/silent_zero_truncated.bcf", "137,575 of 332,056 bytes"),
    ],
)
def test_says_why_not(case, name, told):
    path = case(name)
    napari_eds.ReadError  # noqa: B018 - imported before the clock runs
    began = time.perf_counter()
    with pytest.raises(napari_eds.ReadError, match=told):
        napari_eds.read(path)
    # A second is asked for; the first read of all imports what it needs.
    assert time.perf_counter() - began < 5


def test_ripple_by_image_takes_an_energy_axis(case):
    """Fe lies in the left half, Cr in the right one."""
    image = napari_eds.load(
        case("03-rpl-record-by-image/inca_image.rpl"), energy_axis=(-0.2, 0.02)
    )
    iron, chromium = image.window_map(6.2, 6.6), image.window_map(5.2, 5.6)
    assert iron[:, :4].min() > 5 * iron[:, 4:].max()
    assert chromium[:, 4:].min() > 5 * chromium[:, :4].max()


@pytest.mark.filterwarnings("ignore:.*the size of its pixels is unknown")
def test_edax_maps_have_the_energies_of_their_spectrum(case):
    for name in ("full.spd", "UPPER.SPD"):
        image = napari_eds.load(case("07-edax-spd/" + name))
        assert image.energy.scale_keV == pytest.approx(0.005)
        assert image.acquisition.beam_energy_keV == 10
        assert set(image.acquisition.elements) == {"Co", "O", "S"}


@pytest.mark.filterwarnings("ignore")
def test_stopped_map_is_the_beginning_of_the_whole_one(case):
    whole, stopped = (
        napari_eds.load(case(f"07-edax-spd/{name}.spd")).to_array().reshape(48, -1)
        for name in ("full", "stopped")
    )
    np.testing.assert_array_equal(stopped[:30], whole[:30])
    assert not stopped[30:].any()


@pytest.mark.filterwarnings("ignore:the last frame of")
@pytest.mark.parametrize("folder", ["Sample", "SAMPLE"])
def test_jeol_project_of_which_files_are_missing(case, folder, tmp_path):
    shutil.copy(case("05-jeol-asw-members-missing/dummy2.ASW"), tmp_path)
    shutil.copytree(case("05-jeol-asw-members-missing/Sample"), tmp_path / folder)
    images = napari_eds.read(tmp_path / "dummy2.ASW")
    assert [(image.shape, image.total_counts) for image in images] == [
        ((64, 64), 1_497),
        ((64, 64), 3_459),
        ((64, 64), 2_709),
    ]
    told = next(note for note in images[0].notes if "cannot be found in" in note)
    assert all(told in image.notes for image in images)
    assert "Dummy-Data_0000000.img" in told
    assert "Dummy-Data_0000024.APB" in told
    assert ".pts" not in told


def test_jeol_project_without_any_of_its_files(case, tmp_path):
    shutil.copy(case("05-jeol-asw-members-missing/dummy2.ASW"), tmp_path)
    with pytest.raises(napari_eds.ReadError, match=r"dummy2\.ASW: .*Dummy-Data_0000007\.pts"):
        napari_eds.read(tmp_path / "dummy2.ASW")


def test_oxford_map_is_the_truth(case):
    truth = np.load(case("18-h5oina/truth.npz"))["cube"]
    image = napari_eds.load(case("18-h5oina/map.h5oina"))
    np.testing.assert_array_equal(image.to_array(), truth)
    assert image.pixel_spectrum(0, 0)[660] == image.pixel_spectrum(0, 0).sum() == 77
    assert image.is_sparse
    assert (image.energy.offset_keV, image.energy.scale_keV) == pytest.approx((-0.2, 0.01))
    assert image.pixel_size == pytest.approx((4, 5))
    assert image.pixel_unit == "nm"
    acquisition = image.acquisition
    assert acquisition.beam_energy_keV == 200
    assert acquisition.take_off_angle_deg == pytest.approx(22)
    assert acquisition.live_time_s == pytest.approx(192 * 0.010)
    assert set(acquisition.elements) == {"Fe", "Ti", "O"}
    # The map begins 0.25 x 24 rows and 0.25 x 32 columns within the image.
    (picture,) = image.images
    assert picture.data.shape == (24, 32)
    assert picture.pixel_size == pytest.approx(image.pixel_size)
    assert picture.offset == pytest.approx((-6 * 4, -8 * 5))


def test_oxford_detectors_are_chosen_and_summed(case):
    path = case("18-h5oina/two_detectors.h5oina")
    truth = np.load(case("18-h5oina/truth.npz"))["cube"]
    both, first, second = (napari_eds.load(path, detectors=chosen) for chosen in (None, "EDS1", 1))
    np.testing.assert_array_equal(both.to_array(), truth)
    np.testing.assert_array_equal(first.to_array() + second.to_array(), truth)
    assert [one.name for one in both.acquisition.detectors] == ["EDS1", "EDS2"]
    assert [one.counts for one in both.acquisition.detectors] == [
        first.total_counts,
        second.total_counts,
    ]
    with pytest.raises(napari_eds.ReadError, match="no detector 'EDS3'; the file has 0: EDS1"):
        napari_eds.load(path, detectors="EDS3")
    assert [one.name for one in napari_eds.compare_detectors(path)] == ["EDS1", "EDS2"]


def test_oxford_file_is_known_by_its_contents(case, tmp_path):
    shutil.copy(case("18-h5oina/line.h5oina"), tmp_path / "renamed.h5")
    image = napari_eds.load(tmp_path / "renamed.h5")
    assert image.total_counts == 1_809
    assert image.pixel_size[1] == pytest.approx(5)
