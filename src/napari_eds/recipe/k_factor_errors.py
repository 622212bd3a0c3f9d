"""How far k-factors that bring no error may be wrong, by classes of lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.physics import emission

#: Any beam that excites all families: the energy of an alpha line hardly depends on it.
_BEAM_keV = 200.0

#: What the classes amount to, for every text about k-factors.
RANGE = "5 to 50 %, by class of line"


@dataclass(frozen=True)
class LineClass:
    """Lines whose k-factors are uncertain alike.

    Attributes
    ----------
    family : {"K", "L", "M"}
    below_keV : float
        Alpha lines from the end of the softer class of the family up to here.
    relative_error : float
        Of a k-factor relative to those of K lines of 3-8 keV.
    own_error : float
        The part of it that is a factor's own, at most `relative_error`. The rest is the same for
        all of the class.
    """

    family: str
    below_keV: float
    relative_error: float
    own_error: float

    @property
    def shared_error(self) -> float:
        """The part of the error that all of the class share."""
        return float(np.sqrt(self.relative_error**2 - self.own_error**2))


#: From soft to hard. How far tables differ as a whole, and how single rows of a table of Velox
#: (200 keV, families) scatter about theory within a class: K below 1 keV by 14 %, of 1-3 and 3-20
#: keV by 5 and 6 %, L of 1-3 keV by 22 %, of 3-20 keV by 7 % (45 rows), M by 17 %.
_CLASSES = (
    LineClass("K", 1.0, 0.30, 0.14),
    LineClass("K", 3.0, 0.10, 0.05),
    LineClass("K", 20.0, 0.05, 0.05),
    LineClass("K", np.inf, 0.30, 0.10),
    LineClass("L", 1.0, 0.50, 0.20),
    LineClass("L", 3.0, 0.30, 0.22),
    LineClass("L", 20.0, 0.25, 0.07),
    LineClass("L", np.inf, 0.30, 0.10),
    LineClass("M", np.inf, 0.50, 0.17),
)
#: Of what has no known line.
_UNKNOWN_ERROR = 0.30


@cache
def line_class(element: str, family: str) -> LineClass | None:
    """Return the class of a family's alpha line; None if there is no such line, or it is unknown.

    Parameters
    ----------
    element : str
    family : {"K", "L", "M"}
    """
    if family == "M":
        return _CLASSES[-1]
    try:
        energy = emission.alpha_energy_keV(element, family, _BEAM_keV)
    except EDSError:  # lighter than B, heavier than Cf, or no such line
        return None
    return next(one for one in _CLASSES if one.family == family and energy < one.below_keV)


def class_error(element: str, family: str) -> float:
    """Relative error of a k-factor that was computed, or came in a table without errors.

    By classes of the alpha line's energy: 5 % for K of 3-20 keV, 10 % for K of 1-3 keV, 25 % for
    L of 3-20 keV, 50 % for M and for L below 1 keV, 30 % for the rest, unknown lines included.

    The classes are as wide as independent tables differ, each relative to its K lines of 3-8 keV.
    A table of Velox (200 keV, families) over theory: 1.17 for K below 1 keV, where the dead layer
    of the detector matters most, 1.08, 0.99 and 0.90 for K of 1-3, 3-8 and 8-20 keV, 1.8, 1.1 and
    0.77 to 0.81 for L below 1, of 1-3 and above 3 keV, 0.5 for M. A table of a Bruker detector
    (alpha lines): 0.94 to 1.10 for K, 1.06 and 1.01 for L below and above 3 keV. None of them is
    a measurement of the instrument at hand, and a table that says nothing of its errors is no
    better than theory; one measured on a known region has errors of its own.

    Parameters
    ----------
    element : str
    family : {"K", "L", "M"}
    """
    found = line_class(element, family)
    return _UNKNOWN_ERROR if found is None else found.relative_error


def is_measured(element: str, family: str, relative_error: float) -> bool:
    """Whether a k-factor is known better than one that was computed.

    Parameters
    ----------
    element : str
    family : {"K", "L", "M"}
    relative_error : float
    """
    return relative_error < class_error(element, family)


def relative_covariance(
    families: Sequence[tuple[str, str]], relative_errors: Sequence[float]
) -> np.ndarray:
    """Return the covariance of the logarithms of k-factors.

    What is wrong with a class of lines, such as their fluorescence yields, is wrong with all of
    it: Cd and Te by their L lines are known to 10 % of each other, not to 35. Errors that are
    smaller than those of the class were measured, and share nothing.

    Parameters
    ----------
    families : sequence of (str, str)
        Element and family.
    relative_errors : sequence of float

    Returns
    -------
    ndarray, (families, families)
    """
    errors = np.asarray(relative_errors, dtype=float)
    classes = [line_class(*family) for family in families]
    shared = np.array(
        [
            0.0 if one is None or is_measured(*family, error) else one.shared_error
            for one, family, error in zip(classes, families, errors, strict=True)
        ]
    )
    alike = np.array([[one is not None and one is other for other in classes] for one in classes])
    covariance = np.outer(shared, shared) * alike
    np.fill_diagonal(covariance, errors**2)
    return covariance
