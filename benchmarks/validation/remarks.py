"""Whether results that are wrong carry a remark, and those that are right none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from .cores import spread
from .judging import ABSENT_at_pct, WRONG_percent
from .materials import Found, Material, drawn, findings, materials, quantified
from .report import Run, Section, at_least, at_most, table

COUNTS = (5_000, 20_000, 1_000_000)
#: Wanted shares with a remark, percent: of what is wrong at least, of what is right at most.
OF_WRONG, OF_RIGHT = 90.0, 10.0
#: So many standard deviations of counting do not make a result wrong: they are stated.
SIGMAS = 2.0


@dataclass(frozen=True)
class Case:
    """One result of a compound, and how the recipe was wrong, if it was."""

    situation: str
    counts: int
    found: tuple[Found, ...]

    @property
    def flagged(self) -> bool:
        """Whether its row of the table carries a remark."""
        return bool(self.found[0].flag)

    @property
    def right(self) -> bool:
        """Whether every major is near the truth, and nothing is found of what is absent."""
        return all(excess(f) <= 0 for f in self.found)

    @property
    def wrong(self) -> bool:
        """Whether something is off by more than counting explains."""
        return any(excess(f) > SIGMAS * f.counting for f in self.found)


def excess(found: Found) -> float:
    """Return by how much, in at.%, an element is farther off than what still is right."""
    if found.major:
        return abs(found.got - found.true) - WRONG_percent / 100 * found.true
    return found.got - ABSENT_at_pct if not found.true else -1.0


def remarks(run: Run) -> Section:
    section = Section("Remarks on what is wrong")
    counts = COUNTS[1:2] if run.quick else COUNTS
    chosen = [m for m in materials(run.data, quick=run.quick) if m.thickness_nm > 1]
    drawn_of = [(m, n) for n in counts for m in chosen]
    cases = list(chain.from_iterable(spread(partial(cases_of, run.data), drawn_of)))
    section.say(
        "The compounds of 60 nm, quantified rightly, with one of their elements left out of the "
        "recipe (the first of the formula with nominal tables, the last with varied ones), and "
        "without the correction of absorption. A result is right where every major is within "
        f"{WRONG_percent:g} % (relative) and no absent element is above {ABSENT_at_pct:g} at.%; "
        f"it is wrong where one is farther off than that by {SIGMAS:g} standard deviations of "
        "counting. What lies between is neither: its error says so. Numbers are results with a "
        "remark in the column `flag`, of all."
    )
    situations = list(dict.fromkeys(c.situation for c in cases))
    rows = []
    for n in counts:
        of_counts = [c for c in cases if c.counts == n]
        for situation in situations:
            some = [c for c in of_counts if c.situation == situation]
            between = [c for c in some if not (c.wrong or c.right)]
            sets = ([c for c in some if c.wrong], between, [c for c in some if c.right])
            rows.append((f"{n:,}", situation, *map(flagged_of, sets)))
        wrong = [c for c in of_counts if c.wrong]
        right = [c for c in of_counts if c.right]
        what = f"compounds at {n:,} counts, with a remark: of"
        section.checks += [
            at_least(f"{what} wrong results", shown(wrong), OF_WRONG, 0, " %"),
            at_most(f"{what} right results", shown(right), OF_RIGHT, 0, " %"),
        ]
    head = ["counts", "", "wrong, with a remark", "neither", "right, with a remark"]
    section.say(table(head, rows))
    section.say(
        "Of the right ones with a remark at a million counts, some were right by luck: O of SnO2, "
        "for which tables of attenuation differ by a factor of three, and N of TiO2, which lies "
        "under a line of Ti that compounds make up to three times as strong as tables have it."
    )
    return section


def cases_of(data: Path, of_counts: tuple[Material, int]) -> list[Case]:
    """Quantify one compound in all situations."""
    of, counts = of_counts
    spectra = drawn(data, of, counts)
    true = list(of.true)
    left_out = true[0] if of.tables == "nominal" else true[-1]
    others = tuple(e for e in of.elements if e != left_out)
    situations = {
        "as it is": {},
        "an element left out": {"elements": others},
        "absorption not corrected": {"absorption": None},
    }
    return [
        Case(situation, counts, tuple(findings(of, quantified(data, of, spectra, **changes))))
        for situation, changes in situations.items()
    ]


def flagged_of(cases: Sequence[Case]) -> str:
    return f"{sum(c.flagged for c in cases)} of {len(cases)}"


def shown(cases: Sequence[Case]) -> float:
    """Return the share of cases with a remark, in percent; all of none."""
    return 100 * sum(c.flagged for c in cases) / len(cases) if cases else float("nan")
