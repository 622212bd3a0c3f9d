"""Which axis of RosettaSciIO's dictionaries is that of the energies, and in what unit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any


def energy_axis(axes: Sequence[Mapping[str, Any]]) -> int:
    """Return the position of the only axis that is none of places, or -1."""
    found = [i for i, axis in enumerate(axes) if not axis.get("navigate")]
    if len(found) > 1:
        # The Berkeley form of .emd does not say which axes are places.
        found = [i for i in found if energy_unit(axes[i])]
    return found[0] if len(found) == 1 else -1


def energy_unit(axis: Mapping[str, Any]) -> str | None:
    """Return ``"ev"`` or ``"kev"``, or None if the axis is none of energies."""
    # EDAX writes "Energy (EV)".
    found = re.search(r"\bk?ev\b", str(axis.get("units")).lower())
    return found and found.group()
