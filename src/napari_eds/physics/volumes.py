"""Density of a composition, from the volumes that its elements take.

A formula does not tell a density, but volumes of atoms nearly add up: some 200 published densities
of oxides, nitrides, carbides, chalcogenides, halides and intermetallic compounds are met to 7 %
(root mean square), and to 11 % where a compound was left out of the fit
(``docs/make_atomic_volumes.py``). Most metals take far less space beside oxygen than alone: Sr
13 cm³/mol for 34.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.physics import lines as xray

#: Relative standard deviation of computed densities, found on compounds left out of the fit.
DENSITY_RELATIVE_ERROR = 0.11


def saturation(share: np.ndarray) -> np.ndarray:
    """Return how far a share of partners changes the volume of an atom: 1 from one half on.

    ``1 - (1 - 2 f)²`` below one half, so that neither value nor slope jumps.
    """
    return 1 - np.maximum(1 - 2 * share, 0) ** 2


def _slope(share: np.ndarray) -> np.ndarray:
    """Return the derivative of `saturation`."""
    return 4 * np.maximum(1 - 2 * share, 0)


@dataclass(frozen=True, eq=False)
class AtomicVolumes:
    """Volumes of some elements, as their partners change them.

    With s the `saturation` of the share of anions (H, C, N, O and halogens) among all atoms, and t
    that of metals among the other atoms, an element takes ``s v_anions + (1 - s) (t v_metals +
    (1 - t) v_alone)``. Metals take as much beside metals as alone, anions the same everywhere;
    the third kind are B, Si, P, S, Ge, As, Se, Sb and Te.

    Attributes
    ----------
    atomic_weights : ndarray, (elements,)
        In g/mol.
    alone, with_metals, with_anions : ndarray, (elements,)
        In cm³/mol.
    anion, covalent : ndarray of bool, (elements,)
    """

    atomic_weights: np.ndarray
    alone: np.ndarray
    with_metals: np.ndarray
    with_anions: np.ndarray
    anion: np.ndarray
    covalent: np.ndarray

    @classmethod
    def of(cls, elements: Sequence[str]) -> AtomicVolumes:
        """Return the volumes of elements, in their order.

        Raises
        ------
        EDSError
            If the volume of one is not known.
        """
        table = _table()
        unknown = [element for element in elements if element not in table]
        if unknown:
            raise EDSError(
                f"no density follows from a composition with {', '.join(unknown)}, of unknown "
                "atomic volume: give it in g/cm³"
            )
        kinds = np.array([table[element][0] for element in elements])
        volumes = np.array([table[element][1:] for element in elements], float)
        return cls(
            atomic_weights=np.array([xray.atomic_weight(element) for element in elements]),
            alone=volumes[:, 0],
            with_metals=volumes[:, 1],
            with_anions=volumes[:, 2],
            anion=kinds == "anion",
            covalent=kinds == "covalent",
        )

    def densities_g_cm3(self, weight_fractions: np.ndarray) -> np.ndarray:
        """Densities (labels,) of weight fractions (labels, elements); NaN where they are.

        Noise may make fractions negative; those count as absent.
        """
        grams = np.maximum(weight_fractions, 0)
        volume, _ = self._volumes(grams / self.atomic_weights)
        return grams.sum(axis=-1) / volume

    def log_slopes(self, weight_fractions: np.ndarray) -> np.ndarray:
        """Return d ln density / dC of weight fractions C, (labels, elements)."""
        grams = np.maximum(weight_fractions, 0)
        volume, by_moles = self._volumes(grams / self.atomic_weights)
        slopes = (
            1 / grams.sum(axis=-1, keepdims=True)
            - by_moles / self.atomic_weights / volume[..., None]
        )
        return np.where(weight_fractions < 0, 0.0, slopes)

    def _volumes(self, moles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Volume (labels,) of moles (labels, elements), and its derivatives by them."""
        total = _positive(moles.sum(axis=-1, keepdims=True))
        anions = (moles * self.anion).sum(axis=-1, keepdims=True) / total
        rest = (moles * ~self.anion).sum(axis=-1, keepdims=True)
        any_rest = np.where(rest == 0, 1.0, rest)  # without, no atom has a choice
        covalent = (moles * self.covalent).sum(axis=-1, keepdims=True) / any_rest
        s, t = saturation(anions), saturation(1 - covalent)
        without = t * self.with_metals + (1 - t) * self.alone
        each = s * self.with_anions + (1 - s) * without
        ds = _slope(anions) * (self.anion - anions) / total
        dt = -_slope(1 - covalent) * np.where(
            self.anion, 0.0, (self.covalent - covalent) / any_rest
        )
        by_s = (moles * (self.with_anions - without)).sum(axis=-1, keepdims=True)
        by_t = (moles * (self.with_metals - self.alone)).sum(axis=-1, keepdims=True) * (1 - s)
        return (moles * each).sum(axis=-1), each + ds * by_s + dt * by_t


def _positive(total: np.ndarray) -> np.ndarray:
    """Replace what is not positive by NaN."""
    return np.where(total > 0, total, np.nan)


@cache
def _table() -> dict[str, tuple[str, float, float, float]]:
    """Kind and volumes by element."""
    text = files("napari_eds").joinpath("data", "atomic_volumes.csv").read_text("utf-8")
    return {
        row["element"]: (
            row["kind"],
            float(row["alone_cm3_mol"]),
            float(row["with_metals_cm3_mol"]),
            float(row["with_anions_cm3_mol"]),
        )
        for row in csv.DictReader(text.splitlines())
    }
