"""The command ``napari-eds find-elements``: what the summed spectrum of a map shows."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari_eds.cli.options import add_map_options
from napari_eds.cli.run import load_map
from napari_eds.cli.usage import positive

if TYPE_CHECKING:
    from napari_eds.elements.proposals import Proposal


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    find = commands.add_parser(
        "find-elements", help="say which elements the summed spectrum of a map shows, and why"
    )
    add_map_options(find)
    find.add_argument(
        "--beam-energy", type=positive, metavar="KEV", help="where the file gives none"
    )
    find.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from napari_eds.elements.proposals import recipe_elements, search_elements

    image = load_map(options)
    evidence = search_elements(
        image.energy,
        image.total_spectrum(),
        image.acquisition,
        beam_energy_keV=options.beam_energy,
    )
    proposals = evidence.proposals
    if options.beam_energy is None and image.acquisition.beam_energy_keV is None:
        print("The beam energy is unknown; the end of the axis is taken (--beam-energy sets it).")
    if not proposals:
        print("No element is seen: the counts are too few, or no line stands out.")
        return
    print("\n".join(_proposal_table(proposals)))
    if evidence.warning:
        print(f"\n{evidence.warning[0].upper()}{evidence.warning[1:]}.")
    elements, fit_only = recipe_elements(proposals)
    named = {"--elements": elements, "--fit-only": fit_only}
    options_line = " ".join(
        f"{option} {','.join(names)}" for option, names in named.items() if names
    )
    print(f"\n{options_line}" if options_line else "\nNone of them is certain.")


def _proposal_table(proposals: Sequence[Proposal]) -> list[str]:
    lines = ["      line       keV         counts          z   share  remark"]
    for p in proposals:
        remarks = ["system"] if p.system else []
        remarks += [f"overlaps {', '.join(p.overlaps)}"] if p.overlaps else []
        remarks += [] if p.certain else [f"suggested only: {p.doubt}"]
        counts = f"{p.counts:,.0f} ± {p.counts_error:,.0f}"
        lines.append(
            f"  {p.element:<3} {p.line!s:<6} {p.line.energy_keV:7.3f} {counts:>20} {p.z:7.0f} "
            f"{100 * p.share:6.2f}%  {'; '.join(remarks)}".rstrip()
        )
    return lines
