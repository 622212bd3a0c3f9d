"""Pieces of HTML for notebooks. Whatever a file may say is escaped."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape


def page(title: str, *parts: str) -> str:
    """Return parts, which are HTML, below a title, which is text."""
    return f"<div><b>{escape(title)}</b>{''.join(parts)}</div>"


def table(rows: Iterable[Sequence[object]], header: Sequence[object] = ()) -> str:
    """Return a table of texts."""
    head = f"<thead><tr>{_cells(header, 'th')}</tr></thead>" if header else ""
    body = "".join(f"<tr>{_cells(row, 'td')}</tr>" for row in rows)
    return f"<table>{head}<tbody>{body}</tbody></table>"


def sentences(texts: Iterable[str]) -> str:
    """Return texts as a list."""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def picture(png: bytes, title: str) -> str:
    """Return a picture that is part of the page."""
    data = b64encode(png).decode("ascii")
    return (
        f'<img alt="{escape(title)}" title="{escape(title)}" '
        f'src="data:image/png;base64,{data}" style="image-rendering: pixelated"/>'
    )


def _cells(cells: Sequence[object], tag: str) -> str:
    return "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells)
