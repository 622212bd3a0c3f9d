"""A report as one page of HTML: pictures inside, no scripts, nothing fetched, fit to print."""

from __future__ import annotations

from base64 import b64encode
from html import escape

from napari_eds.exchange.report.blocks import Block, Picture, Report, Section, Sentences, Table

#: Nothing may be loaded or run, whatever a name in a file says.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_STYLE = """
body { font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; color: #1a1a1a;
  background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.7rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; padding-bottom: .2rem;
  border-bottom: 1px solid #ccc; }
.subtitle { color: #555; margin: .2rem 0 0; }
figure { margin: 1rem 0 1.6rem; }
img { max-width: 100%; height: auto; }
figcaption, .note { color: #555; font-size: .87rem; }
.scroll { overflow-x: auto; margin: .8rem 0 .3rem; }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }
th { text-align: right; border-bottom: 1.5px solid #333; padding: .2rem .7rem; }
td { text-align: right; border-bottom: 1px solid #e4e4e4; padding: .15rem .7rem;
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: .2rem; }
.wraps th, .wraps td { text-align: left; }
.wraps td:last-child { white-space: normal; overflow-wrap: anywhere; }
.wraps td { vertical-align: top; }
@page { size: A4; margin: 16mm; }
@media print { body { font-size: 10pt; margin: 0; padding: 0; max-width: none; }
  figure, tr, h2 { break-inside: avoid; } h2 { break-after: avoid; }
  thead { display: table-header-group; } .scroll { overflow: visible; }
  table { font-size: 7.5pt; } th, td { padding: .1rem .35rem; } }
"""


def html_page(report: Report) -> str:
    """Return a report as a whole page of HTML; all text is escaped."""
    title = escape(report.title)
    sections = "\n".join(map(_section, report.sections))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f'<p class="subtitle">{escape(report.subtitle)}</p>\n{sections}\n</body>\n</html>\n'
    )


def _section(section: Section) -> str:
    blocks = "\n".join(map(_block, section.blocks))
    return f"<section>\n<h2>{escape(section.title)}</h2>\n{blocks}\n</section>"


def _block(block: Block) -> str:
    if isinstance(block, Sentences):
        items = "".join(f"<li>{escape(text)}</li>\n" for text in block.texts)
        return f"<ul>\n{items}</ul>"
    if isinstance(block, Picture):
        data = b64encode(block.png).decode("ascii")
        caption = escape(block.caption)
        return (
            f'<figure><img alt="{caption}" style="width: {block.width_mm:.0f}mm" '
            f'src="data:image/png;base64,{data}">\n<figcaption>{caption}</figcaption></figure>'
        )
    return _table(block)


def _table(block: Table) -> str:
    kind = ' class="wraps"' if block.wraps_last else ""
    head = _row(block.header, "th") if any(block.header) else ""
    body = "\n".join(_row(row, "td") for row in block.rows)
    note = f'\n<p class="note">{escape(block.note)}</p>' if block.note else ""
    thead = f"<thead>{head}</thead>" if head else ""
    return f'<div class="scroll"><table{kind}>{thead}<tbody>\n{body}\n</tbody></table></div>{note}'


def _row(cells: tuple[str, ...], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
