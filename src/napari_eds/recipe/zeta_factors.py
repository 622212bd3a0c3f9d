"""Tables of zeta-factors: mass thickness per X-ray and electron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from napari_eds._support.brief import brief
from napari_eds._support.outputs import write_files
from napari_eds.errors import KFactorError
from napari_eds.physics import emission
from napari_eds.physics import lines as xray
from napari_eds.recipe.k_factor_theory import theoretical_k_factors
from napari_eds.recipe.k_factors import Convention, KFactorTable

#: Per mol, exact since 2019 (SI).
_AVOGADRO_per_mol = 6.02214076e23
_BARN_m2 = 1e-28

#: How well the product of solid angle and cross-sections is known that nobody measured: makers'
#: solid angles leave out shadows of holder and grid, absolute cross-sections miss by 10 %.
THEORY_COMMON_ERROR = 0.3

_ZETA, _COMMON = "zeta_kg_m2", "common_relative_error"


@brief
@dataclass(frozen=True)
class ZetaFactorTable:
    """zeta-factors ``zeta = constant x k``, in kg/m² times electrons per X-ray.

    ``C rho t = zeta I a / D`` with the weight fraction C, the mass thickness rho t, the intensity
    I, its absorption factor a and the dose D in electrons: M. Watanabe and D. B. Williams,
    J. Microsc. 221 (2006) 89.

    Attributes
    ----------
    k_factors : KFactorTable
        Convention, beam energy, detector and source are those of this table; its errors are those
        of each factor by itself.
    constant_kg_m2 : float
    common_relative_error : float
        Standard deviation of what all factors share, such as the solid angle.
    attenuation_slopes : mapping of str to mapping of str to float
        Family that a foil calibrated, to elements of the foil, to the derivative of ln(zeta) by
        ln(MAC) of the element for the family. Files do not keep them.

    Raises
    ------
    KFactorError
        If the constant is not positive, or the error below 0.
    """

    k_factors: KFactorTable
    constant_kg_m2: float
    common_relative_error: float = 0.0
    attenuation_slopes: Mapping[str, Mapping[str, float]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not (0 < self.constant_kg_m2 < np.inf and 0 <= self.common_relative_error < np.inf):
            raise KFactorError(
                "the constant of zeta-factors must be positive and its error 0 or more, not "
                f"{self.constant_kg_m2} and {self.common_relative_error}"
            )

    def value_kg_m2(self, family: xray.Family, convention: Convention) -> float:
        """Return the factor of a family, in a convention."""
        return self.constant_kg_m2 * self.k_factors.value_for(family, convention)

    def to_frame(self) -> pd.DataFrame:
        """Return the table: element, family, zeta_kg_m2, relative_error and what all share."""
        rows = [
            (f.element, f.family, self.constant_kg_m2 * f.value, f.relative_error)
            for f in self.k_factors.factors
        ]
        frame = pd.DataFrame(rows, columns=["element", "family", _ZETA, "relative_error"])
        frame[_COMMON] = self.common_relative_error
        frame["convention"] = self.k_factors.convention
        frame["beam_energy_keV"] = self.k_factors.beam_energy_keV
        frame["detector"] = self.k_factors.detector
        frame["source"] = self.k_factors.source
        return frame

    def to_csv(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the table as a CSV that `read_zeta_factors` reads back."""
        text = self.to_frame().to_csv(index=False)
        (written,) = write_files([path], [text], overwrite=overwrite)
        return written


def read_zeta_factors(path: str | Path) -> ZetaFactorTable:
    """Read a table that `ZetaFactorTable.to_csv` wrote.

    Raises
    ------
    FileNotFoundError
    KFactorError
        If columns are missing, or what all rows share differs between them.
    """
    path = Path(path)
    try:
        frame = pd.read_csv(path, keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:
        raise KFactorError(f"{path.name} is no table of zeta-factors: {error}") from error
    needed = ["element", "family", _ZETA, "relative_error", "convention"]
    missing = [name for name in needed if name not in frame]
    if missing or frame.empty:
        raise KFactorError(
            f"{path.name} is no table of zeta-factors: it lacks {', '.join(missing) or 'rows'}"
        )
    common = {name: _shared(frame, name, path.name) for name in frame if name not in needed[:4]}
    names = [f"{e}_{f}" for e, f in zip(frame["element"], frame["family"], strict=True)]
    try:
        values = dict(zip(names, frame[_ZETA].astype(float), strict=True))
        errors = dict(zip(names, frame["relative_error"].astype(float), strict=True))
        beam = float(common["beam_energy_keV"]) if common.get("beam_energy_keV") else None
        shared = float(common.get(_COMMON) or 0)
    except ValueError as error:
        raise KFactorError(f"{path.name}: {error} where a number belongs") from error
    table = KFactorTable.from_mapping(
        values,
        common["convention"],  # type: ignore[arg-type]
        relative_errors=errors,
        source=common.get("source") or path.name,
        beam_energy_keV=beam,
    )
    if common.get("detector"):
        table = table.model_copy(update={"detector": common["detector"]})
    return ZetaFactorTable(table, 1.0, shared)


def theoretical_zeta_factors(
    beam_energy_keV: float,
    solid_angle_sr: float,
    *,
    common_relative_error: float = THEORY_COMMON_ERROR,
) -> ZetaFactorTable:
    """Compute a table from first principles and the solid angle of the detectors.

    ``zeta = A / (N_A sigma efficiency Omega / 4 pi)``; see `theoretical_k_factor`.

    Raises
    ------
    KFactorError
        If the beam energy is outside of 40-400 keV, or the solid angle not above 0 to 4 pi.
    """
    if not 0 < solid_angle_sr <= 4 * np.pi:
        raise KFactorError(f"a solid angle must be above 0 sr, not {solid_angle_sr}")
    table = theoretical_k_factors(beam_energy_keV)
    of_silicon = float(emission.theoretical_k_factor("Si", "K", beam_energy_keV))
    constant = of_silicon * 1e-3 / (_AVOGADRO_per_mol * _BARN_m2) * 4 * np.pi / solid_angle_sr
    return ZetaFactorTable(table, constant, common_relative_error)


def cross_section_m2(zeta_kg_m2: float, atomic_weight: float) -> float:
    """Return the partial ionisation cross-section that is equivalent: ``A / (N_A zeta)``.

    It contains yield, efficiency and solid angle (K. E. MacArthur et al., Microsc. Microanal. 22
    (2016) 71). The same formula turns a cross-section, in m², into a zeta-factor.
    """
    return atomic_weight * 1e-3 / (_AVOGADRO_per_mol * zeta_kg_m2)


def _shared(frame: pd.DataFrame, name: str, file: str) -> str:
    values = frame[name].astype(str).unique()
    if len(values) > 1:
        raise KFactorError(f"{file}: {name} must be the same in all rows, not {list(values[:3])}")
    return str(values[0])
