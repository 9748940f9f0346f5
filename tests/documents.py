"""What stands in the documents: links, blocks of code, and commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for pattern in ('*.md', 'docs/*.md', 'configs/*/*.md', 'examples/*/*.md', 'zoo/*.md')
    for path in ROOT.glob(pattern)
    if path.name != 'CHANGELOG.md' and not path.name.endswith('-log.md')  # these keep the names of their time
)
_FENCE = re.compile(r'^```(\w*)\n(.*?)^```\s*?$', re.MULTILINE | re.DOTALL)
_ASSIGNED = re.compile(r"""^(\w+)=(?:'([^']*)'|"([^"]*)"|(\S*))[ ]*(?:#.*)?$""", re.MULTILINE)


class Text(NamedTuple):
    """A piece of a document: where it stands, for errors, and what it is."""

    place: str
    text: str


def name_of(document: Path) -> str:
    """The document's path, from the root."""
    return document.relative_to(ROOT).as_posix()


def blocks(document: Path, *languages: str) -> Iterator[Text]:
    """Blocks of code in these languages; '' is one without a language."""
    source = document.read_text()
    for block in _FENCE.finditer(source):
        if block[1] in languages:
            line = source.count('\n', 0, block.start()) + 1
            yield Text(f'{name_of(document)}:{line}', block[2])


def prose(document: Path) -> str:
    """The document without its blocks of code."""
    return _FENCE.sub('', document.read_text())


def links(document: Path) -> Iterator[tuple[str, str]]:
    """File, '' for the document itself, and anchor of each link within the repository."""
    for target in re.findall(r'\]\(([^)\s]+)\)', re.sub(r'`[^`]*`', '', prose(document))):
        if not re.match(r'[a-z]+:', target):
            file, _, anchor = target.partition('#')
            yield file, anchor


def anchors(document: Path) -> set[str]:
    """Anchors of the headings, as GitHub and the site make them."""
    titles = re.findall(r'^#+ (.+?)\s*$', prose(document), re.MULTILINE)
    plain = [re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', title) for title in titles]
    return {re.sub(r'\s', '-', re.sub(r'[^\w\s-]', '', title.lower())) for title in plain}


def commands(document: Path) -> Iterator[tuple[str, list[str]]]:
    """Place and words of each call of ``handkd``, ``tools/dist_*.sh`` and ``make``, of blocks and of prose.

    In prose only calls with arguments, none of which is left out ('...'), count.
    """
    for place, block in blocks(document, '', 'bash', 'shell'):
        text = _ASSIGNED.sub('', block).replace('\\\n', ' ')
        for name, one, two, bare in _ASSIGNED.findall(block):
            text = re.sub(rf'\${name}\b', re.sub(r'\s+', ' ', one or two or bare), text)
        for line in text.splitlines():
            yield from _calls(place, line)
    for span in re.findall(r'`(handkd [^`]+ [^`]+)`', prose(document)):
        if '...' not in span and '[' not in span:
            yield from _calls(name_of(document), span.replace('\n', ' '))


def _calls(place: str, line: str) -> Iterator[tuple[str, list[str]]]:
    try:
        lexer = shlex.shlex(re.sub(r'\{[\w,]+\}', 'x', line), posix=True, punctuation_chars=';&|')
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:  # output of a program
        return
    call: list[str] = []
    for word in [*words, '&&']:
        if word in ('&&', '||', '|', ';', '>', '<'):
            while call and re.fullmatch(r'[A-Z_]+=.*', call[0]):
                call.pop(0)
            if call and re.fullmatch(r'handkd|make|tools/\w+\.sh', call[0]):
                yield place, call
            call = []
        else:
            call.append(word)
