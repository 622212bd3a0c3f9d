"""How results print: on a line or two, arrays and tables by their shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from itertools import islice
from pathlib import PurePath
from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=type)

#: Characters of a whole object (two lines of a terminal), of a text in it, and of a value that is
#: an object itself.
_LONGEST, _LONGEST_TEXT, _LONGEST_VALUE = 158, 40, 48
#: Items of a tuple or a mapping that are told.
_ITEMS = 4


def brief(kind: Kind) -> Kind:
    """Give a class a `repr` on one or two lines: its fields, but for those left at their defaults.

    For dataclasses and pydantic's models. One with a method `_brief` says itself what stands
    between its name's brackets.
    """
    kind.__repr__ = _told  # type: ignore[assignment]
    if not is_dataclass(kind):  # pydantic prints another text
        kind.__str__ = _told  # type: ignore[assignment]
    return kind


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Return a text on one line, cut where it is too long."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _told(self: Any) -> str:
    if hasattr(self, "_brief"):
        told = self._brief()
    else:
        told = ", ".join(f"{name}={_value(value)}" for name, value in _items(self))
    return f"{type(self).__name__}({shortened(told, _LONGEST - len(type(self).__name__) - 2)})"


def _items(one: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields of an object that are not at their defaults."""
    if is_dataclass(one):
        for each in fields(one):
            value = getattr(one, each.name)
            default = each.default
            if each.default_factory is not MISSING:
                default = each.default_factory()
            if each.repr and not _same(value, default):
                yield each.name, value
        return
    for name, each in type(one).model_fields.items():
        value = getattr(one, name)
        if each.is_required() or not _same(value, each.get_default()):
            yield name, value


def _same(value: Any, default: Any) -> bool:
    """Whether a value is its default; arrays never are."""
    return value is default or (type(value) is type(default) and bool(value == default))


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{float(value):.6g}"
    if isinstance(value, str | PurePath):
        text = value if isinstance(value, str) else value.name
        return repr(shortened(text, _LONGEST_TEXT))
    if isinstance(value, Mapping):
        told = [f"{key!r}: {_value(item)}" for key, item in islice(value.items(), _ITEMS)]
        return f"{{{_some(told, value)}}}"
    if isinstance(value, tuple | list):
        told = [_value(item) for item in value[:_ITEMS]]
        return f"({_some(told, value)}{',' if len(value) == 1 else ''})"
    return _shape(value) or shortened(repr(value), _LONGEST_VALUE)


def _shape(value: Any) -> str:
    """Tell the size of a table or an array, dense or sparse; empty for anything else."""
    if hasattr(value, "columns") and hasattr(value, "index"):
        return f"{len(value)} rows x {len(value.columns)} columns"
    if hasattr(value, "dtype") and hasattr(value, "shape") and value.shape:
        sparse = "sparse " if hasattr(value, "nnz") else ""
        return f"{sparse}{value.dtype} {'x'.join(map(str, value.shape))}"
    return ""


def _some(told: list[str], whole: Any) -> str:
    rest = len(whole) - len(told)
    return ", ".join([*told, f"… {rest} more"] if rest else told)
