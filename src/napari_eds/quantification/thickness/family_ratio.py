"""Thickness from two line families of one element: the softer one is absorbed more.

Both count the same atoms, ``k_s I_s a_s = k_h I_h a_h``, so the ratio of their counts tells the
ratio of their absorption factors, which grows with the mass thickness. Neither dose nor solid
angle takes part, but both k-factors do, in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from types import MappingProxyType

import numpy as np

from napari_eds._support.arguments import expect
from napari_eds._support.brief import brief
from napari_eds.errors import EDSError, KFactorError
from napari_eds.fitting.model import SpectralModel
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import (
    TO_G_CM2,
    attenuation_uncertainty,
    mass_absorption_cm2_g,
    mass_thickness_g_cm2,
)
from napari_eds.quantification.errors.budget import doubts_of, shape_errors_of
from napari_eds.quantification.methods.composition import DETECTION_SIGMA
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.thickness.absorption_balance import Balance
from napari_eds.quantification.thickness.of_labels import (
    LabelThickness,
    densities_of,
    median_of,
    times,
)
from napari_eds.recipe.k_factor_theory import theoretical_k_factors
from napari_eds.recipe.k_factors import KFactorTable

#: Counts below this part of a label's largest are taken as so much, for logarithms.
_LEAST = 1e-6


@brief
@dataclass(frozen=True)
class FamilyRatio:
    """The k-factor of the harder family of an element over that of its softer one.

    Attributes
    ----------
    element, soft, hard : str
        Such as ``"Sr"``, ``"L"`` and ``"K"``.
    value, relative_error : float
    source : str
    attenuation_slopes : mapping of str to (float, float)
        Element to the derivatives of ln(value) by ln(MAC) of the element for the softer and the
        harder family: where a region calibrated, errors of coefficients are in the ratio, too,
        and cancel in foils as thick as that region.
    """

    element: str
    soft: str
    hard: str
    value: float
    relative_error: float
    source: str
    attenuation_slopes: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )

    def __post_init__(self) -> None:
        if not (0 < self.value < np.inf and 0 <= self.relative_error < np.inf):
            raise KFactorError(
                f"a ratio of k-factors must be positive and its error 0 or more, not {self.value} "
                f"and {self.relative_error}"
            )
        object.__setattr__(self, "attenuation_slopes", dict(self.attenuation_slopes))


@brief
@dataclass(frozen=True, eq=False)
class FamilyThickness(LabelThickness):
    """Thicknesses from two families; `ratio` is that of their k-factors."""

    ratio: FamilyRatio
    balance: Balance

    def what_would_reconcile(self, mass_thickness_kg_m2: np.ndarray) -> str:
        """Say by what the ratio of k-factors would have to differ."""
        told = self.balance.log_ratio_at(np.maximum(mass_thickness_kg_m2, 0) * TO_G_CM2)
        emitted = self.balance.log_emitted
        measured = emitted[:, self.balance.hard] - emitted[:, self.balance.soft]
        names = f"{self.ratio.element}_{self.ratio.hard} over {self.ratio.element}_"
        factor = times(median_of(np.exp(told - measured)))
        return f"a k-factor of {names}{self.ratio.soft} {factor} as large"


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two families of an element in a result, by their places in its model."""

    soft: int
    hard: int
    model: SpectralModel

    @classmethod
    def of(cls, result: Quantification, element: str, families: tuple[str, str] | None) -> _Pair:
        model = result.fit.model
        there = {f.family: i for i, f in enumerate(model.families) if f.element == element}
        if families is None:
            by_energy = sorted(there, key=lambda n: model.families[there[n]].alpha.energy_keV)
            families = (by_energy[0], by_energy[-1]) if len(by_energy) > 1 else ("L", "K")
        missing = [name for name in families if name not in there]
        if missing or families[0] == families[1]:
            seen = ", ".join(f"{element}_{name}" for name in there) or f"nothing of {element}"
            raise KFactorError(
                f"a thickness needs two families of {element} in the fit, which has {seen}: "
                "choose another element, or widen energy_range_keV"
            )
        soft, hard = sorted(
            (there[name] for name in families), key=lambda i: model.families[i].alpha.energy_keV
        )
        return cls(soft, hard, model)

    @property
    def families(self) -> tuple[xray.Family, xray.Family]:
        """The softer and the harder one."""
        return self.model.families[self.soft], self.model.families[self.hard]

    @property
    def places(self) -> list[int]:
        """Families in the fit: the quantified ones, then softer and harder."""
        return [*range(self.model.n_quantified), self.soft, self.hard]


def thickness_from_families(  # noqa: PLR0913 - all but two have defaults
    result: Quantification,
    element: str,
    *,
    families: tuple[str, str] | None = None,
    ratio: FamilyRatio | None = None,
    take_off_angle_deg: float | None = None,
    density_g_cm3: float | None = None,
) -> FamilyThickness:
    """Return mass thicknesses from the ratio of two families of an element.

    Composition and absorption are solved with them; what the result did about absorption is not
    used. Errors contain counting, the shapes of lines, both k-factors and coefficients of
    attenuation: where k-factors are computed or of a vendor, they alone often exceed the
    thickness, which `FamilyThickness.account` says. `family_ratio_from_label` measures the ratio.

    Parameters
    ----------
    result : Quantification
        Its fit must hold both families; only one of them need be quantified.
    element : str
    families : (str, str), optional
        Such as ``("L", "K")``; the softest and the hardest in the fit by default.
    ratio : FamilyRatio, optional
        In place of k-factors of the result's table; where that lacks one of both, of theory.
    take_off_angle_deg, density_g_cm3 : float, optional
        In place of the file's, and of what follows from each composition.

    Raises
    ------
    KFactorError
        If the fit has not both families, or the ratio is of others.
    EDSError
        If the take-off angle is unknown.
    """
    expect(
        result=(result, Quantification),
        element=(element, str),
        ratio=(ratio, FamilyRatio | None),
        take_off_angle_deg=(take_off_angle_deg, Real | None),
        density_g_cm3=(density_g_cm3, Real | None),
    )
    pair = _Pair.of(result, element, families)
    soft, hard = pair.families
    if ratio is not None and (ratio.element, ratio.soft, ratio.hard) != (
        element,
        soft.family,
        hard.family,
    ):
        raise KFactorError(
            f"a ratio of {ratio.element}_{ratio.soft} and {ratio.element}_{ratio.hard} does not "
            f"belong to {soft} and {hard}"
        )
    known = ratio or _tabulated(result, pair)
    balance = _balance(result, pair, known.value, take_off_angle_deg)
    mass = np.where(_seen(result, pair), balance.mass_thickness_g_cm2(), np.nan)
    parts = {
        name: np.where(np.isnan(mass), np.nan, part)
        for name, part in _error_parts(result, pair, balance, known).items()
    }
    densities, of_density = densities_of(result, balance.fractions(mass), density_g_cm3)
    thickness = mass / densities * 1e7
    relative = np.sqrt(sum(part**2 for part in parts.values())) / np.abs(mass)
    return FamilyThickness(
        way=f"{soft} over {hard}",
        result=result,
        mass_thickness_kg_m2=mass / TO_G_CM2,
        thickness_nm=thickness,
        densities_g_cm3=densities,
        mass_error_parts={name: part / TO_G_CM2 for name, part in parts.items()},
        thickness_error_nm=np.abs(thickness) * np.hypot(relative, of_density),
        ratio=known,
        balance=balance,
    )


def family_ratio_from_label(  # noqa: PLR0913 - all but four have defaults
    result: Quantification,
    label: int,
    element: str,
    thickness_nm: float,
    *,
    density_g_cm3: float | None = None,
    families: tuple[str, str] | None = None,
    take_off_angle_deg: float | None = None,
    thickness_relative_error: float = 0.0,
) -> FamilyRatio:
    """Measure the ratio of two k-factors of an element on a label of known thickness.

    ``k_h / k_s = I_s a_s / (I_h a_h)``. On a label so thin that nothing is absorbed its thickness
    hardly matters.

    Parameters
    ----------
    result : Quantification
    label : int
    element : str
    thickness_nm : float
        0 takes the label for infinitely thin.
    density_g_cm3 : float, optional
        What follows from the label's composition by default.
    families, take_off_angle_deg
        As for `thickness_from_families`.
    thickness_relative_error : float
        Standard deviation of the mass thickness.

    Raises
    ------
    LabelError
        If there is no such label.
    KFactorError, EDSError
        As `thickness_from_families`; or if a family is not detected, or the thickness below 0.
    """
    expect(
        result=(result, Quantification),
        label=(label, Integral),
        element=(element, str),
        thickness_nm=(thickness_nm, Real),
        density_g_cm3=(density_g_cm3, Real | None),
        take_off_angle_deg=(take_off_angle_deg, Real | None),
        thickness_relative_error=(thickness_relative_error, Real),
    )
    row = result.row_of(label)
    if not 0 <= thickness_nm < np.inf:
        raise EDSError(f"the thickness of label {label} must be 0 nm or more, not {thickness_nm}")
    pair = _Pair.of(result, element, families)
    soft, hard = pair.families
    if not _seen(result, pair)[row]:
        raise KFactorError(f"{soft} or {hard} is not detected in label {label}: enlarge it")
    balance = _balance(result, pair, 1.0, take_off_angle_deg).of(slice(row, row + 1))
    density, mass = density_g_cm3, np.zeros(1)
    # The density follows from a composition that follows from the absorption.
    for _ in range(20):
        found = float(densities_of(result, balance.fractions(mass), density_g_cm3 or None)[0][0])
        mass = np.array([mass_thickness_g_cm2(thickness_nm, found)])
        if density is not None and abs(found - density) < 1e-9:
            break
        density = found
    emitted = balance.log_emitted[0]
    told = float(balance.log_ratio_at(mass)[0])
    relative = _relative_covariance(result, pair)[row][-2:, -2:]
    counting = relative[0, 0] + relative[1, 1] - 2 * relative[0, 1]
    steps = [float(balance.log_ratio_at(mass * f)[0]) for f in (0.999, 1.001)]
    of_thickness = (steps[1] - steps[0]) / 0.002 * thickness_relative_error
    return FamilyRatio(
        element,
        soft.family,
        hard.family,
        float(np.exp(told - (emitted[balance.hard] - emitted[balance.soft]))),
        float(np.sqrt(max(counting, 0) + of_thickness**2)),
        f"measured on label {label} at {thickness_nm:.4g} nm",
        balance.attenuation_slopes_at(mass, result.elements),
    )


def _tabulated(result: Quantification, pair: _Pair) -> FamilyRatio:
    """Return the ratio of the result's table, or of theory where that lacks a family."""
    soft, hard = pair.families
    table: KFactorTable = result.k_factors
    if any(table.find(f.element, f.family) is None for f in (soft, hard)):
        table = theoretical_k_factors(pair.model.beam_energy_keV, pair.model.detector)
    table.require([soft, hard])
    found = [table.find(f.element, f.family) for f in (soft, hard)]
    k, error = zip(*((f.value, f.relative_error) for f in found if f is not None), strict=True)
    value = k[1] / k[0]
    if table.convention == "alpha":
        sums = pair.model.weight_sums
        value *= sums[pair.soft] / sums[pair.hard]
    return FamilyRatio(
        soft.element,
        soft.family,
        hard.family,
        float(value),
        float(np.hypot(*error)),
        table.source,
    )


def _balance(
    result: Quantification, pair: _Pair, ratio: float, take_off_angle_deg: float | None
) -> Balance:
    """Put counts, k-factors and coefficients together; the softer family's k-factor is 1."""
    n, sums = pair.model.n_quantified, pair.model.weight_sums
    table = result.k_factors
    k = np.array([table.value_for(f, table.convention) for f in pair.model.quantified])
    # Counts of whole families; k-factors of alpha lines count the alphas among them.
    k = k if table.convention == "family" else k / sums[:n]
    counts = result.fit.intensities[:, pair.places]
    weighed = counts * np.concatenate([k, [1.0, ratio]])
    least = _LEAST * weighed[:, :n].max(axis=1, keepdims=True)
    weighed = np.maximum(weighed, np.maximum(least, np.finfo(float).tiny))
    mac = np.stack([_mac(result, i) for i in pair.places], axis=1)
    angle = result.take_off_angle_deg(take_off_angle_deg)
    return Balance(np.log(weighed), np.log(mac), n, n + 1, float(np.sin(np.radians(angle))))


def _mac(result: Quantification, family: int) -> np.ndarray:
    """Coefficients of the elements for a family, the mean over its lines, (elements,)."""
    model = result.fit.model
    lines = [line for line in model.lines[family] if line.weight > 0]
    weights = np.array([line.weight for line in lines])
    macs = mass_absorption_cm2_g(result.elements, [line.energy_keV for line in lines])
    return np.asarray(macs @ weights / weights.sum())


def _seen(result: Quantification, pair: _Pair) -> np.ndarray:
    """Whether both families are detected in a label, (labels,)."""
    both = [pair.soft, pair.hard]
    errors = result.fit.intensity_errors[:, both]
    return np.asarray((result.fit.intensities[:, both] > DETECTION_SIGMA * errors).all(axis=1))


def _relative_covariance(result: Quantification, pair: _Pair) -> np.ndarray:
    """Of counting, over the counts, for the families of `places`, widened where fits are poor."""
    counts = _counts(result, pair)
    widening = doubts_of(result.fit, None, None).widening
    covariance = result.fit.covariance[:, pair.places][:, :, pair.places]
    scale = widening[:, None] / counts
    return np.asarray(covariance * scale[:, :, None] * scale[:, None, :])


def _counts(result: Quantification, pair: _Pair) -> np.ndarray:
    counts = result.fit.intensities[:, pair.places]
    return np.maximum(counts, _LEAST * counts.max(axis=1, keepdims=True))


def _shape_covariance(result: Quantification, pair: _Pair) -> np.ndarray | None:
    """Of what is open of shapes, over the counts, as `_relative_covariance`."""
    whole = replace(
        result.preparation,
        model=replace(result.preparation.model, n_quantified=len(pair.model.families)),
    )
    found = doubts_of(result.fit, shape_errors_of(whole, result.recipe, "family"), None).shapes
    if "total" not in found:
        return None
    counts = _counts(result, pair)
    total = found["total"][:, pair.places][:, :, pair.places]
    return np.asarray(total / counts[:, :, None] / counts[:, None, :])


def _error_parts(
    result: Quantification, pair: _Pair, balance: Balance, ratio: FamilyRatio
) -> dict[str, np.ndarray]:
    """Return standard deviations of the mass thickness in g/cm² by cause, (labels,)."""
    by_emitted, by_mac = balance.slopes_by_emitted(), balance.slopes_by_mac()

    def spread(covariance: np.ndarray) -> np.ndarray:
        variance = np.einsum("lf,lfg,lg->l", by_emitted, covariance, by_emitted)
        return np.sqrt(np.maximum(variance, 0))

    n = pair.model.n_quantified
    table = result.k_factors
    found = [table.find(f.element, f.family) for f in pair.model.quantified]
    k_errors = np.array([f.relative_error for f in found if f is not None])
    of_k = np.hypot(
        np.sqrt((by_emitted[:, :n] ** 2) @ k_errors**2),
        by_emitted[:, balance.hard] * ratio.relative_error,
    )
    for e, element in enumerate(result.elements):
        for place, slope in zip(
            (balance.soft, balance.hard),
            ratio.attenuation_slopes.get(element, (0, 0)),
            strict=True,
        ):
            by_mac[:, e, place] += by_emitted[:, balance.hard] * slope
    energies = [pair.model.families[i].alpha.energy_keV for i in pair.places]
    doubt = attenuation_uncertainty(result.elements, energies)
    parts = {
        "counting": spread(_relative_covariance(result, pair)),
        "k_factors": of_k,
        "attenuation": np.sqrt(np.einsum("lef,ef->l", by_mac**2, doubt**2)),
    }
    shapes = _shape_covariance(result, pair)
    return parts if shapes is None else parts | {"shapes": spread(shapes)}
