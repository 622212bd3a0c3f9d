"""What a file and tables leave uncertain of the shapes in a spectrum, each with a prior.

Axis, widths, tails, positions of families and ratios inside them are *nuisances*: not asked for,
but moving the intensities that are. They are fitted to the summed spectrum as far as it tells
(`refinement`), and what stays open is carried into the errors (`shape_errors`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

import numpy as np

from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.profiles import Moved, family_slopes
from napari_eds.fitting.response import Response
from napari_eds.fitting.self_absorption import SelfAbsorption
from napari_eds.physics import lines as xray
from napari_eds.physics.computed_lines import (
    emits_from_lifted,
    has_disputed_m2,
    open_3d_electrons,
    subshell_of,
)
from napari_eds.physics.detector import SILICON_K_EDGE_KEV
from napari_eds.physics.radiative_auger import radiative_auger
from napari_eds.recipe.recipe import LowEnergyTail
from napari_eds.recipe.uncertainties import Uncertainties
from napari_eds.spectra.axes import EnergyAxis

Kind = Literal[
    "offset",
    "gain",
    "resolution",
    "fano",
    "tail",
    "tail_decay",
    "hard_tail",
    "escape",
    "radiative_auger",
    "radiative_auger_beta",
    "position",
    "ratio",
]

#: How far axis and resolution may lie from what the file says, as standard deviations: of the
#: offset in eV, the gain in percent, the resolution at Mn Ka in eV. They hold what the lines do
#: not determine, such as the gain where only one line is strong.
AXIS_PRIOR = {"offset": 20.0, "gain": 0.3, "resolution": 8.0}
#: Of what is fixed by the user or the recipe.
FIXED_PRIOR = {"offset": 1.0, "gain": 0.02, "resolution": 1.0}
#: Relative to `lines.FANO_EV`: Fano factors and pair energies of silicon are quoted from 0.114 to
#: 0.125 and 3.6 to 3.7 eV.
FANO_PRIOR = 0.04
#: Share of O K in the tail of incomplete charge collection, expected and by how much it varies
#: between detectors, and the tail's length, expected and the deviation of its logarithm: in
#: spectra of oxides that NIST measured it came out at 0.03 to 0.06 keV.
TAIL_MEAN, TAIL_PRIOR, TAIL_DECAY_KEV, TAIL_DECAY_PRIOR = 0.02, 0.03, 0.05, 0.25
#: A longer one is background, a shorter one a wider line.
_TAIL_DECAYS_KEV = (0.02, 0.08)
_LARGEST_TAIL = 0.5
#: Share of Ti K alpha in its tail, expected and by how much it varies (see `detector.hard_tail`).
HARD_TAIL_MEAN, HARD_TAIL_PRIOR = 0.02, 0.015
#: Of the size of escape peaks over theory: 0.5 to 1.4 in spectra of TEMs, and some programs strip
#: them from the spectra that they save.
ESCAPE_PRIOR = 0.3
#: Relative, of the bands of radiative Auger emission.
AUGER_PRIOR = 0.4

#: The lines below which the bands lie.
_BANDS: dict[Kind, str] = {"radiative_auger": "Ka", "radiative_auger_beta": "Kb"}

#: Yields of M4 of elements without 4f electrons are extrapolated (xraylib has one number for Z
#: from 48 to 60): standard deviation of the logarithm of its lines over all others of M.
_M4_WITHOUT_4F = 0.6
#: The same of M2 where tables differ tenfold; spectra of Pt, Au and Pb lie between them.
_DISPUTED_M2 = 1.0
#: Lines closer than this part of the resolution move together.
_RESOLVED = 0.35
#: The lines of L that electrons of 3d emit, and how far others are uncertain beside those of a
#: single one, which a compound may take.
_FROM_3D, _LAST_ELECTRON = ("La", "Lb1"), 1.5
#: Groups of lines below this part of their family cannot matter.
_NEGLIGIBLE = 0.003
#: Below this energy, chemical shifts and tails move lines further. Tables of M lines differ as
#: much: M alpha of Hf to U are 5 eV lower (Re, Os) to 2 eV higher (Pb) with xraylib than with
#: eXSpy, by 2.1 eV in the root of mean squares.
_SOFT_KEV = 1.0

#: Steps of numerical derivatives of axis and response.
_STEP = 1e-5


@dataclass(frozen=True)
class Nuisance:
    """One thing that is uncertain.

    Attributes
    ----------
    kind : str
        Unit of its value: ``"offset"`` eV, ``"gain"`` percent, ``"resolution"`` eV at Mn Ka,
        ``"fano"`` relative, ``"tail"`` share of O K, ``"tail_decay"`` logarithm, ``"hard_tail"``
        share of Ti K alpha, ``"escape"`` and bands of radiative Auger emission in sizes of theory,
        ``"position"`` eV, ``"ratio"`` logarithm.
    prior_sd : float
        Standard deviation around 0.
    is_fixed : bool
        Whether it keeps its value, whatever the counts say.
    family : int
        Place of the family it concerns, -1 for all.
    lines : tuple of str
        Names of the lines whose ratio to the family's reference it is.
    bounds : tuple of float
        Its least and its largest value.
    """

    kind: Kind
    prior_sd: float
    is_fixed: bool = False
    family: int = -1
    lines: tuple[str, ...] = ()
    bounds: tuple[float, float] = (-np.inf, np.inf)


@dataclass(frozen=True, eq=False)
class Slope:
    """Derivative of profiles by a nuisance: columns (channels, len(families)) of some families."""

    families: np.ndarray
    columns: np.ndarray

    def of(self, areas: np.ndarray) -> np.ndarray:
        """Return the derivative of the counts, (channels,), for alpha areas of all families."""
        return self.columns @ areas[self.families]


def nuisances_of(
    model: SpectralModel,
    uncertainties: Uncertainties,
    *,
    fixed: Sequence[Kind] = (),
    absorbed: SelfAbsorption | None = None,
) -> tuple[Nuisance, ...]:
    """List what is uncertain of a model.

    Parameters
    ----------
    model : SpectralModel
    uncertainties : Uncertainties
    fixed : sequence of str
        Kinds that keep their value. Axis and resolution then are as sure as `FIXED_PRIOR`.
    absorbed : SelfAbsorption, optional
        What the specimen did to the lines of the model.
    """
    found = _of_detector(model, fixed)
    for i, family in enumerate(model.families):
        if lines := model.lines_in_range(family):
            found += _of_family(model, i, lines, uncertainties, fixed, absorbed)
    return tuple(found)


def _of_detector(model: SpectralModel, fixed: Sequence[Kind]) -> list[Nuisance]:
    """Return what concerns all families."""
    response = model.response
    found = [
        Nuisance(kind, (FIXED_PRIOR if kind in fixed else AXIS_PRIOR)[kind], kind in fixed)
        for kind in ("offset", "gain", "resolution")
    ]
    found.append(Nuisance("fano", FANO_PRIOR, "fano" in fixed))
    found += [
        _share_of(response, kind, AUGER_PRIOR, fixed)
        for kind, line in _BANDS.items()
        if getattr(response, kind)
        and any(f.family == "K" and radiative_auger(f.element, line) for f in model.families)
    ]
    if response.tail is not None and response.tail.below_keV is None:
        found += _soft_tail(response.tail, is_fixed="tail" in fixed)
    if any(family.alpha.energy_keV > SILICON_K_EDGE_KEV for family in model.families):
        if response.hard_tail:
            found.append(_share_of(response, "hard_tail", HARD_TAIL_PRIOR, fixed))
        if response.integrated:
            found.append(_share_of(response, "escape", ESCAPE_PRIOR, fixed))
    return found


def _of_family(  # noqa: PLR0913, PLR0917 - what is known of it comes from this many places
    model: SpectralModel,
    i: int,
    lines: Sequence[xray.XRayLine],
    uncertainties: Uncertainties,
    fixed: Sequence[Kind],
    absorbed: SelfAbsorption | None,
) -> Iterator[Nuisance]:
    """Yield the position of a family and the ratios of its lines."""
    family = model.families[i]
    position = uncertainties.line_position_eV
    if family.alpha.energy_keV < _SOFT_KEV or family.family == "M":
        position = max(position, uncertainties.soft_line_position_eV)
    ratio = uncertainties.line_ratio(family.family)
    doubts = {} if absorbed is None else absorbed.doubts_of(model, i)
    position = float(np.hypot(position, _moved_by_doubt(model, i, doubts)))
    yield Nuisance("position", position, "position" in fixed, i)
    of_ratios = {} if absorbed is None else absorbed.ratio_doubts_of(model, i)
    for group in _groups(model, family, lines, model.weight_sums[i]):
        of_group = max((of_ratios.get(name, 0.0) for name in group), default=0.0)
        prior = float(np.hypot(ratio, of_group))
        yield Nuisance("ratio", prior, "ratio" in fixed, i, group)
    for names, prior in chain(_subshells(uncertainties, family, lines), _valence(family, lines)):
        yield Nuisance("ratio", prior, "ratio" in fixed, i, names)
    if i < model.n_quantified:
        for names in _out_of_range(model, i, lines):
            yield Nuisance("ratio", ratio, is_fixed=True, family=i, lines=names)


def _share_of(response: Response, kind: Kind, prior: float, fixed: Sequence[Kind]) -> Nuisance:
    """Return what cannot be negative."""
    return Nuisance(kind, prior, kind in fixed, bounds=(-getattr(response, kind), np.inf))


def _soft_tail(tail: LowEnergyTail, *, is_fixed: bool) -> list[Nuisance]:
    shares = (-tail.fraction, _LARGEST_TAIL - tail.fraction)
    decays = tuple(np.log(np.array(_TAIL_DECAYS_KEV) / tail.decay_keV).tolist())
    return [
        Nuisance("tail", TAIL_PRIOR, is_fixed, bounds=shares),
        Nuisance("tail_decay", TAIL_DECAY_PRIOR, is_fixed, bounds=decays),
    ]


def _subshells(
    uncertainties: Uncertainties, family: xray.Family, lines: Sequence[xray.XRayLine]
) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield lines of M that one subshell's yield has in common, and how far it is uncertain.

    Relative to M4 and M5, which hold the strongest lines.
    """
    if family.family != "M":
        return
    of_subshells = {
        subshell: tuple(line.name for line in lines if subshell_of(line) == subshell)
        for subshell in ("M1", "M2", "M3")
    }
    for subshell, names in of_subshells.items():
        is_disputed = subshell == "M2" and has_disputed_m2(family.element)
        if names:
            yield names, _DISPUTED_M2 if is_disputed else uncertainties.line_ratio("M")
    harder = tuple(chain.from_iterable(of_subshells.values()))
    if harder and emits_from_lifted(lines):
        yield harder, _M4_WITHOUT_4F


def _valence(
    family: xray.Family, lines: Sequence[xray.XRayLine]
) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield lines of L that do not come from 3d, and how far they are uncertain beside those.

    An open 3d shell holds an electron more or less than in the atom of tables, as the compound
    has it, and L alpha and L beta1 are as strong as it is full: in measured SrTiO3, Ll of Ti is
    three times that of tables beside them.
    """
    if family.family != "L" or (electrons := open_3d_electrons(family.element)) is None:
        return
    names = tuple(line.name for line in lines if not line.name.startswith(_FROM_3D))
    if names and len(names) < len(lines):
        # By one electron fewer.
        yield names, 1 / (electrons - 1) if electrons > 1 else _LAST_ELECTRON


def _out_of_range(
    model: SpectralModel, i: int, lines: Sequence[xray.XRayLine]
) -> Iterator[tuple[str, ...]]:
    """Yield lines of a family that are not drawn, by groups of those that would move together.

    As L beta of Pt where the range ends at 10 keV. No count tells of them, but a k-factor of the
    family counts them in.
    """
    outside = [line for line in model.lines[i] if line not in lines]
    for group in unresolved(outside, model.resolution_MnKa_eV):
        names = tuple(line.name for line in group)
        if model.part_of(i, names) > _NEGLIGIBLE:
            yield names


def _moved_by_doubt(model: SpectralModel, family: int, doubts: Mapping[str, float]) -> float:
    """Return how far doubts of weaker lines move the reference group of a family, eV."""
    lines = model.lines_in_range(model.families[family])
    if not doubts or not lines:
        return 0.0
    strongest = max(lines, key=lambda line: line.weight)
    group = next(g for g in unresolved(lines, model.resolution_MnKa_eV) if strongest in g)
    weight = sum(line.weight for line in group)
    moves = [
        (line.energy_keV - strongest.energy_keV) * line.weight / weight * doubts[line.name]
        for line in group
    ]
    return 1000 * float(np.linalg.norm(moves))


def moved(
    model: SpectralModel, nuisances: Sequence[Nuisance], values: np.ndarray
) -> SpectralModel:
    """Return a model whose nuisances have moved by `values` from where they are in it."""
    for nuisance, value in zip(nuisances, values.tolist(), strict=True):
        if value and nuisance.family < 0:
            model = _moved_by(model, nuisance.kind, value)
    lines = list(model.lines)
    for nuisance, value in zip(nuisances, values.tolist(), strict=True):
        i = nuisance.family
        if nuisance.kind == "position":
            lines[i] = tuple(
                replace(line, energy_keV=line.energy_keV + value / 1000) for line in lines[i]
            )
        elif nuisance.kind == "ratio":
            factor = float(np.exp(value))
            lines[i] = tuple(
                replace(line, weight=line.weight * factor) if line.name in nuisance.lines else line
                for line in lines[i]
            )
    return replace(model, lines=tuple(lines))


def slopes_of(model: SpectralModel, nuisances: Sequence[Nuisance]) -> list[Slope]:
    """Return the derivatives of a model's profiles by its nuisances."""
    of_all = _slopes_of_all(model, {n.kind for n in nuisances if n.kind != "ratio"})
    ratios = [nuisance for nuisance in nuisances if nuisance.kind == "ratio"]
    drawn = iter(model.draw([_lines_of(model, nuisance) for nuisance in ratios]).T)
    everything = np.arange(len(model.families))
    found = []
    for nuisance in nuisances:
        own = np.array([nuisance.family])
        if nuisance.kind == "position":
            found.append(Slope(own, of_all[nuisance.kind][:, own]))
        elif nuisance.kind == "ratio":
            found.append(Slope(own, next(drawn)[:, None]))
        else:
            found.append(Slope(everything, of_all[nuisance.kind]))
    return found


def _slopes_of_all(model: SpectralModel, kinds: Collection[Kind]) -> dict[Kind, np.ndarray]:
    """Return the derivatives of all profiles, (channels, families), by kinds of nuisances."""
    ends = []
    for kind in kinds:
        if kind == "position":
            ends.append(Moved(model.energy, model.response, _STEP / 1000))
        else:
            end = _moved_by(model, kind, _STEP)
            ends.append(Moved(end.energy, end.response))
    changes = family_slopes(model.energy, model.drawn_lines, model.response, ends)
    return {kind: change / _STEP for kind, change in zip(kinds, changes, strict=True)}


def _moved_by(model: SpectralModel, kind: Kind, value: float) -> SpectralModel:
    if kind in {"offset", "gain"}:
        return replace(model, energy=_moved_axis(model.energy, kind, value))
    if kind in {"tail", "tail_decay"}:
        return model.recorded(tail=_moved_tail(model.response.tail, kind, value))
    if kind == "fano":
        return model.recorded(fano_eV=model.response.fano_eV * (1 + value))
    field = "resolution_MnKa_eV" if kind == "resolution" else kind
    return model.recorded(**{field: getattr(model.response, field) + value})


def _moved_axis(energy: EnergyAxis, kind: Kind, value: float) -> EnergyAxis:
    if kind == "offset":
        return replace(energy, offset_keV=energy.offset_keV + value / 1000)
    gain = 1 + value / 100
    return replace(energy, offset_keV=energy.offset_keV * gain, scale_keV=energy.scale_keV * gain)


def _moved_tail(tail: LowEnergyTail | None, kind: Kind, value: float) -> LowEnergyTail:
    tail = tail or LowEnergyTail(fraction=0, decay_keV=TAIL_DECAY_KEV, below_keV=None)
    if kind == "tail_decay":
        return tail.model_copy(update={"decay_keV": tail.decay_keV * float(np.exp(value))})
    return tail.model_copy(update={"fraction": tail.fraction + value})


def _lines_of(model: SpectralModel, nuisance: Nuisance) -> list[xray.XRayLine]:
    family = model.families[nuisance.family]
    return [line for line in model.lines_in_range(family) if line.name in nuisance.lines]


def _groups(
    model: SpectralModel,
    family: xray.Family,
    lines: Sequence[xray.XRayLine],
    weight_sum: float,
) -> list[tuple[str, ...]]:
    """Return the lines that move together, by name, without those of the reference's group.

    The strongest comes first, as which they are told. Weights refer to the alpha line or, where
    there is none, to the strongest.
    """
    alpha = [line for line in lines if line.name.startswith(f"{family.family}a")]
    reference = alpha or [max(lines, key=lambda line: line.weight)]
    return [
        tuple(line.name for line in sorted(group, key=lambda line: -line.weight))
        for group in unresolved(lines, model.resolution_MnKa_eV)
        if not any(line in reference for line in group)
        and sum(line.weight for line in group) > _NEGLIGIBLE * weight_sum
    ]


def unresolved(
    lines: Sequence[xray.XRayLine], resolution_MnKa_eV: float
) -> list[list[xray.XRayLine]]:
    """Group lines that lie closer than the detector resolves to the strongest of them.

    Weak lines between two strong ones do not join these. By rising energy.
    """
    left = sorted(lines, key=lambda line: line.weight)
    groups = []
    while left:
        strongest = left[-1]
        width = _RESOLVED * xray.fwhm_keV(strongest.energy_keV, resolution_MnKa_eV)
        near = [line for line in left if abs(line.energy_keV - strongest.energy_keV) < width]
        groups.append(sorted(near, key=lambda line: line.energy_keV))
        left = [line for line in left if line not in near]
    return sorted(groups, key=lambda group: group[0].energy_keV)
