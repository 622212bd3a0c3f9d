"""Tables of zeta-factors: mass thickness per X-ray and electron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import ConfigDict

from napari_eds._support.arguments import PATH, expect
from napari_eds._support.brief import brief
from napari_eds._support.outputs import write_table
from napari_eds.errors import KFactorError
from napari_eds.physics import emission
from napari_eds.physics import lines as xray
from napari_eds.physics.detector import WINDOWLESS, DetectorModel
from napari_eds.recipe.k_factor_columns import ZETA_FACTORS, columns_of
from napari_eds.recipe.k_factor_text import read_text_table
from napari_eds.recipe.k_factor_theory import theoretical_k_factors
from napari_eds.recipe.k_factors import Convention, KFactorTable, checked_table
from napari_eds.recipe.plain_tables import read_plain, shared_number

if TYPE_CHECKING:
    import pandas as pd

#: Per mol, exact since 2019 (SI).
_AVOGADRO_per_mol = 6.02214076e23
_BARN_m2 = 1e-28

#: How well the product of solid angle and cross-sections is known that nobody measured: makers'
#: solid angles leave out shadows of holder and grid, absolute cross-sections miss by 10 %.
THEORY_COMMON_ERROR = 0.3

_ZETA, _BARN, _COMMON = "zeta_kg_m2", "cross_section_barn", "common_relative_error"
#: In what a table is written: zeta-factors, or the partial ionisation cross-sections behind them.
Quantity = Literal["zeta", "cross_section"]
_COLUMNS: dict[Quantity, str] = {"zeta": _ZETA, "cross_section": _BARN}


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
        ln(MAC) of the element for the family. Recipes keep them, tables in CSV do not.

    Raises
    ------
    KFactorError
        If the constant is not positive, or the error below 0.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

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

    @classmethod
    def from_cross_sections(
        cls,
        cross_sections_barn: Mapping[str, float],
        convention: Convention,
        *,
        common_relative_error: float = 0.0,
        beam_energy_keV: float | None = None,
        source: str = "partial ionisation cross-sections given by the user",
    ) -> ZetaFactorTable:
        """Make a table of partial ionisation cross-sections; see `cross_section_m2`.

        Parameters
        ----------
        cross_sections_barn : mapping of str to float
            By family, such as ``{"O_K": 2.1}``, in barn (1e-28 m²) as HyperSpy and eXSpy have
            them: counts per electron over atoms per area.
        convention : {"family", "alpha"}
            Whether they belong to the counts of whole families or of alpha lines. HyperSpy's are
            used with the intensities of alpha lines.
        common_relative_error : float
        beam_energy_keV : float, optional
        source : str

        Raises
        ------
        KFactorError
            If a cross-section is not positive, or a name is not that of a family.
        """
        zeta = {name: _turned_over(name, value) for name, value in cross_sections_barn.items()}
        table = KFactorTable.from_mapping(
            zeta, convention, source=source, beam_energy_keV=beam_energy_keV
        )
        return cls(table, 1.0, common_relative_error)

    def value_kg_m2(self, family: xray.Family, convention: Convention) -> float:
        """Return the factor of a family, in a convention."""
        return self.constant_kg_m2 * self.k_factors.value_for(family, convention)

    def as_k_factors(self) -> KFactorTable:
        """Return the zeta-factors, in kg/m², as k-factors, which have any common factor."""
        factors = [
            factor.model_copy(update={"value": self.constant_kg_m2 * factor.value})
            for factor in self.k_factors.factors
        ]
        return self.k_factors.model_copy(update={"factors": tuple(factors)})

    def to_frame(self, quantity: Quantity = "zeta") -> pd.DataFrame:
        """Return the table: element, family, value, relative_error and what all share.

        An error that nobody gave is NaN here, and empty in files; see `KFactorTable.to_frame`.

        Parameters
        ----------
        quantity : {"zeta", "cross_section"}
            Values are ``zeta_kg_m2``, or partial ionisation cross-sections ``cross_section_barn``,
            which the heaviest elements lack, whose weights are not known.
        """
        import pandas as pd

        column = _COLUMNS[quantity]
        rows = [
            (f.element, f.family, self.constant_kg_m2 * f.value, f.given_error)
            for f in self.k_factors.factors
        ]
        frame = pd.DataFrame(rows, columns=["element", "family", column, "relative_error"])
        if quantity == "cross_section":
            frame = frame[frame["element"].isin(xray.element_symbols())].reset_index(drop=True)
            weights = np.array([xray.atomic_weight(element) for element in frame["element"]])
            frame[column] = cross_section_m2(frame[column].to_numpy(), weights) / _BARN_m2
        frame[_COMMON] = self.common_relative_error
        return frame.assign(**self.k_factors.of_all_rows())

    def to_csv(
        self, path: str | Path, *, quantity: Quantity = "zeta", overwrite: bool = False
    ) -> Path:
        """Write the table as a CSV that `read_zeta_factors` reads back; see `to_frame`."""
        return write_table(path, self.to_frame(quantity), overwrite=overwrite, index=False)


def read_zeta_factors(path: str | Path) -> ZetaFactorTable:
    """Read a table that `ZetaFactorTable.to_csv` wrote, or one that was written by hand.

    Needed are the columns ``element``, ``family``, ``convention`` and one of ``zeta_kg_m2`` and
    ``cross_section_barn``; ``relative_error``, ``common_relative_error``, ``beam_energy_keV``,
    ``detector``, ``source``, ``notes`` and ``date`` may follow. How columns are named and
    separated, and numbers written, is as free as in tables of `read_k_factors`: ``zeta``,
    ``line``, ``kV`` and ``error percent`` are understood, too. Errors that the table does not give
    are those of the class of lines.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    FileNotFoundError
    KFactorError
        If columns are missing, a number is none, or what all rows share differs between them.
    """
    expect(path=(path, PATH))
    path = Path(path)
    text = read_text_table(path)
    found = columns_of(text.header, path.name, ZETA_FACTORS)
    column = _ZETA if _ZETA in found.places else _BARN
    missing = [name for name in ("element", "family", "convention") if name not in found.places]
    missing += [f"{_ZETA} or {_BARN}"] * (column not in found.places)
    if missing or not text.rows:
        raise KFactorError(
            f"{path.name} is no table of zeta-factors: it lacks {', '.join(missing) or 'rows'}"
        )
    read = read_plain(text, found, path, column)
    if read.convention is None:
        raise KFactorError(
            f"{path.name}: the column of the convention is empty; say 'family' or 'alpha'"
        )
    rows = read.rows
    if column == _BARN:
        # What is no number is told with its row, as that of other tables.
        rows = [
            (e, f, _turned_over(f"{e}_{f}", v) if isinstance(v, float) else v, error)
            for e, f, v, error in rows
        ]
    table = checked_table(
        rows, read.convention, read.source, read.beam_energy_keV, read.notes, lines=read.lines
    )
    table = table.model_copy(update={"detector": read.detector, "date": read.date})
    return ZetaFactorTable(table, 1.0, shared_number(text, found, path, _COMMON) or 0.0)


def theoretical_zeta_factors(
    beam_energy_keV: float,
    solid_angle_sr: float,
    detector: DetectorModel = WINDOWLESS,
    *,
    common_relative_error: float = THEORY_COMMON_ERROR,
) -> ZetaFactorTable:
    """Compute a table from first principles and the solid angle of the detectors.

    ``zeta = A / (N_A sigma efficiency Omega / 4 pi)``; see `theoretical_k_factor`.

    Parameters
    ----------
    beam_energy_keV : float
    solid_angle_sr : float
        Of all detectors together.
    detector : DetectorModel
    common_relative_error : float
        Of all factors alike, mostly that of the solid angle.

    Raises
    ------
    KFactorError
        If the beam energy is outside of 40-400 keV, or the solid angle not above 0 to 4 pi.
    """
    expect(solid_angle_sr=(solid_angle_sr, Real))
    if not 0 < solid_angle_sr <= 4 * np.pi:
        raise KFactorError(
            f"a solid angle must be above 0 and at most 4 pi (12.57) sr, not {solid_angle_sr:g}"
        )
    table = theoretical_k_factors(beam_energy_keV, detector)
    of_silicon = float(emission.theoretical_k_factor("Si", "K", beam_energy_keV, detector))
    constant = of_silicon * 1e-3 / (_AVOGADRO_per_mol * _BARN_m2) * 4 * np.pi / solid_angle_sr
    note = f"; solid angle {solid_angle_sr:g} sr"
    table = table.model_copy(update={"source": f"{table.source}{note}"})
    return ZetaFactorTable(table, constant, common_relative_error)


def cross_section_m2(
    zeta_kg_m2: float | np.ndarray, atomic_weight: float | np.ndarray
) -> float | np.ndarray:
    """Return the partial ionisation cross-section that is equivalent: ``A / (N_A zeta)``.

    It contains yield, efficiency and solid angle (K. E. MacArthur et al., Microsc. Microanal. 22
    (2016) 71). The same formula turns a cross-section, in m², into a zeta-factor.
    """
    return atomic_weight * 1e-3 / (_AVOGADRO_per_mol * zeta_kg_m2)


def _turned_over(name: str, cross_section_barn: float) -> float:
    """Return the zeta-factor, in kg/m², of a family's cross-section."""
    if not 0 < cross_section_barn < np.inf:
        raise KFactorError(f"{name}: a cross-section must be above 0, not {cross_section_barn}")
    try:
        weight = xray.atomic_weight(name.partition("_")[0])
    except ValueError as error:
        raise KFactorError(f"{name}: {error}") from error
    return float(cross_section_m2(cross_section_barn * _BARN_m2, weight))
