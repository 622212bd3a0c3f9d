"""Simulated maps of several detectors that see a tilted foil from different sides.

Each detector has its own take-off angle, gain, energy axis and resolution, and something may stand
in its way; all see the same electrons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import sparse

from napari_eds._support.files import write_atomically
from napari_eds._support.outputs import check_files
from napari_eds.errors import EDSError
from napari_eds.physics.absorption import LOWEST_ATTENUATION_keV, attenuation_cm2_g
from napari_eds.physics.take_off import Direction, effective_take_off_angle_deg, take_off_sine
from napari_eds.simulate.conditions import Conditions, Phase
from napari_eds.simulate.drawing import draw_counts
from napari_eds.simulate.expected import Components, FamilyKey, emission_of, flat_component
from napari_eds.simulate.files import write_velox
from napari_eds.simulate.maps import checked_specimen, k_factors_of
from napari_eds.simulate.recording import (
    live_electrons,
    recorded_acquisition,
    recorded_image,
    timed,
)
from napari_eds.spectra.acquisition import Detector
from napari_eds.spectra.spectrum_image import SpectrumImage


@dataclass(frozen=True)
class SimulatedDetector:
    """One detector of a simulation.

    Attributes
    ----------
    name : str
    elevation_deg, azimuth_deg : float
        As in `physics.take_off.Direction`.
    gain : float
        Part of its solid angle that is open, 1 for one that nothing hides.
    shadow_element : str
    shadow_g_cm2 : float
        What stands in its way and stops soft X-rays first, such as the bar of a copper grid.
    offset_eV : float
        By which its counts lie above the axis that the file tells.
    resolution_MnKa_eV : float or None
        None takes that of the conditions.
    """

    name: str
    elevation_deg: float = 22.0
    azimuth_deg: float = 0.0
    gain: float = 1.0
    shadow_element: str = "Cu"
    shadow_g_cm2: float = 0.0
    offset_eV: float = 0.0
    resolution_MnKa_eV: float | None = None

    def passed(self, energies_keV: np.ndarray) -> np.ndarray:
        """Share of X-rays that come past what stands in its way, times the gain."""
        lowest = np.maximum(energies_keV, LOWEST_ATTENUATION_keV)
        coefficient = attenuation_cm2_g(self.shadow_element, lowest, "total")
        return np.asarray(self.gain * np.exp(-coefficient * self.shadow_g_cm2))


@dataclass(frozen=True, eq=False)
class DetectorSimulation:
    """A map of several detectors, and what is true of it.

    Attributes
    ----------
    image : SpectrumImage
        Sum of all detectors.
    by_detector : tuple of scipy.sparse.csr_array, (pixels, channels)
    labels, thickness_nm : ndarray, (rows, columns)
    phases : tuple of Phase
    k_factors : mapping of (element, family) to float
        As of `Simulation`.
    """

    image: SpectrumImage
    by_detector: tuple[sparse.csr_array, ...]
    labels: np.ndarray
    thickness_nm: np.ndarray
    phases: tuple[Phase, ...]
    k_factors: MappingProxyType[FamilyKey, float]


def simulate_detectors(  # noqa: PLR0913 - a specimen and how it is measured
    phase_map: np.ndarray,
    phases: Sequence[Phase],
    thickness_nm: np.ndarray | float,
    detectors: Sequence[SimulatedDetector],
    *,
    counts_per_pixel: float,
    tilt_deg: tuple[float, float] = (0.0, 0.0),
    seed: int = 0,
    name: str = "SIMULATED EDS",
    **conditions: Any,
) -> DetectorSimulation:
    """Simulate what several detectors count of a tilted foil.

    Parameters
    ----------
    phase_map, phases, thickness_nm
        As of `simulate`; the thickness is that across the faces of the foil.
    detectors : sequence of SimulatedDetector
    counts_per_pixel : float
        That all detectors would count together with nothing in their way, in the mean.
    tilt_deg : (float, float)
        Of the specimen about its first and second axis.
    seed, name, **conditions
        As of `simulate`; `solid_angle_sr` is of all detectors, the take-off angle is theirs.

    Raises
    ------
    EDSError
        As `simulate`; or if there is no detector, or one is behind the specimen.
    """
    if not detectors:
        raise EDSError("give at least one detector")
    labels, thickness = checked_specimen(phase_map, phases, thickness_nm)
    settings = _settings(detectors, tilt_deg, conditions)
    each = counts_per_pixel / len(detectors)
    rng = np.random.default_rng(seed)
    mean = replace(settings[0], take_off_angle_deg=_mean_angle(detectors, tilt_deg))
    dose = emission_of(labels, phases, thickness, mean).dose_for(each, mean)
    counts: list[sparse.csr_array] = []
    made: list[Components] = []
    for one, own in zip(detectors, settings, strict=True):
        emitted = emission_of(labels, phases, thickness, own)
        made.append(emitted.at(dose, flat_component(each, own)))
        passed = made[-1].spectra * one.passed(own.axis.energies_keV)
        counts.append(draw_counts(emitted.weights, passed, rng))
    told = recorded_acquisition(mean, phases, int(sum(part.sum() for part in counts)), rng)
    # A tilted foil is thicker along the beam: fewer electrons make as many X-rays.
    along = float(np.prod(np.cos(np.radians(tilt_deg))))
    electrons = live_electrons(dose * len(detectors), mean) * along
    told = replace(told, detectors=_recorded(detectors, counts, mean))
    told = replace(timed(told, mean, electrons, labels.size), tilt_deg=tilt_deg)
    total = sparse.csr_array(sum(counts[1:], start=counts[0]))
    image = recorded_image(total, labels.shape, mean, told, name=name, seed=seed)
    return DetectorSimulation(
        image,
        tuple(counts),
        labels,
        thickness,
        tuple(phases),
        MappingProxyType(dict(k_factors_of(made[-1], mean, "family"))),
    )


def save_detectors(
    simulation: DetectorSimulation, path: str | Path, *, overwrite: bool = False
) -> Path:
    """Save a map of several detectors as a Velox file, with a stream of each.

    Raises
    ------
    OutputError
        If the file is in the way.
    """
    path = Path(path)
    check_files([path], overwrite=overwrite, raw=True)

    def write_map(draft: Path) -> None:
        write_velox(draft, simulation.image, by_detector=simulation.by_detector)

    return write_atomically(path, write_map, overwrite=overwrite)


def _settings(
    detectors: Sequence[SimulatedDetector],
    tilt_deg: tuple[float, float],
    conditions: dict[str, Any],
) -> list[Conditions]:
    """Return the conditions of each detector."""
    plain, found = Conditions(**conditions), []
    for one in detectors:
        sine = take_off_sine(Direction(one.elevation_deg, one.azimuth_deg), tilt_deg)
        if sine <= 0:
            raise EDSError(f"{one.name} is behind the specimen at a tilt of {tilt_deg}")
        shifted = replace(plain.axis, offset_keV=plain.axis.offset_keV - one.offset_eV / 1000)
        found.append(
            replace(
                plain,
                take_off_angle_deg=float(np.degrees(np.arcsin(sine))),
                true_energy=shifted if one.offset_eV else plain.true_energy,
                resolution_MnKa_eV=one.resolution_MnKa_eV or plain.resolution_MnKa_eV,
            )
        )
    return found


def _mean_angle(detectors: Sequence[SimulatedDetector], tilt_deg: tuple[float, float]) -> float:
    directions = [Direction(one.elevation_deg, one.azimuth_deg) for one in detectors]
    return effective_take_off_angle_deg(directions, tilt_deg) or 90.0


def _recorded(
    detectors: Sequence[SimulatedDetector],
    counts: Sequence[sparse.csr_array],
    settings: Conditions,
) -> tuple[Detector, ...]:
    """Return what a file would tell of the detectors."""
    return tuple(
        Detector(
            one.name,
            elevation_deg=one.elevation_deg,
            azimuth_deg=one.azimuth_deg,
            counts=int(part.sum(dtype=np.int64)),
            solid_angle_sr=settings.solid_angle_sr / len(detectors),
        )
        for one, part in zip(detectors, counts, strict=True)
    )
