"""A report as PDF, on A4 pages, written by matplotlib: no other program is needed."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from napari_eds._support.figures import SETTINGS, VECTOR_TEXT
from napari_eds.exchange.figures.page import MM_PER_INCH, POINTS_PER_MM
from napari_eds.exchange.report.blocks import Block, Picture, Report, Sentences, Table
from napari_eds.exchange.report.letters import text_width, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: A4 and its margins, in mm.
_WIDTH, _HEIGHT, _MARGIN, _FOOT = 210.0, 297.0, 20.0, 12.0
_INNER = _WIDTH - 2 * _MARGIN
_TEXT_PT, _TABLE_PT, _SMALL_PT, _HEAD_PT, _TITLE_PT = 9.0, 7.5, 7.5, 12.0, 17.0
_LINE = 1.4
_CELL_GAP = 3.0
#: Tables are set smaller down to this size before their last column is wrapped.
_SMALLEST_PT = 4.5
_GREY = "0.35"


def pdf_pages(report: Report) -> bytes:
    """Return a report as the pages of a PDF."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_pdf import PdfPages

    figures = drawn_pages(report)
    buffer = BytesIO()
    info = {"Title": report.title, "CreationDate": None}
    # Nobody else may say meanwhile how letters are written.
    with SETTINGS, rc_context(VECTOR_TEXT), PdfPages(buffer, metadata=info) as pdf:
        for page in figures:
            pdf.savefig(page)
    return buffer.getvalue()


def drawn_pages(report: Report) -> list[Figure]:
    """Return the pages of a report, as figures of matplotlib."""
    pages = _Pages()
    pages.text(report.title, _TITLE_PT, weight="bold")
    pages.text(report.subtitle, _TEXT_PT, color=_GREY)
    for section in report.sections:
        pages.space(5)
        pages.keep(30.0 if not isinstance(section.blocks[0], Picture) else 15.0 + _tall(section))
        pages.text(section.title, _HEAD_PT, weight="bold")
        pages.space(1.5)
        for block in section.blocks:
            _add(pages, block)
    for number, page in enumerate(pages.figures, start=1):
        _foot(page, f"{number} / {len(pages.figures)}")
    return pages.figures


def _tall(section: Any) -> float:
    first = section.blocks[0]
    return min(float(first.height_mm), 120.0)


def _foot(page: Figure, text: str) -> None:
    page.text(
        1 - _MARGIN / _WIDTH, _FOOT / _HEIGHT, text, fontsize=_SMALL_PT, ha="right", color=_GREY
    )


class _Pages:
    """Pages that are filled from the top; places are in mm from the upper left corner."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.turn()

    def turn(self) -> None:
        """Begin a new page."""
        from matplotlib.figure import Figure

        size = (_WIDTH / MM_PER_INCH, _HEIGHT / MM_PER_INCH)
        self.figures.append(Figure(figsize=size))
        self.y = _MARGIN

    @property
    def left(self) -> float:
        """Room on the page below what is there."""
        return _HEIGHT - _MARGIN - self.y

    def space(self, height: float) -> None:
        self.y += height

    def keep(self, height: float) -> None:
        """Turn the page where less than this is left."""
        if self.left < height:
            self.turn()

    def write(self, x: float, text: str, size: float, **look: Any) -> None:
        """Write at the place reached, without going on."""
        self.figures[-1].text(
            x / _WIDTH,
            1 - self.y / _HEIGHT,
            text,
            fontsize=size,
            va="top",
            parse_math=False,
            **look,
        )

    def text(self, text: str, size: float, *, indent: float = 0.0, **look: Any) -> None:
        """Write a paragraph, wrapped to the width."""
        height = _LINE * size / POINTS_PER_MM
        weight = look.get("weight", "normal")
        for line in wrapped(text, size, _INNER - indent, weight):
            self.keep(height)
            self.write(_MARGIN + indent, line, size, **look)
            self.y += height

    def rule(self, width: float, color: str) -> None:
        """Draw a line across at the place reached."""
        from matplotlib.lines import Line2D

        y = 1 - self.y / _HEIGHT
        x = [_MARGIN / _WIDTH, (_MARGIN + width) / _WIDTH]
        self.figures[-1].add_artist(Line2D(x, [y, y], color=color, linewidth=0.4))


def _add(pages: _Pages, block: Block) -> None:
    if isinstance(block, Sentences):
        for text in block.texts:
            pages.keep(_LINE * _TEXT_PT / POINTS_PER_MM)
            pages.write(_MARGIN, "•", _TEXT_PT)
            pages.text(text, _TEXT_PT, indent=3.5)
            pages.space(0.8)
    elif isinstance(block, Picture):
        _add_picture(pages, block)
    else:
        _add_table(pages, block)
    pages.space(4)


def _add_picture(pages: _Pages, picture: Picture) -> None:
    from matplotlib.image import imread

    shrink = min(1.0, _INNER / picture.width_mm, 190.0 / picture.height_mm)
    width, height = shrink * picture.width_mm, shrink * picture.height_mm
    pages.keep(height + 12)
    place = (_MARGIN / _WIDTH, 1 - (pages.y + height) / _HEIGHT, width / _WIDTH, height / _HEIGHT)
    axes = pages.figures[-1].add_axes(place)
    # Kept as it is in the file, not drawn again in the pixels of the page.
    axes.imshow(imread(BytesIO(picture.png)), interpolation="none", aspect="auto")
    axes.set_axis_off()
    pages.space(height + 1)
    pages.text(picture.caption, _SMALL_PT, color=_GREY)


def _add_table(pages: _Pages, table: Table) -> None:
    size, widths = _fitted(table)
    height = _LINE * size / POINTS_PER_MM
    total = sum(widths) + _CELL_GAP * (len(widths) - 1)

    def head() -> None:
        if any(table.header):
            _add_row(pages, [[cell] for cell in table.header], widths, size, table, weight="bold")
            pages.rule(total, "0.2")
            pages.space(0.7)

    pages.keep(4 * height)
    head()
    for row in table.rows:
        cells = [[cell] for cell in row]
        if table.wraps_last:
            cells[-1] = wrapped(row[-1], size, widths[-1])
        needed = height * max(map(len, cells)) + 0.8
        if pages.left < needed:
            pages.turn()
            head()
        _add_row(pages, cells, widths, size, table)
        pages.rule(total, "0.85")
        pages.space(0.4)
    if table.note:
        pages.space(1)
        pages.text(table.note, _SMALL_PT, color=_GREY)


def _fitted(table: Table) -> tuple[float, list[float]]:
    """Return the size of letters and the widths of columns with which a table fits the page."""
    rows = [table.header, *table.rows]
    n = len(table.header)
    widths = [max(text_width(row[i], _TABLE_PT, "bold") for row in rows) for i in range(n)]
    gaps = _CELL_GAP * (n - 1)
    if table.wraps_last:
        others = sum(widths[:-1]) + gaps
        return _TABLE_PT, [*widths[:-1], max(min(widths[-1], _INNER - others), 40.0)]
    size = max(_SMALLEST_PT, min(1.0, (_INNER - gaps) / sum(widths)) * _TABLE_PT)
    return size, [width * size / _TABLE_PT for width in widths]


def _add_row(
    pages: _Pages,
    cells: list[list[str]],
    widths: list[float],
    size: float,
    table: Table,
    **look: Any,
) -> None:
    """Write a row: numbers to the right, the first column and texts to the left."""
    top, height = pages.y, _LINE * size / POINTS_PER_MM
    x = _MARGIN
    for column, (lines, width) in enumerate(zip(cells, widths, strict=True)):
        to_left = column == 0 or table.wraps_last
        for number, line in enumerate(lines):
            pages.y = top + number * height
            place, align = (x, "left") if to_left else (x + width, "right")
            pages.write(place, line, size, ha=align, **look)
        x += width + _CELL_GAP
    pages.y = top + height * max(map(len, cells))
