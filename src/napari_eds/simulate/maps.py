"""Simulated spectrum images with known truth, for sample data, tests and benchmarks.

The physics is that of `physics.emission`; no table of eXSpy takes part, so a fit with eXSpy's
lines meets the same kind of mismatch as on real data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from scipy import sparse, special

from napari_eds.errors import EDSError
from napari_eds.physics import emission
from napari_eds.simulate.conditions import Conditions, Phase
from napari_eds.simulate.drawing import draw_counts
from napari_eds.simulate.expected import (
    Components,
    FamilyKey,
    atoms_per_cm2,
    emission_of,
    flat_component,
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
from napari_eds.spectra.label_sums import check_labels
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Column of the film that is simulated for samples and demos.
FILM_CONDITIONS: dict[str, Any] = {"stray": {"Cu": 0.035, "C": 0.02}, "strobe": 0.04}


@dataclass(frozen=True, eq=False)
class Simulation:
    """A simulated image and everything that is true of it. All arrays are read-only.

    Attributes
    ----------
    image : SpectrumImage
    labels : ndarray of int64, (rows, columns)
        0 is vacuum, `i` is ``phases[i - 1]``, the one with the largest share of the pixel.
    phases : tuple of Phase
    thickness_nm : ndarray, (rows, columns)
        0 in vacuum.
    atomic_percent : mapping of str to ndarray, (rows, columns)
        at.% of every element of the phases, NaN in vacuum. Stray elements do not count.
    k_factors, alpha_k_factors : mapping of (element, family) to float
        Weight-based k-factors implied by the physics, for the sum of a family's lines on the
        energy axis and for its alpha doublet, relative to Si K (Si Ka) = 1. A family without
        alpha lines is missing from the second.
    conditions : Conditions
    weights : scipy.sparse.csr_array, (pixels, components)
        Pixels as sums of `components`.
    components : Components
    """

    image: SpectrumImage
    labels: np.ndarray
    phases: tuple[Phase, ...]
    thickness_nm: np.ndarray
    atomic_percent: Mapping[str, np.ndarray]
    k_factors: Mapping[FamilyKey, float]
    alpha_k_factors: Mapping[FamilyKey, float]
    conditions: Conditions
    weights: sparse.csr_array = field(repr=False)
    components: Components = field(repr=False)

    @property
    def families(self) -> tuple[FamilyKey, ...]:
        """Line families with counts in the image, stray ones included."""
        return tuple(self.components.family_counts)

    def expected_spectrum(self, mask: np.ndarray | None = None) -> np.ndarray:
        """Noise-free sum over the pixels of a boolean map (all by default), (channels,)."""
        if mask is not None and np.shape(mask) != self.labels.shape:
            raise EDSError(f"mask of shape {np.shape(mask)} does not fit {self.labels.shape}")
        pixels = slice(None) if mask is None else np.flatnonzero(mask)
        return self.weights[pixels].sum(axis=0) @ self.components.spectra

    def expected_counts(self) -> np.ndarray:
        """Noise-free counts over all channels, (rows, columns)."""
        return self._map(self.components.total_counts)

    def expected_continuum(self) -> np.ndarray:
        """Noise-free bremsstrahlung counts, (rows, columns)."""
        return self._map(self.components.continuum_counts)

    def expected_family_counts(self, element: str, family: str) -> np.ndarray:
        """Noise-free counts of a line family, stray ones included, (rows, columns).

        Raises
        ------
        EDSError
            If the family has no counts in the image.
        """
        counts = self.components.family_counts.get((element, family))
        if counts is None:
            raise EDSError(f"no {element}_{family} in the simulation: it has {self.families}")
        return self._map(counts)

    def _map(self, component_counts: np.ndarray) -> np.ndarray:
        return (self.weights @ component_counts).reshape(self.labels.shape)


def simulate(  # noqa: PLR0913 - three maps and what they are drawn with
    phase_map: np.ndarray,
    phases: Sequence[Phase],
    thickness_nm: np.ndarray | float,
    *,
    counts_per_pixel: float,
    seed: int = 0,
    name: str = "SIMULATED EDS",
    **conditions: Any,
) -> Simulation:
    """Simulate the spectrum image of a foil of known phases.

    Lines are channel-integrated Gaussians on absorbed bremsstrahlung; counts follow Poisson
    statistics. Phases meet in sharp edges, or share pixels where the map holds shares. Left out:
    low-energy tails of incomplete charge collection, escape and sum peaks, fluorescence,
    channelling, beam broadening.

    Parameters
    ----------
    phase_map : ndarray of int, (rows, columns), or of float, (phases, rows, columns)
        0 is vacuum, `i` is ``phases[i - 1]``; or the share of every pixel's area that each phase
        has, where phases lie side by side in a pixel, the rest being vacuum.
    phases : sequence of Phase
    thickness_nm : ndarray, (rows, columns), or float
        Ignored in vacuum.
    counts_per_pixel : float
        Expected counts, averaged over the whole map, with stray X-rays and strobe. The dose is
        chosen to give it and the same everywhere; thick and heavy pixels hold more.
    seed : int
        The same seed gives the same counts.
    name : str
        Name of the image.
    **conditions
        Attributes of `Conditions`.

    Raises
    ------
    EDSError
        If the map names a phase that is not there, a thickness is negative or not finite, or a
        condition makes no sense.
    """
    settings = Conditions(**conditions)
    phase_map, shares = _shared(phase_map, phases)
    labels, thickness = checked_specimen(phase_map, phases, thickness_nm)
    if not 0 <= counts_per_pixel < np.inf:
        raise EDSError(f"counts per pixel must be 0 or more, not {counts_per_pixel}")
    emitted = emission_of(labels, phases, thickness, settings, shares)
    dose = emitted.dose_for(counts_per_pixel, settings)
    weights = emitted.weights
    components = emitted.at(dose, flat_component(counts_per_pixel, settings))
    rng = np.random.default_rng(seed)
    counts = draw_counts(weights, components.spectra, rng)
    told = recorded_acquisition(settings, phases, int(counts.sum(dtype=np.int64)), rng)
    signal = haadf_signal(labels, phases, thickness, shares)
    image = recorded_image(
        counts,
        labels.shape,
        settings,
        timed(told, settings, live_electrons(dose, settings), labels.size),
        name=name,
        seed=seed,
        images=(haadf_image(noisy_haadf(signal, rng), settings),),
    )
    return Simulation(
        image,
        _frozen(labels),
        tuple(phases),
        _frozen(thickness),
        _atomic_percent(labels, phases, shares),
        k_factors_of(components, settings, "family"),
        k_factors_of(components, settings, "alpha"),
        settings,
        weights,
        components,
    )


def lanthanum_ferrite_on_strontium_titanate(
    shape: tuple[int, int] = (96, 96),
    counts_per_pixel: float = 300,
    seed: int = 0,
    **conditions: Any,
) -> Simulation:
    """Simulate a cross-section of an LaFeO3 film on SrTiO3, known in every pixel.

    From the top: vacuum, Pt cap, LaFeO3 with an iron-rich domain, SrTiO3 below a wavy interface.
    The foil is 30 nm thick at the left edge and 80 nm at the right. Copper, carbon and a strobe
    peak come on top, as from a real column.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns), at least 16 x 16.
    counts_per_pixel, seed, **conditions
        See `simulate`.
    """
    if min(shape) < 16:
        raise EDSError(f"the specimen needs at least 16 x 16 pixels, not {shape}")
    labels, thickness = film_on_substrate(shape)
    return simulate(
        labels,
        film_phases(),
        thickness,
        counts_per_pixel=counts_per_pixel,
        seed=seed,
        name="SIMULATED LaFeO3 on SrTiO3",
        **(FILM_CONDITIONS | conditions),
    )


def lanthanum_ferrite_interface(  # noqa: PLR0913 - a specimen and how it is measured
    shape: tuple[int, int] = (48, 96),
    position_px: float = 47.3,
    sigma_px: float = 2.0,
    *,
    counts_per_pixel: float = 150,
    thickness_nm: float = 50.0,
    seed: int = 0,
    **conditions: Any,
) -> Simulation:
    """Simulate LaFeO3 (left) that goes over into SrTiO3 (right) by an error function.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns).
    position_px : float
        Column at which each has half of the area; the first column's centre is 0.
    sigma_px : float
        Standard deviation of the error function in columns; from 10 to 90 % it is 2.563 times
        as wide.
    counts_per_pixel, thickness_nm, seed, **conditions
        See `simulate`.

    Raises
    ------
    EDSError
        If the width is not positive.
    """
    if not sigma_px > 0:
        raise EDSError(f"the width of the interface must be positive, not {sigma_px}")
    substrate = special.ndtr((np.arange(shape[1]) - position_px) / sigma_px)
    shares = np.stack([np.broadcast_to(share, shape) for share in (1 - substrate, substrate)])
    phases = (
        Phase("LaFeO3", {"La": 20, "Fe": 20, "O": 60}, 6.64),
        Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12),
    )
    return simulate(
        shares,
        phases,
        thickness_nm,
        counts_per_pixel=counts_per_pixel,
        seed=seed,
        name="SIMULATED interface of LaFeO3 and SrTiO3",
        **conditions,
    )


def film_phases() -> tuple[Phase, ...]:
    """Return the phases of the film that is simulated for samples and demos."""
    return (
        Phase("Pt cap", {"Pt": 100}, 21.45),
        Phase("LaFeO3", {"La": 20, "Fe": 20, "O": 60}, 6.64),
        Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12),
        Phase("Fe-rich", {"La": 12, "Fe": 28, "O": 60}, 6.2),
    )


def film_on_substrate(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Phase map and thickness of the film; y and x run from 0 to 1 over the map."""
    y, x = np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij")
    interface = 0.54 + 0.02 * np.sin(2 * np.pi * 2.3 * x) + 0.012 * np.sin(2 * np.pi * 5.1 * x)
    surface = 0.08 + 0.008 * np.sin(2 * np.pi * 1.7 * x)
    labels = np.where(y < interface, 2, 3)
    labels[(labels == 2) & (((y - 0.34) / 0.09) ** 2 + ((x - 0.62) / 0.12) ** 2 < 1)] = 4
    labels[y < surface + 0.06] = 1
    labels[y < surface] = 0
    return labels, 30 + 50 * (0.85 * x + 0.15 * y)


def checked_specimen(
    phase_map: np.ndarray, phases: Sequence[Phase], thickness_nm: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and thickness of one shape, thickness 0 in vacuum, or say what is wrong."""
    phase_map = np.asarray(phase_map)
    if phase_map.ndim != 2 or phase_map.size == 0:
        raise EDSError(f"a phase map has rows and columns; got shape {phase_map.shape}")
    labels = check_labels(phase_map, phase_map.shape)
    if labels.max() > len(phases):
        raise EDSError(
            f"the map names phase {labels.max()}, but only {len(phases)} phases are given; "
            f"0 is vacuum, 1 the first phase"
        )
    thickness = np.asarray(thickness_nm, float)
    if thickness.shape not in ((), labels.shape):
        raise EDSError(f"thickness of shape {thickness.shape} does not fit {labels.shape}")
    thickness = np.where(labels > 0, thickness, 0.0)
    if not np.all((thickness >= 0) & np.isfinite(thickness)):
        raise EDSError("thickness must be 0 nm or more in every pixel of the specimen")
    return labels.copy(), thickness


def _shared(
    phase_map: np.ndarray, phases: Sequence[Phase]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the leading phase of every pixel and the shares of all, where shares are given."""
    given = np.asarray(phase_map)
    if given.ndim != 3:
        return given, None
    shares = given.astype(float)
    if len(shares) != len(phases):
        raise EDSError(f"shares of {len(shares)} phases do not belong to {len(phases)} phases")
    if not (np.all(shares >= 0) and np.all(shares.sum(axis=0) <= 1 + 1e-9)):
        raise EDSError("shares of phases must be 0 or more and sum to 1 at most in every pixel")
    return np.where(shares.any(axis=0), shares.argmax(axis=0) + 1, 0), shares


def _atomic_percent(
    labels: np.ndarray, phases: Sequence[Phase], shares: np.ndarray | None
) -> Mapping[str, np.ndarray]:
    """Map of every element's at.%, NaN in vacuum."""
    elements = dict.fromkeys(element for phase in phases for element in phase.atomic_percent)
    per_phase = {e: [phase.atomic_percent.get(e, 0.0) for phase in phases] for e in elements}
    if shares is None:
        return MappingProxyType(
            {e: _frozen(np.array([np.nan, *values])[labels]) for e, values in per_phase.items()}
        )
    # Atoms, not areas: phases hold them in different numbers.
    atoms = shares * [[atoms_per_cm2(phase, np.ones(1))] for phase in phases]
    total = atoms.sum(axis=0)
    total = np.where(total > 0, total, np.nan)
    return MappingProxyType(
        {e: _frozen(np.tensordot(values, atoms, 1) / total) for e, values in per_phase.items()}
    )


def k_factors_of(
    components: Components, settings: Conditions, convention: Literal["family", "alpha"]
) -> Mapping[FamilyKey, float]:
    """k-factors of the families in the image, relative to Si K."""

    def k(element: str, family: str, **limits: Any) -> float:
        return float(
            emission.theoretical_k_factor(
                element,
                family,
                settings.beam_energy_keV,
                settings.detector,
                convention,
                **limits,
            )
        )

    reference = k("Si", "K")
    table = {}
    for element, family in components.family_counts:
        alpha = settings.lines(element, family).alpha()
        if convention == "family" or np.any(settings.on_axis(alpha.energies_keV)):
            value = k(element, family, energy_range_keV=settings.energy_range_keV)
            table[element, family] = value / reference
    return MappingProxyType(table)


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
