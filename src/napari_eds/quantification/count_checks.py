"""Whether a summed spectrum holds counts, and holds them over all of the fitted range."""

from __future__ import annotations

import numpy as np

from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.preparation import Preparation

#: Channels beside an empty end that tell how many counts it should hold.
_BESIDE = 100
#: An end that should hold so many counts is not empty by chance.
_SURE_COUNTS = 30.0
#: Near the beam energy, the continuum ends.
_OF_BEAM_ENERGY = 0.9
#: Counts scatter by their root; what scatters by half as much, in chi-squared, is none.
_LEAST_CHI_SQUARED = 0.5
#: Counts per channel from which on chi-squared tells.
_ENOUGH = 1.0


def count_remarks(preparation: Preparation, total: np.ndarray) -> list[str]:
    """Return what speaks against numbers being counts of the whole range.

    Parameters
    ----------
    preparation : Preparation
    total : ndarray, (channels of the fit,)
        Summed counts.
    """
    found = empty_ends(preparation.model, total)
    chi_squared = preparation.reduced_chi_squared
    if total.mean() >= _ENOUGH and chi_squared < _LEAST_CHI_SQUARED:
        found.append(
            f"scatters less than counts do (chi-squared {chi_squared:.2g}): smoothed, or scaled; "
            "its errors are no errors"
        )
    return found


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
