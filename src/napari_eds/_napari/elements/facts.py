"""What the elements dock knows of each element: place, name, families that can be used, and why.

Positions, symbols and names are there at once; everything about lines comes from eXSpy's tables,
whose import takes seconds: ask for it only once those are loaded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from napari_eds._napari.state.element_choice import AUTO, ElementChoice
from napari_eds._napari.state.settings import Settings
from napari_eds.elements.proposals import Proposal
from napari_eds.errors import ModelError
from napari_eds.physics import lines as xray
from napari_eds.spectra.spectrum_image import SpectrumImage

#: English names in the order of atomic numbers, each with its symbol.
_NAMED = (
    "H hydrogen, He helium, Li lithium, Be beryllium, B boron, C carbon, N nitrogen, O oxygen, "
    "F fluorine, Ne neon, Na sodium, Mg magnesium, Al aluminium, Si silicon, P phosphorus, "
    "S sulfur, Cl chlorine, Ar argon, K potassium, Ca calcium, Sc scandium, Ti titanium, "
    "V vanadium, Cr chromium, Mn manganese, Fe iron, Co cobalt, Ni nickel, Cu copper, Zn zinc, "
    "Ga gallium, Ge germanium, As arsenic, Se selenium, Br bromine, Kr krypton, Rb rubidium, "
    "Sr strontium, Y yttrium, Zr zirconium, Nb niobium, Mo molybdenum, Tc technetium, "
    "Ru ruthenium, Rh rhodium, Pd palladium, Ag silver, Cd cadmium, In indium, Sn tin, "
    "Sb antimony, Te tellurium, I iodine, Xe xenon, Cs caesium, Ba barium, La lanthanum, "
    "Ce cerium, Pr praseodymium, Nd neodymium, Pm promethium, Sm samarium, Eu europium, "
    "Gd gadolinium, Tb terbium, Dy dysprosium, Ho holmium, Er erbium, Tm thulium, Yb ytterbium, "
    "Lu lutetium, Hf hafnium, Ta tantalum, W tungsten, Re rhenium, Os osmium, Ir iridium, "
    "Pt platinum, Au gold, Hg mercury, Tl thallium, Pb lead, Bi bismuth, Po polonium, "
    "At astatine, Rn radon, Fr francium, Ra radium, Ac actinium, Th thorium, Pa protactinium, "
    "U uranium, Np neptunium, Pu plutonium, Am americium, Cm curium, Bk berkelium, "
    "Cf californium, Es einsteinium, Fm fermium, Md mendelevium, No nobelium, Lr lawrencium, "
    "Rf rutherfordium, Db dubnium, Sg seaborgium, Bh bohrium, Hs hassium, Mt meitnerium, "
    "Ds darmstadtium, Rg roentgenium, Cn copernicium, Nh nihonium, Fl flerovium, Mc moscovium, "
    "Lv livermorium, Ts tennessine, Og oganesson"
)
#: Name of every element by its symbol, by atomic number.
NAMES: dict[str, str] = dict(pair.split(" ") for pair in _NAMED.split(", "))

#: Columns of the table, and its rows: seven periods, lanthanides, actinides.
N_COLUMNS, N_ROWS = 18, 9
_LANTHANIDES, _ACTINIDES = range(57, 72), range(89, 104)
#: Atomic number that the first column of each period starts with, and those where it jumps.
_NOBLE = (0, 2, 10, 18, 36, 54, 86, 118)

#: Lines weaker than this part of the alpha line are not told.
_TOLD_WEIGHT = 0.04


def place_of(number: int) -> tuple[int, int]:
    """Return row and column of an atomic number, lanthanides and actinides in rows 7 and 8."""
    for row, f_block in ((7, _LANTHANIDES), (8, _ACTINIDES)):
        if number in f_block:
            return row, 2 + number - f_block[0]
    period = next(i for i, last in enumerate(_NOBLE) if number <= last)
    column = number - _NOBLE[period - 1] - 1
    in_s_block = column < (1 if period == 1 else 2)
    if not in_s_block:
        column = N_COLUMNS - 1 - (_NOBLE[period] - number)
    return period - 1, column


@dataclass(frozen=True)
class Span:
    """Energies that can be used: the recipe's range on the axis, and the beam energy, in keV."""

    low_keV: float
    high_keV: float
    beam_keV: float


def beam_energy(image: SpectrumImage, settings: Settings) -> float | None:
    """Return the beam energy a recipe will use, in keV, where it is known."""
    return settings.draft.beam_energy_keV or image.acquisition.beam_energy_keV


def span_of(image: SpectrumImage, settings: Settings) -> Span:
    """Return the energies a recipe will use; any beam energy is enough where it is unknown."""
    low, high = settings.draft.energy_range_keV
    if image.energy.calibrated:
        low, high = max(low, image.energy.offset_keV), min(high, image.energy.last_keV)
    return Span(low, high, beam_energy(image, settings) or math.inf)


@dataclass(frozen=True)
class ElementFacts:
    """An element in a span of energies.

    Attributes
    ----------
    symbol : str
    families : tuple of Family
        Those that can be chosen: in range, and excited well, if any is.
    auto : str
        Family that ``"auto"`` means; empty if there is none.
    reason : str
        Why the element cannot be used; empty if it can.
    lines : str
        All its families with their lines and energies, one family a line of text.
    """

    symbol: str
    families: tuple[xray.Family, ...] = ()
    auto: str = ""
    reason: str = ""
    lines: str = ""

    def resolve(self, family: str) -> str:
        """Return the family that a choice means."""
        return self.auto if family == AUTO else family

    def offered(self, chosen: str = AUTO) -> tuple[str, ...]:
        """Return the families to offer, with the one that is chosen, whatever it is."""
        names = tuple(f.family for f in self.families)
        return names if chosen in (AUTO, *names) else (*names, chosen)


def facts_of(symbol: str, span: Span) -> ElementFacts:
    """Return what is known of an element; needs eXSpy's tables."""
    if symbol not in xray.element_symbols():
        return ElementFacts(symbol, reason=f"{symbol} has no known X-ray lines")
    lines = "\n".join(_told(xray.family(symbol, name)) for name in xray.families_of(symbol))
    try:
        auto = xray.default_family(symbol, span.low_keV, span.high_keV, span.beam_keV)
    except ModelError as error:
        return ElementFacts(symbol, reason=str(error), lines=lines)
    in_range = xray.families_in_range(symbol, span.low_keV, span.high_keV, span.beam_keV)
    excited = [
        f for f in in_range if f.alpha.energy_keV * xray.MINIMUM_OVERVOLTAGE <= span.beam_keV
    ]
    return ElementFacts(symbol, tuple(excited or in_range), auto.family, lines=lines)


def all_facts(span: Span) -> dict[str, ElementFacts]:
    """Return what is known of every element; needs eXSpy's tables."""
    return {symbol: facts_of(symbol, span) for symbol in NAMES}


def _told(family: xray.Family) -> str:
    strong = [line for line in family.lines if line.weight >= _TOLD_WEIGHT]
    strong.sort(key=lambda line: line.energy_keV)
    told = ", ".join(f"{line.name} {line.energy_keV:.3f}" for line in strong)
    return f"{family.family} lines: {told} keV"


def describe(
    symbol: str, facts: ElementFacts | None, choice: ElementChoice | None, hint: Proposal | None
) -> str:
    """Return all there is to tell of an element, for a tooltip."""
    number = 1 + list(NAMES).index(symbol)
    parts = [f"{symbol} {NAMES[symbol]}, Z {number}"]
    if choice is not None:
        parts[0] += f": {_role(choice, facts)}"
    if facts is None:
        parts.append("(loading the tables of lines)")
    else:
        parts += [text for text in (facts.reason, facts.lines) if text]
    if hint is not None:
        parts.append(f"{'Seen' if hint.certain else 'Perhaps'}: {hint.evidence}")
    return "\n".join(parts)


def _role(choice: ElementChoice, facts: ElementFacts | None) -> str:
    what = {"quantify": "quantified", "fit only": "fitted only"}[choice.role]
    return f"{what}, {family_text(choice.family, facts)}"


def family_text(family: str, facts: ElementFacts | None) -> str:
    """Return a choice of family as text, naming what auto means."""
    if family == AUTO and facts is not None and facts.auto:
        return f"auto ({facts.auto})"
    return family
