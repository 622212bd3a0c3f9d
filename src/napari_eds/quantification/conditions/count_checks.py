"""Whether a summed spectrum holds counts, and holds them over all of the fitted range."""

from __future__ import annotations

import numpy as np

from napari_eds.fitting.fit import Fit
from napari_eds.fitting.model import SpectralModel

#: Channels beside an empty end that tell how many counts it should hold.
_BESIDE = 100
#: An end that should hold so many counts is not empty by chance.
_SURE_COUNTS = 30.0
#: Near the beam energy, the continuum ends.
_OF_BEAM_ENERGY = 0.9
_NO_ERRORS = "its errors are no errors"
#: Counts scatter by their root; what scatters by half as much, in chi-squared, is none.
_LEAST_CHI_SQUARED = 0.5
#: Counts of a label from which on its chi-squared tells.
_ENOUGH = 1000.0
#: Shares of a whole that counts were turned into, as means of several; channels that tell.
_SHARES, _TELLING_CHANNELS = 10, 30


def count_remarks(fit: Fit, total: np.ndarray) -> list[str]:
    """Return what speaks against numbers being counts of the whole range.

    Parameters
    ----------
    fit : Fit
        What was blurred over pixels shows in labels only, whose sum scatters as counts do.
    total : ndarray, (channels of the fit,)
        Summed counts.
    """
    found = empty_ends(fit.model, total)
    unit = unit_of(total)
    if unit != 1:
        return [*found, f"all numbers are multiples of {unit:g}: scaled; {_NO_ERRORS}"]
    told = fit.reduced_chi_squared[fit.counts.sum(axis=1) >= _ENOUGH]
    chi_squared = float(np.nanmedian(told)) if np.isfinite(told).any() else 1.0
    if chi_squared < _LEAST_CHI_SQUARED:
        found.append(
            f"scatters less than counts do (chi-squared {chi_squared:.2g}): smoothed, or scaled; "
            f"{_NO_ERRORS}"
        )
    return found


def unit_of(total: np.ndarray) -> float:
    """Return what all numbers are multiples of: 1 for counts, and where no unit shows.

    Parameters
    ----------
    total : ndarray, (channels,)
    """
    values = total[total > 0]
    if len(values) < _TELLING_CHANNELS:
        return 1.0
    for parts in range(1, _SHARES + 1):
        whole = np.rint(values * parts)
        if np.allclose(whole, values * parts, rtol=0, atol=1e-6):
            return int(np.gcd.reduce(whole.astype(np.int64))) / parts
    return 1.0


def empty_ends(model: SpectralModel, total: np.ndarray) -> list[str]:
    """Return remarks on ends of the range without a single count, as a discriminator leaves them.

    Lines there would be found absent.

    Parameters
    ----------
    model : SpectralModel
    total : ndarray, (channels of the fit,)
    """
    energies = model.energy.energies_keV
    total = total[energies < _OF_BEAM_ENERGY * model.beam_energy_keV]
    counted = np.flatnonzero(total)
    if not len(counted):
        return []
    first, last = int(counted[0]), int(counted[-1])
    found = []
    if _should_hold(first, total[first : first + _BESIDE]):
        found.append(f"nothing was counted below {energies[first]:.2f} keV: begin the range there")
    if _should_hold(len(total) - 1 - last, total[max(last - _BESIDE, 0) : last + 1]):
        found.append(f"nothing was counted above {energies[last]:.2f} keV: end the range there")
    return found


def _should_hold(channels: int, beside: np.ndarray) -> bool:
    """Say whether so many channels are empty by more than chance.

    An empty end may hold no line, so that the half of the channels beside it which holds fewer
    counts, as lines do not, tells what it lacks.
    """
    without_lines = np.sort(beside)[: (len(beside) + 1) // 2]
    return channels * float(without_lines.mean()) > _SURE_COUNTS
