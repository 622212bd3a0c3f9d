"""Numbers over several labels: which meet a condition, and how far they scatter."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import pandas as pd
from scipy import special

from napari_eds.errors import EDSError
from napari_eds.quantification.table import (
    AT_PCT,
    LABEL,
    N_PIXELS,
    REDUCED_CHI_SQUARED,
    at_pct,
    column_of,
    error_of,
)

#: A scatter that counting alone would give this rarely is called larger than counting explains.
RARE = 0.01

_SHORT_NAMES = {"chi2": REDUCED_CHI_SQUARED, "pixels": N_PIXELS}
_EXAMPLE = "Fe > 20 and chi2 < 2"
_LISTS = "a list stands after in, and only there, such as label in [1, 2]"
_LONGEST_CONDITION = 500
_NAMES_IN_MESSAGE = 12

_OPERATORS = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn),
    *(ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple),
)


class ConditionError(EDSError):
    """A condition on labels that cannot be understood."""


@dataclass(frozen=True)
class Spread:
    """Values of one quantity over labels; NaN where too few labels tell.

    Attributes
    ----------
    n : int
        Labels with a value.
    mean, deviation : float
        Mean and sample standard deviation.
    expected : float
        Standard deviation that counting alone would give: root mean square of the errors.
    weighted_mean, weighted_error : float
        Mean weighted by the inverse squares of the errors, and its own error from counting.
    probability : float
        How probable at least this scatter is if the labels differ by counting only.
    """

    n: int
    mean: float
    deviation: float
    expected: float
    weighted_mean: float
    weighted_error: float
    probability: float

    @property
    def real(self) -> bool:
        """Whether the labels differ by more than counting explains."""
        return self.probability < RARE


def spread(values: np.ndarray, errors: np.ndarray) -> Spread:
    """Return mean and scatter of values, beside the scatter that their errors explain.

    Values that are NaN are left out; values without an error take part in mean and deviation
    only.

    Parameters
    ----------
    values, errors : ndarray, (labels,)
    """
    known = np.isfinite(values)
    values, errors = values[known], errors[known]
    n = len(values)
    mean = float(values.mean()) if n else np.nan
    deviation = float(values.std(ddof=1)) if n > 1 else np.nan
    weighed = np.isfinite(errors) & (errors > 0)
    x, sigma = values[weighed], errors[weighed]
    if not len(x):
        return Spread(n, mean, deviation, np.nan, np.nan, np.nan, np.nan)
    weights = sigma**-2
    weighted_mean = float((weights * x).sum() / weights.sum())
    chi_squared = float((((x - weighted_mean) / sigma) ** 2).sum())
    return Spread(
        n=n,
        mean=mean,
        deviation=deviation,
        expected=float(np.sqrt((sigma**2).mean())),
        weighted_mean=weighted_mean,
        weighted_error=float(weights.sum() ** -0.5),
        probability=float(special.chdtrc(len(x) - 1, chi_squared)) if len(x) > 1 else np.nan,
    )


def spreads(
    table: pd.DataFrame, elements: Iterable[str], ids: Sequence[int], quantity: str = AT_PCT
) -> dict[str, Spread]:
    """Return the spread of every element over labels.

    Parameters
    ----------
    table : DataFrame
        That of a `Quantification`.
    elements : iterable of str
    ids : sequence of int
        Labels; those that the table does not hold are left out.
    quantity : str
        ``"at_pct"`` or ``"wt_pct"``, of which the latter has no errors in the table.
    """
    rows = np.isin(table.index, ids)
    found = {}
    for e in elements:
        column = column_of(e, quantity)
        values = table[column].to_numpy(float)[rows]
        errors = np.full(rows.sum(), np.nan)
        if error_of(column) in table:
            errors = table[error_of(column)].to_numpy(float)[rows]
        found[e] = spread(values, errors)
    return found


# Conditions.


def names_of(table: pd.DataFrame, elements: Iterable[str]) -> dict[str, str]:
    """Return the names that conditions may use, short ones first, with the columns they mean.

    Elements are short for their at. %, ``chi2`` for ``reduced_chi_squared``, ``pixels`` for
    ``n_pixels``; the index is called ``label``.
    """
    short = {e: at_pct(e) for e in elements} | _SHORT_NAMES
    short = {name: column for name, column in short.items() if column in table}
    return {LABEL: LABEL, **short, **{str(column): str(column) for column in table}}


def matching(table: pd.DataFrame, elements: Iterable[str], condition: str) -> np.ndarray:
    """Return which labels meet a condition, (labels,); an empty condition is met by all.

    Columns are compared with ``< <= == != >= >``, with numbers or text in quotes, also
    ``in [...]``; comparisons are joined by ``and``, ``or``, ``not``, columns by ``+ - * /``.
    Nothing else is evaluated.

    Parameters
    ----------
    table : DataFrame
        That of a `Quantification`.
    elements : iterable of str
        Quantified elements.
    condition : str
        Such as ``"Fe > 20 and chi2 < 2"``; see `names_of`.

    Raises
    ------
    ConditionError
        If the condition cannot be understood, with words that say why.
    """
    condition = condition.strip()
    if not condition:
        return np.ones(len(table), bool)
    names = names_of(table, elements)
    _check(_parsed(condition), names, table)
    frame = table.reset_index(names=LABEL)
    frame = frame.assign(**{name: frame[column] for name, column in names.items()})
    try:
        # An older pandas makes numbers of the condition NumPy's, which only warn of 1 / 0.
        with np.errstate(divide="raise", invalid="raise"):
            met = frame.eval(condition, engine="python")
    except (ArithmeticError, NotImplementedError, TypeError, ValueError, KeyError) as error:
        raise ConditionError(
            "numbers are compared with numbers, text with text in quotes, such as chip == 'R0C0'"
        ) from error
    if not isinstance(met, pd.Series) or met.dtype != bool:
        raise ConditionError(f"this compares nothing; write for example {_EXAMPLE}")
    return met.to_numpy()


def _parsed(condition: str) -> ast.Expression:
    if len(condition) > _LONGEST_CONDITION:
        raise ConditionError(f"a condition has {_LONGEST_CONDITION} characters at most")
    try:
        return ast.parse(condition, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if re.search(r"(?<![<>=!])=(?!=)", condition):
            raise ConditionError("equality is written ==") from error
        raise ConditionError(
            f"the condition is not complete; write for example {_EXAMPLE}"
        ) from error


def _check(tree: ast.Expression, names: dict[str, str], table: pd.DataFrame) -> None:
    """Let through comparisons of columns with numbers and text, and nothing else."""
    lists = {id(node.comparators[-1]) for node in ast.walk(tree) if _is_membership(node)}
    for node in ast.walk(tree):
        if not isinstance(node, _OPERATORS):
            raise ConditionError(_refusal(node))
        if isinstance(node, ast.Name) and node.id not in names:
            raise ConditionError(_no_column(node.id, names))
        if isinstance(node, (ast.List, ast.Tuple)) and id(node) not in lists:
            raise ConditionError(_LISTS)
        if _is_membership(node) and not isinstance(node.comparators[-1], (ast.List, ast.Tuple)):
            raise ConditionError(_LISTS)
        if isinstance(node, ast.Constant) and not isinstance(node.value, (int, float, str)):
            raise ConditionError("only numbers and text in quotes can be compared with columns")
        if isinstance(node, ast.BinOp) or _is_sign(node):
            _check_arithmetic(node, names, table)


def _is_membership(node: ast.AST) -> TypeGuard[ast.Compare]:
    return isinstance(node, ast.Compare) and isinstance(node.ops[-1], (ast.In, ast.NotIn))


def _is_sign(node: ast.AST) -> bool:
    return isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not)


def _check_arithmetic(node: ast.AST, names: dict[str, str], table: pd.DataFrame) -> None:
    """Let only numbers be calculated with: text times a number could fill the memory."""
    for part in ast.walk(node):
        text = isinstance(part, ast.Constant) and not isinstance(part.value, (int, float))
        if isinstance(part, ast.Name) and part.id != LABEL:
            text = not pd.api.types.is_numeric_dtype(table[names[part.id]])
        if text or isinstance(part, (ast.List, ast.Tuple, ast.Compare, ast.BoolOp)):
            raise ConditionError(
                "only numbers can be calculated with; to join comparisons, write and, or, not"
            )


def _refusal(node: ast.AST) -> str:
    if isinstance(node, (ast.BitAnd, ast.BitOr, ast.Invert)):
        return "comparisons are joined by and, or, not; & | ~ are not used"
    if isinstance(node, ast.Call):
        return "functions cannot be used in a condition"
    if isinstance(node, ast.Attribute):
        return "a name holds no dot; decimals are written 0.5"
    return f"only comparisons can be used in a condition, such as {_EXAMPLE}"


def _no_column(name: str, names: dict[str, str]) -> str:
    listed = ", ".join(list(names)[:_NAMES_IN_MESSAGE])
    more = len(names) - _NAMES_IN_MESSAGE
    return f"there is no column {name}; there are {listed}" + (
        f" and {more} more" if more > 0 else ""
    )
