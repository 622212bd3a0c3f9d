"""What a simulation assumes: phases, and the microscope with its detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from scipy import sparse, special

from napari_eds.errors import EDSError
from napari_eds.physics import emission
from napari_eds.physics.detector import WINDOWLESS, DetectorModel, resolution_keV
from napari_eds.physics.vacancies import atomic_number
from napari_eds.spectra.axes import EnergyAxis

DEFAULT_ENERGY = EnergyAxis(-0.25, 0.01, 2048)

#: Peaks are drawn out to this many standard deviations.
_PROFILE_SIGMAS = 6.0


@dataclass(frozen=True)
class Phase:
    """A homogeneous material: `atomic_percent` maps elements to at.% and sums to 100.

    Raises
    ------
    EDSError
        If an element is unknown, a share negative, the sum not 100, or the density not positive.
    """

    name: str
    atomic_percent: Mapping[str, float] = field(hash=False)
    density_g_cm3: float

    def __post_init__(self) -> None:
        for element in self.atomic_percent:
            atomic_number(element)
        values = np.array(list(self.atomic_percent.values()), float)
        if not (np.all(values >= 0) and abs(values.sum() - 100) < 0.01):
            raise EDSError(
                f"atomic percents of {self.name} must be 0 or more and sum to 100, "
                f"not {dict(self.atomic_percent)}"
            )
        if not 0 < self.density_g_cm3 < np.inf:
            raise EDSError(f"density of {self.name} must be positive, not {self.density_g_cm3}")
        object.__setattr__(self, "atomic_percent", MappingProxyType(dict(self.atomic_percent)))


@dataclass(frozen=True)
class Conditions:
    """Microscope and detector of a simulation.

    Attributes
    ----------
    beam_energy_keV, take_off_angle_deg, resolution_MnKa_eV, pixel_size_nm : float
    energy : EnergyAxis
        Axis the image claims to have.
    true_energy : EnergyAxis or None
        Axis its counts are drawn on, where that shall differ: a miscalibrated detector.
    detector : DetectorModel
    continuum : float
        Bremsstrahlung towards the detector, relative to the average over all directions. It
        goes forward with the beam: the soft-photon limit is 0.32 at 300 keV and 22° take-off
        angle. 0 switches it off.
    stray : mapping of str to float
        Element to its share of `counts_per_pixel`, the same in every pixel: X-rays of grid and
        column (Cu), of the pole piece, and the like.
    strobe : float
        Share of `counts_per_pixel` in the detector's zero peak.
    beam_current_nA : float
        The dwell time follows from it, so that counts and dose belong together.
    solid_angle_sr : float
        Of all detectors together.
    live_fraction : float
        Live over real time, the same for every detector.
    """

    beam_energy_keV: float = 300.0
    take_off_angle_deg: float = 22.0
    resolution_MnKa_eV: float = 130.0
    pixel_size_nm: float = 0.25
    energy: EnergyAxis = DEFAULT_ENERGY
    true_energy: EnergyAxis | None = None
    detector: DetectorModel = WINDOWLESS
    continuum: float = 0.3
    stray: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    strobe: float = 0.0
    beam_current_nA: float = 0.2
    solid_angle_sr: float = 0.7
    live_fraction: float = 0.95

    def __post_init__(self) -> None:
        for element in self.stray:
            atomic_number(element)
        shares = [*self.stray.values(), self.strobe]
        if min(shares) < 0 or sum(shares) >= 1:
            raise EDSError(f"shares of stray X-rays and strobe must stay below 1, not {shares}")
        if not (0 <= self.continuum < np.inf and 0 < self.pixel_size_nm < np.inf):
            raise EDSError("continuum must be 0 or more and the pixel size positive")
        if not 0 < self.beam_energy_keV < np.inf:
            raise EDSError(f"beam energy must be positive, not {self.beam_energy_keV} keV")
        if not (
            0 < self.beam_current_nA < np.inf
            and 0 < self.solid_angle_sr <= 4 * np.pi
            and 0 < self.live_fraction <= 1
        ):
            raise EDSError(
                "beam current and solid angle must be positive and the live fraction above 0 and "
                f"up to 1, not {self.beam_current_nA} nA, {self.solid_angle_sr} sr and "
                f"{self.live_fraction}"
            )
        self.energy.require_calibrated()
        if self.true_energy is not None and self.true_energy.size != self.energy.size:
            raise EDSError("the true energy axis must have as many channels as the claimed one")
        object.__setattr__(self, "stray", MappingProxyType(dict(self.stray)))

    @property
    def axis(self) -> EnergyAxis:
        """The axis counts are drawn on."""
        return self.true_energy or self.energy

    @property
    def specimen_share(self) -> float:
        """Share of the counts that comes from the specimen."""
        return 1 - self.strobe - sum(self.stray.values())

    @property
    def energy_range_keV(self) -> tuple[float, float]:
        """Energies that lie on the axis and reach the detector."""
        edges = channel_edges_keV(self.axis)
        low, high = emission.DETECTED_RANGE_keV
        return max(low, edges[0]), min(high, edges[-1])

    def on_axis(self, energies_keV: np.ndarray) -> np.ndarray:
        """Whether energies lie on the axis and reach the detector, shape of `energies_keV`."""
        low, high = self.energy_range_keV
        return (energies_keV >= low) & (energies_keV <= high)

    def lines(self, element: str, family: str) -> emission.EmissionLines:
        """Return the lines of a family that show on the energy axis; none if all lie off it.

        The flank of a line beyond an end is there, too.
        """
        lines = emission.emission_lines(element, family, self.beam_energy_keV)
        energies, emitted = lines.energies_keV, lines.cross_sections_cm2 > 0
        low, high = self.energy_range_keV
        if not np.any(emitted & self.on_axis(energies)):
            return lines.selected(np.zeros(len(energies), bool))
        reach = _PROFILE_SIGMAS * self._sigma_keV(energies)
        seen = (energies + reach >= low) & (energies - reach <= high)
        return lines.selected(emitted & seen & (energies >= emission.DETECTED_RANGE_keV[0]))

    def peaks(self, energies_keV: np.ndarray) -> np.ndarray:
        """Channel-integrated Gaussians of area 1, (lines, channels)."""
        edges = channel_edges_keV(self.axis)
        sigma = self._sigma_keV(energies_keV)
        z = (edges - energies_keV[:, None]) / sigma[:, None]
        return np.diff(special.ndtr(z), axis=1)

    def broadening(self) -> sparse.csr_array:
        """Matrix (channels, channels) that spreads each channel's counts over its peak."""
        size = self.axis.size
        centres = self.axis.energies_keV
        # Nothing is detected at negative energies; any width will do there.
        sigma = self._sigma_keV(np.maximum(centres, 0))
        reach = int(np.ceil(_PROFILE_SIGMAS * sigma.max() / self.axis.scale_keV))
        offsets = np.arange(-reach, reach + 2) - 0.5
        z = offsets * self.axis.scale_keV / sigma[:, None]
        values = np.diff(special.ndtr(z), axis=1)
        source = np.repeat(np.arange(size), 2 * reach + 1)
        target = source + np.tile(np.arange(-reach, reach + 1), size)
        kept = (target >= 0) & (target < size)
        return sparse.csr_array(
            (values.ravel()[kept], (source[kept], target[kept])), shape=(size, size)
        )

    def _sigma_keV(self, energies_keV: np.ndarray) -> np.ndarray:
        fwhm = resolution_keV(energies_keV, self.resolution_MnKa_eV)
        return fwhm / (2 * np.sqrt(2 * np.log(2)))


def channel_edges_keV(energy: EnergyAxis) -> np.ndarray:
    """Edges of the channels, (channels + 1,)."""
    return energy.offset_keV + energy.scale_keV * (np.arange(energy.size + 1) - 0.5)
