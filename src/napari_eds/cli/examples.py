"""An example of every command, for its help, and how help says what is taken without an option."""

from __future__ import annotations

import argparse

#: Lines by command.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "info": ("napari-eds info map.emd",),
    "find-elements": (
        "napari-eds find-elements map.emd",
        "napari-eds find-elements map.rpl --energy-axis -0.25 0.01 --beam-energy 200",
    ),
    "quantify": (
        "napari-eds quantify map.emd --elements La,Fe,O,Sr,Ti --fit-only Cu --grid 10 -o map.csv",
        "napari-eds quantify map.emd --recipe map_recipe.json --labels painted.tif -o painted.csv",
        "napari-eds quantify map.emd --recipe dosed.json --grid 10 \\",
        "    --zeta-factors zeta.csv -o by_zeta.csv",
    ),
    "calibrate-k": (
        "napari-eds calibrate-k map.emd --recipe map_recipe.json --labels painted.tif \\",
        "    --label 1 --formula SrTiO3 --reference Ti -o k-factors.csv",
    ),
    "detectors": ("napari-eds detectors map.emd",),
    "compare": (
        "napari-eds compare run.csv --with velox.csv --figure difference.png",
        "napari-eds compare map.edsession --with velox",
        "napari-eds compare run.csv --with map.emd",
        "napari-eds compare run.csv --formula SrTiO3 --labels 94,97,100-107 -o errors.csv",
        "napari-eds compare run.csv --formula LaFeO3 --labels 25-42 --formula SrTiO3 --labels 120",
        "napari-eds compare map.edsession --formula SrTiO3 --inside phases.tif=3",
    ),
    "pixel-maps": (
        "napari-eds pixel-maps map.emd --recipe map_recipe.json --kernel 5px -o pixels",
    ),
    "few-shot": (
        "napari-eds few-shot map.emd --recipe map_recipe.json --grid 10 -o chips",
        "napari-eds few-shot map.emd --recipe map_recipe.json --grid 10 --map --rebin 4 -o folder",
    ),
    "figure": (
        "napari-eds figure map.edsession --show HAADF,La,Fe,O --outline 3,7 --width 85 -o a.pdf",
        "napari-eds figure map.emd --recipe map_recipe.json --grid 15 --spectrum R3C4 -o fit.svg",
        "napari-eds figure map.emd --show HAADF,Fe,O -o counts.png",
    ),
    "report": (
        "napari-eds report map.edsession -o report.html",
        "napari-eds report map.emd --recipe map_recipe.json --grid 15 -o report.pdf",
    ),
    "classify": (
        "napari-eds classify map.emd --recipe map_recipe.json --grid 10 \\",
        "    --support support.json -o classes.csv --class-map classes.tif",
    ),
    "read-classes": ("napari-eds read-classes found.csv --labels chips/labels.npy -o found.tif",),
    "chip-size": (
        "napari-eds chip-size map.emd --recipe map_recipe.json",
        "napari-eds chip-size map.emd --elements file --error 1 --sizes 5,10,20 -o sizes.csv",
    ),
    "frames": (
        "napari-eds frames map.emd --recipe map_recipe.json --labels painted.tif -o frames.csv",
        "napari-eds frames map.emd --elements file --whole --align images --every 2 \\",
        "    --figure loss.png -o loss.csv",
    ),
    "profile": (
        "napari-eds profile map.emd --recipe map_recipe.json --from 8,48 --to 88,48 --width 40 \\",
        "    --interface La -o line.csv --figure line.png",
    ),
    "maps": (
        "napari-eds maps map.emd --recipe map_recipe.json --grid 8 --ratio La Fe -o ratio",
        "napari-eds maps map.emd --recipe map_recipe.json --grid 8 --overlay La,Fe,Ti \\",
        "    --figure overlay.png",
    ),
    "denoise": ("napari-eds denoise map.emd --lines La_L,Fe,O,Ti -o denoised",),
    "batch": (
        "napari-eds batch maps --recipe map_recipe.json --grid 15 -o results",
        "napari-eds batch 'maps/*.emd' --recipe r.json --labels-from '{stem}_labels.tif' -o out",
        "napari-eds batch maps --recipe map_recipe.json --whole --watch -o results",
        "napari-eds batch maps --recipe r.json --grid 15 --scheduler tcp://node1:8786 -o results",
    ),
    "thickness": (
        "napari-eds thickness map.emd --recipe dosed.json --grid 16 --solid-angle 0.7 \\",
        "    --save-zeta theory.csv -o thickness.csv",
        "napari-eds thickness map.emd --recipe dosed.json --grid 16 --from kl:Ti \\",
        "    --from-map t.npy --nm-per-unit 110 -o ways.csv",
    ),
    "simulate": (
        "napari-eds simulate film.emd --size 96x128 --counts 200",
        "napari-eds simulate frames.emd --n-frames 8 --counts 40 --drift 1 --lose O=0.03",
    ),
    "repeat": ("napari-eds repeat map.edsession map.emd -o again.csv",),
    "open": ("napari-eds open map.emd other.bcf",),
    "demo": ("napari-eds demo", "napari-eds demo --no-window -o trial"),
}


class Help(argparse.RawDescriptionHelpFormatter):
    """Help that says the value of an option that is not given, where it is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help or ""
        default = action.default
        told = default in (None, False, [], "", argparse.SUPPRESS) or "default" in text
        return text if told else f"{text} (default: %(default)s)"


def epilog(command: str) -> str:
    """Return the lines of a command below the word that says what they are."""
    lines = EXAMPLES[command]
    return "\n".join(["for example:", *(f"  {line}" for line in lines)])
