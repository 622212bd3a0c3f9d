"""Which of several detectors, or frames, was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from napari_eds.errors import ReadError


def chosen(names: Sequence[str], detectors: Sequence[int | str] | None) -> list[int]:
    """Return the positions of the detectors asked for, by position or name; all if None.

    Raises
    ------
    ReadError
        If there is none of that name or position, or one is named twice.
    """
    if detectors is None:
        return list(range(len(names)))
    by_key: dict[int | str, int] = {i: i for i in range(len(names))}
    by_key |= {name: i for i, name in enumerate(names)}
    unknown = [key for key in detectors if key not in by_key]
    if unknown:
        known = ", ".join(f"{i}: {name}" for i, name in enumerate(names))
        raise ReadError(f"there is no detector {unknown[0]!r}; the file has {known}")
    found = [by_key[key] for key in detectors]
    if len(set(found)) < len(found):
        raise ReadError(f"a detector is named twice in {tuple(detectors)}")
    return found


def frames_chosen(wanted: tuple[int, int] | None, n_frames: int) -> range:
    """Return the frames asked for, all if None.

    Raises
    ------
    ReadError
        If they are not within the frames of the file.
    """
    first, stop = (0, n_frames) if wanted is None else wanted
    if not 0 <= first < stop <= n_frames:
        raise ReadError(
            f"frames={wanted} is not within the {n_frames} frames of the file: give the first "
            f"one and the end, as in frames=(0, {n_frames})"
        )
    return range(first, stop)
