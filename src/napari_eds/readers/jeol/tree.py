"""The tree of named values in the headers of JEOL files.

A node is the byte 1, the length and text of its name, a type, the length and bytes of its value,
its children, and the byte -1; a type of 0 has no value. After RosettaSciIO's reader, from which
types and meanings are taken.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from napari_eds.errors import ReadError

Tree = dict[str, Any]

_OPEN, _CLOSE = 1, -1
_TEXTS = (12, 13, 20)
_NUMBERS = {
    1: "<u1", 2: "<u2", 3: "<i4", 4: "<f4", 5: "<f8",
    6: "<u1", 7: "<u2", 8: "<i4", 9: "<f4", 10: "<f8",
    11: "?", 14: "<u2",
}  # fmt: skip
_DEEPEST = 64


def parse(data: bytes, position: int) -> Tree:
    """Return the values of a tree by name; those of a node with children are at ``"value"``.

    Raises
    ------
    ReadError
        If the tree ends early, or is none.
    """
    root: Tree = {}
    path: list[tuple[Tree, str]] = []
    try:
        while True:
            (mark,) = struct.unpack_from("<b", data, position)
            position += 1
            if mark == _OPEN:
                (length,) = struct.unpack_from("<i", data, position)
                name, position = _name(_bytes(data, position + 4, length)), position + 4 + length
                kind, length = struct.unpack_from("<ii", data, position)
                value = _value(kind, _bytes(data, position + 8, length))
                position += 8 + length
                if name[:-1].endswith("PAGE"):
                    # Several pages differ in their value only.
                    name, value = f"{name}_{value}", None
                path.append((_put(root, path, name, value), name))
                if len(path) > _DEEPEST:
                    raise ReadError("its header is damaged: it never ends")
            elif mark == _CLOSE and path:
                path.pop()
            else:
                return root
    except struct.error as error:
        raise ReadError("its header is cut short or damaged") from error


def _put(root: Tree, path: list[tuple[Tree, str]], name: str, value: Any) -> Tree:
    """Put a value under the node at the end of `path`; return what it was put into."""
    if path:
        parent, own = path[-1]
        if not isinstance(parent[own], dict):
            # The first child of a node with a value of its own.
            parent[own] = {} if parent[own] is None else {"value": parent[own]}
        root = parent[own]
    root[name] = value
    return root


def _bytes(data: bytes, start: int, length: int) -> bytes:
    if length < 0 or start + length > len(data):
        raise ReadError("its header is cut short or damaged")
    return data[start : start + length]


def _name(text: bytes) -> str:
    # One name ends in half a letter.
    return _text(text.rstrip(b"\0").rstrip(b"\xde"))


def _text(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("shift_jis", "replace")


def _value(kind: int, data: bytes) -> Any:
    if kind == 0:
        return None
    if kind in _TEXTS:
        texts = _text(data.rstrip(b"\0")).split("\0")
        return texts[0] if len(texts) == 1 else texts
    if kind not in _NUMBERS:
        return data
    dtype = np.dtype(_NUMBERS[kind])
    values = np.frombuffer(data[: len(data) // dtype.itemsize * dtype.itemsize], dtype)
    if values.size != 1:
        return values
    # The decimal number that single precision stands for: 19.2, not 19.200000762939453.
    return float(str(values[0])) if dtype == np.float32 else values[0].item()


def at(tree: Tree, *names: str) -> Any:
    """Return what lies below `names`; of a node with children its own value is at ``"value"``.

    Raises
    ------
    ReadError
        If there is no such node.
    """
    found: Any = tree
    for name in names:
        if not isinstance(found, dict) or name not in found:
            raise ReadError(f"its header is damaged: it has no {'/'.join(names)}")
        found = found[name]
    return found
