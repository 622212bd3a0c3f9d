"""By what backgrounds of labels differ from that of the sum: by what their compositions absorb.

Bremsstrahlung is born with nearly the same spectrum in all specimens, up to height and slope, but
each absorbs its own part: gold swallows most of what is soft and has M edges where alumina has
none, which has the edges of its own in return. So the background of a label is that of the sum
times ``T / mean(T)`` with T what leaves of each label, averaged as labels make bremsstrahlung. It
costs no parameter: the composition follows from a first fit, one pseudo-inverse for all labels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_eds._support.numbers import counted
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.profiles import resolved
from napari_eds.fitting.self_absorption import unabsorbed
from napari_eds.physics.absorption import Foil, LOWEST_ATTENUATION_keV
from napari_eds.recipe.k_factors import KFactorTable

#: Counts of the sum's lines that are added to those of each label: with few of its own, it keeps
#: to the composition, and so to the background, of the sum.
_COUNTS_OF_SUM = 50.0
#: Labels whose background differs by less, in squared deviations of all its counts, are taken to
#: have that of the sum: it moves no intensity by more than a fifth of its counting error.
_LEAST_SQUARES = 0.04
#: Nodes between which what leaves is interpolated, in full widths of a line: no edge is narrower.
_NODES = 1 / 3
#: What the logarithm of a difference is wrong by beside the error of the foil, a part of it:
#: coefficients of attenuation next to edges, and what is born differently.
_WRONG = 0.1
#: Shares of X-rays that leave are not taken below this.
_LEAST_ESCAPING = 1e-6


@dataclass(frozen=True, eq=False)
class Nodes:
    """Energies between which curves are interpolated linearly.

    Attributes
    ----------
    energies_keV : ndarray, (nodes,)
    below : ndarray of int, (channels,)
        The node at or below each channel.
    part : ndarray, (channels,)
        How far the channel lies on the way to the next one.
    """

    energies_keV: np.ndarray
    below: np.ndarray
    part: np.ndarray

    @classmethod
    def of(cls, model: SpectralModel) -> Nodes:
        """Lay them as close to each other as a detector resolves."""
        channels = model.energy.energies_keV
        widths = np.cumsum(model.energy.scale_keV / model.response.fwhm_keV(channels))
        wanted = np.arange(widths[0], widths[-1] + 2 * _NODES, _NODES)
        # One more than there are channels for lies above the last of them.
        energies = np.interp(wanted, widths, channels)
        energies[wanted > widths[-1]] = channels[-1] + model.energy.scale_keV
        energies = np.unique(energies)
        below = np.clip(np.searchsorted(energies, channels, "right") - 1, 0, len(energies) - 2)
        return cls(energies, below, (channels - energies[below]) / np.diff(energies)[below])

    def drawn(self, values: np.ndarray) -> np.ndarray:
        """Return curves (..., channels) of their values at the nodes (..., nodes)."""
        low = np.take(values, self.below, axis=-1)
        return np.asarray(low + np.take(np.diff(values), self.below, axis=-1) * self.part)

    def summed(self, curves: np.ndarray) -> np.ndarray:
        """Return what each node adds to sums over channels, (nodes, curves).

        ``drawn(values) @ curves`` is ``values @ summed(curves)``.
        """
        found = np.zeros((len(self.energies_keV), curves.shape[1]))
        np.add.at(found, self.below, curves * (1 - self.part)[:, None])
        np.add.at(found, self.below + 1, curves * self.part[:, None])
        return found


@dataclass(frozen=True, eq=False)
class LabelBackgrounds:
    """The backgrounds of labels over that of the sum.

    Attributes
    ----------
    nodes : Nodes
    ratios : ndarray, (labels, nodes)
        Of 32 bits, since there may be many labels; 1 where a difference would not show.
    unlike : ndarray of bool, (labels,)
        Labels whose background differs by what counts would show.
    is_known : bool
        Whether the foil is known; if not, it is one as thick as it may well be, and labels are
        fitted with the background of the sum.
    error : float
        Standard deviation of the logarithm of a ratio, relative to it.
    """

    nodes: Nodes
    ratios: np.ndarray
    unlike: np.ndarray
    is_known: bool
    error: float

    def fitted(self, labels: slice) -> np.ndarray | None:
        """Return what labels are fitted with, (labels, channels); None where that is the sum's."""
        if not self.is_known or not self.unlike[labels].any():
            return None
        return self.nodes.drawn(self.ratios[labels].astype(float))

    def account(self) -> list[str]:
        """Say which labels have a background of their own, and which should."""
        of_all = f"{int(self.unlike.sum())} of {counted(self.unlike.size, 'label')}"
        if self.is_known:
            return [f"Background of {of_all}: that of the sum, as their compositions absorb it."]
        unknown = (
            f"Background of {of_all}: that of the sum, though their compositions absorb it in "
            "another way, by how much is not known without a thickness."
        )
        return [unknown]

    def counts(self, coefficients: np.ndarray, background: np.ndarray) -> np.ndarray:
        """Return counts of backgrounds, (labels,).

        Parameters
        ----------
        coefficients : ndarray, (labels, columns)
        background : ndarray, (channels, columns)
        """
        by_node = self.nodes.summed(background)
        sums = self.ratios @ by_node if self.is_known else by_node.sum(axis=0)
        return np.asarray((coefficients * sums).sum(axis=1))

    def errors(
        self, coefficients: np.ndarray, background: np.ndarray, inverse: np.ndarray
    ) -> np.ndarray:
        """Return what intensities are wrong by, a common cause for all, (labels, intensities).

        Height and slope are no part of it. Labels that are fitted with the background of the sum
        lack all of the difference.

        Parameters
        ----------
        coefficients : ndarray, (labels, columns)
        background : ndarray, (channels, columns)
        inverse : ndarray, (intensities, channels)
            What a count adds to each intensity.
        """
        found = np.zeros((len(coefficients), len(inverse)))
        ratios = self.ratios[self.unlike].astype(float)
        wrong = self.error * _bent(np.log(ratios), self.nodes.summed(background))
        wrong *= ratios if self.is_known else 1.0
        for amount, column in zip(coefficients[self.unlike].T, background.T, strict=True):
            by_node = self.nodes.summed(column[:, None] * inverse.T)
            found[self.unlike] += amount[:, None] * (wrong @ by_node)
        return found


def label_backgrounds(
    model: SpectralModel,
    first: np.ndarray,
    k_factors: KFactorTable,
    foil: Foil,
    *,
    error: float | None,
) -> LabelBackgrounds | None:
    """Work out by what the backgrounds of labels differ; None where no label is unlike the sum.

    Parameters
    ----------
    model : SpectralModel
        Prepared, with a background of known shape.
    first : ndarray, (labels, columns of the design)
        Coefficients of a first fit.
    k_factors : KFactorTable
    foil : Foil
        Of each label.
    error : float or None
        Relative standard deviation of its mass thickness; None where nothing is known of it, and
        the foil is one as thick as it may well be.
    """
    heights = np.maximum(first[:, len(model.families) :], 0) @ model.background.sum(axis=0)
    if len(first) < 2 or not heights.any() or not foil.thickness_nm.any():
        return None
    nodes = Nodes.of(model)
    columns = nodes.summed(model.background)
    shape = columns.sum(axis=1)
    seen = _for_xrays(model, foil, nodes.energies_keV)
    leaving = 1 / seen.factors(_fractions(model, first, k_factors, foil))
    leaving = np.maximum(leaving, _LEAST_ESCAPING)
    ratios = leaving / (_born(heights, leaving, shape) @ leaving)
    squares = _bent(np.log(ratios), columns) ** 2 @ (shape / shape.sum())
    unlike = heights * squares > _LEAST_SQUARES
    if not unlike.any():
        return None
    return LabelBackgrounds(
        nodes=nodes,
        ratios=np.where(unlike[:, None], ratios, 1).astype(np.float32),
        unlike=unlike,
        is_known=error is not None,
        error=1.0 if error is None else float(np.hypot(error, _WRONG)),
    )


def _fractions(
    model: SpectralModel, first: np.ndarray, k_factors: KFactorTable, foil: Foil
) -> np.ndarray:
    """Return rough weight fractions of labels, (labels, elements)."""
    n = model.n_quantified
    areas = np.maximum(first[:, :n], 0) * model.weight_sums[:n]
    of_sum = np.maximum(first[:, :n].sum(axis=0), 0) * model.weight_sums[:n]
    shares = of_sum / of_sum.sum() if of_sum.any() else np.full(n, 1 / n)
    k = np.array([k_factors.value_for(family, "family") for family in model.quantified])
    return unabsorbed((areas + _COUNTS_OF_SUM * shares) * k, foil)


def _for_xrays(model: SpectralModel, foil: Foil, energies_keV: np.ndarray) -> Foil:
    """Return the foil with coefficients for other X-rays, edges as a detector resolves them."""
    elements = [family.element for family in model.quantified]
    channels = model.energy.energies_keV
    found = foil.for_xrays(elements, np.maximum(channels, LOWEST_ATTENUATION_keV))
    smeared = [
        np.interp(energies_keV, channels, resolved(model.energy, of_element, model.response))
        for of_element in found.mass_absorption_cm2_g
    ]
    return replace(found, mass_absorption_cm2_g=np.array(smeared))


def _born(heights: np.ndarray, leaving: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Return the part of all bremsstrahlung that is born in each label, (labels,).

    Parameters
    ----------
    heights : ndarray, (labels,)
        Of what is counted.
    leaving : ndarray, (labels, nodes)
    shape : ndarray, (nodes,)
        Of the sum, as it is counted.
    """
    mean = heights @ leaving / heights.sum()
    born = heights / (leaving @ (shape / mean))
    return np.asarray(born / born.sum())


def _bent(logarithms: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return what columns of a background, which are fitted, leave of its logarithm.

    Parameters
    ----------
    logarithms : ndarray, (labels, nodes)
    columns : ndarray, (nodes, columns of the background)
    """
    root = np.sqrt(np.maximum(columns.sum(axis=1), np.finfo(float).tiny))
    fitted, _ = np.linalg.qr(columns / root[:, None])
    return np.asarray(logarithms - ((logarithms * root) @ fitted) @ fitted.T / root)
