"""What open questions of shape do to the intensities of every label.

An intensity is ``I = H y`` with the weighted pseudo-inverse H of the design. A design that is
wrong by dA moves it by ``-H dA I``; so the covariance of the nuisances, which the summed spectrum
left, becomes one of intensities, quadratic in the label's own amplitudes. A common cause moves all
labels alike: these errors do not average out over labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy.ndimage import uniform_filter1d

from napari_eds.fitting.fit import Fit
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.nuisances import slopes_of
from napari_eds.fitting.poisson import shared_inverse
from napari_eds.fitting.refinement import Refined
from napari_eds.recipe.uncertainties import Uncertainties

#: Parts of the error of an intensity that come from shapes: energy axis, resolution and positions;
#: ratios inside families; the background; and what lines are not drawn exactly.
ShapePart = Literal["axis", "ratios", "background", "line_shapes"]
SHAPE_PARTS: tuple[ShapePart, ...] = get_args(ShapePart)

#: Lengths over which drawn shapes are wrong alike, in full widths of a line.
_LINE_LENGTH, _BACKGROUND_LENGTH = 0.5, 4.0
#: What tails and shelves, which differ from detector to detector and from line to line, are wrong
#: by, relative to the mean of lines over `_AROUND_KEV`.
_TAIL_MISFIT, _AROUND_KEV = 0.006, 0.5


@dataclass(frozen=True, eq=False)
class ShapeErrors:
    """Covariances of the quantified intensities, for amplitudes that are to come.

    Attributes
    ----------
    parts : mapping of str to ndarray, (amplitudes, amplitudes, quantified, quantified)
        By part, and ``"total"``, in which the correlations between parts are contained.
        Amplitudes are alpha areas of all families and, last, the height of the background over
        that of the sum. Covariances are those of the counts of whole families, or of alpha lines
        where `of_families` is false.
    line_shape : float
        What drawn lines are taken to be wrong by, relative to their height.
    inverse : ndarray, (quantified, channels of the fit)
        What a count in a channel adds to each intensity.
    """

    parts: Mapping[str, np.ndarray]
    line_shape: float
    inverse: np.ndarray

    def covariance(
        self, part: str, alpha_areas: np.ndarray, background_heights: np.ndarray
    ) -> np.ndarray:
        """Return covariances of intensities, (labels, quantified, quantified).

        Parameters
        ----------
        part : str
            One of `SHAPE_PARTS`, or ``"total"``.
        alpha_areas : ndarray, (labels, families)
        background_heights : ndarray, (labels,)
            Over that of the sum.
        """
        amplitudes = np.maximum(np.column_stack([alpha_areas, background_heights]), 0)
        tensor = self.parts[part]
        n, q = amplitudes.shape[1], tensor.shape[-1]
        pairs = (amplitudes[:, :, None] * amplitudes[:, None, :]).reshape(len(amplitudes), n * n)
        return (pairs @ tensor.reshape(n * n, q * q)).reshape(-1, q, q)

    def of_own_backgrounds(self, fit: Fit) -> np.ndarray:
        """Return what labels add whose background is unlike the sum's, (labels, quantified).

        Standard deviations of intensities by one cause, as `LabelBackgrounds.errors` gives it.
        """
        if fit.backgrounds is None:
            return np.zeros((len(fit.counts), len(self.inverse)))
        return fit.backgrounds.errors(
            fit.background_coefficients, fit.model.background, self.inverse
        )


def shape_errors(
    model: SpectralModel,
    expected: np.ndarray,
    refined: Refined,
    uncertainties: Uncertainties,
    *,
    of_families: bool,
) -> ShapeErrors:
    """Work out how the intensities of a model answer to what is open of its shapes.

    Parameters
    ----------
    model : SpectralModel
        Prepared, with a background of known shape.
    expected : ndarray, (channels of the fit,)
        Fitted counts of the sum, whose weights all labels are taken to have.
    refined : Refined
    uncertainties : Uncertainties
        Of drawn lines, at least the misfit of the sum, and of the background.
    of_families : bool
        Whether intensities are those of whole families, whose ratios they then share, or of alpha
        lines.
    """
    inverse = shared_inverse(model, expected)[:, : model.n_quantified].T
    parts = _of_nuisances(model, refined, inverse, of_families=of_families)
    line_shape = max(uncertainties.line_shape_percent / 100, refined.misfit)
    parts["line_shapes"] = _of_drawing(model, inverse, line_shape)
    roughness = _of_roughness(model, inverse, uncertainties.background_percent / 100)
    parts["background"] = parts["background"] + roughness
    parts["total"] = parts["total"] + roughness + parts["line_shapes"]
    scale = model.weight_sums[: model.n_quantified] if of_families else np.ones(len(inverse))
    scaled = {part: found * np.outer(scale, scale) for part, found in parts.items()}
    return ShapeErrors(scaled, line_shape, inverse * scale[:, None])


def _of_nuisances(
    model: SpectralModel,
    refined: Refined,
    inverse: np.ndarray,
    *,
    of_families: bool,
) -> dict[str, np.ndarray]:
    """Return what the nuisances' and the background's covariance makes, by part and in total."""
    n, q = len(model.families), model.n_quantified
    kinds = np.array([nuisance.kind for nuisance in refined.nuisances])
    bends = refined.background.shape[1]
    answers = np.zeros((bends + len(kinds), q, n + 1))
    answers[:bends, :, n] = (inverse @ refined.background).T
    for place, slope in enumerate(slopes_of(model, refined.nuisances)):
        answers[bends + place][:, slope.families] = inverse @ slope.columns
        nuisance = refined.nuisances[place]
        if of_families and nuisance.kind == "ratio" and nuisance.family < q:
            # What a family holds per count of its alpha line moves as well.
            answers[bends + place][nuisance.family, nuisance.family] -= model.part_of(
                nuisance.family, nuisance.lines
            )
    of_part = {
        "background": np.arange(bends),
        "axis": bends + np.flatnonzero(kinds != "ratio"),
        "ratios": bends + np.flatnonzero(kinds == "ratio"),
    }
    parts = {
        part: _propagated(answers[places], refined.covariance[np.ix_(places, places)])
        for part, places in of_part.items()
    }
    return parts | {"total": _propagated(answers, refined.covariance)}


def _of_drawing(model: SpectralModel, inverse: np.ndarray, line_shape: float) -> np.ndarray:
    """Return what lines that are drawn wrongly make, and their tails and shelves."""
    n, q = len(model.families), model.n_quantified
    bumps = _bumps(model, _LINE_LENGTH)
    lines = np.zeros((bumps.shape[1], q, n + 1))
    lines[:, :, :n] = np.einsum("qc,cm,cf->mqf", inverse, bumps, model.profiles, optimize=True)
    around = np.zeros_like(lines)
    tails = _TAIL_MISFIT * _around_lines(model)
    around[:, :, :n] = np.einsum("qc,cm,cf->mqf", inverse, bumps, tails, optimize=True)
    return line_shape**2 * _summed(lines) + _summed(around)


def _of_roughness(model: SpectralModel, inverse: np.ndarray, relative: float) -> np.ndarray:
    """Return what a background makes that is wrong by a part of it, here more and there less."""
    bumps = _bumps(model, _BACKGROUND_LENGTH)
    shape = model.background.sum(axis=1)
    below = np.zeros((bumps.shape[1], model.n_quantified, len(model.families) + 1))
    below[:, :, -1] = (inverse @ (bumps * shape[:, None])).T
    return relative**2 * _summed(below)


def _summed(modes: np.ndarray) -> np.ndarray:
    """Sum over modes (modes, quantified, amplitudes) of their outer products."""
    return np.asarray(np.einsum("mqa,mrb->abqr", modes, modes, optimize=True))


def background_heights(fit: Fit) -> np.ndarray:
    """Return the background of each label over the one the model was given, (labels,)."""
    shape = fit.model.background.sum()
    return fit.background_counts / max(float(shape), 1e-12)


def _propagated(answers: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return the tensor of answers (nuisances, quantified, amplitudes) to a covariance."""
    return np.einsum("iqa,ij,jrb->abqr", answers, covariance, answers, optimize=True)


def _around_lines(model: SpectralModel) -> np.ndarray:
    """Return the mean of each family's lines over the reach of tails, (channels, families)."""
    channels = max(round(_AROUND_KEV / model.energy.scale_keV), 1)
    return np.asarray(uniform_filter1d(model.profiles, channels, axis=0, mode="constant"))


def _bumps(model: SpectralModel, widths: float) -> np.ndarray:
    """Return overlapping bumps over the axis, (channels, bumps), their squares summing to 1.

    A random sum of them is a random curve of standard deviation 1 that changes over `widths`
    full widths of a line.
    """
    energies = model.energy.energies_keV

    def width(energy_keV: np.ndarray | float) -> np.ndarray:
        return widths * model.response.fwhm_keV(energy_keV)

    centres = [float(energies[0])]
    while centres[-1] < energies[-1]:
        centres.append(centres[-1] + float(width(centres[-1])))
    places = np.array(centres)
    drawn = np.exp(-0.5 * ((energies[:, None] - places) / (0.8 * width(places))) ** 2)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
