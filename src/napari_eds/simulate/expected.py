"""Noise-free spectra of a simulated map.

A pixel's spectrum is a sum of few *components*: each phase at a few thicknesses, between which
pixels interpolate linearly, and what the microscope adds everywhere. Spectra are computed for
the components only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from napari_eds.errors import EDSError
from napari_eds.physics import emission
from napari_eds.physics import lines as xray
from napari_eds.simulate.conditions import Conditions, Phase

#: Largest step between thicknesses of a phase whose spectra are computed. Interpolated between
#: 2 nm steps, a line with an absorption length of 50 nm is wrong by less than 0.02 %.
_THICKNESS_STEP_nm = 2.0

#: Stray X-rays leave grid bars and apertures from about this depth, so that the K lines of Cu
#: outweigh its L lines as they do on real maps.
_STRAY_THICKNESS_nm = 2000.0

_AVOGADRO_per_mol = 6.02214076e23

FamilyKey = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Components:
    """Expected spectra of the components of a map.

    Attributes
    ----------
    spectra : ndarray, (components, channels)
    family_counts : dict of (element, family) to ndarray, (components,)
        Counts of each line family within `spectra`.
    continuum_counts : ndarray, (components,)
        Bremsstrahlung within `spectra`.
    """

    spectra: np.ndarray
    family_counts: dict[FamilyKey, np.ndarray]
    continuum_counts: np.ndarray

    def scaled(self, factor: float) -> Components:
        """Return the same components with every count multiplied."""
        families = {key: counts * factor for key, counts in self.family_counts.items()}
        return Components(self.spectra * factor, families, self.continuum_counts * factor)

    @property
    def total_counts(self) -> np.ndarray:
        """Expected counts of each component, (components,)."""
        return self.spectra.sum(axis=1)


def concatenate(parts: list[Components]) -> Components:
    """Stack components; a family that a part lacks counts 0 there."""
    keys = dict.fromkeys(key for part in parts for key in part.family_counts)
    families = {
        key: np.concatenate(
            [part.family_counts.get(key, np.zeros(len(part.spectra))) for part in parts]
        )
        for key in keys
    }
    return Components(
        np.concatenate([part.spectra for part in parts]),
        families,
        np.concatenate([part.continuum_counts for part in parts]),
    )


def thickness_nodes(thickness_nm: np.ndarray) -> np.ndarray:
    """Thicknesses in nm at which a phase's spectrum is computed, (nodes,), ascending."""
    low, high = thickness_nm.min(), thickness_nm.max()
    return np.linspace(low, high, 1 + int(np.ceil((high - low) / _THICKNESS_STEP_nm)))


def interpolation_weights(
    thickness_nm: np.ndarray, nodes: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield twice, for every pixel, the index of a node and the weight of its spectrum."""
    if nodes.size == 1:
        yield np.zeros(thickness_nm.size, int), np.ones(thickness_nm.size)
        return
    position = (thickness_nm - nodes[0]) / (nodes[1] - nodes[0])
    lower = np.minimum(position.astype(int), nodes.size - 2)
    upper_share = np.clip(position - lower, 0, 1)
    yield lower, 1 - upper_share
    yield lower + 1, upper_share


def atoms_per_cm2(phase: Phase, thickness_nm: np.ndarray) -> np.ndarray:
    """Atoms of all elements per area, shape of `thickness_nm`."""
    grams_per_mol = sum(
        percent / 100 * xray.atomic_weight(element, source="xraylib")
        for element, percent in phase.atomic_percent.items()
    )
    return _AVOGADRO_per_mol * phase.density_g_cm3 * thickness_nm * 1e-7 / grams_per_mol


def phase_components(phase: Phase, nodes_nm: np.ndarray, conditions: Conditions) -> Components:
    """Spectra of one phase at the thicknesses `nodes_nm`, for one electron per cm² everywhere.

    Lines and bremsstrahlung, both absorbed on the way out of the foil. Fluorescence by other
    X-rays, channelling and beam broadening are left out.
    """
    atoms = atoms_per_cm2(phase, nodes_nm)[:, None]
    spectra = np.zeros((nodes_nm.size, conditions.axis.size))
    families = {}
    for element, percent in phase.atomic_percent.items():
        for family in emission.FAMILIES:
            lines = conditions.lines(element, family)
            if percent == 0 or not lines.names:
                continue
            efficiency = conditions.detector.efficiency(lines.energies_keV)
            counts = atoms * percent / 100 * lines.cross_sections_cm2 * efficiency
            counts = counts * _escaping(phase, nodes_nm, lines.energies_keV, conditions)
            peaks = counts @ conditions.peaks(lines.energies_keV)
            families[element, family] = peaks.sum(axis=1)
            spectra += peaks
    continuum = atoms * _continuum(phase, nodes_nm, conditions)
    return Components(spectra + continuum, families, continuum.sum(axis=1))


def _escaping(
    phase: Phase, nodes_nm: np.ndarray, energies_keV: np.ndarray, conditions: Conditions
) -> np.ndarray:
    """Share of X-rays that leave the foil towards the detector, (nodes, energies)."""
    return 1 / emission.absorption_factor(
        emission.weight_fractions(phase.atomic_percent),
        energies_keV,
        thickness_nm=nodes_nm[:, None],
        density_g_cm3=phase.density_g_cm3,
        take_off_angle_deg=conditions.take_off_angle_deg,
    )


def _continuum(phase: Phase, nodes_nm: np.ndarray, conditions: Conditions) -> np.ndarray:
    """Return detected bremsstrahlung per atom of the phase, (nodes, channels)."""
    centres = conditions.axis.energies_keV
    seen = centres >= emission.DETECTED_RANGE_keV[0]
    energies = centres[seen]
    if not seen.any() or conditions.continuum == 0:
        return np.zeros((nodes_nm.size, centres.size))
    generated = np.zeros_like(energies)
    for element, percent in phase.atomic_percent.items():
        generated += (
            percent
            / 100
            * emission.bremsstrahlung_cross_section_cm2_keV(
                element, energies, conditions.beam_energy_keV
            )
        )
    generated *= conditions.continuum * conditions.axis.scale_keV
    detected = generated * conditions.detector.efficiency(energies)
    escaping = _escaping(phase, nodes_nm, energies, conditions)
    return (detected * escaping) @ conditions.broadening()[seen]


def flat_component(counts_per_pixel: float, conditions: Conditions) -> Components:
    """Return what every pixel holds beside the specimen's X-rays, as one component.

    Lines of stray elements and the detector's strobe peak at 0 keV.
    """
    spectrum = conditions.strobe * counts_per_pixel * conditions.peaks(np.zeros(1))[0]
    families: dict[FamilyKey, np.ndarray] = {}
    for element, share in conditions.stray.items():
        peaks = _element_peaks(element, conditions)
        total = sum(peak.sum() for peak in peaks.values())
        if total == 0:
            raise EDSError(f"stray element {element} has no line on the energy axis")
        for key, peak in peaks.items():
            counts = share * counts_per_pixel * peak / total
            spectrum += counts
            families[key] = counts.sum(keepdims=True)
    return Components(spectrum[None], families, np.zeros(1))


def _element_peaks(element: str, conditions: Conditions) -> dict[FamilyKey, np.ndarray]:
    """Return detected peaks of a bulky body of one element by family, each (channels,)."""
    density = emission.element_density_g_cm3(element)
    peaks = {}
    for family in emission.FAMILIES:
        lines = conditions.lines(element, family)
        if lines.names:
            efficiency = conditions.detector.efficiency(lines.energies_keV)
            lost = emission.absorption_factor(
                {element: 1.0},
                lines.energies_keV,
                thickness_nm=_STRAY_THICKNESS_nm,
                density_g_cm3=density,
                take_off_angle_deg=conditions.take_off_angle_deg,
            )
            detected = lines.cross_sections_cm2 * efficiency / lost
            peaks[element, family] = detected @ conditions.peaks(lines.energies_keV)
    return peaks


@dataclass(frozen=True, eq=False)
class Emission:
    """What a specimen emits for one electron per cm² everywhere.

    Attributes
    ----------
    weights : scipy.sparse.csr_array, (pixels, components + 1)
        Pixels as sums of components; the last column, of weight 1, is for `flat_component`.
    specimen : Components or None
        None where all is vacuum.
    """

    weights: sparse.csr_array
    specimen: Components | None

    def dose_for(self, counts_per_pixel: float, conditions: Conditions) -> float:
        """Return electrons per cm² at which a pixel has so many counts in the mean."""
        if self.specimen is None:
            return 0.0
        emitted = self.weights[:, :-1].sum(axis=0) @ self.specimen.total_counts
        wanted = counts_per_pixel * self.weights.shape[0] * conditions.specimen_share
        return float(wanted / emitted) if emitted > 0 else 0.0

    def at(self, dose: float, flat: Components) -> Components:
        """Return the components at a dose in electrons per cm², the flat one last."""
        if self.specimen is None:
            return flat
        return concatenate([self.specimen.scaled(dose), flat])


def emission_of(
    labels: np.ndarray,
    phases: Sequence[Phase],
    thickness_nm: np.ndarray,
    conditions: Conditions,
    shares: np.ndarray | None = None,
) -> Emission:
    """Return pixels as sums of components.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)
    phases : sequence of Phase
    thickness_nm : ndarray, (rows, columns)
    conditions : Conditions
    shares : ndarray, (phases, rows, columns), optional
        Of the area of each pixel, in place of `labels`.
    """
    parts, entries, first = [], [], 0
    for i, phase in enumerate(phases, start=1):
        share = (labels == i).astype(float) if shares is None else shares[i - 1]
        pixels = np.flatnonzero(share)
        if pixels.size == 0:
            continue
        nodes = thickness_nodes(thickness_nm.flat[pixels])
        parts.append(phase_components(phase, nodes, conditions))
        for node, weight in interpolation_weights(thickness_nm.flat[pixels], nodes):
            entries.append((pixels, first + node, weight * share.flat[pixels]))
        first += nodes.size
    entries.append((np.arange(labels.size), np.full(labels.size, first), np.ones(labels.size)))
    pixel, component, weight = (np.concatenate(column) for column in zip(*entries, strict=True))
    weights = sparse.csr_array((weight, (pixel, component)), shape=(labels.size, first + 1))
    return Emission(weights, concatenate(parts) if parts else None)


def mixture(  # noqa: PLR0913 - what a map is made of, and how it is measured
    labels: np.ndarray,
    phases: Sequence[Phase],
    thickness_nm: np.ndarray,
    conditions: Conditions,
    counts_per_pixel: float,
    *,
    shares: np.ndarray | None = None,
) -> tuple[sparse.csr_array, Components]:
    """Return pixels as sums of components, and the components scaled to counts.

    Phases of one pixel (`shares`, (phases, rows, columns)) lie side by side, each as thick as the
    foil: X-rays of one are not absorbed in another.

    Returns
    -------
    weights : scipy.sparse.csr_array, (pixels, components)
    components : Components
        The last one, of weight 1 everywhere, is that of `flat_component`.
    """
    emission_ = emission_of(labels, phases, thickness_nm, conditions, shares)
    dose = emission_.dose_for(counts_per_pixel, conditions)
    return emission_.weights, emission_.at(dose, flat_component(counts_per_pixel, conditions))
