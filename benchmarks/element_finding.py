"""How sure and how complete `find_elements` is on simulated compounds whose elements are known.

``python benchmarks/element_finding.py [DATA_FOLDER] [--counts N ...] [--list]``

Counted are elements that are *certain* and absent, and the recall: which part of the elements
above 5 at. % is certain. Two sets: the compounds with overlapping families beside the test data,
and further ones, which are drawn here. Lines inside a family of the latter are off their table by
7 %, attenuation in the detector by 5 %, and the resolution by 2 %: what is right on the tables
alone has learned a table.
"""

from __future__ import annotations

import argparse
import csv
import re
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import napari_eds as eds
from napari_eds.fitting.profiles import family_profiles
from napari_eds.fitting.response import Response
from napari_eds.physics.detector import AbsorbingLayer, DetectorModel
from napari_eds.physics.emission import EmissionLines
from napari_eds.physics.lines import XRayLine
from napari_eds.recipe.recipe import LowEnergyTail
from napari_eds.simulate.conditions import Conditions, Phase
from napari_eds.simulate.expected import mixture

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
COUNTS = (50_000, 300_000, 1_000_000)
#: What an element must exceed to count for the recall, in at. %.
MAJOR_AT_PCT = 5.0
#: Grid and support are in every spectrum.
STRAY = frozenset({"Cu", "C"})
#: These have no line in the range of the search.
TOO_LIGHT = frozenset({"H", "Li", "Be", "B"})
BEAM_KEV, TAKE_OFF_DEG, RESOLUTION_EV = 200.0, 22.0, 130.0
AXIS = eds.EnergyAxis(-0.25, 0.005, 4096)

#: Further compounds: formula and density in g/cm3.
COMPOUNDS = {
    "CsPbI3": 4.8,
    "HfO2": 9.7,
    "Ta2O5": 8.2,
    "LiNbO3": 4.6,
    "PbZrO3": 8.1,
    "Bi2Te3": 7.7,
    "CdSe": 5.8,
    "ZnS": 4.1,
    "Sb2S3": 4.6,
    "IrO2": 11.7,
    "ReS2": 7.5,
    "TlBr": 7.5,
    "GdFeO3": 7.5,
    "ThO2": 10.0,
    "Au": 19.3,
    "Sn": 7.3,
    "SmCo5": 8.6,
    "EuTiO3": 6.9,
    "RuO2": 7.0,
    "AgCl": 5.6,
    "PdO": 8.3,
    "Rh2O3": 8.2,
    "InGaAs2": 5.5,
    "Cu2ZnSnS4": 4.6,
    "KTaO3": 7.0,
    "Yb2O3": 9.2,
    "MnFe2O4": 5.0,
    "TiAl": 3.9,
    "NaCl": 2.2,
    "Ca3P2O8": 3.1,
    "UO2": 11.0,
    "CeO2": 7.2,
    "SbTe": 6.4,
    "HgSe": 8.2,
    "Y2O3": 5.0,
    "OsP2": 9.5,
}


@dataclass(frozen=True, eq=False)
class Case:
    """A noise-free spectrum, whose sum is 1, and its elements in at. %."""

    name: str
    spectrum: np.ndarray
    atomic_percent: dict[str, float]


@dataclass(frozen=True)
class Score:
    """What was found in a spectrum: certain elements that are absent, and majors not certain."""

    name: str
    counts: int
    absent: tuple[str, ...]
    missed: tuple[str, ...]
    n_major: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--counts", nargs="*", type=int, default=COUNTS)
    parser.add_argument("--list", action="store_true", help="name every mistake")
    options = parser.parse_args()
    sets = {"materials": list(materials(options.data)), "further compounds": list(further())}
    for name, cases in sets.items():
        for counts in options.counts:
            scores = [judged(case, counts) for case in cases]
            print(summary(f"{name}, {counts:,} counts", scores))
            for score in scores if options.list else ():
                if score.absent or score.missed:
                    absent, missed = " ".join(score.absent), " ".join(score.missed)
                    print(f"    {score.name}: absent {absent or '-'}, missed {missed or '-'}")


def judged(case: Case, counts: int) -> Score:
    """Draw a spectrum, find its elements, and compare."""
    seed = zlib.crc32(f"{case.name} {counts}".encode())
    total = np.random.default_rng(seed).poisson(case.spectrum * counts)
    acquisition = eds.Acquisition(
        signal_type="STEM",
        beam_energy_keV=BEAM_KEV,
        take_off_angle_deg=TAKE_OFF_DEG,
        energy_resolution_MnKa_eV=RESOLUTION_EV,
    )
    start = time.process_time()
    proposals = eds.find_elements(AXIS, total, acquisition)
    seconds = time.process_time() - start
    certain = {p.element for p in proposals if p.certain}
    present = case.atomic_percent
    majors = {element for element, percent in present.items() if percent > MAJOR_AT_PCT}
    majors -= TOO_LIGHT
    return Score(
        case.name,
        counts,
        tuple(sorted(certain - set(present) - STRAY)),
        tuple(sorted(majors - certain)),
        len(majors),
        seconds,
    )


def summary(title: str, scores: list[Score]) -> str:
    majors = sum(score.n_major for score in scores)
    missed = sum(len(score.missed) for score in scores)
    absent = sum(len(score.absent) for score in scores)
    seconds = np.array([score.seconds for score in scores])
    return (
        f"{title}: {len(scores)} spectra, certain and absent {absent}, recall "
        f"{1 - missed / majors:.3f} of {majors}, {np.median(seconds):.2f} s at the median, "
        f"{seconds.max():.2f} s at most"
    )


def materials(data: Path) -> Iterator[Case]:
    """Yield the compounds with overlapping families; none where the data are absent."""
    folder = data / "simulated" / "materials"
    if not folder.is_dir():
        return
    spectra = np.load(folder / "materials.npz", allow_pickle=False)
    for row in csv.DictReader((folder / "materials.csv").read_text("utf-8").splitlines()):
        found = re.findall(r"([A-Z][a-z]?)([\d.]+)", row["at_pct"])
        atoms = {element: float(amount) for element, amount in found}
        if row["name"] == "Nd2Fe14B":
            atoms["B"] = 1.0
        yield Case(row["key"], spectra[row["key"]], atoms)


def further(names: tuple[str, ...] = tuple(COMPOUNDS)) -> Iterator[Case]:
    """Yield further compounds, thin and 60 nm thick."""
    for name in names:
        atoms = atomic_percent(name)
        for thickness in (1.0, 60.0):
            conditions = _conditions(name, atoms)
            phase = Phase(name, atoms, COMPOUNDS[name])
            weights, components = mixture(
                np.ones((1, 1), int), [phase], np.array([[thickness]]), conditions, 1.0
            )
            spectrum = (weights @ components.spectra)[0]
            yield Case(f"{name}/{thickness:g}", spectrum / spectrum.sum(), atoms)


def atomic_percent(formula: str) -> dict[str, float]:
    """Return at. % of a formula, without Li, whose line no detector here sees."""
    found = re.findall(r"([A-Z][a-z]?)(\d*)", formula)
    atoms = {element: float(amount or 1) for element, amount in found if element != "Li"}
    whole = sum(atoms.values())
    return {element: 100 * amount / whole for element, amount in atoms.items()}


class VariedConditions(Conditions):
    """A microscope whose lines are not those of the table, with tails and escape peaks."""

    def lines(self, element: str, family: str) -> EmissionLines:
        """Return the lines of a family, off their table by 7 %."""
        found = super().lines(element, family)
        if not found.names:
            return found
        # The same factors for every thickness, and others for each family.
        rng = np.random.default_rng(zlib.crc32(f"{element} {family}".encode()))
        varied = found.cross_sections_cm2 * rng.lognormal(0, 0.07, len(found.names))
        varied *= found.cross_sections_cm2.sum() / varied.sum()
        return replace(found, cross_sections_cm2=varied)

    def peaks(self, energies_keV: np.ndarray) -> np.ndarray:
        """Return lines with tails and escape peaks, (lines, channels)."""
        lines = [[XRayLine("", "", float(energy), 1.0)] for energy in energies_keV]
        tail = LowEnergyTail(fraction=0.03, decay_keV=0.05)
        response = Response(self.resolution_MnKa_eV, integrated=True, tail=tail)
        return family_profiles(self.axis, lines, response).T


def _conditions(name: str, atoms: dict[str, float]) -> Conditions:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    carbon, contact, dead = rng.lognormal(0, 0.05, 3)
    detector = DetectorModel(
        dead_layer_nm=50.0 * dead,
        contact=AbsorbingLayer("Al", 30.0 * contact, 2.70),
        window=(AbsorbingLayer("C", 20.0 * carbon, 1.8),),
    )
    stray = {"C": 0.02} | ({} if "Cu" in atoms else {"Cu": 0.035})
    return VariedConditions(
        beam_energy_keV=BEAM_KEV,
        take_off_angle_deg=TAKE_OFF_DEG,
        resolution_MnKa_eV=1.02 * RESOLUTION_EV,
        energy=AXIS,
        detector=detector,
        stray=stray,
        strobe=0.05,
    )


if __name__ == "__main__":
    main()
