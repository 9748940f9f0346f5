"""Hooks of MkDocs: pages of the site that are not in docs/, and links between them.

The READMEs of methods and examples, and some files of the root, are pages of the site (:func:`outer_pages`). Links are
written for the repository, relative to the file, and rewritten here (:func:`site_links`). The reference of ``handkd``
has one page per package, with the public names of ``tests/api.json`` (:func:`api_pages`).
"""

from __future__ import annotations

import ast
import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
TABLES = 'results-tables.md'
_ROOT_PAGES = {
    'README.md': 'index.md',
    'SECURITY.md': 'security-policy.md',
    'CONTRIBUTING.md': 'contributing.md',
    'CHANGELOG.md': 'changelog.md',
    'RESULTS.md': TABLES,
    'zoo/README.md': 'zoo.md',
}
_MODULES = ('handkd.hand', 'handkd.registry')
"""Modules outside of packages that plugins need."""
_FENCE = re.compile(r'(^(?:```|~~~).*?^(?:```|~~~)\s*?$)', re.MULTILINE | re.DOTALL)
_LINK = re.compile(r'(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)')


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add to the navigation the methods, results, released students, further pages of docs/, and the reference."""
    sections = {title: pages for entry in config.nav for title, pages in entry.items()}
    named = set(_named(config.nav))
    for page in outer_pages().values():
        for folder, section in (('methods/', 'Methods'), ('zoo/', 'Using a student')):
            if page.startswith(folder) and page not in named:
                sections[section].append({Path(page).stem: page})
    if TABLES in outer_pages().values():
        sections['Methods'].append({'Tables of results': TABLES})
    sections['Project'] += sorted({path.name for path in (ROOT / 'docs').glob('*.md')} - named)
    config.nav.append({'API': [{package: f'api/{package}.md'} for package in sorted(api_pages())]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""
    from mkdocs.structure.files import File

    for source, page in outer_pages().items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding='utf-8')))
    for package, names in api_pages().items():
        files.append(File.generated(config, f'api/{package}.md', content=api_page(package, names)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of a page."""
    sources = {target: source for source, target in outer_pages().items()}
    return site_links(markdown, sources.get(page.file.src_uri, f'docs/{page.file.src_uri}'), page.file.src_uri)


def _named(nav: object) -> Iterator[str]:
    """Yield the pages of a navigation."""
    if isinstance(nav, str):
        yield nav
    else:
        for entry in nav.values() if isinstance(nav, dict) else nav:
            yield from _named(entry)


def outer_pages() -> dict[str, str]:
    """Return file of the repository outside docs/ -> page of the site; methods, examples and students by name."""
    pages = {file: page for file, page in _ROOT_PAGES.items() if (ROOT / file).is_file()}
    pages |= {f'zoo/{card.name}': f'zoo/{card.name}' for card in ROOT.glob('zoo/*.md') if card.name != 'README.md'}
    for folder, section in (('configs', 'methods'), ('examples', 'examples')):
        for readme in sorted((ROOT / folder).glob('*/README.md')):
            pages[readme.relative_to(ROOT).as_posix()] = f'{section}/{readme.parent.name}.md'
    return pages


def site_links(markdown: str, source: str, page: str) -> str:
    """Return a text whose links lead to pages of the site, where the repository's files are pages.

    Links to other files of the repository, which the site does not have, become their text.

    Args:
        markdown: The text; code blocks stay as they are.
        source: Its file, from the root of the repository; links are relative to it.
        page: Its page in the site.
    """

    def rewrite(link: re.Match) -> str:
        target, _, anchor = link['target'].partition('#')
        if not target or re.match(r'[a-z]+:', target):
            return link[0]
        found = site_path(posixpath.normpath(posixpath.join(posixpath.dirname(source), target)))
        if found is None:
            return link['text']
        place = posixpath.relpath(found, posixpath.dirname(page) or '.')
        return f'{link["image"]}[{link["text"]}]({place}{"#" if anchor else ""}{anchor})'

    parts = _FENCE.split(markdown)
    return ''.join(part if i % 2 else _LINK.sub(rewrite, part) for i, part in enumerate(parts))


def site_path(file: str) -> str | None:
    """Return the path in the site of a file or folder of the repository, both from their roots; None if it has none."""
    if file.startswith('docs/'):
        return file.removeprefix('docs/')
    pages = outer_pages()
    return pages.get(file) or pages.get(f'{file}/README.md')


def api_pages() -> dict[str, list[str]]:
    """Return package -> its public names, without those of packages within it; module -> none, for all of them."""
    public = {package: set(names) for package, names in json.loads((ROOT / 'tests/api.json').read_text()).items()}
    pages: dict[str, list[str]] = {module: [] for module in _MODULES}
    for package, names in public.items():
        inner = [other for other in public if other.startswith(f'{package}.')]
        taken = {name for other in inner for name in public[other]} | {other.rpartition('.')[2] for other in inner}
        if own := sorted(names - taken):
            pages[package] = own
    return pages


def api_page(package: str, names: list[str]) -> str:
    """Return the text of a package's page, from which mkdocstrings makes its reference.

    Sources are read, not imported. So a name that the package imports at its first use is described at its own module,
    and so is a function with the name of its module.

    Args:
        package: Such as 'handkd.datasets'.
        names: The public names to describe; none: all of a module.
    """
    if not names:
        return f'# {package}\n\n::: {package}\n    options:\n      show_root_heading: false\n'
    elsewhere = _lazy_names(package)
    folder = ROOT / package.replace('.', '/')
    elsewhere |= {name: f'{package}.{name}' for name in names if (folder / f'{name}.py').is_file()}
    members = ''.join(f'\n        - {name}' for name in names if name not in elsewhere) or ' false'
    text = f'# {package}\n\n::: {package}\n    options:\n      show_root_heading: false\n      members:{members}\n'
    shown = '      show_root_heading: true\n      show_root_toc_entry: true\n'
    for name in names:
        if name in elsewhere:
            text += f'\n::: {elsewhere[name]}.{name}\n    options:\n{shown}'
    return text


def _lazy_names(package: str) -> dict[str, str]:
    """Return name -> full name of its module, from the tables of a package's ``__init__`` for its lazy imports."""
    source = (ROOT / package.replace('.', '/') / '__init__.py').read_text(encoding='utf-8')
    tables = [
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict) and 'lazy_names' in source
    ]
    return {
        name: module if module.startswith('handkd.') else f'{package}.{module}'
        for table in tables
        for name, module in table.items()
    }
