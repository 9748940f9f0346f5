import numpy as np
import pytest
from mmengine.config import Config

from handkd.artifacts import EVALUATION, TRAINING, ensure_artifacts
from handkd.artifacts.patch_dictionary import open_dictionary
from handkd.hints import ConfigError
from handkd.registry import DATASETS
from handkd.restoration import PatchDictionary, indexing, open_search
from handkd.studio.layouts import write_layout

PIPELINE = [dict(type='PackHandInputs', modalities=['depth'], fields=['part_seg'])]
HANDS = dict(type='StudioDataset', split='train', length=9, modalities=['depth'], resolution=48, pipeline=PIPELINE)


def config(folder, **changes):
    return Config(dict(patch_dictionary={**dict(folder=str(folder), dataset=HANDS, maps=6), **changes}))


def test_the_dictionary_has_the_first_maps_of_its_set(tmp_path):
    search = open_dictionary(config(tmp_path / 'a'))
    dataset = DATASETS.build(HANDS)
    expected = np.stack([dataset[i]['data_samples'].gt_fields.part_seg[0].numpy() for i in range(6)])
    np.testing.assert_array_equal(search.dictionary.maps, expected)
    written = (tmp_path / 'a/maps.u8').stat().st_mtime_ns
    open_dictionary(config(tmp_path / 'a'))
    assert (tmp_path / 'a/maps.u8').stat().st_mtime_ns == written, 'what is there is not made again'
    open_dictionary(config(tmp_path / 'b', maps=None))
    assert len(PatchDictionary.load(tmp_path / 'b').maps) == 9


def test_it_is_built_where_somebody_takes_it(tmp_path):
    cfg = config(tmp_path / 'a')
    cfg.custom_hooks = [dict(type='PartRestorationHook', interval=2)]
    ensure_artifacts(cfg, *EVALUATION)
    assert not (tmp_path / 'a').exists()
    ensure_artifacts(cfg, *TRAINING)
    assert (tmp_path / 'a/dictionary.json').is_file() and cfg.custom_hooks[0].dictionary == str(tmp_path / 'a')
    ensure_artifacts(Config(dict(custom_hooks=cfg.custom_hooks)), 'custom_hooks')


def test_another_set_or_number_is_refused(tmp_path):
    open_dictionary(config(tmp_path))
    for changes in (dict(maps=5), dict(dataset=dict(HANDS, seed=3))):
        with pytest.raises(ValueError, match='holds a dictionary of another source'):
            open_dictionary(config(tmp_path, **changes))


def test_the_config_says_how_the_index_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(indexing, 'EXACT_BELOW', 100)
    cfg = config(tmp_path, index=dict(lists=16, components=32, list_sample=40))
    made = open_dictionary(cfg)
    assert made.index.nlist == 16
    assert open_search(tmp_path).index.nlist == 16, 'who takes it need not know how it was made'
    with pytest.raises(ValueError, match='the index has other settings: .*components was 32, is now 64'):
        open_dictionary(config(tmp_path))
    with pytest.raises(ConfigError, match="'list'; did you mean 'lists'"):
        open_dictionary(config(tmp_path, index=dict(list=16)))


def test_other_labels_in_the_same_place_are_refused(tmp_path):
    for _ in write_layout('folder', tmp_path / 'tree', 2):
        pass
    hands = dict(type='HandFolderDataset', data_root=str(tmp_path / 'tree'), split='train',
                 modalities=['depth', 'parts'],
                 pipeline=[dict(type='HandCrop'), dict(type='WarpCrop', size=48), *PIPELINE])  # fmt: skip
    open_dictionary(config(tmp_path / 'a', dataset=hands, maps=1))
    open_dictionary(config(tmp_path / 'a', dataset=hands, maps=1))
    parts = DATASETS.build(hands).get_labels(0)['parts_path']
    with open(parts, 'ab') as file:
        file.write(b'another rendering')
    with pytest.raises(ValueError, match=r"another source: .*'labels': .*is now .*'labels': .*delete this one"):
        open_dictionary(config(tmp_path / 'a', dataset=hands, maps=1))


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(ConfigError, match='patch_dictionary is missing in the config'):
        open_dictionary(Config(dict()))
    with pytest.raises(ConfigError, match="'map'; did you mean 'maps'"):
        open_dictionary(config(tmp_path, map=3))
    with pytest.raises(ConfigError, match="'dataset' is missing"):
        open_dictionary(Config(dict(patch_dictionary=dict(folder='x'))))
    with pytest.raises(ConfigError, match='maps must be from 1 to 9, the length of its set, found 10'):
        open_dictionary(config(tmp_path, maps=10))
    bare = dict(HANDS, pipeline=[dict(type='PackHandInputs', modalities=['depth'])])
    with pytest.raises(ValueError, match="sample 0 has no 'part_seg'"):
        open_dictionary(config(tmp_path, dataset=bare))
