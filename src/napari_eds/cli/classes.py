"""Commands for classes of chips: made from a few examples, or read from a program's table."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds.cli.outputs import writing
from napari_eds.cli.recipe_options import add_run_options
from napari_eds.cli.run import run
from napari_eds.cli.usage import UsageError, bad_options

if TYPE_CHECKING:
    from napari_eds.few_shot.classification import Classification, FeatureName
    from napari_eds.quantification.result import Quantification


def add_parsers(commands: Any) -> None:
    """Add the commands."""
    classify = commands.add_parser(
        "classify", help="give every chip the class whose examples it resembles most"
    )
    add_run_options(classify)
    add_support_options(classify)
    classify.add_argument(
        "--features",
        choices=("spectra", "composition"),
        help="classify by these alone, not by both",
    )
    _add_outputs(classify)
    classify.set_defaults(run=_classify)
    reading = commands.add_parser(
        "read-classes",
        help="turn the table of 'classify' or of a few-shot program into a label map of classes",
    )
    reading.add_argument("table", type=Path, metavar="CSV", help="classes by chip")
    reading.add_argument(
        "--labels",
        type=Path,
        required=True,
        metavar="FILE",
        help="label map of the chips: .npy, .tif or .png, such as labels.npy of a few-shot folder",
    )
    reading.add_argument("-o", "--output", type=Path, required=True, metavar="MAP", help=_MAP_HELP)
    reading.set_defaults(run=_read_classes)


_MAP_HELP = "label map of the classes, .npy or .tif, which --labels takes; 0 is none"


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--class-map", type=Path, metavar="FILE", help=_MAP_HELP)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="CSV", help="table of the classes"
    )


def add_support_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name examples of each class."""
    examples = parser.add_mutually_exclusive_group()
    examples.add_argument(
        "--support",
        type=Path,
        metavar="JSON",
        help='examples of each class: {"film": ["R12C3", "R14C9"], "substrate": ["R30C1"]}',
    )
    examples.add_argument(
        "--painting",
        type=Path,
        metavar="FILE",
        help="label map (.npy, .tif, .png) of classes painted over a few chips of each",
    )
    parser.add_argument(
        "--class-names", metavar="1=film,2=substrate", help="names of the painted classes"
    )


def support_from(
    options: argparse.Namespace, result: Quantification
) -> Mapping[str, tuple[str, ...]] | None:
    """Return the examples that the options name, None without any."""
    from napari_eds.few_shot.chips import support_from_painting
    from napari_eds.labels.files import read_labels
    from napari_eds.labels.rule import on_the_part

    if options.class_names is not None and options.painting is None:
        raise UsageError("--class-names names the classes of --painting, which is not given")
    if options.painting is not None:
        painting = on_the_part(
            read_labels(options.painting), result.image.part, result.image.shape
        )
        return support_from_painting(result.labels, painting, _class_names(options.class_names))
    return None if options.support is None else _read_support(options.support)


def _class_names(text: str | None) -> dict[int, str]:
    """Read ``1=film,2=substrate``."""
    names = {}
    for part in (p.strip() for p in (text or "").split(",")):
        number, equals, name = part.partition("=")
        if part and not (equals and number.strip().isdecimal() and name.strip()):
            raise UsageError(f"--class-names takes 1=film,2=substrate, not {text!r}")
        if part:
            names[int(number)] = name.strip()
    return names


def _read_support(path: Path) -> dict[str, tuple[str, ...]]:
    from napari_eds.few_shot.chips import FewShotError, chip_of_pychip

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        classes = {str(name): list(chips) for name, chips in content.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise FewShotError(
            f'{path.name} names no examples, such as {{"film": ["R12C3"]}}: {error}'
        ) from error
    return {
        name: tuple(chip_of_pychip(c) if isinstance(c, str) else c for c in chips)
        for name, chips in classes.items()
    }


def _classify(options: argparse.Namespace) -> None:
    from napari_eds.few_shot.classification import classify
    from napari_eds.labels.files import check_writable, write_labels

    if options.support is None and options.painting is None:
        raise UsageError("classify needs examples of each class: --support or --painting")
    both: tuple[FeatureName, ...] = ("spectra", "composition")
    chosen = both if options.features is None else (options.features,)
    files = [p for p in (options.output, options.class_map) if p is not None]
    with writing(options, files, table=options.output):
        if options.class_map is not None:
            with bad_options():
                check_writable(options.class_map)
        result = run(options)
        support = support_from(options, result) or {}
        found = classify(result, support, features=chosen)
        print("\n".join(_counts(found)))
        written = [found.to_csv(options.output, overwrite=options.force)]
        if options.class_map is not None:
            labels = found.class_labels().labels
            written.append(write_labels(options.class_map, labels, overwrite=options.force))
    print(f"Saved {', '.join(map(str, written))}")


def _read_classes(options: argparse.Namespace) -> None:
    from napari_eds.few_shot.classification import read_classification
    from napari_eds.labels.files import check_writable, read_labels, write_labels

    with writing(options, [options.output]):
        with bad_options():
            check_writable(options.output)
        found = read_classification(options.table, read_labels(options.labels))
        print("\n".join(_counts(found)))
        labels = found.class_labels().labels
        written = write_labels(options.output, labels, overwrite=options.force)
    print(f"Saved {written}")


def _counts(found: Classification) -> list[str]:
    """Say how many chips each class has, and which label it is in the map of classes."""
    predicted = found.table["prediction"]
    number = {name: label for label, name in found.class_labels().names.items()}
    lines = ["label   chips  class"]
    lines += [
        f"{number.get(name, '-'):>5}{int((predicted == name).sum()):8d}  {name}"
        for name in found.classes
    ]
    none = int((predicted == "").sum())
    return lines + ([f"    0{none:8d}  none"] if none else [])
