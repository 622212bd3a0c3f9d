"""Saved results: read back with other programs, and safe against failing writes."""

import csv
import os
import stat
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image, TiffTags

from napari_eds import (
    Acquisition,
    EDSError,
    EnergyAxis,
    KFactorTable,
    Recipe,
    SpectrumImage,
    grid_chips,
    quantify,
)
from napari_eds._support.files import write_atomically
from napari_eds.quantification.saving import results as saving
from napari_eds.quantification.saving.results import save_maps

NAMES = {1: "R0C0", 2: "Fe, rich", 3: 'the "good" one', 4: "two\nlines; Å"}


@pytest.fixture(scope="module")
def result():
    """Four labels, of which the last has no counts."""
    energy = EnergyAxis(-0.1, 0.01, 900)
    peaks = sum(
        np.exp(-((energy.energies_keV - line) ** 2) / (2 * 0.05**2)) for line in (6.4, 0.525)
    )
    counts = np.random.default_rng(0).poisson(3 * peaks + 0.3, (4, 4, energy.size))
    counts[2:, 2:] = 0
    return quantify(
        SpectrumImage.from_array(counts, energy, acquisition=Acquisition(beam_energy_keV=200)),
        grid_chips((4, 4), 2),
        Recipe.create(
            elements=("Fe", "O"),
            k_factors=KFactorTable.from_mapping({"Fe_K": 0.4329, "O_K": 0.3719}, "family"),
            energy_range_keV=(0.3, 8.5),
            background_order=2,
        ),
        names=NAMES,
    )


def test_the_table_reads_back(result, tmp_path):
    result.to_csv(tmp_path / "run.csv")
    table = pd.read_csv(tmp_path / "run.csv", index_col="label", dtype={"chip": str, "flag": str})
    assert table.columns.tolist() == result.table.columns.tolist()
    assert table.index.tolist() == [1, 2, 3, 4]
    numbers = result.table.select_dtypes("number")
    assert np.isnan(numbers.loc[4, "Fe_at_pct"])
    # Six significant digits are kept: an error of at most 5 in the seventh.
    np.testing.assert_allclose(table[numbers.columns], numbers, rtol=5.01e-6)
    for column in ("n_pixels", "row_start", "counts"):
        assert table[column].tolist() == numbers[column].tolist()
    assert table["chip"].tolist() == list(NAMES.values())
    assert table["flag"].fillna("").tolist() == result.table["flag"].tolist()


def read_spectra(path):
    """Header and rows of a file of spectra, by the standard library alone."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    return header, rows


def test_spectra_read_back_exactly_under_their_energies(result, tmp_path):
    result.to_csv(tmp_path / "run.csv", spectra=True)
    header, rows = read_spectra(tmp_path / "run_spectra.csv")
    assert header[:2] == ["label", "chip"]
    np.testing.assert_allclose(np.array(header[2:], float), result.energies_keV, atol=1e-5)
    assert [int(row[0]) for row in rows] == [1, 2, 3, 4]
    assert [row[1] for row in rows] == list(NAMES.values())
    np.testing.assert_array_equal(np.array([row[2:] for row in rows], int), result.spectra)


def test_fractional_spectra_read_back_exactly(result, tmp_path):
    counts = result.image.to_array() / 3
    image = SpectrumImage.from_array(
        counts, result.image.energy, acquisition=result.image.acquisition
    )
    other = quantify(image, result.labels, result.recipe)
    other.to_csv(tmp_path / "run.csv", spectra=True)
    _, rows = read_spectra(tmp_path / "run_spectra.csv")
    np.testing.assert_array_equal(np.array([row[2:] for row in rows], float), other.spectra)


def test_the_recipe_beside_it_gives_the_same_table_again(result, tmp_path):
    written = result.to_csv(tmp_path / "run.csv")
    assert written == [tmp_path / "run.csv", tmp_path / "run_recipe.json"]
    again = quantify(
        result.image, result.labels, Recipe.from_json(tmp_path / "run_recipe.json"), names=NAMES
    )
    pd.testing.assert_frame_equal(again.table, result.table, check_exact=True)


def test_nothing_but_the_files_is_left(result, tmp_path):
    written = result.to_csv(tmp_path / "run.csv", spectra=True)
    assert sorted(tmp_path.iterdir()) == sorted(written)
    assert {path.name for path in written} == {"run.csv", "run_recipe.json", "run_spectra.csv"}


@pytest.mark.parametrize("owner", [(Path, "replace"), (os, "fsync")])
def test_a_failed_write_leaves_the_old_file(result, tmp_path, monkeypatch, owner):
    path = tmp_path / "run.csv"
    path.write_text("precious\n", encoding="utf-8")

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(*owner, full)
    with pytest.raises(OSError, match="no space left"):
        result.to_csv(path, overwrite=True)
    assert path.read_text(encoding="utf-8") == "precious\n"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", "text")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_an_error(result, tmp_path):
    with pytest.raises(FileNotFoundError):
        result.to_csv(tmp_path / "none" / "run.csv")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_permissions_are_those_of_any_new_file_or_of_the_old_one(tmp_path):
    plain, ours, old = tmp_path / "plain", tmp_path / "ours", tmp_path / "old"
    plain.write_text("", encoding="utf-8")
    write_atomically(ours, "")
    assert stat.S_IMODE(ours.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    old.write_text("", encoding="utf-8")
    old.chmod(0o640)
    write_atomically(old, b"new")
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert old.read_bytes() == b"new"


def test_maps_are_saved_as_numbers_and_pictures(result, tmp_path):
    written = save_maps(result, tmp_path / "maps")
    names = ["Fe_at_pct.png", "Fe_at_pct.tif", "O_at_pct.png", "O_at_pct.tif"]
    assert sorted(path.name for path in written) == names
    there = sorted(path.name for path in (tmp_path / "maps").iterdir())
    assert there == [".napari-eds.json", *names]
    for element, expected in result.maps().items():
        found = tifffile.imread(tmp_path / "maps" / f"{element}_at_pct.tif")
        np.testing.assert_array_equal(found, expected.astype(np.float32))
        picture = (tmp_path / "maps" / f"{element}_at_pct.png").read_bytes()
        assert picture.startswith(b"\x89PNG")


def test_the_account_says_what_was_done_and_what_was_not(result):
    text = " ".join(result.account())
    assert "Quantified: Fe_K, O_K. Fitted only: nothing." in text
    assert "whole families" in text
    assert "Absorption in the specimen: not corrected; O read low" in text
    assert "weighted by expected counts" in text
    energies = result.fit.model.energy.energies_keV
    assert f"{energies[0]:.3f} to {energies[-1]:.3f} keV" in text
    assert "Energy axis: fitted to the summed spectrum; offset" in text


def of_nm(result, size=(1.234, 2.5), unit="nm"):
    return replace(result, image=replace(result.image, pixel_size=size, pixel_unit=unit))


def test_maps_tell_the_size_of_their_pixels_to_others(result, tmp_path):
    """Read by Pillow, which knows nothing of ImageJ, and by RosettaSciIO, which does."""
    from rsciio.tiff import file_reader

    save_maps(of_nm(result, unit="µm"), tmp_path / "maps")
    path = tmp_path / "maps" / "Fe_at_pct.tif"
    with Image.open(path) as picture:
        tags = {TiffTags.lookup(tag).name: value for tag, value in picture.tag_v2.items()}
        np.testing.assert_array_equal(np.asarray(picture), result.maps()["Fe"].astype("f4"))
    assert 1 / float(tags["XResolution"]) == pytest.approx(2.5)
    assert 1 / float(tags["YResolution"]) == pytest.approx(1.234)
    assert "unit=micron" in tags["ImageDescription"]
    (read,) = file_reader(str(path))
    axes = {axis["name"]: (axis["scale"], axis["units"]) for axis in read["axes"]}
    assert axes["width"] == (pytest.approx(2.5), "µm")
    assert axes["height"] == (pytest.approx(1.234), "µm")


@pytest.mark.parametrize(
    ("unit", "written"), [("µm", "micron"), ("μm", "micron"), ("Å", "angstrom"), ("nm", "nm")]
)
def test_units_are_written_as_imagej_does(result, tmp_path, unit, written):
    save_maps(of_nm(result, unit=unit), tmp_path / "maps")
    with tifffile.TiffFile(tmp_path / "maps" / "O_at_pct.tif") as file:
        assert file.imagej_metadata["unit"] == written


def test_pixels_without_a_length_get_none(result, tmp_path):
    save_maps(result, tmp_path / "maps", ome_tiff=True)
    with tifffile.TiffFile(tmp_path / "maps" / "Fe_at_pct.tif") as file:
        assert "unit" not in file.imagej_metadata
    with tifffile.TiffFile(tmp_path / "maps" / "at_pct.ome.tif") as file:
        assert "PhysicalSize" not in file.ome_metadata


@pytest.mark.parametrize(("unit", "written"), [("nm", "nm"), ("μm", "µm"), ("Å", "Å")])
def test_one_ome_tiff_holds_all_maps(result, tmp_path, unit, written):
    """Read by Pillow and a parser of XML, by the names of OME's schema."""
    written_files = save_maps(of_nm(result, unit=unit), tmp_path / "maps", ome_tiff=True)
    path = tmp_path / "maps" / "at_pct.ome.tif"
    assert path in written_files
    with Image.open(path) as picture:
        tree = ElementTree.fromstring(picture.tag_v2[270].encode("latin-1").decode())
        frames = []
        for i in range(picture.n_frames):
            picture.seek(i)
            frames.append(np.array(picture))
    space = {"ome": "http://www.openmicroscopy.org/Schemas/OME/2016-06"}
    pixels = tree.find("ome:Image/ome:Pixels", space).attrib
    assert [float(pixels[f"PhysicalSize{a}"]) for a in "YX"] == [1.234, 2.5]
    assert {pixels[f"PhysicalSize{a}Unit"] for a in "YX"} == {written}
    assert (pixels["SizeC"], pixels["Type"]) == ("2", "float")
    names = [c.get("Name") for c in tree.findall("ome:Image/ome:Pixels/ome:Channel", space)]
    assert names == ["Fe", "O"]
    for name, frame in zip(names, frames, strict=True):
        np.testing.assert_array_equal(frame, result.maps()[name].astype("f4"))


def test_parquet_holds_the_table_exactly(result, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    written = result.to_parquet(tmp_path / "run.parquet", spectra=True)
    assert [path.name for path in written] == [
        "run.parquet",
        "run_recipe.json",
        "run_spectra.csv",
    ]
    read = parquet.read_table(written[0])
    assert read["label"].to_pylist() == [1, 2, 3, 4]
    assert read["chip"].to_pylist() == list(NAMES.values())
    for column in result.table.select_dtypes("number"):
        found = read[column].to_numpy()
        np.testing.assert_array_equal(found, result.table[column].to_numpy())
    with pytest.raises(EDSError, match="parquet"):
        result.to_parquet(tmp_path / "run.csv")


def test_without_pyarrow_nothing_is_written(result, tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "find_spec", lambda _: None)
    with pytest.raises(EDSError, match="pip install pyarrow"):
        result.to_parquet(tmp_path / "run.parquet")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["run.docx", "run.xls", "run.tif"])
def test_a_table_is_not_saved_as_what_it_is_not(result, tmp_path, name):
    known = r"\.csv or \.txt or \.xlsx or \.parquet"
    with pytest.raises(EDSError, match=rf"{name}: tables are not saved as .*{known}"):
        result.to_csv(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["run", "run.CSV", "run.txt"])
def test_a_table_may_have_any_name_of_text(result, tmp_path, name):
    table, _ = result.to_csv(tmp_path / name)
    assert table.read_text("utf-8").startswith("label,chip,")
