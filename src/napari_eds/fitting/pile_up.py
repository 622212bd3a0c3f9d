"""Pile-up: two X-rays that come so close in time that the detector counts one of both energies.

A share of all counts then lies at the sums of two energies: a peak at twice the energy of each
strong line, and one at the sum of any two. Pairs happen by chance, so that their spectrum is the
convolution of the spectrum with itself (F. H. Tenney, *Nucl. Instrum. Methods* 219 (1984) 165;
P. J. Statham, *Microchim. Acta* 155 (2006) 289); its strength, which depends on count rate and
electronics, is the one unknown. It is found on the summed spectrum and then frozen: each family
brings the sum peaks that it has with everything else, in proportion to its own counts, and the
fit stays linear. Labels are taken as measured at the same count rate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.fft import next_fast_len
from scipy.interpolate import BSpline

from napari_eds._support.progress import check_cancelled
from napari_eds.fitting.least_squares import weighted_fit
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.poisson import BLOCK_LABELS
from napari_eds.fitting.profiles import family_profiles
from napari_eds.fitting.response import Response
from napari_eds.fitting.sum_fit import SumFit, fit_design
from napari_eds.physics import lines as xray
from napari_eds.physics.detector import FIORI_NEWBURY_eV, MnKa_keV

#: Pile-up is used where it is this many standard deviations strong, and more than this share of
#: the counts: below, its peaks are no larger than a tenth of a percent of the strongest line.
SIGNIFICANT_SIGMA = 5.0
LEAST_SHARE = 1e-3

#: Knots of the background under the sum peaks, in widths of a peak: splines this stiff follow
#: edges of absorption, which a polynomial does not, and cannot follow a peak.
_KNOT_WIDTHS = 4.0
_SPLINE_DEGREE = 3
#: Resolution at Mn Ka of a detector without electronic noise: what counting charges leaves of
#: Fiori and Newbury's law.
_NOISELESS_MnKa_eV = float(np.sqrt(FIORI_NEWBURY_eV * MnKa_keV * 1000))
#: At most so many rounds, until the strength moves by less than this part of its error.
_ROUNDS, _SETTLED = 4, 0.1
_RIPPLES = 64


@dataclass(frozen=True)
class PileUp:
    """Strength of the pile-up of a summed spectrum.

    Attributes
    ----------
    strength : float
        Pairs per X-ray counted alone; 0 where there is no pile-up to be seen.
    error : float
        Standard deviation, as large as the misfit of the whole spectrum makes it.
    share : float
        Share of the counts in range of the fit that are pairs.
    """

    strength: float = 0.0
    error: float = 0.0
    share: float = 0.0

    @property
    def is_used(self) -> bool:
        """Whether it is significant, and enough to matter."""
        return self.strength > SIGNIFICANT_SIGMA * self.error and self.share > LEAST_SHARE


def with_pile_up(model: SpectralModel, spectra: np.ndarray) -> tuple[SpectralModel, PileUp]:
    """Return a model whose families have their sum peaks, where the summed spectrum shows them.

    Parameters
    ----------
    model : SpectralModel
        On the calibrated axis; sum peaks that it has are found anew.
    spectra : ndarray, (channels of the fit,) or (labels, channels of the fit)
        Counts of all labels together or, better, of each: X-rays of two phases never meet.

    Returns
    -------
    model : SpectralModel
        Without sum peaks where these are not significant.
    pile_up : PileUp
        As found, whether used or not.
    """
    bare = replace(model, pile_up=None)
    pairs, found = _found(bare, np.atleast_2d(spectra))
    return replace(bare, pile_up=found.strength * pairs if found.is_used else None), found


def _found(model: SpectralModel, spectra: np.ndarray) -> tuple[np.ndarray, PileUp]:
    """Return the pairs of each family at a strength of 1, (channels, families), and the strength.

    Sum peaks need the areas of the lines, and these the sum peaks: a few rounds of a linear fit.
    It sees the peaks of line with line only. Pairs with the background have no shape of their
    own, and would follow any misfit of it.
    """
    total, n = spectra.sum(axis=0, dtype=float), len(model.families)
    fixed = np.hstack([model.profiles, _stiff_splines(model)])
    fitted, strength = fit_design(fixed, total, fixed.shape[1]), 0.0
    pairs, share = np.zeros_like(model.profiles), 0.0
    if not np.any(fitted.coefficients[:n] > 0):
        return pairs, PileUp()
    parts, per_count, background = _meetings(n, fixed, fitted, spectra)
    check_cancelled()
    narrow, meeting = _noiseless_profiles(model), _Meeting.of(model)
    for _ in range(_ROUNDS):
        check_cancelled()
        before, areas = strength, np.maximum(fitted.coefficients[:n], 0)
        # Per count of an X-ray alone; a pair is one count, too.
        lines = (1 + strength) * (narrow @ ((parts * areas).T @ per_count))
        peaks = meeting.pairs(lines) @ areas
        fitted = fit_design(np.column_stack([fixed, peaks]), total, fixed.shape[1] + 1)
        strength = max(float(fitted.coefficients[-1]), 0.0)
        if abs(strength - before) < _SETTLED * float(fitted.errors[-1]):
            break
    # A pair of a line with the background is one of the background with the line: both are
    # the line's here, for the background has none. Its pairs with itself are as smooth as it.
    pairs = meeting.pairs(lines + 2 * (1 + strength) * background)
    share = float((pairs @ areas).sum() / total.sum())
    return pairs, _measured(fitted, share)


def _meetings(
    n_families: int, fixed: np.ndarray, fitted: SumFit, spectra: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Say in which labels an X-ray of each family meets others.

    From a fit of every label with the weights of the sum, as in `poisson.shared_inverse`.

    Returns
    -------
    parts : ndarray, (labels, families)
        Each family's counts in each label, as parts of its counts in all of them.
    per_count : ndarray, (labels, families)
        `parts` over all counts of the label: times the counts of another family, how many of
        those are met per count.
    background : ndarray, (channels of the fit, families)
        What is met of the background, per count.
    """
    _, covariance = weighted_fit(fixed, fitted.expected, fitted.expected)
    inverse = (fixed / fitted.expected[:, None]) @ covariance
    starts = range(0, len(spectra), BLOCK_LABELS)
    found = np.concatenate([_estimated(spectra[i : i + BLOCK_LABELS], inverse) for i in starts])
    areas = np.maximum(found[:, :n_families], 0)
    parts = areas / np.maximum(areas.sum(axis=0), np.finfo(float).tiny)
    check_cancelled()
    per_count = parts / np.maximum(spectra.sum(axis=1, dtype=float), 1)[:, None]
    background = fixed[:, n_families:] @ (found[:, n_families:].T @ per_count)
    return parts, per_count, np.maximum(background, 0)


def _estimated(spectra: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    check_cancelled()
    return np.asarray(spectra @ inverse)


def _measured(fitted: SumFit, share: float) -> PileUp:
    """Return the strength, which is the last coefficient; `share` is that at a strength of 1."""
    strength = max(float(fitted.coefficients[-1]), 0.0)
    # Where the model does not describe the spectrum, counting is not what limits it.
    error = float(fitted.errors[-1]) * np.sqrt(max(fitted.reduced_chi_squared, 1.0))
    return PileUp(strength, float(error), strength * share)


def _noiseless_profiles(model: SpectralModel) -> np.ndarray:
    """Draw the families without electronic noise, (channels, families).

    Two X-rays in one pulse share its noise: convolved with a line as measured, these give peaks
    of the width that a line of the summed energy has.
    """
    resolution = min(_NOISELESS_MnKa_eV, model.resolution_MnKa_eV)
    response = Response(resolution, integrated=True, tail=model.response.tail)
    return family_profiles(model.energy, model.drawn_lines, response)


@dataclass(frozen=True, eq=False)
class _Meeting:
    """Spectra of pairs, one X-ray of each family and one of its partners.

    Channels i and j add up to channel ``i + j + offset / scale`` of the same axis, between two
    channels as a rule; peaks are drawn wide enough for a shift in the Fourier transform to hold
    there. What the axis does not reach is left out.
    """

    families: np.ndarray
    size: int
    room: int
    start: int

    @classmethod
    def of(cls, model: SpectralModel) -> _Meeting:
        """Transform the profiles of a model, moved by what lies between two channels."""
        size = model.energy.size
        distance = model.energy.offset_keV / model.energy.scale_keV
        whole = int(np.floor(distance))
        # Room for all sums, and for the ripples that a shift leaves at the ends.
        room = next_fast_len(2 * size + _RIPPLES, real=True)
        turn = np.exp(-2j * np.pi * np.fft.rfftfreq(room) * (distance - whole))
        transformed = np.fft.rfft(model.profiles, room, axis=0)
        return cls(transformed * turn[:, None], size, room, -whole)

    def pairs(self, partners: np.ndarray) -> np.ndarray:
        """Return the pairs of each family with partners of its own, (channels, families)."""
        product = self.families * np.fft.rfft(partners, self.room, axis=0)
        sums = np.maximum(np.fft.irfft(product, self.room, axis=0), 0)
        channels = self.start + np.arange(self.size)
        known = (channels >= 0) & (channels < 2 * self.size)
        return np.where(known[:, None], sums[np.clip(channels, 0, self.room - 1)], 0)


def _stiff_splines(model: SpectralModel) -> np.ndarray:
    """Return cubic splines with knots some widths of a peak apart, (channels, splines)."""
    energies = model.energy.energies_keV
    widths = np.asarray(xray.fwhm_keV(energies, model.resolution_MnKa_eV))
    position = np.append(0, np.cumsum(model.energy.scale_keV / (_KNOT_WIDTHS * widths[:-1])))
    n_pieces = max(int(position[-1]), 1)
    knots = np.interp(np.linspace(0, position[-1], n_pieces + 1), position, energies)
    ends = [knots[0]] * _SPLINE_DEGREE, [knots[-1]] * _SPLINE_DEGREE
    basis = BSpline.design_matrix(
        energies, np.concatenate([ends[0], knots, ends[1]]), _SPLINE_DEGREE
    )
    return np.asarray(basis.toarray())
