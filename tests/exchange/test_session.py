"""Session files: the same numbers again, from the same image only, and nothing executed."""

import json
import pickle
import shutil
import zipfile
from datetime import datetime
from io import BytesIO

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.exchange.session import (
    VERSION,
    SessionError,
    load_session,
    repeat,
    save_session,
    session_beside,
)

MAP = "simulated/LFO_STO_96.emd"


@pytest.fixture(scope="module")
def recipe(data_dir):
    return eds.Recipe(
        elements=("La", "Fe", "O"),
        fit_only=("C", "Cu", "Ga", "Pt", "Sr", "Ti"),
        k_factors=eds.read_k_factors(data_dir / "simulated/kfactors_family_sum_windowless.csv"),
    )


@pytest.fixture(scope="module")
def result(lfo_sto_96, recipe):
    labels = eds.grid_chips((96, 96), 32).labels.astype(np.int64)
    labels[labels == 3] = 70_000
    names = {1: "NA", 2: "", 4: 'Å, "quoted"\nand more', 5: "5", 70_000: "001"}
    return eds.quantify(lfo_sto_96, labels, recipe, names=names)


@pytest.fixture
def saved(result, tmp_path):
    return save_session(tmp_path / "run.edsession", result)


def with_head(path, **changes):
    """Rewrite a session with another head."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    head = json.loads(parts["session.json"]) | changes
    parts["session.json"] = json.dumps(head).encode()
    return rewritten(path, parts)


def rewritten(path, parts):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_all_of_it_comes_back(result, saved, data_dir):
    session = load_session(saved)
    np.testing.assert_array_equal(session.labels, result.labels)
    assert session.recipe == result.recipe
    pd.testing.assert_frame_equal(session.table, result.table, check_exact=True)
    assert dict(session.names) == result.table["chip"].to_dict()
    assert datetime.fromisoformat(session.created).utcoffset().total_seconds() == 0
    assert session.versions["napari-eds"] == eds.__version__
    assert session.versions["numpy"] == np.__version__
    source = session.source
    assert source.file_name == "LFO_STO_96.emd"
    assert source.file_size == (data_dir / MAP).stat().st_size
    # Stated where the file was published.
    assert source.file_sha256.startswith("3f9c02fe9cbb5358")
    assert source.total_counts == 2_763_027
    assert (source.pixel_size, source.pixel_unit) == ((0.25, 0.25), "nm")


def test_repeated_bit_for_bit(result, saved, data_dir):
    again = repeat(load_session(saved), eds.load(data_dir / MAP))
    pd.testing.assert_frame_equal(again.table, result.table, check_exact=True)
    np.testing.assert_array_equal(again.fit.covariance, result.fit.covariance)


def test_repeated_with_a_map_of_thickness(lfo_sto_96, recipe, tmp_path):
    recipe = recipe.model_copy(
        update={"absorption": eds.Absorption(thickness_nm=50, density_g_cm3=6)}
    )
    thickness = np.linspace(10, 90, 96 * 96).reshape(96, 96)
    labels = eds.grid_chips((96, 96), 48)
    result = eds.quantify(lfo_sto_96, labels, recipe, thickness_nm=thickness)
    session = load_session(save_session(tmp_path / "run.edsession", result))
    assert session.thickness_nm[1] == pytest.approx(thickness[:48, :48].mean())
    again = repeat(session, lfo_sto_96)
    pd.testing.assert_frame_equal(again.table, result.table, rtol=1e-11)
    plain = eds.quantify(lfo_sto_96, labels, recipe)
    kept = load_session(save_session(tmp_path / "b.edsession", plain))
    assert not kept.thickness_nm
    assert not kept.density_g_cm3


def test_repeated_with_a_map_of_density_or_with_computed_ones(lfo_sto_96, recipe, tmp_path):
    recipe = recipe.model_copy(update={"absorption": eds.Absorption(thickness_nm=50)})
    density = np.linspace(4, 8, 96 * 96).reshape(96, 96)
    labels = eds.grid_chips((96, 96), 48)
    result = eds.quantify(lfo_sto_96, labels, recipe, density_g_cm3=density)
    session = load_session(save_session(tmp_path / "run.edsession", result))
    assert session.density_g_cm3[1] == pytest.approx(density[:48, :48].mean())
    assert not session.thickness_nm
    again = repeat(session, lfo_sto_96)
    pd.testing.assert_frame_equal(again.table, result.table, rtol=1e-11)
    computed = eds.quantify(lfo_sto_96, labels, recipe)
    session = load_session(save_session(tmp_path / "b.edsession", computed))
    assert not session.density_g_cm3
    pd.testing.assert_frame_equal(repeat(session, lfo_sto_96).table, computed.table)


def test_another_image_is_refused(saved, lfo_sto_96):
    session = load_session(saved)
    session.check_source(lfo_sto_96)
    with pytest.raises(SessionError, match="pixels: "):
        session.check_source(lfo_sto_96.crop(slice(0, 50), slice(0, 96)))
    with pytest.raises(SessionError, match="energy axis"):
        session.check_source(lfo_sto_96.with_energy_axis(offset_keV=-0.24, scale_keV=0.005))
    moved = eds.SpectrumImage.from_matrix(
        lfo_sto_96.counts[::-1], (96, 96), lfo_sto_96.energy, source=lfo_sto_96.source
    )
    with pytest.raises(SessionError, match="in other pixels or channels"):
        repeat(session, moved)


def test_one_detector_less_is_noticed(saved, data_dir):
    image = eds.load(data_dir / MAP, detectors=[0, 1, 2])
    with pytest.raises(SessionError, match=r"counts: .*same detectors"):
        load_session(saved).check_source(image)


def test_a_file_may_be_renamed_but_not_changed(result, saved, data_dir, tmp_path):
    copy = tmp_path / "renamed.emd"
    shutil.copyfile(data_dir / MAP, copy)
    session = load_session(saved)
    image = eds.load(copy)
    session.check_source(image)
    with copy.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(SessionError, match=r"its size is .*check_file=False"):
        session.check_source(image)
    again = repeat(session, image, check_file=False)
    pd.testing.assert_frame_equal(again.table, result.table, check_exact=True)


def test_beside_the_map(recipe, data_dir, tmp_path):
    path = tmp_path / "map.emd"
    shutil.copyfile(data_dir / MAP, path)
    assert session_beside(path) is None
    result = eds.quantify(eds.load(path), eds.grid_chips((96, 96), 48), recipe)
    assert save_session(None, result) == tmp_path / "map.edsession"
    assert session_beside(path) == tmp_path / "map.edsession"
    assert session_beside(tmp_path / "map.bcf") is None, "another file of the same stem"
    with pytest.raises(eds.OutputError, match="exists already"):
        save_session(None, result)
    save_session(None, result, overwrite=True)
    (tmp_path / "map.edsession").write_text("something else")
    assert session_beside(path) is None


def test_other_files_are_not_overwritten(result, saved, tmp_path):
    energy = eds.EnergyAxis(-0.25, 0.01, 1000)
    rng = np.random.default_rng(0)
    image = eds.SpectrumImage.from_array(
        rng.poisson(3, (4, 4, 1000)), energy, acquisition=eds.Acquisition(beam_energy_keV=200)
    )
    other = eds.quantify(
        image,
        np.ones((4, 4), int),
        eds.Recipe(elements=("Fe", "O"), energy_range_keV=(0.3, 9), calibrate=False),
    )
    with pytest.raises(eds.OutputError, match="exists already"):
        save_session(saved, other)
    with pytest.raises(SessionError, match="came from no file"):
        save_session(None, other)
    thesis = tmp_path / "thesis.tex"
    thesis.write_text("years of work")
    with pytest.raises(eds.OutputError, match="exists already"):
        save_session(thesis, result)
    assert thesis.read_text() == "years of work"
    save_session(thesis, result, overwrite=True)
    assert load_session(thesis).source.file_name == "LFO_STO_96.emd"


def test_a_failing_write_leaves_the_old_session(result, saved, monkeypatch):
    before = saved.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        save_session(saved, result, overwrite=True)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_a_newer_format_is_refused(saved):
    with_head(saved, version=VERSION + 1, versions={"napari-eds": "9.8"})
    with pytest.raises(SessionError, match=r"version 2 .*update napari-eds .*9\.8"):
        load_session(saved)


@pytest.mark.parametrize(
    "head",
    [{"format": "else"}, {"version": "1"}, {"source": {}}, {"names": {"x": "y"}}, {"names": None}],
)
def test_a_wrong_head_is_refused(saved, head):
    with pytest.raises(SessionError, match=r"run\.edsession"):
        load_session(with_head(saved, **head))


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("labels.npz", pickle.dumps(Evil())),
        ("labels.npz", b"garbage"),
        ("recipe.json", b'{"elements": ["Fe"], "unknown": 1}'),
        ("session.json", b"[]"),
        ("session.json", b"\xff\xfe"),
        ("table.csv", b"no,label\n1,2\n"),
        ("table.csv", b"x\n"),
        ("table.csv", b"label,Fe\n1,x\n"),
    ],
)
def test_damaged_parts_are_refused_and_nothing_runs(saved, part, content, capsys):
    with zipfile.ZipFile(saved) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    rewritten(saved, parts | {part: content})
    with pytest.raises(SessionError, match=r"run\.edsession"):
        load_session(saved)
    assert "executed" not in capsys.readouterr().out


def test_pickled_labels_are_refused(saved):
    with zipfile.ZipFile(saved) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    buffer = BytesIO()
    np.savez(buffer, labels=np.array([[Evil()]], dtype=object), allow_pickle=True)
    with pytest.raises(SessionError, match="damaged"):
        load_session(rewritten(saved, parts | {"labels.npz": buffer.getvalue()}))


def test_no_session_at_all(tmp_path):
    path = tmp_path / "a.edsession"
    with pytest.raises(FileNotFoundError):
        load_session(path)
    path.write_text("hello")
    with pytest.raises(SessionError, match="no session, or damaged"):
        load_session(path)
    rewritten(path, {"other.txt": "x"})
    with pytest.raises(SessionError, match="no session, or damaged"):
        load_session(path)


def test_any_damage_is_reported_as_such(saved):
    whole = saved.read_bytes()
    rng = np.random.default_rng(1)
    for i in range(150):
        damaged = bytearray(whole)
        if i % 3:
            for place in rng.integers(0, len(whole), 20):
                damaged[place] ^= int(rng.integers(1, 256))
        else:
            del damaged[rng.integers(0, len(whole)) :]
        saved.write_bytes(damaged)
        with pytest.raises(SessionError):
            load_session(saved)


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "C:\\evil", "C:evil"])
def test_parts_that_lie_elsewhere(name, saved):
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr(name, "x")
    with pytest.raises(SessionError, match="no session: it has parts called"):
        load_session(saved)


@pytest.mark.parametrize("part", ["table.csv", "session.json", "recipe.json", "labels.npz", "x"])
def test_bombs(part, saved):
    """A part of 200 MB that is packed into 0.2 MB is not unpacked."""
    with zipfile.ZipFile(saved) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (parts | {part: bytes(200_000_000)}).items():
            archive.writestr(name, content)
    with pytest.raises(SessionError, match=f"{part} of 200,000,000 bytes"):
        load_session(saved)


def test_labels_that_claim_more_than_the_map(saved):
    header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (1000000, 1000000), }"
    npy = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.ljust(117) + b"\n"
    inner = BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("labels.npy", npy)
    with zipfile.ZipFile(saved) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with pytest.raises(SessionError, match=r"shape \(1000000, 1000000\), not of \(96, 96\)"):
        load_session(rewritten(saved, parts | {"labels.npz": inner.getvalue()}))


FORMULAS = {1: "=1+1", 2: "+x", 4: "-x", 5: "@SUM(A1)", 70_000: "'=1+1"}


def test_names_that_a_spreadsheet_would_run(lfo_sto_96, recipe, tmp_path):
    labels = eds.grid_chips((96, 96), 32).labels.astype(np.int64)
    labels[labels == 3] = 70_000
    found = eds.quantify(lfo_sto_96, labels, recipe, names=FORMULAS)
    session = load_session(save_session(tmp_path / "run.edsession", found))
    assert {label: session.names[label] for label in FORMULAS} == FORMULAS
    pd.testing.assert_frame_equal(session.table, found.table, check_exact=True)
    for path in found.to_csv(tmp_path / "run.csv", spectra=True):
        if path.suffix == ".csv":
            text = path.read_text()
            assert "'=1+1" in text
            cells = text.replace("\n", ",").split(",")
            assert not [cell for cell in cells if cell[:1] in "=+@" and cell[:1]]
            assert "-x" not in cells
