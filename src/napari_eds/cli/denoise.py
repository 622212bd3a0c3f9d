"""The command ``napari-eds denoise``: maps of lines without most of their noise, for the eye."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds.cli.options import add_map_options
from napari_eds.cli.outputs import forced, writing
from napari_eds.cli.run import TerminalProgress, load_map
from napari_eds.cli.usage import UsageError, at_least_1, bad_options, whole

if TYPE_CHECKING:
    from napari_eds.spectra.denoising import Denoised


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    denoise = commands.add_parser(
        "denoise", help="maps of lines with most of their noise taken away, beside the raw ones"
    )
    add_map_options(denoise)
    denoise.add_argument(
        "--lines", required=True, metavar="La_L,Fe,O", help="elements or families to make maps of"
    )
    denoise.add_argument(
        "--method",
        choices=("pca", "nmf"),
        default="pca",
        help="principal components, or non-negative factors, both weighted for Poisson counts",
    )
    denoise.add_argument(
        "--components",
        type=at_least_1,
        metavar="N",
        help="by default as many as one half of the counts shows the other",
    )
    denoise.add_argument(
        "--no-smoothing", action="store_true", help="do not average amounts over neighbours"
    )
    denoise.add_argument("--seed", type=whole, default=0, help="of the split of the counts")
    denoise.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the maps, raw and denoised (TIFF and PNG), and the scores",
    )
    denoise.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Denoise the map, say how, and save maps of the lines."""
    from napari_eds.quantification.saving.denoised import save_denoised_maps

    lines = [line.strip() for line in options.lines.split(",") if line.strip()]
    if not lines:
        raise UsageError("--lines names no element")
    with writing(options, (), [options.output]):
        denoised = _denoised(options, lines)
        print("\n".join([*_scores(denoised), *denoised.account()]))
        written = save_denoised_maps(denoised, lines, options.output, overwrite=forced(options))
    print(f"Saved {', '.join(map(str, written))}")


def _denoised(options: argparse.Namespace, lines: list[str]) -> Denoised:
    from napari_eds.spectra.denoising import denoise, line_window_keV

    image = load_map(options)
    with bad_options():
        for line in lines:  # before the work, which takes a while
            line_window_keV(image, line)
    with TerminalProgress() as progress:
        return denoise(
            image,
            options.components,
            method=options.method,
            smooth=not options.no_smoothing,
            seed=options.seed,
            progress=progress,
        )


def _scores(denoised: Denoised) -> list[str]:
    lines = ["components   deviance per count   gain of the last one" if denoised.scores else ""]
    for score in denoised.scores:
        gain = "" if score.n == 1 else f"{score.gain:+.0f} ± {score.gain_error:.0f}"
        chosen = "   chosen" if score.n == denoised.n_components else ""
        lines.append(f"{score.n:>10}{score.deviance:>21.5f}{gain:>23}{chosen}".rstrip())
    return [line for line in lines if line]
