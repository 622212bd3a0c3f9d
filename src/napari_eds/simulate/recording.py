"""What a microscope records of a simulated map: counts with settings, times, a HAADF image."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from scipy import sparse

from napari_eds.physics.vacancies import atomic_number
from napari_eds.simulate.conditions import Conditions, Phase
from napari_eds.simulate.expected import atoms_per_cm2
from napari_eds.spectra.acquisition import Acquisition, Detector
from napari_eds.spectra.dose import ELEMENTARY_CHARGE_C
from napari_eds.spectra.spectrum_image import AuxiliaryImage, SpectrumImage

#: Azimuths of the four simulated detectors, which share all counts evenly.
_DETECTOR_AZIMUTHS_deg = (45.0, 135.0, 225.0, 315.0)

#: High-angle scattering grows with about this power of Z (Pennycook, Ultramicroscopy 30 (1989)
#: 58, gives 2 without screening; screening lowers it).
_HAADF_POWER = 1.7
_HAADF_BRIGHTEST, _HAADF_OFFSET, _HAADF_NOISE = 40_000.0, 1_500.0, 0.02


def recorded_image(  # noqa: PLR0913 - keyword-only ones belong together
    counts: sparse.csr_array,
    shape: tuple[int, int],
    settings: Conditions,
    acquisition: Acquisition,
    *,
    name: str,
    seed: int,
    images: tuple[AuxiliaryImage, ...] = (),
) -> SpectrumImage:
    """Return counts, (pixels, channels), as the image of a file that tells it is simulated."""
    return SpectrumImage.from_matrix(
        counts,
        shape,
        settings.energy,
        pixel_size=(settings.pixel_size_nm, settings.pixel_size_nm),
        pixel_unit="nm",
        name=name,
        acquisition=acquisition,
        images=images,
        metadata=MappingProxyType({"simulated": True, "seed": seed}),
    )


def recorded_acquisition(
    settings: Conditions, phases: Sequence[Phase], n_counts: int, rng: np.random.Generator
) -> Acquisition:
    """Return what a file of this measurement would tell."""
    n = len(_DETECTOR_AZIMUTHS_deg)
    shares = rng.multinomial(n_counts, [1 / n] * n)
    elements = {element for phase in phases for element in phase.atomic_percent}
    return Acquisition(
        signal_type="STEM",
        beam_energy_keV=settings.beam_energy_keV,
        take_off_angle_deg=settings.take_off_angle_deg,
        energy_resolution_MnKa_eV=settings.resolution_MnKa_eV,
        elements=tuple(sorted(elements | set(settings.stray))),
        detectors=tuple(
            Detector(
                f"SIMULATED-{i + 1}",
                elevation_deg=settings.take_off_angle_deg,
                azimuth_deg=azimuth,
                counts=int(shares[i]),
                solid_angle_sr=settings.solid_angle_sr / n,
            )
            for i, azimuth in enumerate(_DETECTOR_AZIMUTHS_deg)
        ),
    )


def live_electrons(dose: float, settings: Conditions) -> float:
    """Return electrons per pixel and frame while detectors are live, for a dose of `dose_for`.

    That dose is of detectors all around: they catch only their part of the sphere.
    """
    return dose * 4 * np.pi / settings.solid_angle_sr


def timed(  # noqa: PLR0913 - the last two have defaults
    acquisition: Acquisition,
    settings: Conditions,
    electrons: float,
    n_pixels: int,
    *,
    n_frames: int = 1,
    frame_time_s: float | None = None,
) -> Acquisition:
    """Return an acquisition with current and times of so many live electrons in each pixel.

    Parameters
    ----------
    acquisition : Acquisition
    settings : Conditions
    electrons : float
        Per pixel and frame.
    n_pixels, n_frames : int
    frame_time_s : float, optional
        Live time of a frame, from which the current follows; else the dwell time follows from
        the current of the settings.
    """
    charge_nC = electrons * ELEMENTARY_CHARGE_C * 1e9
    live_dwell = frame_time_s / n_pixels if frame_time_s else charge_nC / settings.beam_current_nA
    # No beam, or so little that numbers have no digits left for it.
    if not min(charge_nC, live_dwell) >= sys.float_info.min:
        return acquisition
    dwell = live_dwell / settings.live_fraction
    live, real = (n_frames * n_pixels * time for time in (live_dwell, dwell))
    return replace(
        acquisition,
        beam_current_nA=charge_nC / live_dwell,
        live_time_s=live,
        real_time_s=real,
        dwell_time_s=dwell,
        frames_summed=float(n_frames),
        tilt_deg=(0.0, 0.0),
        detectors=tuple(
            replace(one, live_time_s=live, real_time_s=real) for one in acquisition.detectors
        ),
    )


def haadf_image(data: np.ndarray, settings: Conditions) -> AuxiliaryImage:
    """Return an image, (rows, columns), or one of each frame, on the pixels of the map."""
    return AuxiliaryImage("HAADF", data, (settings.pixel_size_nm, settings.pixel_size_nm), "nm")


def haadf_signal(
    labels: np.ndarray,
    phases: Sequence[Phase],
    thickness: np.ndarray,
    shares: np.ndarray | None = None,
) -> np.ndarray:
    """Return what scatters at high angles, the strongest as bright as can be, (rows, columns)."""
    per_nm = [0.0]
    for phase in phases:
        scattering = sum(
            x / 100 * atomic_number(element) ** _HAADF_POWER
            for element, x in phase.atomic_percent.items()
        )
        per_nm.append(scattering * float(atoms_per_cm2(phase, np.ones(1))[0]))
    scattered = np.array(per_nm)
    signal = scattered[labels] if shares is None else np.tensordot(scattered[1:], shares, 1)
    signal = signal * thickness
    return np.asarray(signal * (_HAADF_BRIGHTEST / (signal.max() or 1.0)))


def noisy_haadf(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an image of a signal as 16-bit numbers, with an offset and noise."""
    noise = rng.normal(scale=_HAADF_NOISE * (signal + _HAADF_OFFSET))
    data = np.clip(signal + _HAADF_OFFSET + noise, 0, np.iinfo(np.uint16).max)
    return np.rint(data).astype(np.uint16)
