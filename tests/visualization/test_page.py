"""The page: complete in one file, escaped, and written whole or not at all."""

import base64
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from handkd.visualization import Picture, Table, write_page

IMAGE = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)


class Balance(HTMLParser):
    """Checks that tags are closed in order, and collects what the page refers to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.sources = [], []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.sources += [value for key, value in attrs if key in ('src', 'href')]
        if tag not in ('meta', 'img'):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def write(tmp_path, blocks: list) -> str:
    write_page(tmp_path / 'new' / 'page.html', 'A <b> & c', 'see `x < y`', [('Part', blocks)])
    return (tmp_path / 'new' / 'page.html').read_text(encoding='utf-8')


def test_the_page_is_complete_and_refers_to_nothing_outside(tmp_path):
    table = Table(('', 'mm'), [('baseline', '20.1'), ('student', '17.9')], strong=[1])
    svg = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'
    page = write(tmp_path, ['text', table, Picture(IMAGE, 'a "hand"'), [Picture(svg), Picture(IMAGE)]])
    parsed = Balance(page)
    assert not parsed.open
    assert len(parsed.sources) == 3 and all(source.startswith('data:image/') for source in parsed.sources)
    assert not re.search(r'https?://', page)
    png = base64.b64decode(parsed.sources[0].partition(',')[2])
    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), IMAGE)
    assert '<tr class=strong><td>student</td><td>17.9</td></tr>' in page
    assert 'prefers-color-scheme: dark' in page
    assert [p.name for p in (tmp_path / 'new').iterdir()] == ['page.html']


def test_texts_are_escaped_and_backquotes_are_code(tmp_path):
    page = write(tmp_path, ['<script>alert(1)</script>'])
    assert '<script>' not in page
    assert '<h1>A &lt;b&gt; &amp; c</h1>' in page
    assert 'see <code>x &lt; y</code>' in page


def test_a_page_that_can_not_be_written_is_named(tmp_path):
    (tmp_path / 'new').touch()
    with pytest.raises(OSError, match='the file was not changed.*page.html'):
        write(tmp_path, [])
