"""Denoised maps as files, beside the raw ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_eds._support.csv_cells import csv_text
from napari_eds._support.outputs import output_folder
from napari_eds.quantification.saving.results import save_map
from napari_eds.spectra.denoising import Denoised

SCORES = "denoise_scores.csv"
ACCOUNT = "denoise.txt"


def save_denoised_maps(
    denoised: Denoised, lines: Sequence[str], folder: str | Path, *, overwrite: bool = False
) -> list[Path]:
    """Save the raw and the denoised map of lines as TIFF and PNG, the scores, and the account.

    No map of errors comes with them, for they cannot be stated.

    Parameters
    ----------
    denoised : Denoised
    lines : sequence of str
        Elements or families, such as ``"Fe"`` or ``"La_L"``.
    folder : str or Path
        Made where it does not exist.
    overwrite : bool
        Whether maps of an earlier run may be replaced.

    Raises
    ------
    EDSError
        If a line is not in the denoised energies.
    OutputError, OSError
        If the folder cannot get them.
    """
    image, written = denoised.image, []
    windows = {line: denoised.line_window_keV(line) for line in lines}
    with output_folder(folder, overwrite=overwrite, inputs=[image.source]) as made:
        for line, window in windows.items():
            raw, clean = denoised.raw_window_map(*window), denoised.window_map(*window)
            written += save_map(raw, made, f"{line}_raw", f"{line} counts", image)
            written += save_map(clean, made, f"{line}_denoised", f"{line} denoised", image)
        if denoised.scores:
            table = denoised.score_table()
            written.append(made.write(SCORES, csv_text(table, index=False, float_format="%.8g")))
        written.append(made.write(ACCOUNT, "\n".join([*denoised.account(), ""])))
    return written
