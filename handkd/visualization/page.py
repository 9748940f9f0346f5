"""Self-contained HTML page: styles and images are embedded, without links."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np

from handkd.files import write_atomically

STYLE = """
:root { --ink: #1f2933; --soft: #616e7c; --line: #e4e7eb; --paper: #ffffff; --shade: #f5f7fa; --mark: #0b7285; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7eb; --soft: #9aa5b1; --line: #3e4c59; --paper: #1b2127; --shade: #252d35; --mark: #3bc9db; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.6;
  font: 17px/1.6 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 3rem 1.25rem 5rem; }
h1 { font-size: 2rem; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
p { max-width: 46rem; margin: .5rem 0; }
p.lead { color: var(--soft); font-size: 1.05rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; min-width: 60%; }
th, td { padding: .5rem .9rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: .4rem; }
th { color: var(--soft); font-weight: 600; font-size: .85rem; border-bottom: 2px solid var(--line); }
tr.strong td { font-weight: 650; background: var(--shade); }
tr.strong td:first-child { box-shadow: inset 3px 0 var(--mark); }
.row { display: flex; flex-wrap: wrap; gap: 1rem; }
.row > figure { flex: 1 1 26rem; }
figure { margin: 1rem 0; }
figure img { display: block; width: 100%; height: auto; background: #fff; border-radius: 8px;
  border: 1px solid var(--line); padding: 6px; }
figcaption { color: var(--soft); font-size: .88rem; margin-top: .4rem; max-width: 50rem; }
code { background: var(--shade); padding: .1em .35em; border-radius: 4px; font-size: .85em; overflow-wrap: anywhere; }
"""


@dataclass(frozen=True)
class Table:
    """A table of a page.

    Attributes:
        headers: Text of each column.
        rows: Cells, one text per column; the first column is left-aligned, the others right-aligned.
        strong: Indices of highlighted rows.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    strong: Sequence[int] = ()


def text_table(table: Table) -> str:
    """Return a table as plain text, for a terminal."""
    lines = [table.headers, *table.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.headers))]
    texts = []
    for first, *others in lines:
        texts.append('  '.join([first.ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(others, widths[1:]))]))
    return '\n'.join([texts[0], '-' * len(texts[0]), *texts[1:]])


@dataclass(frozen=True)
class Picture:
    """An image of a page.

    Attributes:
        image: BGR, uint8, shape (H, W, 3), or the bytes of an SVG file.
        caption: Text below it.
    """

    image: np.ndarray | bytes
    caption: str = ''


Block = str | Table | Picture | Sequence[Picture]
"""A paragraph (plain text; `backquoted` parts are code), table, image, or images side by side."""


def write_page(path: str | Path, title: str, lead: str, sections: Sequence[tuple[str, Sequence[Block]]]) -> None:
    """Write a self-contained page: it needs no server, no network and no other file.

    Args:
        path: The HTML file, written atomically; its folder is created.
        title: The page's title.
        lead: A sentence or two under the title.
        sections: Heading and blocks of each section, in order.

    Raises:
        OSError: If it can't be written; names it.
    """
    body = [f'<h1>{escape(title)}</h1>', f'<p class="lead">{_text(lead)}</p>']
    for heading, blocks in sections:
        body += [f'<section><h2>{escape(heading)}</h2>', *map(_block, blocks), '</section>']
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<title>{escape(title)}</title>\n<style>{STYLE}</style></head>\n<body><main>\n'
        + '\n'.join(body)
        + '\n</main></body></html>\n'
    )
    write_atomically(path, page.encode())


def _block(block: Block) -> str:
    if isinstance(block, str):
        return f'<p>{_text(block)}</p>'
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Picture):
        return _picture(block)
    return '<div class="row">' + ''.join(map(_picture, block)) + '</div>'


def _text(text: str) -> str:
    """Escape a text; every second piece between backquotes is code."""
    pieces = escape(text).split('`')
    return ''.join(f'<code>{piece}</code>' if i % 2 else piece for i, piece in enumerate(pieces))


def _table(table: Table) -> str:
    def row(cells: Sequence[str], tag: str, strong: bool = False) -> str:
        return f'<tr{" class=strong" * strong}>' + ''.join(f'<{tag}>{_text(c)}</{tag}>' for c in cells) + '</tr>'

    rows = ''.join(row(cells, 'td', i in table.strong) for i, cells in enumerate(table.rows))
    return f'<div class="scroll"><table><thead>{row(table.headers, "th")}</thead><tbody>{rows}</tbody></table></div>'


def _picture(picture: Picture) -> str:
    if isinstance(picture.image, bytes):
        kind, data = 'svg+xml', picture.image
    else:
        kind, data = 'png', cv2.imencode('.png', picture.image)[1].tobytes()
    source = f'data:image/{kind};base64,{base64.b64encode(data).decode()}'
    caption = f'<figcaption>{_text(picture.caption)}</figcaption>' if picture.caption else ''
    return f'<figure><img src="{source}" alt="{escape(picture.caption)}">{caption}</figure>'
