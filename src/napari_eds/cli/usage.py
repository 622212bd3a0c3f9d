"""Wrong usage, and errors in the words of a shell: options, not arguments of Python."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite

from napari_eds.errors import EDSError


class UsageError(EDSError):
    """An option has a value that cannot be meant, whatever the files hold."""


#: What errors call arguments of functions, and the options that stand for them.
_ARGUMENTS = {
    "overwrite=True": "--force",
    "check_file=False": "--any-file",
    "watch=True": "--watch",
    "set allow_beam_energy_mismatch=True in the recipe": "give --allow-beam-energy-mismatch",
    "allow_beam_energy_mismatch=True": "--allow-beam-energy-mismatch",
    "Say convention='family'": "Say --convention family",
    "convention='family'": "--convention family",
    "convention='alpha'": "--convention alpha",
    "image.with_energy_axis(offset_keV=..., scale_keV=...)": "--energy-axis OFFSET SCALE",
    "set take_off_angle_deg in the absorption settings": "give --take-off-angle",
    "give it in the recipe's dose (beam_current_nA, dwell_time_us, frames, live_percent)": (
        "give --beam-current-nA, and times in the dose of a --recipe"
    ),
    "set beam_energy_keV in the recipe": "give --beam-energy",
    "choose one with index=\n": "choose one with --index:\n",
    "choose with index=\n": "choose with --index:\n",
    "index=": "--index ",
    "detectors=": "--detectors ",
    "clip_negative=True": "--clip-negative",
    "the engine 'poisson' and intensities of either sign (non_negative off)": (
        "--engine poisson, and a recipe with intensities of either sign"
    ),
}
#: Settings of a recipe, as reports of what is wrong with them begin, and their options.
_SETTINGS = {
    "absorption.thickness_nm": "--thickness",
    "absorption.density_g_cm3": "--density",
    "absorption.take_off_angle_deg": "--take-off-angle",
    "thickness_nm": "--thickness",
    "density_g_cm3": "--density",
    "take_off_angle_deg": "--take-off-angle",
    "elements": "--elements",
    "fit_only": "--fit-only",
    "energy_range_keV": "--energy-range",
    "beam_energy_keV": "--beam-energy",
    "background": "--background",
    "engine": "--engine",
    "k_factors": "--k-factors",
    "zeta_factors": "--zeta-factors",
    "dose.beam_current_nA": "--beam-current-nA",
    "offset_keV": "OFFSET of --energy-axis",
    "scale_keV": "SCALE of --energy-axis",
}


def in_shell_words(text: str) -> str:
    """Return what an error says, with options in place of arguments of functions."""
    for argument, option in _ARGUMENTS.items():
        # Not inside of the name of a file.
        text = re.sub(rf"(?<![\w/\\.-]){re.escape(argument)}", option, text)
    return text


@contextmanager
def bad_options() -> Iterator[None]:
    """Turn errors about values that come from options into errors of usage."""
    try:
        yield
    except EDSError as error:
        text = in_shell_words(str(error))
        for setting, option in _SETTINGS.items():
            # Where a report begins, or where a sentence names it.
            text = re.sub(rf"(^|; ){re.escape(setting)}(\.\d+)?:", rf"\1{option}:", text)
            if "_" in setting:
                text = re.sub(rf"(?<![\w.]){re.escape(setting)}(?![\w.])", option, text)
        text = re.sub(r"(^|; )uncertainties\.(\w+):", r"\1--uncertainty \2:", text)
        raise UsageError(text) from error


def number(text: str) -> float:
    """Read a number of an option: a finite one."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return value


def positive(text: str) -> float:
    """Read a number of an option that is larger than 0."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not larger than 0")
    return value


def whole(text: str) -> int:
    """Read a whole number of an option, from 0."""
    # `int` also takes other digits and underscores, which are slips here.
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)


def at_least_1(text: str) -> int:
    """Read a whole number of an option, from 1."""
    if whole(text) < 1:
        raise argparse.ArgumentTypeError("0 is too few: give a whole number from 1")
    return whole(text)


def sides(text: str, option: str, examples: str, *, of: str = "of pixels") -> list[int]:
    """Read one or two whole numbers `of` something, such as ``15`` or ``15x20`` (rows x columns).

    Raises
    ------
    UsageError
        If it is something else; it names the option and examples.
    """
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise UsageError(f"{option} takes a number {of} such as {examples}, not {text!r}")
    return [int(part) for part in parts]
