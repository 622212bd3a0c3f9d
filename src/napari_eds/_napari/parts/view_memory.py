"""What the user chose to see, kept in a file for the next time the program runs.

Nothing that a result depends on is kept here: scales, switches and zooms only.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from platformdirs import user_config_dir

from napari_eds._support.files import write_atomically

#: Names the file where it is not to be the user's own, as in scripts that make pictures.
FILE_VARIABLE = "NAPARI_EDS_VIEW"

#: A file larger than this was not written by `keep`.
_MOST_BYTES = 2**20


def path() -> Path:
    """Return the user's file of what is seen, which need not exist."""
    named = os.environ.get(FILE_VARIABLE)
    return (
        Path(named) if named else Path(user_config_dir("napari-eds", appauthor=False), "view.json")
    )


def kept(section: str) -> dict[str, Any]:
    """Return what was kept of a section; nothing where there is none, or it cannot be read."""
    return _all().get(section, {})


def keep(section: str, values: dict[str, Any]) -> None:
    """Keep values of a section in place of those before.

    A file that cannot be written is left: how a plot was zoomed is not worth an error.
    """
    sections = _all() | {section: values}
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path(), json.dumps(sections, indent=1), overwrite=True)
    except OSError:
        return


def _all() -> dict[str, dict[str, Any]]:
    try:
        if path().stat().st_size > _MOST_BYTES:
            return {}
        found = json.loads(path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    sections = found.items() if isinstance(found, dict) else ()
    return {name: values for name, values in sections if isinstance(values, dict)}
