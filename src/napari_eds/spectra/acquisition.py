"""What a file tells about how a spectrum image was recorded, as plain immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from napari_eds._support.brief import brief
from napari_eds.physics.detector import DetectorModel
from napari_eds.physics.detector_windows import DetectorWindow, detector_behind

#: Resolution at Mn Ka in eV where neither the file nor the user gives one (HyperSpy's default).
DEFAULT_RESOLUTION_EV = 130.0

#: Beam energy from which a specimen is taken to be a foil.
FOIL_FROM_KEV = 40.0


def is_foil_beam(beam_energy_keV: float) -> bool:
    """Whether a beam is that of a transmission microscope."""
    return beam_energy_keV >= FOIL_FROM_KEV


@brief
@dataclass(frozen=True)
class Detector:
    """One X-ray detector.

    Angles are in degrees: `elevation_deg` is the take-off angle above the specimen plane,
    `azimuth_deg` counts around the beam. `counts` is the sum over its stream, where known. Rates
    are X-rays per second that came in and that were counted; `solid_angle_sr` is what files call
    collection angle.
    """

    name: str
    elevation_deg: float | None = None
    azimuth_deg: float | None = None
    live_time_s: float | None = None
    real_time_s: float | None = None
    counts: int | None = None
    input_rate_per_s: float | None = None
    output_rate_per_s: float | None = None
    solid_angle_sr: float | None = None

    @property
    def live_fraction(self) -> float | None:
        """Live over real time, or None where one is unknown or they contradict each other."""
        return _share(self.live_time_s, self.real_time_s)


def _scaled(seconds: float | None, share: float) -> float | None:
    return None if seconds is None else share * seconds


def _share(live: float | None, real: float | None) -> float | None:
    return live / real if live and real and 0 < live <= real else None


@dataclass(frozen=True)
class FrameRange:
    """Frames that were summed: `first` to `last`, counted from 1, of the `of` in the file."""

    first: int
    last: int
    of: int

    def __str__(self) -> str:
        return f"frames {self.first} to {self.last} of {self.of}"


@dataclass(frozen=True)
class VendorComposition:
    """One row of a composition table that the vendor's program wrote into the file."""

    element: str
    family: str | None
    atomic_percent: float
    atomic_error: float | None = None
    weight_percent: float | None = None
    weight_error: float | None = None
    fit_error_percent: float | None = None


@brief
@dataclass(frozen=True)
class VendorQuantification:
    """Quantification settings and results found in the file.

    Attributes
    ----------
    program : str
        Program that wrote them, such as ``"Velox"``.
    families : mapping of str to str
        Element to the family (``"K"``, ``"L"`` or ``"M"``) chosen for it.
    quantified : tuple of str
        Elements that were marked as quantified; the others were only fitted.
    ionization_model : str or None
        Name of the ionisation cross-section model behind the program's k-factors.
    absorption : mapping
        Absorption settings: ``enabled`` (bool), ``thickness_nm``, ``density_g_cm3``.
    log : str or None
        The program's experiment log as plain text.
    compositions : tuple of tuple of VendorComposition
        Every composition table of the log, oldest first.
    """

    program: str
    families: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    quantified: tuple[str, ...] = ()
    ionization_model: str | None = None
    absorption: Mapping[str, float | bool | None] = field(
        default_factory=lambda: MappingProxyType({})
    )
    log: str | None = None
    compositions: tuple[tuple[VendorComposition, ...], ...] = ()


@brief
@dataclass(frozen=True)
class Acquisition:
    """How the spectra were recorded; `None` where the file does not say.

    Attributes
    ----------
    signal_type : {"STEM", "SEM"} or None
    beam_energy_keV : float or None
    take_off_angle_deg : float or None
        Of the detectors in use, above the plane of the specimen: where the file tells directions
        and tilt, the one that absorbs as all of them do. Never a program's default.
    energy_resolution_MnKa_eV : float or None
        Full width at half maximum at Mn Ka.
    beam_current_nA, live_time_s, real_time_s : float or None
    dwell_time_s : float or None
        In one pixel of one frame.
    frames_summed : float or None
        Frames that the counts come from; of an unfinished one, the part that was recorded.
    tilt_deg : (float, float) or None
        Tilt of the stage about its first and second axis.
    detector_window : {"none", "polymer", "silicon_nitride", "beryllium"} or None
    elements : tuple of str
        Elements named in the file.
    detectors : tuple of Detector
    vendor : VendorQuantification or None
    """

    signal_type: Literal["STEM", "SEM"] | None = None
    beam_energy_keV: float | None = None
    take_off_angle_deg: float | None = None
    energy_resolution_MnKa_eV: float | None = None
    beam_current_nA: float | None = None
    live_time_s: float | None = None
    real_time_s: float | None = None
    elements: tuple[str, ...] = ()
    detectors: tuple[Detector, ...] = ()
    vendor: VendorQuantification | None = None
    dwell_time_s: float | None = None
    frames_summed: float | None = None
    tilt_deg: tuple[float, float] | None = None
    detector_window: DetectorWindow | None = None

    def live_fraction(self) -> float | None:
        """Live over real time, the mean over detectors, or that of the whole."""
        told = [d.live_fraction for d in self.detectors]
        known = [fraction for fraction in told if fraction is not None]
        if known:
            return sum(known) / len(known)
        return _share(self.live_time_s, self.real_time_s)

    def solid_angle_sr(self) -> float | None:
        """Solid angle of all detectors together, where the file tells that of each."""
        angles = [detector.solid_angle_sr for detector in self.detectors]
        known = [angle for angle in angles if angle]
        return sum(known) if known and len(known) == len(angles) else None

    def in_part(self, share: float) -> Acquisition:
        """Return what holds for a share of the time: some of the pixels, or some of the frames."""
        return replace(
            self,
            live_time_s=_scaled(self.live_time_s, share),
            real_time_s=_scaled(self.real_time_s, share),
            detectors=tuple(
                replace(
                    one,
                    live_time_s=_scaled(one.live_time_s, share),
                    real_time_s=_scaled(one.real_time_s, share),
                )
                for one in self.detectors
            ),
        )

    def is_foil(self, beam_energy_keV: float | None = None) -> bool:
        """Whether the specimen is a foil, not bulk: by the beam energy, else as the file says.

        No scanning microscope for bulk specimens reaches the energies of a transmission
        microscope, and no foil is looked at below, whatever a program calls its files. Without
        either it is a foil.

        Parameters
        ----------
        beam_energy_keV : float, optional
            In place of the file's.
        """
        beam_energy_keV = beam_energy_keV or self.beam_energy_keV
        if beam_energy_keV is not None:
            return is_foil_beam(beam_energy_keV)
        return self.signal_type != "SEM"

    def resolution_MnKa_eV(self) -> float:
        """Full width at half maximum at Mn Ka: the file's, or 130 eV where it gives none."""
        return self.energy_resolution_MnKa_eV or DEFAULT_RESOLUTION_EV

    def detector(self, window: DetectorWindow | None = None) -> DetectorModel:
        """Return a detector behind a window: the one given, the file's, or none.

        Raises
        ------
        EDSError
            If there is no window of that name.
        """
        return detector_behind(window or self.detector_window or "none")
