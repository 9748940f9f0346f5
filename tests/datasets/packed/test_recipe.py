"""A recipe says the source and the settings of a pack, and refuses what is neither."""

from types import SimpleNamespace

import pytest

from handkd.datasets.packed import PackSettings, margin_for, read_recipe, stored_source
from handkd.hints import ConfigError
from handkd.registry import DATASETS

RIG = dict(type='StudioRigDataset', split='train', subjects=1, pipeline=[dict(type='HandCrop')])


def test_the_source_and_the_settings_of_a_pack():
    source, settings = read_recipe(dict(source=RIG, rule='cube', cube=240.0, size=88, modalities=['rgb']))
    assert source == dict(type='StudioRigDataset', split='train', subjects=1), 'it is packed without a pipeline'
    assert settings == PackSettings(rule='cube', cube=240.0, size=88, modalities=('rgb',), margin=margin_for())
    assert read_recipe(dict(source=RIG, margin=1.4))[1] == PackSettings(margin=1.4)


@pytest.mark.parametrize(
    ('recipe', 'message'),
    [
        (dict(source=RIG, margn=2), "recipe: unknown key 'margn'; did you mean 'margin'"),
        (dict(source=RIG, format='webdataset'), "recipe: unknown key 'format'"),
        (dict(source=None), "recipe: 'source' must be the config of a data set"),
        (dict(size=88), "recipe: 'source' must be the config of a data set"),
    ],
)
def test_what_is_wrong_in_a_recipe(recipe, message):
    with pytest.raises(ConfigError, match=message):
        read_recipe(recipe)


def manifest_of(config, length=1600):
    """What is read of a manifest."""
    return SimpleNamespace(source=dict(config=config, length=length), on_corrupt='stop')


@pytest.mark.parametrize(
    'config',
    [
        dict(type='subprocess.Popen', args=['touch', 'run']),
        dict(type='ConcatDataset', datasets=[RIG, dict(type='os.system', command='touch run')]),
        dict(RIG, pipeline=[dict(type='builtins.exec')]),
        dict(type=['StudioRigDataset']),
        dict(type='os'),
        dict(RIG, pipeline=[dict(type='StudioRigDataset')]),
        dict(type='HandCrop', rule='square'),
        dict(type='MixedDataset', datasets=[dict(RIG, pipeline=dict(a=[dict(type='evil.Step')]))], shares=[1]),
        dict(RIG, joint0=dict(type=dict(type='os.system'))),
        dict(type='handkd.StudioRigDataset'),
        dict(type='../evil.StudioRigDataset'),
    ],
)
def test_nothing_that_a_pack_names_is_imported(config):
    with pytest.raises(ConfigError, match='a pack: its source is a .*, which is not registered with handkd as a '):
        stored_source(manifest_of(config), 'a pack')


def test_a_registered_source_is_returned():
    mixed = dict(type='MixedDataset', datasets=[RIG, RIG], shares=[1, 1])
    assert stored_source(manifest_of(mixed, 3200), 'a pack') == mixed
    assert stored_source(manifest_of(RIG | dict(seed=2**40)), 'a pack')['seed'] == 2**40


@pytest.mark.parametrize(
    ('config', 'length', 'said'),
    [
        (dict(RIG, frames=10**12), 10**12 * 16, 'frames=1000000000000, expected at most 67108864'),
        (dict(RIG, frames=10**12), 1600, 'frames=1000000000000, expected at most 16384'),
        (dict(RIG, frames=10**4, views=10**4), 2 * 10**8, '200000000 samples, .* at most 67108864'),
        (dict(RIG, frames=200), 1600, '3200 samples, expected 1600, from which the pack was made'),
        (dict(RIG, resolution=10**12), 1600, 'resolution=1000000000000, expected at most 16384'),
        (dict(type='MixedDataset', datasets=[RIG], shares=[10**12]), 1600, 'shares=1000000000000'),
        (dict(type='StudioDataset', split='train', length=10**12), 10**12, 'length=1000000000000'),
    ],
)
def test_no_huge_source_is_built(config, length, said):
    with pytest.raises(ConfigError, match=f'a pack: its source has .*{said}'):
        stored_source(manifest_of(config, length), 'a pack')


@pytest.mark.parametrize('place', ['source', 'nested', 'pipeline', 'without a type'])
def test_no_scope_of_a_pack_is_imported(place, tmp_path, monkeypatch):
    """A registry imports the module ``registry`` of any scope."""
    (tmp_path / 'evil').mkdir()
    (tmp_path / 'evil' / 'registry.py').write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    studio = dict(type='StudioDataset', split='train', length=2)
    source = {
        'source': dict(studio, _scope_='evil'),
        'nested': dict(type='MixedDataset', datasets=[dict(studio, _scope_='evil')], shares=[1]),
        'pipeline': dict(studio, pipeline=[dict(type='HandCrop', _scope_='evil')]),
        'without a type': dict(studio, pipeline=dict(_scope_='evil')),
    }[place]
    with pytest.raises(ConfigError, match="a pack: names the scope 'evil'"):
        DATASETS.build(stored_source(manifest_of(source), 'a pack'))
    assert not (tmp_path / 'run').exists()


def test_what_is_no_argument_of_the_source_is_named():
    source = dict(type='StudioDataset', split='train', lenght=2)
    with pytest.raises(
        ConfigError, match="a pack: its source StudioDataset.* unknown key 'lenght'; did you mean 'length'"
    ):
        stored_source(manifest_of(source), 'a pack')


@pytest.mark.parametrize('config', [None, [], 'StudioDataset', {}, dict(split='train')])
def test_a_pack_that_names_no_source(config):
    with pytest.raises(ConfigError, match="a pack: .*'source.config' has no type"):
        stored_source(manifest_of(config), 'a pack')
