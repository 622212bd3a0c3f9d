"""Saved results: read back with other programs, and safe against failing writes."""

import csv
import os
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_eds import (
    Acquisition,
    EnergyAxis,
    KFactorTable,
    Recipe,
    SpectrumImage,
    grid_chips,
    quantify,
)
from napari_eds._support.files import write_atomically
from napari_eds.quantification.saving import save_maps

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
