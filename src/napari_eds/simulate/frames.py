"""Simulated frames of a map: drift and loss under the beam, both known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from napari_eds.errors import EDSError
from napari_eds.physics.lines import atomic_weight
from napari_eds.simulate.conditions import Conditions, Phase
from napari_eds.simulate.drawing import draw_counts
from napari_eds.simulate.expected import FamilyKey, emission_of, flat_component
from napari_eds.simulate.maps import (
    FILM_CONDITIONS,
    checked_specimen,
    film_on_substrate,
    film_phases,
    k_factors_of,
)
from napari_eds.simulate.recording import (
    haadf_image,
    haadf_signal,
    live_electrons,
    noisy_haadf,
    recorded_acquisition,
    recorded_image,
    timed,
)
from napari_eds.spectra.acquisition import FrameRange
from napari_eds.spectra.frame_series import FrameSeries


@dataclass(frozen=True, eq=False)
class FrameSimulation:
    """Simulated frames and what is true of them.

    Attributes
    ----------
    series : FrameSeries
    labels : ndarray of int64, (rows, columns)
        Phases in the first frame, numbered as in `simulate`.
    drift_px : ndarray, (frames, 2)
        Where the specimen lies in each frame against the first.
    phases : tuple of tuple of Phase
        [frames][phases]: what is left of each.
    k_factors : mapping of (element, family) to float
        As of `Simulation`.
    """

    series: FrameSeries
    labels: np.ndarray
    drift_px: np.ndarray
    phases: tuple[tuple[Phase, ...], ...]
    k_factors: Mapping[FamilyKey, float]

    def true_at_pct(self, phase: int, element: str) -> np.ndarray:
        """Return at.% of an element of a phase (numbered from 1) in every frame, (frames,)."""
        return np.array([p[phase - 1].atomic_percent.get(element, 0.0) for p in self.phases])


def simulate_frames(  # noqa: PLR0913 - maps, and what happens to them
    phase_map: np.ndarray,
    phases: Sequence[Phase],
    thickness_nm: np.ndarray | float,
    *,
    counts_per_pixel: float,
    drift_px: np.ndarray,
    lost: Mapping[str, float] | None = None,
    frame_time_s: float = 10.0,
    seed: int = 0,
    name: str = "SIMULATED EDS frames",
    **conditions: Any,
) -> FrameSimulation:
    """Simulate the frames of a map whose specimen drifts and loses elements under the beam.

    The specimen is larger than the map by the drift on every side, so that what comes into view
    is specimen as well. Between pixels it is interpolated linearly.

    Parameters
    ----------
    phase_map : ndarray of int, (rows + 2 m, columns + 2 m)
        As in `simulate`; the margin m is the largest drift, rounded up, plus 1.
    phases : sequence of Phase
    thickness_nm : ndarray of that shape, or float
    counts_per_pixel : float
        Expected counts of a pixel and frame, averaged over the first frame.
    drift_px : ndarray, (frames, 2)
        Where the specimen lies in each frame, in rows and columns; the first is (0, 0).
    lost : mapping of str to float, optional
        Share of an element's atoms that leaves with every frame: after n frames (1 - share)^n of
        them are left. The density falls with them.
    frame_time_s : float
        Live time of a frame.
    seed, name, **conditions
        As in `simulate`.

    Raises
    ------
    EDSError
        As `simulate`, or if drift, margin and shares do not fit.
    """
    settings = Conditions(**conditions)
    labels, thickness = checked_specimen(phase_map, phases, thickness_nm)
    drift = np.asarray(drift_px, float)
    margin = _margin(drift, labels.shape)
    shape = (labels.shape[0] - 2 * margin, labels.shape[1] - 2 * margin)
    left = _left_over_frames(phases, dict(lost or {}), len(drift))
    rng = np.random.default_rng(seed)
    flat = flat_component(counts_per_pixel, settings)
    signal = haadf_signal(labels, phases, thickness).ravel()
    dose, blocks, pictures = None, [], []
    for these, by in zip(left, drift, strict=True):
        emitted = emission_of(labels, these, thickness, settings)
        view = _view(labels.shape, shape, margin, by)
        seen = replace(emitted, weights=sparse.csr_array(view @ emitted.weights))
        if dose is None:
            dose = seen.dose_for(counts_per_pixel, settings)
        components = seen.at(dose, flat)
        blocks.append(draw_counts(seen.weights, components.spectra, rng))
        pictures.append(noisy_haadf((view @ signal).reshape(shape), rng))
    counts = sparse.csr_array(sparse.vstack(blocks, format="csr"))
    n, n_pixels = len(drift), shape[0] * shape[1]
    told = recorded_acquisition(settings, phases, int(counts.sum(dtype=np.int64)), rng)
    electrons = live_electrons(dose or 0.0, settings)
    stacked = recorded_image(
        counts,
        (n * shape[0], shape[1]),
        settings,
        timed(told, settings, electrons, n_pixels, n_frames=n, frame_time_s=frame_time_s),
        name=name,
        seed=seed,
    )
    haadf = haadf_image(np.stack(pictures), settings)
    ranges = tuple(FrameRange(i, i, n) for i in range(1, n + 1))
    return FrameSimulation(
        FrameSeries(stacked, ranges, (haadf,)),
        labels[margin : margin + shape[0], margin : margin + shape[1]].copy(),
        drift,
        left,
        k_factors_of(components, settings, "family"),
    )


def _left_over_frames(
    phases: Sequence[Phase], shares: Mapping[str, float], n_frames: int
) -> tuple[tuple[Phase, ...], ...]:
    """Return what is left of the phases in every frame, [frames][phases]."""
    if any(not 0 <= share < 1 for share in shares.values()):
        raise EDSError(f"shares lost in a frame lie between 0 and 1, not {shares}")
    return tuple(
        tuple(_without(phase, shares, number) for phase in phases) for number in range(n_frames)
    )


def film_frames(
    shape: tuple[int, int] = (96, 96),
    n_frames: int = 8,
    counts_per_pixel: float = 40,
    *,
    drift_px: float = 0.0,
    seed: int = 0,
    **others: Any,
) -> FrameSimulation:
    """Simulate frames of the film of `lanthanum_ferrite_on_strontium_titanate`.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns) of the map, at least 16 x 16.
    n_frames : int
    counts_per_pixel : float
        Of one frame.
    drift_px : float
        The specimen walks at random, by so many pixels a frame (standard deviation of each axis).
    seed : int
    **others
        `lost`, `frame_time_s` and conditions of `simulate_frames`.

    Raises
    ------
    EDSError
        If there is no frame, or the map is too small.
    """
    if n_frames < 1 or min(shape) < 16:
        raise EDSError(
            f"frames of at least 16 x 16 pixels, one or more, not {n_frames} of {shape}"
        )
    steps = np.random.default_rng(seed).normal(scale=drift_px, size=(n_frames, 2))
    steps[0] = 0
    drift = np.cumsum(steps, axis=0)
    margin = int(np.ceil(np.abs(drift).max())) + 1
    labels, thickness = film_on_substrate((shape[0] + 2 * margin, shape[1] + 2 * margin))
    return simulate_frames(
        labels,
        film_phases(),
        thickness,
        counts_per_pixel=counts_per_pixel,
        drift_px=drift,
        seed=seed,
        **(FILM_CONDITIONS | others),
    )


def _margin(drift: np.ndarray, shape: tuple[int, ...]) -> int:
    if drift.ndim != 2 or drift.shape[1] != 2 or not len(drift) or not np.isfinite(drift).all():
        raise EDSError(f"drift is a pair of pixels for each frame, (frames, 2), not {drift.shape}")
    if drift[0].any():
        raise EDSError(f"drift is counted from the first frame, whose own is 0, not {drift[0]}")
    margin = int(np.ceil(np.abs(drift).max())) + 1
    if min(shape) <= 2 * margin:
        raise EDSError(f"a specimen of {shape} leaves no map within a margin of {margin} pixels")
    return margin


def _without(phase: Phase, shares: Mapping[str, float], frames: int) -> Phase:
    """Return a phase after some frames under the beam, the atoms that are left in their places."""
    left = {
        element: percent * (1 - shares.get(element, 0.0)) ** frames
        for element, percent in phase.atomic_percent.items()
    }
    total = sum(left.values())

    def mass(amounts: Mapping[str, float]) -> float:
        return sum(percent * atomic_weight(element) for element, percent in amounts.items())

    density = phase.density_g_cm3 * mass(left) / mass(phase.atomic_percent)
    return Phase(phase.name, {e: 100 * percent / total for e, percent in left.items()}, density)


def _view(
    whole: tuple[int, ...], shape: tuple[int, int], margin: int, by: np.ndarray
) -> sparse.csr_array:
    """Return the matrix that takes a specimen to what a frame sees of it, (pixels, pixels).

    A specimen that lies off by `by` shows in pixel p what lies in p - by of the first frame.
    """
    rows, columns = (
        _along(n, whole[axis], margin - float(by[axis])) for axis, n in enumerate(shape)
    )
    return sparse.csr_array(sparse.kron(rows, columns, format="csr"))


def _along(n: int, whole: int, first: float) -> sparse.csr_array:
    """Return linear interpolation at n places from `first` on, (n, whole)."""
    at = first + np.arange(n)
    lower = np.floor(at).astype(int)
    upper = np.minimum(lower + 1, whole - 1)
    share = at - lower
    place = np.arange(n)
    entries = (np.concatenate([1 - share, share]), (np.tile(place, 2), np.append(lower, upper)))
    return sparse.csr_array(entries, shape=(n, whole))
