"""The mass thickness at which two lines of one element tell the same number of atoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_eds.physics.absorption import escape_log_slope

#: Depths are settled when they move by less than this.
_SETTLED = 1e-10
_MAX_STEPS = 300
#: Step of logarithms for numerical slopes.
_STEP = 1e-5


def log_factor(depth: np.ndarray) -> np.ndarray:
    """Return ln a of a depth x, ``a = x / (1 - exp(-x))``, continued below 0."""
    x = np.asarray(depth, float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        exact = np.log(np.abs(x)) - np.log(np.abs(-np.expm1(-x)))
    return np.where(np.abs(x) < 1e-5, x / 2, exact)


@dataclass(frozen=True, eq=False)
class Balance:
    """Counts and coefficients, as logarithms so that all errors are relative ones.

    Attributes
    ----------
    log_emitted : ndarray, (labels, families)
        ln(k I): of the quantified elements, and of a softer and a harder family of one element,
        which may be one of the former.
    log_mac : ndarray, (elements, families)
        Coefficients in cm²/g.
    soft, hard : int
        Their places among the families.
    sine : float
        Of the take-off angle.
    """

    log_emitted: np.ndarray
    log_mac: np.ndarray
    soft: int
    hard: int
    sine: float

    def mass_thickness_g_cm2(self) -> np.ndarray:
        """Solve composition, absorption and mass thickness together, (labels,).

        With a composition at hand, ``ln a(x) - ln a(r x)`` is to be ln(k_h I_h / k_s I_s), x being
        the depth of the soft line and r < 1 that of the hard one over it. It grows with x ever
        more slowly, so that Newton's steps from 0 never go too far. They are taken in turn with
        those of the composition. NaN where no thickness fits: the ratio is beyond 1 / r, or the
        softer line is not absorbed more.
        """
        n = len(self.log_mac)
        mac = np.exp(self.log_mac)
        emitted = np.exp(self.log_emitted[:, :n])
        wanted = self.log_emitted[:, self.hard] - self.log_emitted[:, self.soft]
        mass = np.zeros(len(emitted))
        for _ in range(_MAX_STEPS):
            c = self._fractions(emitted, mac[:, :n], mass)
            soft, hard = c @ mac[:, self.soft] / self.sine, c @ mac[:, self.hard] / self.sine
            mass = np.where((hard < soft) & (wanted < np.log(soft / hard)), mass, np.nan)
            missing = wanted - (log_factor(soft * mass) - log_factor(hard * mass))
            slope = soft * escape_log_slope(soft * mass) - hard * escape_log_slope(hard * mass)
            step = missing / slope
            mass = mass + step
            if not np.any(np.abs(step * soft) > _SETTLED):
                break
        return np.where(np.abs(step * soft) > 1e-6, np.nan, mass)

    def of(self, labels: slice) -> Balance:
        """Return that of some of the labels."""
        return replace(self, log_emitted=self.log_emitted[labels])

    def fractions(self, mass_thickness_g_cm2: np.ndarray) -> np.ndarray:
        """Weight fractions (labels, elements) that agree with absorption by a mass thickness."""
        n = len(self.log_mac)
        return self._fractions(
            np.exp(self.log_emitted[:, :n]), np.exp(self.log_mac[:, :n]), mass_thickness_g_cm2
        )

    def log_ratio_at(self, mass_thickness_g_cm2: np.ndarray) -> np.ndarray:
        """Return ln(a_s / a_h) that a mass thickness makes, (labels,)."""
        soft, hard = self._depths_at(mass_thickness_g_cm2)
        return np.asarray(log_factor(soft) - log_factor(hard))

    def attenuation_slopes_at(
        self, mass_thickness_g_cm2: np.ndarray, elements: Sequence[str]
    ) -> dict[str, tuple[float, float]]:
        """Return d ln(a_s / a_h) / d ln(MAC) of the first label, by element: softer, harder."""
        c = self.fractions(mass_thickness_g_cm2)[0]
        path = mass_thickness_g_cm2[0] / self.sine
        soft, hard = (depth[:1] for depth in self._depths_at(mass_thickness_g_cm2))
        shares = c[:, None] * np.exp(self.log_mac[:, [self.soft, self.hard]]) * path
        slopes = shares * [*escape_log_slope(soft), *-escape_log_slope(hard)]
        return {e: (float(s), float(h)) for e, (s, h) in zip(elements, slopes, strict=True)}

    def _depths_at(self, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        c = self.fractions(mass)
        mac = np.exp(self.log_mac)
        return (
            mass * (c @ mac[:, self.soft]) / self.sine,
            mass * (c @ mac[:, self.hard]) / self.sine,
        )

    def _fractions(self, emitted: np.ndarray, mac: np.ndarray, mass: np.ndarray) -> np.ndarray:
        c = emitted / emitted.sum(axis=1, keepdims=True)
        path = np.maximum(mass, 0)[:, None] / self.sine
        for _ in range(_MAX_STEPS):
            corrected = emitted * np.exp(log_factor(path * (c @ mac)))
            before, c = c, corrected / corrected.sum(axis=1, keepdims=True)
            if not np.any(np.abs(c - before) > _SETTLED):
                break
        return c

    def slopes_by_emitted(self) -> np.ndarray:
        """Return derivatives of the mass thickness by ln(k I), (labels, families)."""
        columns = []
        for i in range(self.log_emitted.shape[1]):
            ends = []
            for sign in (1, -1):
                moved = self.log_emitted.copy()
                moved[:, i] += sign * _STEP
                ends.append(replace(self, log_emitted=moved))
            columns.append(_difference(*ends))
        return np.stack(columns, axis=1)

    def slopes_by_mac(self) -> np.ndarray:
        """Return derivatives of the mass thickness by ln(MAC), (labels, elements, families)."""
        n, m = self.log_mac.shape
        found = np.zeros((len(self.log_emitted), n, m))
        for place in np.ndindex(n, m):
            ends = []
            for sign in (1, -1):
                moved = self.log_mac.copy()
                moved[place] += sign * _STEP
                ends.append(replace(self, log_mac=moved))
            found[(slice(None), *place)] = _difference(*ends)
        return found


def _difference(above: Balance, below: Balance) -> np.ndarray:
    return (above.mass_thickness_g_cm2() - below.mass_thickness_g_cm2()) / (2 * _STEP)
