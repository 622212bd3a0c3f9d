"""The commands ``figure`` and ``report``: a result as pictures for a paper, and as a whole."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds.cli.options import regions_asked
from napari_eds.cli.outputs import LOG, writing
from napari_eds.cli.recipe_options import add_run_options
from napari_eds.cli.run import TerminalProgress, load_map, run
from napari_eds.cli.usage import UsageError, at_least_1, bad_options, positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from napari_eds.exchange.figures.page import FigureStyle
    from napari_eds.quantification.result import Quantification
    from napari_eds.spectra.spectrum_image import SpectrumImage

_PLOTS = ("histogram", "scatter", "ternary")
_SESSION = ".edsession"


def add_parsers(commands: Any) -> None:
    """Add the commands that draw."""
    _add_figure(commands)
    _add_report(commands)


def _add_source(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser, regions_needed=False)
    parser.add_argument(
        "--map",
        type=Path,
        metavar="FILE",
        help="the map of a session given as file; that beside the session without",
    )


def _add_figure(commands: Any) -> None:
    figure = commands.add_parser(
        "figure", help="draw maps, a spectrum with its fit, or a plot of a result for a paper"
    )
    _add_source(figure)
    what = figure.add_mutually_exclusive_group()
    what.add_argument(
        "--show",
        type=_names,
        metavar="HAADF,Fe,Fe:counts",
        help="maps side by side: images of the file, counts, elements (at.%% of a result, counts "
        "of a map without one), columns of the table; HAADF and all elements by default",
    )
    what.add_argument(
        "--spectrum", metavar="LABEL", help="the spectrum of a label, by number or name"
    )
    what.add_argument("--plot", choices=_PLOTS, help="the compositions of all labels")
    figure.add_argument(
        "--plot-elements", type=_names, metavar="La,Fe", help="elements of --plot, in order"
    )
    figure.add_argument(
        "--outline",
        type=_outline,
        default=False,
        metavar="all",
        help="labels to outline: all or 1,2,5",
    )
    figure.add_argument("--columns", type=at_least_1, metavar="N", help="maps in a row")
    figure.add_argument(
        "--same-scale", action="store_true", help="one scale of colours for maps of one unit"
    )
    figure.add_argument(
        "--log-counts", action="store_true", help="counts of --spectrum on a logarithmic scale"
    )
    figure.add_argument("--width", type=positive, metavar="MM", help="width on the page")
    figure.add_argument("--dpi", type=at_least_1, metavar="N", help="pixels per inch")
    figure.add_argument("--font-size", type=positive, metavar="PT", help="size of letters")
    figure.add_argument("--colormap", metavar="NAME", help="of matplotlib (default: viridis)")
    figure.add_argument(
        "-o", "--output", type=Path, required=True, metavar="PNG", help="figure (PNG, SVG, PDF)"
    )
    figure.set_defaults(run=_figure)


def _add_report(commands: Any) -> None:
    report = commands.add_parser(
        "report", help="write a report of a session, or of a map and its recipe, as HTML or PDF"
    )
    _add_source(report)
    report.add_argument("--title", help="default: the map's name")
    report.add_argument("--remarks", default="", metavar="TEXT", help="your own remarks")
    report.add_argument(
        "--show-spectra", type=_names, metavar="1,R3C4", help="labels whose spectra are shown"
    )
    report.add_argument(
        "-o", "--output", type=Path, required=True, metavar="HTML", help="report (HTML, PDF)"
    )
    report.set_defaults(run=_report)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _outline(text: str) -> bool | list[int]:
    if text == "all":
        return True
    try:
        return [int(name) for name in _names(text)]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"takes all, or numbers of labels, not {text!r}"
        ) from None


def _report(options: argparse.Namespace) -> None:
    from napari_eds.exchange.report.saving import check_report_path, save_report

    with bad_options():
        check_report_path(options.output)
    with writing(options, [options.output]):
        result = _result(options)
        asked = options.show_spectra
        labels = None if asked is None else [_label(result, name) for name in asked]
        with TerminalProgress() as progress:
            save_report(
                result,
                options.output,
                title=options.title,
                remarks=options.remarks,
                labels=labels,
                overwrite=options.force,
                progress=progress,
            )
    print(f"Saved {options.output}")


def _figure(options: argparse.Namespace) -> None:
    from napari_eds._support.figures import figure_format, save_figure

    with bad_options():
        figure_format(options.output)
        style = _style(options)
    if options.plot_elements and not options.plot:
        raise UsageError("--plot-elements names the elements of --plot, which is not asked for")
    with writing(options, [options.output]):
        save_figure(_drawn(options, style), options.output, overwrite=options.force)
    print(f"Saved {options.output}")


def _drawn(options: argparse.Namespace, style: FigureStyle) -> Figure:
    from napari_eds.exchange.figures.montage import map_figure
    from napari_eds.exchange.figures.plots import plot_figure
    from napari_eds.exchange.figures.spectrum import spectrum_figure

    if options.spectrum is not None:
        result = _result(options)
        label = _label(result, options.spectrum)
        return spectrum_figure(result, label, log=options.log_counts, style=style)
    if options.plot is not None:
        return plot_figure(_result(options), options.plot, options.plot_elements, style=style)
    source: SpectrumImage | Quantification
    # A map alone has images and counts to show.
    alone = options.file.suffix.lower() != _SESSION and not regions_asked(options)
    source = load_map(options) if alone else _result(options)
    return map_figure(
        source,
        options.show,
        outline=options.outline,
        n_columns=options.columns,
        same_scale=options.same_scale,
        style=style,
    )


def _style(options: argparse.Namespace) -> FigureStyle:
    from napari_eds.exchange.figures.page import FigureStyle

    named = {"width_mm": "width", "font_size_pt": "font_size"}
    given = {f.name: getattr(options, named.get(f.name, f.name)) for f in fields(FigureStyle)}
    return FigureStyle(**{name: value for name, value in given.items() if value is not None})


def _label(result: Quantification, name: str) -> int:
    """Return the label of a number or a name."""
    from napari_eds.quantification.table import CHIP

    if name.isdecimal() and int(name) in result.table.index:
        return int(name)
    found = result.table.index[result.table[CHIP] == name]
    if len(found) != 1:
        raise UsageError(f"there is no label {name!r}; the table names them")
    return int(found[0])


def _result(options: argparse.Namespace) -> Quantification:
    """Quantify as the session says, or as the options do."""
    if options.file.suffix.lower() != _SESSION:
        if not regions_asked(options):
            raise UsageError("say which regions: --grid, --min-counts, --labels, --whole, ...")
        return run(options)
    from napari_eds.exchange.session import load_session, repeat

    if regions_asked(options) or options.recipe is not None or options.elements is not None:
        raise UsageError("a session brings its regions and its recipe: leave those options out")
    session = load_session(options.file)
    path = options.map or options.file.with_name(session.source.file_name or "")
    if not path.is_file():
        raise UsageError(f"the session is of {session.source.file_name}: name it with --map")
    LOG.info("map of the session: %s", path)
    with TerminalProgress() as progress:
        return repeat(session, path, progress=progress)
