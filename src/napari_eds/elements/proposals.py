"""Finding elements: which of them the lines of a summed spectrum prove.

A greedy search by score tests. It starts from what is nearly always there; the element whose lines
explain most of what the model leaves over is added, the axis is calibrated anew where that
matters, and so on until nothing that is left can be proved. Then each is tested against all other
elements: it is certain only if these cannot explain its lines (`alternatives`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real

import numpy as np

from napari_eds._support.arguments import each, expect, numbers
from napari_eds._support.brief import brief
from napari_eds._support.progress import Progress, tells_steps
from napari_eds.elements import prior
from napari_eds.elements.claims import LIGHT
from napari_eds.elements.search import SEEDS, ElementSearch, Finding
from napari_eds.errors import EDSError
from napari_eds.fitting.corrections import corrected
from napari_eds.fitting.model import SpectralModel, beyond_the_table, reaching_in
from napari_eds.fitting.response import Response
from napari_eds.physics import lines as xray
from napari_eds.spectra.acquisition import Acquisition
from napari_eds.spectra.axes import EnergyAxis

#: Range of the search, as that of a recipe: above the zero peak.
ENERGY_RANGE_keV = (0.2, 19.0)

#: Lines sit on their edges: from this multiple of its alpha energy on, a family is excited.
_OVERVOLTAGE = 1.3
_LIGHTEST = 11

#: There is hardly any specimen where its lines hold fewer counts than this, or pixels this many
#: times fewer than others: stray light of the neighbours is then as likely.
_FEW_COUNTS, _TIMES_FEWER = 300.0, 20.0
_HARDLY_ANY = "hardly any specimen: {}; what is named may come from grid, holder and neighbours"

#: Finer channels are summed: lines are ten times as wide.
_CHANNEL_KEV = 0.01
_MIN_CHANNELS = 100
#: Lines weaker than this part of the strongest one of their family are not drawn.
_NEGLIGIBLE = 0.002


@brief
@dataclass(frozen=True)
class Proposal:
    """An element found in a spectrum, and why.

    Attributes
    ----------
    element : str
    family : str
        The family that speaks for it: ``"K"``, ``"L"`` or ``"M"``.
    line : XRayLine
        Its alpha line.
    z : float
        Counts of the family over the error they would have if the element were absent.
    counts, counts_error : float
        Intensity of the family, all its lines in the range together, and its standard deviation
        from counting and from the model's own errors.
    share : float
        Part of the counts of all lines that the family holds, 0 to 1.
    overlaps : tuple of str
        Fitted lines of other elements within one full width at half maximum of the alpha line.
    system : bool
        Typical of grid, holder, preparation or coating: to be fitted but not quantified.
    certain : bool
        Whether the element is proved, or only suggested.
    doubt : str
        Why it is only suggested; empty if it is certain.
    evidence : str
        The reasons in one line of plain words.
    """

    element: str
    family: str
    line: xray.XRayLine
    z: float
    counts: float
    counts_error: float
    share: float
    overlaps: tuple[str, ...]
    system: bool
    certain: bool
    doubt: str
    evidence: str


@brief
@dataclass(frozen=True, eq=False)
class Evidence:
    """Proposals, and the fit of the summed spectrum they rest on.

    Attributes
    ----------
    proposals : tuple of Proposal
    energies_keV, counts : ndarray, (channels,)
        Of the searched range, in channels of about 10 eV.
    background : ndarray, (channels,)
    lines : mapping of str to ndarray, (channels,)
        Fitted counts of all lines of each proposed element.
    warning : str
        What speaks against taking the proposals for a specimen's: that there is hardly any; empty
        if nothing does.
    """

    proposals: tuple[Proposal, ...]
    energies_keV: np.ndarray
    counts: np.ndarray
    background: np.ndarray
    lines: Mapping[str, np.ndarray]
    warning: str = ""

    @property
    def fitted(self) -> np.ndarray:
        """Background and all lines together."""
        return self.background + sum(self.lines.values())


def find_elements(
    energy: EnergyAxis,
    total: np.ndarray,
    acquisition: Acquisition,
    *,
    beam_energy_keV: float | None = None,
    times_fewer: float = 1.0,
) -> tuple[Proposal, ...]:
    """Find the elements of a summed spectrum.

    Parameters
    ----------
    energy : EnergyAxis
    total : ndarray, (channels,)
        Summed counts.
    acquisition : Acquisition
        Gives beam energy, resolution to start from, and whether the specimen is a foil or bulk.
    beam_energy_keV : float, optional
        Overrides what the file says. Where neither says anything, the end of the axis is taken,
        and the evidence says so.
    times_fewer : float, optional
        How many times fewer counts a pixel holds here than where the map holds most. From 20 on,
        and where next to nothing but grid and support is seen, the evidence says that there is
        hardly any specimen.

    Returns
    -------
    tuple of Proposal
        The certain ones first, each kind by falling share of the counts. Empty where the counts
        prove nothing.

    Raises
    ------
    UncalibratedError
        If the axis has no energies.
    EDSError
        If the spectrum does not fit the axis, holds negative or infinite counts, or has too few
        channels in the range; or if the beam energy is not positive.

    Notes
    -----
    Of the elements lighter than Na, which have no line above 1 keV, C, N, O and F are looked for.
    """
    return search_elements(
        energy, total, acquisition, beam_energy_keV=beam_energy_keV, times_fewer=times_fewer
    ).proposals


@tells_steps
def search_elements(  # noqa: PLR0913 - a spectrum, and what is known of it
    energy: EnergyAxis,
    total: np.ndarray,
    acquisition: Acquisition,
    *,
    beam_energy_keV: float | None = None,
    times_fewer: float = 1.0,
    progress: Progress | None = None,
) -> Evidence:
    """Find elements as `find_elements` does, and return the fit as well.

    Parameters
    ----------
    energy, total, acquisition, beam_energy_keV, times_fewer
        As for `find_elements`, which also lists the errors.
    progress : callable, optional
        Called as ``progress(found, 0, what)``; what it raises ends the search.
    """
    expect(
        energy=(energy, EnergyAxis),
        acquisition=(acquisition, Acquisition),
        beam_energy_keV=(beam_energy_keV, Real | None),
        times_fewer=(times_fewer, Real),
    )
    energy.require_calibrated()
    counts = _checked(energy, total)
    beam, note = _beam(energy, acquisition, beam_energy_keV)
    axis, counts = _searched(energy, counts, beam)
    if not counts.any():
        empty = np.zeros(axis.size)
        return Evidence((), axis.energies_keV, counts, empty, {}, _HARDLY_ANY.format("no counts"))
    report = progress or (lambda _done, _total, _what: None)
    foil = acquisition.is_foil(beam)
    search = ElementSearch(_all_families(axis, beam, acquisition), counts, report, foil=foil)
    search.run()
    proposals = tuple(_proposal(finding, note, foil=foil) for finding in search.found())
    lines = dict(search.drawn())
    background = lines.pop("")
    warning = _warning(proposals, lines, times_fewer)
    if warning:
        proposals = tuple(replace(p, evidence=f"{p.evidence}; {warning}") for p in proposals)
    return Evidence(proposals, axis.energies_keV, counts, background, lines, warning)


def _warning(
    proposals: tuple[Proposal, ...], lines: Mapping[str, np.ndarray], times_fewer: float
) -> str:
    """Say whether there is hardly any specimen: by its lines, or beside the rest of the map."""
    own = [p.element for p in proposals if p.certain and p.element not in prior.STRAY]
    held = sum(float(lines[element].sum()) for element in own)
    if times_fewer >= _TIMES_FEWER:
        why = f"{times_fewer:.0f} times fewer counts per pixel than where there is most"
    elif not own:
        why = "no line of another element than those of grid and support is certain"
    elif held < _FEW_COUNTS:
        why = f"all its lines hold {held:.0f} counts"
    else:
        return ""
    return _HARDLY_ANY.format(why)


def recipe_elements(proposals: Sequence[Proposal]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return `elements` and `fit_only` of a recipe: what is certain, by atomic number.

    Parameters
    ----------
    proposals : sequence of Proposal

    Returns
    -------
    elements, fit_only : tuple of str
    """
    proposals = each("proposals", proposals, Proposal)
    certain = [p for p in proposals if p.certain]
    certain.sort(key=lambda p: xray.atomic_number(p.element))
    return (
        tuple(p.element for p in certain if not p.system),
        tuple(p.element for p in certain if p.system),
    )


def _checked(energy: EnergyAxis, total: np.ndarray) -> np.ndarray:
    counts = numbers("total", total).astype(float)
    if counts.shape != (energy.size,):
        raise EDSError(
            f"a summed spectrum of {energy.size} channels is needed, not one of shape "
            f"{counts.shape}"
        )
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise EDSError("counts must be finite and not negative")
    return counts


def _beam(energy: EnergyAxis, acquisition: Acquisition, given: float | None) -> tuple[float, str]:
    """Return the beam energy in keV, and a note for the evidence where it is a guess."""
    beam = acquisition.beam_energy_keV if given is None else given
    if beam is None:
        beam = energy.last_keV
        return beam, f"; beam energy unknown, taken as {beam:.1f} keV, the end of the axis"
    if not 0 < beam < np.inf:
        raise EDSError(f"the beam energy must be positive, not {beam} keV")
    return beam, ""


def _searched(
    energy: EnergyAxis, counts: np.ndarray, beam_keV: float
) -> tuple[EnergyAxis, np.ndarray]:
    """Return the axis and the counts of the range, in channels not much finer than needed."""
    factor = max(1, round(_CHANNEL_KEV / energy.scale_keV))
    axis = energy.rebin(factor)
    summed = counts[: axis.size * factor].reshape(axis.size, factor).sum(axis=1)
    low, high = ENERGY_RANGE_keV
    channels = axis.channels(low, min(high, beam_keV))
    if channels.stop - channels.start < _MIN_CHANNELS:
        raise EDSError(
            f"{channels.stop - channels.start} channels between {low:g} and "
            f"{min(high, beam_keV):g} keV are too few to find elements in"
        )
    return axis.crop(channels), summed[channels]


def _all_families(axis: EnergyAxis, beam_keV: float, acquisition: Acquisition) -> SpectralModel:
    """Return a model of every family that could be found, K lines as doublets."""
    first, last = axis.offset_keV, axis.last_keV
    sought = [
        symbol
        for symbol in xray.element_symbols()
        if symbol not in prior.NOT_SOUGHT
        and (xray.atomic_number(symbol) >= _LIGHTEST or symbol in {*SEEDS, *LIGHT})
    ]
    families = tuple(
        family
        for symbol in sought
        for family in sorted(
            (
                *xray.families_in_range(symbol, first, last, beam_keV),
                *beyond_the_table(symbol, first, last, beam_keV),
                # Ll of Bi on an axis that ends at 10 keV is no line of Pt.
                *reaching_in(symbol, first, last, beam_keV),
            ),
            key=lambda family: family.family,
        )
        if family.alpha.energy_keV * _OVERVOLTAGE <= beam_keV
    )
    resolution = acquisition.resolution_MnKa_eV()
    model = SpectralModel(
        energy=axis,
        channels=slice(0, axis.size),
        families=families,
        n_quantified=0,
        background_order=0,
        beam_energy_keV=beam_keV,
        response=Response(resolution, xray.usual_fano_eV(resolution)),
        lines=tuple(family.lines for family in families),
    )
    drawn = corrected(model)
    return replace(drawn, lines=tuple(_strong(lines) for lines in drawn.lines))


def _strong(lines: tuple[xray.XRayLine, ...]) -> tuple[xray.XRayLine, ...]:
    least = _NEGLIGIBLE * max(line.weight for line in lines)
    return tuple(line for line in lines if line.weight > least)


def _proposal(finding: Finding, note: str, *, foil: bool) -> Proposal:
    alpha = finding.family.alpha
    is_system = prior.is_system(alpha.element, foil=foil, share=finding.element_share)
    evidence = (
        f"{alpha} at {alpha.energy_keV:.3f} keV stands out {finding.z:.0f} standard deviations; "
        f"the {finding.family.family} lines hold {finding.counts:,.0f} ± {finding.error:,.0f} "
        f"counts, {100 * finding.share:.2g} % of all lines"
    )
    if finding.overlaps:
        evidence += f"; overlaps with {', '.join(finding.overlaps)}"
    if finding.doubt:
        evidence += f"; only suggested: {finding.doubt}"
    if is_system:
        evidence += "; typical of grid, holder, preparation or coating"
    return Proposal(
        element=alpha.element,
        family=finding.family.family,
        line=alpha,
        z=finding.z,
        counts=finding.counts,
        counts_error=finding.error,
        share=finding.share,
        overlaps=finding.overlaps,
        system=is_system,
        certain=not finding.doubt,
        doubt=finding.doubt,
        evidence=evidence + note,
    )
