"""Read-only mappings that pickle and copy, so that what holds them reaches other processes."""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any


def let_mappings_travel() -> None:
    """Have `pickle` and `copy` take a read-only mapping as one of a copied dictionary.

    Python leaves this open, since such a view may be of a class's own attributes. Registered for
    the type, it holds however deep a mapping lies: in metadata, in a fit inside of a result.
    """
    copyreg.pickle(MappingProxyType, _parts)


def _parts(mapping: Mapping[Any, Any]) -> tuple[Callable[..., Any], tuple[dict[Any, Any]]]:
    return _read_only, (dict(mapping),)


def _read_only(items: dict[Any, Any]) -> Mapping[Any, Any]:
    # By a function of this package, whose import registers the type in the other process, too.
    return MappingProxyType(items)
