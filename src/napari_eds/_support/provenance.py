"""Where a saved result comes from: the file it was made of, and the packages that made it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from napari_eds._version import __version__

#: Packages whose versions may move a result.
_PACKAGES = ("numpy", "scipy", "pandas", "hyperspy", "exspy", "xraylib")


def file_sha256(path: Path) -> str:
    """Hash a file without loading it whole."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions(packages: Iterable[str] = _PACKAGES) -> dict[str, str]:
    """Return the versions of this package and of those others that are installed."""
    found = {"napari-eds": __version__}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
