"""The command that builds a dictionary of patches and measures its search."""

import re

import pytest

from handkd.commands.build_dictionary import main
from handkd.hints import ConfigError
from handkd.restoration import PatchDictionary, indexing

CONFIG = """
hands = dict(type='StudioDataset', split='train', length=90, modalities=['depth'], resolution=48,
             pipeline=[dict(type='PackHandInputs', modalities=['depth'], fields=['part_seg'])])
patch_dictionary = dict(folder='{folder}', dataset=hands, maps={maps})
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(CONFIG.format(folder=tmp_path / 'patches', maps=30))
    return path


def test_it_builds_and_measures(config, tmp_path, capsys):
    main([str(config), '--measure', '40'])
    dictionary = PatchDictionary.load(tmp_path / 'patches')
    assert f'{dictionary.num_patches} patches of 30 maps' in capsys.readouterr().out
    assert dictionary.num_patches > indexing.EXACT_BELOW
    main([str(config), '--measure', '40'])
    recall, ratio = re.search(r'40 queries: recall@1 ([\d.]+), .*ratio ([\d.]+)\)', capsys.readouterr().out).groups()
    assert 0.5 < float(recall) <= 1 <= float(ratio) < 1.1


def test_few_patches_are_searched_exactly(config, capsys):
    main([str(config), '--measure', '5', '--cfg-options', 'patch_dictionary.maps=3'])
    assert 'the search is exact for so few patches' in capsys.readouterr().out


def test_what_can_not_be_measured_is_said(config, tmp_path):
    with pytest.raises(ValueError, match='StudioDataset has 90 samples, expected 110'):
        main([str(config), '--measure', '5', '--cfg-options', 'patch_dictionary.maps=60'])
    with pytest.raises(SystemExit):
        main([str(config), '--measure', '0'])
    bare = tmp_path / 'bare.py'
    bare.write_text('work_dir = None')
    with pytest.raises(ConfigError, match='patch_dictionary is missing in the config'):
        main([str(bare)])
