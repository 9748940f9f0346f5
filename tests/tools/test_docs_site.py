"""The hooks of the documentation site: links of the repository in the site, and the pages of the reference."""

import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest

from ..documents import ROOT


def load(name: str) -> ModuleType:
    """A module of tools/docs_site by its file: 'hooks' would be a poor name to import."""
    spec = importlib.util.spec_from_file_location(f'docs_site_{name}', ROOT / f'tools/docs_site/{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hooks = load('hooks')


@pytest.mark.parametrize(
    ('link', 'source', 'page', 'found'),
    [
        ('[a](docs/export.md#inputs)', 'README.md', 'index.md', '[a](export.md#inputs)'),
        ('[`a`](../configs/pi/README.md)', 'docs/faq.md', 'faq.md', '[`a`](methods/pi.md)'),
        ('[a](../examples/plugin)', 'docs/faq.md', 'faq.md', '[a](examples/plugin.md)'),
        ('![a](../../docs/nvs_views.jpg)', 'configs/nvs/README.md', 'methods/nvs.md', '![a](../nvs_views.jpg)'),
        ('[a](../LICENSE), [b](../tools)', 'docs/x.md', 'x.md', 'a, b'),
        ('[a](#here) [b](https://host/x.md)', 'README.md', 'index.md', '[a](#here) [b](https://host/x.md)'),
        ('```\n[a](LICENSE)\n```\n', 'README.md', 'index.md', '```\n[a](LICENSE)\n```\n'),
    ],
)
def test_links_of_the_repository_lead_to_pages(link, source, page, found):
    assert hooks.site_links(link, source, page) == found


def test_pages_outside_docs_are_in_the_site_and_in_the_navigation():
    pages = hooks.outer_pages()
    assert pages['README.md'] == 'index.md' and pages['configs/pmd/README.md'] == 'methods/pmd.md'
    config = SimpleNamespace(
        nav=[
            {'Methods': ['methods.md', {'pmd': 'methods/pmd.md'}]},
            {'Project': ['design.md']},
            {'Using a student': []},
        ]
    )
    nav = {title: entries for entry in hooks.on_config(config).nav for title, entries in entry.items()}
    assert {'ekd': 'methods/ekd.md'} in nav['Methods'] and nav['Methods'].count({'pmd': 'methods/pmd.md'}) == 1
    assert nav['Project'].count('design.md') == 1 and 'speed.md' in nav['Project']
    assert {'handkd.datasets': 'api/handkd.datasets.md'} in nav['API']


def test_the_reference_has_each_public_name_once_and_where_it_is_defined():
    pages = hooks.api_pages()
    assert 'FCHead' in pages['handkd.models.heads'] and 'FCHead' not in pages['handkd.models']
    assert 'transforms' not in pages['handkd.datasets'] and pages['handkd.hand'] == []
    assert '\n        - LabelBudget\n' in hooks.api_page('handkd.datasets', ['LabelBudget', 'MixedDataset'])
    lazy = hooks.api_page('handkd.apis', ['HandInferencer', 'Stage'])
    assert 'members: false' in lazy and '::: handkd.inference.inferencer.HandInferencer\n' in lazy
    assert '::: handkd.apis.stages.Stage\n' in lazy
    assert '::: handkd.engine.essential_hooks.essential_hooks\n' in hooks.api_page('handkd.engine', ['essential_hooks'])


def test_roles_of_docstrings_are_plain_code(monkeypatch):
    monkeypatch.setitem(sys.modules, 'griffe', SimpleNamespace(Extension=object, Object=object))
    plain = load('docstrings').plain_roles
    assert plain('See :func:`~handkd.hand.mirror`, :mod:`.sources`.') == 'See `mirror`, `sources`.'
    assert plain(':class:`AucRule` of ``a:b``') == '`AucRule` of ``a:b``'
