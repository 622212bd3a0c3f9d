"""Ways to break a file, all drawn from one seed: the same seed breaks it the same way again."""

from __future__ import annotations

import csv
import io
import json
import shutil
import warnings
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np

#: What stands where something else belongs.
HOSTILE: tuple[Any, ...] = (
    None, True, 0, -1, 1, 65535, 65536, 2**31, 2**63, 10**30, -0.5, 1e308, float("nan"),
    float("inf"), "", " ", "abc", "-1", "1e999", "nan", "0x10", "٣", "\0", "=1+1", "9" * 5000,
    [], [1], [[]], {}, {"a": 1}, "../../x", "a" * 70000,
)  # fmt: skip


def mutate(source: Path, target: Path, kind: str, of: Random) -> None:
    """Write a broken copy of a file."""
    KINDS[kind](source, target, of)


def _bytes(source: Path, target: Path, of: Random) -> None:
    data = bytearray(source.read_bytes())
    for _ in range(of.choice((1, 1, 2, 5))):
        _break(data, of, len(data))
    target.write_bytes(data)


def _head(source: Path, target: Path, of: Random) -> None:
    data = bytearray(source.read_bytes())
    for _ in range(of.choice((1, 2, 4))):
        _break(data, of, min(len(data), 200))
    target.write_bytes(data)


def _break(data: bytearray, of: Random, within: int) -> None:
    """Break bytes of the first `within`."""
    if not data:
        return
    at = of.randrange(max(1, min(within, len(data))))
    size = min(of.choice((1, 2, 4, 8, 64, 1024)), len(data) - at)
    what = of.randrange(7)
    if what == 0:
        data[at] ^= 1 << of.randrange(8)
    elif what == 1:
        data[at : at + size] = of.randbytes(size)
    elif what == 2:
        del data[at:]
    elif what == 3:
        data[at : at + size] = bytes(size)
    elif what == 4:
        data[at : at + size] = b"\xff" * size
    elif what == 5:
        data[at:at] = data[at : at + size]
    else:
        del data[at : at + size]


def _hdf5(source: Path, target: Path, of: Random) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o644)
    with h5py.File(target, "a") as file:
        for _ in range(of.choice((1, 1, 2))):
            names: list[str] = []
            file.visit(names.append)  # not those behind links
            if names:
                _break_item(file, of.choice(names), of)


def _break_item(file: h5py.File, name: str, of: Random) -> None:
    item = file[name]
    what = of.randrange(7)
    if what == 0:
        del file[name]
    elif what == 1:
        file.move(name, f"{name}x")
    elif what == 2 and len(item.attrs):
        _break_attribute(item, of)
    elif what == 3:
        del file[name]
        file.create_group(name)
    elif what == 4:
        del file[name]
        file[name] = h5py.SoftLink(of.choice(("/", f"/{name}", "/nowhere", "/Data")))
    elif isinstance(item, h5py.Dataset):
        _break_dataset(file, name, of)
    else:
        del file[name]
        file[name] = of.choice((1, "text", np.zeros((2, 2)), np.array([b"x"])))


def _break_attribute(item: Any, of: Random) -> None:
    key = of.choice(sorted(item.attrs))
    value = of.choice(HOSTILE)
    if of.random() < 0.2:
        del item.attrs[key]
    elif isinstance(value, (list, dict)) or value is None:
        item.attrs[key] = np.zeros((2, 0))
    elif isinstance(value, int) and abs(value) >= 2**63:
        item.attrs[key] = float(value)
    else:
        item.attrs[key] = value.replace("\0", "x")[:60000] if isinstance(value, str) else value


def _break_dataset(file: h5py.File, name: str, of: Random) -> None:
    data = file[name][()]
    text = _json_text(data)
    del file[name]
    if text is not None and of.random() < 0.8:
        broken = json.dumps(broken_json(json.loads(text), of))
        if isinstance(data, np.ndarray) and data.dtype == np.uint8:
            file[name] = np.frombuffer(broken.encode().ljust(6000, b"\0"), np.uint8)[:, None]
        else:
            file[name] = [broken]
        return
    shape = np.shape(data)
    choices = (
        np.zeros(shape, of.choice(("f8", "i8", "u1", "c16", "S3", "i1"))),
        np.zeros((0, *shape[1:]), np.asarray(data).dtype if text is None else "u1"),
        np.zeros((2, *shape), "u2"), np.full(shape, np.nan), -np.ones(shape), 5, "text",
    )  # fmt: skip
    if of.random() < 0.3:
        claimed = tuple(of.choice((10**9, 10**5, 3)) for _ in shape) or (10**12,)
        file.create_dataset(name, claimed, np.uint16, chunks=True)
    else:
        file[name] = of.choice(choices)


def _json_text(data: Any) -> str | None:
    try:
        if isinstance(data, np.ndarray) and data.dtype == np.uint8:
            found = data[:, 0].tobytes().rstrip(b"\0").decode()
        else:
            found = np.ravel(data)[0].decode()
        json.loads(found)
    except (ValueError, IndexError, AttributeError, TypeError):
        return None
    return found


def broken_json(tree: Any, of: Random) -> Any:
    """Return JSON of which one value, anywhere, is another, gone, or there twice."""
    if isinstance(tree, dict) and tree and of.random() < 0.9:
        key = of.choice(sorted(tree))
        what = of.random()
        if what < 0.1:
            return {k: v for k, v in tree.items() if k != key}
        if what < 0.15:
            return {(f"{k}x" if k == key else k): v for k, v in tree.items()}
        return tree | {key: broken_json(tree[key], of)}
    if isinstance(tree, list) and tree and of.random() < 0.9:
        place = of.randrange(len(tree))
        return [*tree[:place], broken_json(tree[place], of), *tree[place + of.randrange(2) :]]
    return of.choice(HOSTILE)


def _json_file(source: Path, target: Path, of: Random) -> None:
    target.write_text(json.dumps(broken_json(json.loads(source.read_bytes()), of)))


def _csv_file(source: Path, target: Path, of: Random) -> None:
    rows = list(csv.reader(io.StringIO(source.read_text())))
    for _ in range(of.choice((1, 1, 3))):
        row = of.choice(rows)
        what = of.randrange(6)
        if what < 3 and row:
            row[of.randrange(len(row))] = str(of.choice(HOSTILE))
        elif what == 3 and row:
            del row[of.randrange(len(row))]
        elif what == 4:
            row.append("1")
        else:
            rows.insert(of.randrange(len(rows) + 1), list(of.choice(rows)))
    text = io.StringIO()
    csv.writer(text, delimiter=of.choice(",,,;\t|"), quoting=of.choice((0, 0, 1))).writerows(rows)
    content = text.getvalue()
    if of.random() < 0.15:
        content = content.replace(of.choice(content), of.choice('"\n;=\0'), 1)
    target.write_bytes(content.encode(of.choice(("utf-8", "utf-8", "utf-16", "utf-8-sig"))))


def _zip_file(source: Path, target: Path, of: Random) -> None:
    with zipfile.ZipFile(source) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    place = of.randrange(len(parts))
    name, content = parts[place]
    what = of.randrange(6)
    if what == 0:
        del parts[place]
    elif what == 1:
        parts[place] = (of.choice(("../x", "/x", "x", f"{name}x", "C:\\x")), content)
    elif what == 2:
        parts[place] = (name, b"")
    elif what == 3:
        parts.append((name, content))
    else:
        parts[place] = (name, _broken_part(content, of))
    with zipfile.ZipFile(target, "w", of.choice((0, 8))) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        for part in parts:
            archive.writestr(*part)


def _broken_part(content: bytes, of: Random) -> bytes:
    try:
        return json.dumps(broken_json(json.loads(content), of)).encode()
    except ValueError:
        data = bytearray(content)
        _break(data, of, len(data))
        return bytes(data)


KINDS = {
    "bytes": _bytes,
    "head": _head,
    "hdf5": _hdf5,
    "json": _json_file,
    "csv": _csv_file,
    "zip": _zip_file,
}
