"""Compositions of labels frame by frame: whether anything changes under the beam.

The frames lie below each other in one map, so that one fit serves all: the energy axis, line
shapes and background are settled on the sum of everything, and what is uncertain of them, of
k-factors and of absorption is common to all frames. Differences between frames are judged by
counting alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from napari_eds._support.arguments import expect
from napari_eds._support.brief import brief
from napari_eds._support.csv_cells import csv_text
from napari_eds._support.figures import save_figure
from napari_eds._support.files import beside
from napari_eds._support.outputs import write_files
from napari_eds._support.progress import Progress, begin, tells_steps
from napari_eds.errors import EDSError, LabelError, RecipeError
from napari_eds.labels.chips import CHIP, LABEL, N_PIXELS, Chips, describe_labels, labelled
from napari_eds.quantification.frames.figure import draw
from napari_eds.quantification.frames.hard_xrays import Faded, can_mislead, faded
from napari_eds.quantification.methods.composing import electrons_of
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.run import run_labels
from napari_eds.quantification.table import MASS_THICKNESS, at_pct, error_of, error_total_of
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.frame_series import FrameSeries

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What compositions are seen against.
Against = Literal["frame", "time", "dose"]

FIRST, LAST, TIME, DOSE = "first_frame", "last_frame", "time_s", "dose_per_nm2"
_COLUMNS: dict[Against, str] = {"frame": "frame", "time": TIME, "dose": DOSE}
UNITS: dict[Against, str] = {
    "frame": "frames passed",
    "time": "time / s",
    "dose": "dose / electrons per nm²",
}
#: What is said of the values of one element and label.
_CHANGE = (
    "mean",
    "chi_squared",
    "degrees",
    "p_value",
    "slope",
    "slope_error",
    "at_zero",
    "at_zero_error",
    "at_zero_error_total",
    "onset",
    "changes",
)
#: What `changes` calls the mass thickness, in kg/m², beside the elements.
RHO_T = "rho_t"
#: Columns of `changes` that are the same for all elements of a label.
XRAYS, XRAYS_ERROR = "hard_xrays_percent", "hard_xrays_error_percent"
#: Labels that are drawn without being asked for.
_DRAWN = 6
#: A change is told where its probability by chance is lower; and an onset where the effect is
#: above so many standard deviations.
UNLIKELY, ONSET_SIGMA = 0.001, 2.0


@brief
@dataclass(frozen=True, eq=False)
class FrameResult:
    """Compositions of labels over frames.

    Attributes
    ----------
    result : Quantification
        Of the frames below each other; its labels are those of one label in one frame.
    table : DataFrame
        One row per label and frame (or group of frames): ``label``, ``chip``, ``first_frame`` and
        ``last_frame`` (from 1), ``time_s`` and ``dose_per_nm2`` up to its middle (NaN where the
        file does not say), and the columns of the result's table.
    series : FrameSeries
        The frames or groups.
    """

    result: Quantification
    table: pd.DataFrame
    series: FrameSeries

    @property
    def elements(self) -> tuple[str, ...]:
        """The quantified elements."""
        return self.result.elements

    @property
    def labels(self) -> list[int]:
        """The labels, in the order of their numbers."""
        return [int(label) for label in self.table[LABEL].unique()]

    def against(self, what: Against = "frame") -> np.ndarray:
        """Return the abscissa of every row of the table.

        Parameters
        ----------
        what : {"frame", "time", "dose"}
            Frames, seconds, or electrons per nm² that passed up to its middle: 0.5 is the first
            frame.

        Raises
        ------
        EDSError
            If the file does not tell times, or the beam current.
        """
        if what not in get_args(Against):
            raise EDSError(f"compositions are seen against {get_args(Against)}, not {what!r}")
        if what == "frame":
            return self.table[[FIRST, LAST]].mean(axis=1).to_numpy() - 0.5
        values = self.table[_COLUMNS[what]].to_numpy(float)
        if not np.isfinite(values).all():
            missing = "times" if what == "time" else "the beam current and the size of a pixel"
            raise EDSError(f"the file does not tell {missing}; see the result against frames")
        return values

    def changes(self, against: Against = "frame") -> pd.DataFrame:
        """Test whether compositions change.

        Parameters
        ----------
        against : {"frame", "time", "dose"}
            What values are extrapolated to 0 of.

        Returns
        -------
        DataFrame
            One row per label and element: ``mean``, in at.%, weighted by counting errors;
            ``chi_squared`` of the frames around it and ``degrees`` of freedom; ``p_value``, the
            probability that chance alone makes it as large; ``slope`` of a straight line and
            ``slope_error``, per unit of `against`; ``at_zero``, what the line gives at 0, its
            ``at_zero_error`` from counting and ``at_zero_error_total``; ``onset``, the first
            value of `against` from which on all compositions differ from the first one by more
            than twice the error of the difference, NaN where there is none; and ``changes``,
            whether p is below 0.001. By the zeta-factor method, ``"rho_t"`` stands among the
            elements for the mass thickness in kg/m². ``hard_xrays_percent`` and
            ``hard_xrays_error_percent`` tell by how much X-rays above 2 keV, per dose, change
            from the first frame to the last, as they do where thickness does.
        """
        x = self.against(against)
        xrays = {told.label: (told.percent, told.error_percent) for told in self._faded()}
        rows = []
        for label, own in self.table.groupby(LABEL, sort=True):
            at = x[self.table.index.get_indexer(own.index)]
            for element, column in self._followed():
                value, error, total = (
                    own[name].to_numpy(float)
                    for name in (column, error_of(column), error_total_of(column))
                )
                told = _change(at, value, error, total)
                told |= dict(zip((XRAYS, XRAYS_ERROR), xrays[int(label)], strict=True))
                rows.append({LABEL: label, CHIP: own[CHIP].iloc[0], "element": element} | told)
        return pd.DataFrame(rows)

    def thickness_lines(self) -> list[str]:
        """Say where a change may be one of thickness, in sentences; empty where none is.

        Zeta-factors find the thickness of every frame, so that compositions are right.
        """
        found = self.changes()
        families = self.result.fit.model.quantified
        if self.result.composition.mass_thickness is not None or not can_mislead(families):
            return []
        changed = set(found.loc[found["changes"], LABEL])
        return [str(told) for told in self._faded() if told.label in changed and told.is_sure]

    def _faded(self) -> list[Faded]:
        frames = [own.first for own in self.series.ranges]
        parts = self.series.dose_parts[np.searchsorted(frames, self.table[FIRST])]
        doses = self.table[N_PIXELS].to_numpy() * parts
        return faded(self.table, self.result.fit.model.quantified, doses)

    def _followed(self) -> list[tuple[str, str]]:
        """Return what is tested for a change, with its column."""
        of_elements = [(element, at_pct(element)) for element in self.elements]
        if self.result.composition.mass_thickness is None:
            return of_elements
        return [*of_elements, (RHO_T, MASS_THICKNESS)]

    def account(self) -> list[str]:
        """Say what changes, and what errors hold, in sentences."""
        found = self.changes()
        told = [_sentence(row) for _, row in found[found["changes"]].iterrows()]
        nothing = (
            "No composition changes over the frames by more than counting explains "
            f"(p above {UNLIKELY:g})."
        )
        common = (
            "Frames share axis, line shapes, k-factors and absorption: their errors move all "
            "alike, where the thickness stays, and take no part in these tests."
        )
        changes = [*(told or [nothing]), *self.thickness_lines()]
        return [*changes, *self._shifted(), common, *self.result.account()]

    def _shifted(self) -> list[str]:
        down, right = np.abs(self.series.shifts).max(axis=0)
        if not (down or right):
            return []
        return [f"Frames were shifted by up to {down} rows and {right} columns, in whole pixels."]

    def to_csv(
        self, path: str | Path, *, against: Against = "frame", overwrite: bool = False
    ) -> list[Path]:
        """Save the table, and the `changes` beside it as ``<stem>_changes.csv``.

        Parameters
        ----------
        path : str or Path
            The table.
        against : {"frame", "time", "dose"}
            What the changes are told against.
        overwrite : bool
            Whether files that are there may be replaced.

        Raises
        ------
        OutputError
            If a file is in the way.
        """
        tables = (self.table, self.changes(against))
        texts = (csv_text(table, index=False, float_format="%.6g") for table in tables)
        return write_files(csv_files(path), texts, overwrite=overwrite)

    def figure(self, against: Against = "frame", labels: Sequence[int] | None = None) -> Figure:
        """Draw compositions against frames, time or dose: one row for each label.

        Bars are errors of counting, bands what all frames have in common beside; lines are those
        of `changes`, where something changes.

        Parameters
        ----------
        against : {"frame", "time", "dose"}
        labels : sequence of int, optional
            Which to draw; the first ones by default.

        Raises
        ------
        LabelError
            If a label is not in the result.
        """
        known = self.table[[at_pct(e) for e in self.elements]].notna().any(axis=1)
        seen = [int(label) for label in self.table.loc[known, LABEL].unique()] or self.labels
        chosen = seen[:_DRAWN] if labels is None else list(labels)
        unknown = sorted(set(chosen) - set(self.labels))
        if unknown or not chosen:
            raise LabelError(f"no frames of label {unknown}; there are {self.labels}")
        abscissa = (UNITS[against], self.against(against))
        return draw(self.table, self.changes(against), chosen, self._followed(), abscissa)

    def save_figure(
        self,
        path: str | Path,
        against: Against = "frame",
        labels: Sequence[int] | None = None,
        *,
        overwrite: bool = False,
    ) -> Path:
        """Save `figure` as PNG, PDF or SVG, by the ending of the path.

        Parameters
        ----------
        path : str or Path
            Its ending tells the format, such as PNG, PDF or SVG; PNG without one.
        against : {"frame", "time", "dose"}
        labels : sequence of int, optional
            See `figure`.
        overwrite : bool
            Whether a file that is there may be replaced.

        Raises
        ------
        EDSError
            If figures are not drawn in that format.
        OutputError
            If the file is in the way.
        """
        return save_figure(self.figure(against, labels), path, overwrite=overwrite)


def csv_files(path: str | Path) -> list[Path]:
    """Return the files that `FrameResult.to_csv` writes."""
    return beside(path, "_changes.csv")


@tells_steps
def quantify_frames(  # noqa: PLR0913 - the last three have defaults that fit nearly all
    series: FrameSeries,
    labels: np.ndarray | Chips,
    recipe: Recipe,
    *,
    every: int = 1,
    names: Mapping[int, str] | None = None,
    progress: Progress | None = None,
) -> FrameResult:
    """Quantify labels in every frame, all with one calibration.

    Parameters
    ----------
    series : FrameSeries
        Aligned, if the specimen drifted: see `find_drift` and `FrameSeries.shifted`.
    labels : ndarray of int, (rows, columns), or Chips
        Of a frame. Pixels that a frame does not cover are left out of it.
    recipe : Recipe
    every : int
        So many frames are summed into one before, for counts that are too few.
    names : mapping of int to str, optional
    progress : callable, optional
        As of `quantify`.

    Raises
    ------
    LabelError
        If the labels do not fit a frame, or label no pixel.
    EDSError
        As `quantify`. For the zeta-factor method the dose of a frame is its part of the map's,
        by the frames that were recorded.
    """
    expect(series=(series, FrameSeries), recipe=(recipe, Recipe), every=(every, Integral))
    labels, names = labelled(labels, names, series.shape)
    if recipe.detectors == "joint":
        raise RecipeError(
            "frames are read as the sum of detectors: set the recipe's detectors to 'sum', and "
            "read the frames without detectors that are shadowed"
        )
    begin("putting frames together")
    groups = series.grouped(every)
    apart, ids, frames = groups.labels_apart(labels)
    doses = _doses(groups, apart, frames)
    result = run_labels(
        groups.stacked,
        apart,
        None,
        recipe,
        maps={"thickness": None, "density": None},
        progress=progress,
        electrons=_electrons(groups, recipe, doses),
        doses=doses,
    )
    region = result.table.index.to_numpy() - 1
    described = describe_labels(labels, names)
    # Where a label lies in the frames below each other is of no use.
    table = result.table.reset_index(drop=True)
    table = table.drop(columns=[c for c in described if c != N_PIXELS])
    left = _of_frames(groups, frames[region]).set_index(table.index)
    left.insert(0, LABEL, ids[region])
    left.insert(1, CHIP, described.loc[ids[region], CHIP].to_numpy())
    table = pd.concat([left, table], axis=1).sort_values([LABEL, FIRST], ignore_index=True)
    return FrameResult(result, table, groups)


def _doses(groups: FrameSeries, apart: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return doses of regions with pixels, over that of a pixel in all frames.

    Parameters
    ----------
    groups : FrameSeries
    apart, frames
        Of `FrameSeries.labels_apart`.
    """
    n_pixels = np.bincount(apart.ravel(), minlength=frames.size + 1)[1:]
    return np.asarray((n_pixels * groups.dose_parts[frames])[n_pixels > 0])


def _electrons(groups: FrameSeries, recipe: Recipe, doses: np.ndarray) -> np.ndarray | None:
    """Return electrons of doses, each that of its own frames; None where not needed."""
    if recipe.method != "zeta":
        return None
    # Of the map as one frame has it, which tells the time of a pixel over all frames.
    whole = replace(groups.frame(0), acquisition=groups.stacked.acquisition)
    (per_pixel,) = electrons_of(whole, recipe.dose, np.ones(1))
    return np.asarray(per_pixel * doses)


def _of_frames(groups: FrameSeries, frames: np.ndarray) -> pd.DataFrame:
    """Return numbers, and times and doses up to the middle, of frames counted from 0."""
    unknown = np.full(groups.n_frames, np.nan)
    columns = {
        FIRST: np.array([r.first for r in groups.ranges]),
        LAST: np.array([r.last for r in groups.ranges]),
    }
    for name, found in ((TIME, groups.frame_times_s), (DOSE, groups.doses_per_nm2)):
        steps = unknown if found is None else found
        columns[name] = np.cumsum(steps) - steps / 2
    return pd.DataFrame({name: values[frames] for name, values in columns.items()})


def _sentence(row: pd.Series) -> str:
    what, unit = row["element"], "at.%"
    if what == RHO_T:
        what, unit = "the mass thickness", "kg/m²"
    found = (
        f"{what} in label {row[LABEL]} changes over the frames (p = "
        f"{row['p_value']:.1g}): {row['slope']:+.2g} ± {row['slope_error']:.1g} {unit} a frame, "
        f"{row['at_zero']:.3g} ± {row['at_zero_error']:.1g} {unit} at the beginning."
    )
    return found[0].upper() + found[1:]


def _change(
    x: np.ndarray, value: np.ndarray, error: np.ndarray, total: np.ndarray
) -> dict[str, Any]:
    """Return what the values of one element and label say of a change."""
    known = np.isfinite(value) & np.isfinite(error) & (error > 0)
    x, value, error, total = x[known], value[known], error[known], total[known]
    if value.size < 2:
        return dict.fromkeys(_CHANGE, np.nan) | {"degrees": 0, "changes": False}
    weights = error**-2
    mean = np.average(value, weights=weights)
    chi_squared, degrees = float((weights * (value - mean) ** 2).sum()), value.size - 1
    p = float(stats.chi2.sf(chi_squared, degrees))
    design = np.stack([np.ones_like(x), x], axis=1)
    covariance = np.linalg.inv(design.T @ (design * weights[:, None]))
    zero, slope = covariance @ (design.T @ (weights * value))
    zero_error, slope_error = np.sqrt(np.diagonal(covariance))
    common = np.sqrt(max(float(np.mean(total**2 - error**2)), 0))
    total_error = float(np.hypot(zero_error, common))
    found = (mean, chi_squared, degrees, p, slope, slope_error, zero, zero_error, total_error)
    return dict(zip(_CHANGE, (*found, _onset(x, value, error), p < UNLIKELY), strict=True))


def _onset(x: np.ndarray, value: np.ndarray, error: np.ndarray) -> float:
    """Return from where on all values differ from the first one, NaN where from nowhere."""
    beyond = np.abs(value - value[0]) > ONSET_SIGMA * np.hypot(error, error[0])
    inside = np.flatnonzero(~beyond)
    start = inside[-1] + 1
    return float(x[start]) if start < x.size else float("nan")
