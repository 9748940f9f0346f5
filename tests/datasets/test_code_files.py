import importlib
import sys
from pathlib import Path

import pytest

import handkd
from handkd.datasets import HandFolderDataset, PanopticHandDataset, RHDDataset
from handkd.datasets.code_files import _file_of, code_files
from handkd.datasets.index import open_index

COMMON = {'file_dataset', 'index', 'damaged_labels', 'label_digests', 'records'}


def modules(reader):
    return {
        '.'.join(path.relative_to(Path(handkd.__file__).parent).with_suffix('').parts) for path in code_files(reader)
    }


@pytest.mark.parametrize(
    ('reader', 'own'),
    [
        (
            RHDDataset,
            {'readers.rhd', 'readers.depth_files', 'readers.unpickling', 'label_checks'},
        ),
        (PanopticHandDataset, {'readers.panoptic', 'readers.panoptic_files', 'readers.panoptic_people', 'views'}),
        (HandFolderDataset, {'readers.hand_folder', 'readers.hand_folder_lines', 'readers.text_lines'}),
    ],
)
def test_the_reader_its_helpers_and_the_form_of_labels_decide(reader, own):
    found = modules(reader)
    assert {f'datasets.{name}' for name in COMMON | own} | {'hand', 'geometry.camera', 'reading', 'units'} <= found
    others = {
        'readers.stb',
        'mixed',
        'base',
        'check_report',
        'transforms.batch',
        'transforms.warping',
        'sampling.seeding',
    }
    assert not found & {f'datasets.{name}' for name in others} and len(found) < 25
    assert not found & {'hints', 'registry', 'config'}


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A package with a reader that imports one of its helpers through a package, and a module of no concern."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.syspath_prepend(tmp_path)
    texts = {
        '__init__': 'from .reader import Mine\n',
        'reader': 'from handkd.datasets import HandFileDataset\nfrom .parts import ORDER\n'
        'class Mine(HandFileDataset):\n    SPLITS = ("train",)\n',
        'parts/__init__': 'from .orders import ORDER\nfrom .other import OTHER\n',
        'parts/orders': 'ORDER = 1\n',
        'parts/other': 'OTHER = 1\n',
    }
    for name, text in texts.items():
        path = tmp_path / 'lent_reader' / f'{name}.py'
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    yield importlib.import_module('lent_reader').Mine, tmp_path / 'lent_reader'
    _file_of.cache_clear()  # the next package of this name is in another folder
    for name in [name for name in sys.modules if name.startswith('lent_reader')]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ('edited', 'anew'),
    [('reader', True), ('parts/orders', True), ('parts/other', False), ('parts/__init__', False), ('__init__', False)],
)
def test_an_edit_makes_the_index_anew_only_if_it_decides_it(plugin, tmp_path, edited, anew):
    reader, folder = plugin
    built = []

    def build(scratch):
        built.append(1)
        return {'sample': [0]}

    for text in ('', '# edited\n', None):
        if text:
            path = folder / f'{edited}.py'
            path.write_text(path.read_text() + text)
        open_index(reader, {}, [], build)
    assert len(built) == 1 + anew
