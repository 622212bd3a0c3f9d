"""Chemical formulas, and the way between atomic and weight fractions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import numpy as np

from napari_eds._support.arguments import expect
from napari_eds.errors import EDSError

_TOKEN = re.compile(
    r"(?P<symbol>[A-Z][a-z]?)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<number>\d+\.?\d*|\.\d+)"
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def parse_formula(formula: str) -> dict[str, float]:
    """Return the atoms of a formula by element, in order of appearance.

    Amounts may be decimals, groups may be nested in round, square or curly brackets, and
    subscript digits are read as digits.

    Parameters
    ----------
    formula : str
        Such as ``"SrTiO3"``, ``"La0.7Sr0.3MnO3"`` or ``"[(Mg0.9Fe0.1)2SiO4]3"``.

    Raises
    ------
    EDSError
        If it is not a formula of known elements; the text says what is wrong.

    Examples
    --------
    >>> parse_formula("(La0.7Sr0.3)MnO3")
    {'La': 0.7, 'Sr': 0.3, 'Mn': 1.0, 'O': 3.0}
    """
    expect(formula=(formula, str))
    groups: list[list[tuple[dict[str, float], float]]] = [[]]
    brackets: list[str] = []
    previous = "open"
    for kind, text in _tokens(formula):
        if kind == "number":
            if previous not in ("symbol", "close"):
                raise _bad(formula, f"the amount {text} does not follow an element or a group")
            groups[-1][-1] = (groups[-1][-1][0], _amount(formula, text))
        elif kind == "symbol":
            groups[-1].append(({_checked_symbol(formula, text): 1.0}, 1.0))
        elif kind == "open":
            brackets.append(text)
            groups.append([])
        else:
            if not brackets or _CLOSING[brackets.pop()] != text:
                raise _bad(formula, f"the bracket {text!r} closes nothing")
            if previous == "open":
                raise _bad(formula, "a group is empty")
            atoms = _sum(groups.pop())
            groups[-1].append((atoms, 1.0))
        previous = kind
    if brackets:
        raise _bad(formula, f"the bracket {brackets[-1]!r} is not closed")
    if not groups[0]:
        raise _bad(formula, "it names no element")
    return _sum(groups[0])


def to_atoms(composition: str | Mapping[str, float]) -> dict[str, float]:
    """Return atoms by element of a formula, or of amounts given by element.

    Raises
    ------
    EDSError
        If it is not a formula, or an amount is not a positive number.
    """
    expect(composition=(composition, str | Mapping))
    if isinstance(composition, str):
        return parse_formula(composition)
    atoms = {element: float(amount) for element, amount in composition.items()}
    if not atoms or not all(0 < amount < np.inf for amount in atoms.values()):
        raise EDSError(f"a composition needs positive amounts of atoms, not {dict(composition)}")
    return atoms


def weight_from_atomic(atomic_fractions: np.ndarray, atomic_weights: np.ndarray) -> np.ndarray:
    """Weight fractions, summing to 1, of atomic fractions or any amounts of atoms.

    Parameters
    ----------
    atomic_fractions : ndarray, (..., elements)
        Rows with NaN, or which sum to 0, give NaN.
    atomic_weights : ndarray, (elements,)
        In g/mol.
    """
    return _normalised(np.asarray(atomic_fractions, float) * atomic_weights)


def _normalised(amounts: np.ndarray) -> np.ndarray:
    total = amounts.sum(axis=-1, keepdims=True)
    return amounts / np.where(total == 0, np.nan, total)


def _tokens(formula: str) -> list[tuple[str, str]]:
    """Split a formula into (kind, text), kinds being the names of the groups of `_TOKEN`."""
    # Compatibility normalisation turns subscript digits into digits.
    text = unicodedata.normalize("NFKC", formula)
    tokens = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match:
            tokens.append((str(match.lastgroup), match[0]))
            place = match.end()
        elif text[place].isspace():
            place += 1
        else:
            raise _bad(formula, f"{text[place:]!r} does not start with an element")
    return tokens


def _checked_symbol(formula: str, symbol: str) -> str:
    # xraylib knows the symbols within a millisecond; eXSpy takes seconds to import.
    import xraylib

    try:
        xraylib.SymbolToAtomicNumber(symbol)
    except ValueError:
        raise _bad(formula, f"there is no element {symbol!r}") from None
    return symbol


def _amount(formula: str, text: str) -> float:
    amount = float(text)
    if amount <= 0:
        raise _bad(formula, f"the amount {text} is not positive")
    return amount


def _sum(parts: list[tuple[dict[str, float], float]]) -> dict[str, float]:
    """Add up the elements of parts, each times its amount."""
    total: dict[str, float] = {}
    for atoms, amount in parts:
        for element, n in atoms.items():
            total[element] = total.get(element, 0.0) + n * amount
    return total


def _bad(formula: str, reason: str) -> EDSError:
    return EDSError(f"cannot read {formula!r} as a formula such as SrTiO3: {reason}")
