"""The command ``napari-eds simulate``: a map of known composition, as a file to practise on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_eds.cli.outputs import writing
from napari_eds.cli.usage import UsageError, at_least_1, positive, sides, whole


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    simulate = commands.add_parser(
        "simulate", help="write a simulated map as a Velox file, with its truth beside it"
    )
    simulate.add_argument("output", type=Path, metavar="OUT.emd", help="Velox file to write")
    simulate.add_argument(
        "--kind", choices=("film",), default="film", help="film: LaFeO3 on SrTiO3, a Pt cap on top"
    )
    simulate.add_argument(
        "--size", default="128", metavar="PX", help="pixels: 512 or 512x256 (rows x columns)"
    )
    simulate.add_argument(
        "--counts", type=positive, default=100.0, metavar="N", help="mean counts of a pixel"
    )
    simulate.add_argument("--seed", type=whole, default=0, help="the same seed, the same counts")
    simulate.add_argument(
        "--n-frames",
        type=at_least_1,
        metavar="N",
        help="record so many frames; --counts are then those of one frame",
    )
    simulate.add_argument(
        "--drift",
        type=float,
        default=0.0,
        metavar="PX",
        help="random walk of the specimen, pixels a frame; needs --n-frames",
    )
    simulate.add_argument(
        "--lose",
        action="append",
        default=[],
        metavar="O=0.03",
        help="share of an element's atoms that leaves in a frame; needs --n-frames",
    )
    simulate.add_argument(
        "--channels", type=at_least_1, default=2048, metavar="N", help="channels of 10 eV each"
    )
    simulate.add_argument(
        "--tiles",
        default="1",
        metavar="N",
        help="repeat the map: 4 or 4x8 times (down x across); a large map to try things on, "
        "written without being held",
    )
    simulate.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from napari_eds._support.outputs import check_files
    from napari_eds.simulate.files import frame_files, simulation_files
    from napari_eds.spectra.axes import MOST_PIXELS

    size = sides(options.size, "--size", "512 or 512x256")
    shape = (size[0], size[-1])
    repeated = sides(options.tiles, "--tiles", "4 or 4x8", of="of times")
    tiles = (repeated[0], repeated[-1])
    if min(tiles) < 1:
        raise UsageError(f"--tiles {options.tiles}: a map is repeated at least once")
    if shape[0] * tiles[0] * shape[1] * tiles[1] > MOST_PIXELS:
        raise UsageError(
            f"--tiles {options.tiles} of --size {options.size}: more than {MOST_PIXELS:,} pixels"
        )
    in_frames = options.n_frames is not None
    if not in_frames and (options.drift or options.lose):
        raise UsageError("--drift and --lose are what happens between frames: give --n-frames")
    if in_frames and tiles != (1, 1):
        raise UsageError("--tiles repeats a map of one frame; leave out --n-frames")
    lost = _shares(options.lose)
    files = (frame_files if in_frames else simulation_files)(options.output)
    with writing(options, files[1:]):
        check_files([options.output], overwrite=options.force, raw=True, make_folders=True)
        if in_frames:
            _write_frames(options, shape, lost)
        else:
            _write(options, shape, tiles)


def _shares(texts: list[str]) -> dict[str, float]:
    """Return shares by element, out of texts such as ``O=0.03``."""
    shares = {}
    for text in texts:
        element, _, share = text.partition("=")
        try:
            shares[element.strip()] = float(share)
        except ValueError:
            raise UsageError(f"--lose {text}: give element and share, such as O=0.03") from None
    return shares


def _write_frames(
    options: argparse.Namespace, shape: tuple[int, int], lost: dict[str, float]
) -> None:
    from napari_eds.simulate.files import save_frames
    from napari_eds.simulate.frames import film_frames

    simulation = film_frames(
        shape,
        options.n_frames,
        options.counts,
        drift_px=options.drift,
        seed=options.seed,
        lost=lost,
    )
    written = save_frames(simulation, options.output, overwrite=options.force)
    for label, phase in enumerate(simulation.phases[0], start=1):
        amounts = ", ".join(
            f"{e} {value:g} to {simulation.true_at_pct(label, e)[-1]:.4g}"
            for e, value in phase.atomic_percent.items()
        )
        print(f"label {label}: {phase.name}; at.% from the first frame to the last: {amounts}")
    print(f"Saved {', '.join(map(str, written))}")


def _write(options: argparse.Namespace, shape: tuple[int, int], tiles: tuple[int, int]) -> None:
    from dataclasses import replace

    from napari_eds.simulate.conditions import DEFAULT_ENERGY
    from napari_eds.simulate.files import save_simulation
    from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

    simulation = lanthanum_ferrite_on_strontium_titanate(
        shape,
        counts_per_pixel=options.counts,
        seed=options.seed,
        energy=replace(DEFAULT_ENERGY, size=options.channels),
    )
    written = save_simulation(simulation, options.output, tiles=tiles, overwrite=options.force)
    for label, phase in enumerate(simulation.phases, start=1):
        n = int((simulation.labels == label).sum()) * tiles[0] * tiles[1]
        amounts = ", ".join(f"{e} {value:g}" for e, value in phase.atomic_percent.items())
        print(f"label {label}: {phase.name}, {n:,} pixels; at.%: {amounts}")
    print(f"Saved {', '.join(map(str, written))}")
