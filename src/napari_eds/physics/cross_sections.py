"""Electron-impact ionisation cross-sections of inner shells (Bote, Salvat, Jablonski, Powell)."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Shells in the order in which vacancies move outwards.
SHELLS = ("K", "L1", "L2", "L3", "M1", "M2", "M3", "M4", "M5")

#: Rest energy of the electron in eV and 4 pi times the squared Bohr radius in cm2, as rounded
#: in the original coefficients' own evaluation.
ELECTRON_REST_eV = 510998.918
_FOUR_PI_A0_SQUARED_cm2 = 3.51899e-16

#: Overvoltage at which the two branches of the formula meet.
_BRANCH_OVERVOLTAGE = 16.0


@cache
def _coefficients() -> dict[str, dict[str, Any]]:
    """Return the coefficient table, read once."""
    text = files("napari_eds").joinpath("data", "bote_salvat_2009.json").read_text("utf-8")
    return json.loads(text)


def shell_cross_section_cm2(Z: int, shell: str, beam_energy_keV: ArrayLike) -> np.ndarray:
    """Return the cross-section for ionising one subshell by one electron, in cm².

    The distorted-wave Born calculation of Bote and Salvat as parametrised in *At. Data Nucl.
    Data Tables* 95 (2009) 871. With the overvoltage U = E / edge, E in eV, mc² the electron's
    rest energy, X = sqrt(E (E + 2 mc²)) / mc² its reduced momentum and b² = (v/c)²::

        1 < U <= 16:  4 pi a0² (U - 1) f² / U²
                      f = a0 + a1 U + o (a2 + o² (a3 + o² a4)),  o = 1 / (1 + U)
        U > 16:       4 pi a0² Anlj / b² · U / (U + Be) · f
                      f = (2 ln X - b²)(1 + g0 / X) + g1 + g2 sqrt(mc² / (E + mc²)) + g3 / X

    Parameters
    ----------
    Z : int
        Atomic number, 1 to 99.
    shell : str
        One of `SHELLS`.
    beam_energy_keV : array_like

    Returns
    -------
    ndarray of float64, shape of `beam_energy_keV`
        0 at and below the edge, and for a shell the element does not have.
    """
    energy_eV = np.asarray(beam_energy_keV, float) * 1000
    if not np.all(np.isfinite(energy_eV) & (energy_eV > 0)):
        raise EDSError(f"beam energy must be positive, not {beam_energy_keV!r} keV")
    element = _coefficients().get(str(Z))
    if element is None:
        raise EDSError(f"ionisation cross-sections cover Z = 1 to 99, not {Z}")
    if shell not in SHELLS:
        raise EDSError(f"no shell {shell!r}: expected one of {', '.join(SHELLS)}")
    if shell not in element["shells"]:
        return np.zeros_like(energy_eV)
    i = element["shells"].index(shell)
    overvoltage = energy_eV / element["edge_eV"][i]
    area = np.where(
        overvoltage > _BRANCH_OVERVOLTAGE,
        _high_branch(energy_eV, overvoltage, element, i),
        _low_branch(overvoltage, element["a"][i]),
    )
    return np.where(overvoltage > 1, _FOUR_PI_A0_SQUARED_cm2 * area, 0.0)


def _low_branch(overvoltage: np.ndarray, a: list[float]) -> np.ndarray:
    """Cross-section in units of 4 pi a0² for U <= 16."""
    o = 1 / (1 + overvoltage)
    f = a[0] + a[1] * overvoltage + o * (a[2] + o**2 * (a[3] + o**2 * a[4]))
    return (overvoltage - 1) * (f / overvoltage) ** 2


def _high_branch(
    energy_eV: np.ndarray, overvoltage: np.ndarray, element: dict[str, Any], i: int
) -> np.ndarray:
    """Cross-section in units of 4 pi a0² for U > 16."""
    g = element["g"][i]
    momentum = np.sqrt(energy_eV * (energy_eV + 2 * ELECTRON_REST_eV))
    beta_squared = (momentum / (energy_eV + ELECTRON_REST_eV)) ** 2
    X = momentum / ELECTRON_REST_eV
    f = (
        (2 * np.log(X) - beta_squared) * (1 + g[0] / X)
        + g[1]
        + g[2] * np.sqrt(ELECTRON_REST_eV / (energy_eV + ELECTRON_REST_eV))
        + g[3] / X
    )
    return element["Anlj"][i] / beta_squared * overvoltage / (overvoltage + element["Be"][i]) * f
