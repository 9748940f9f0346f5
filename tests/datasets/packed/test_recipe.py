"""A recipe says the source and the settings of a pack, and refuses what is neither."""

from types import SimpleNamespace

import pytest

from handkd.datasets.packed import PackSettings, margin_for, read_recipe, stored_source
from handkd.hints import ConfigError

ROOM = dict(type='StudioRoomDataset', split='train', subjects=1, pipeline=[dict(type='HandCrop')])


def test_the_source_and_the_settings_of_a_pack():
    source, settings = read_recipe(dict(source=ROOM, rule='cube', cube=240.0, size=88, modalities=['rgb']))
    assert source == dict(type='StudioRoomDataset', split='train', subjects=1), 'it is packed without a pipeline'
    assert settings == PackSettings(rule='cube', cube=240.0, size=88, modalities=('rgb',), margin=margin_for())
    assert read_recipe(dict(source=ROOM, margin=1.4))[1] == PackSettings(margin=1.4)


@pytest.mark.parametrize(
    ('recipe', 'message'),
    [
        (dict(source=ROOM, margn=2), "recipe: unknown key 'margn'; did you mean 'margin'"),
        (dict(source=ROOM, format='webdataset'), "recipe: unknown key 'format'"),
        (dict(source=None), "recipe: 'source' must be the config of a data set"),
        (dict(size=88), "recipe: 'source' must be the config of a data set"),
    ],
)
def test_what_is_wrong_in_a_recipe(recipe, message):
    with pytest.raises(ConfigError, match=message):
        read_recipe(recipe)


@pytest.mark.parametrize(
    'config',
    [
        dict(type='subprocess.Popen', args=['touch', 'run']),
        dict(type='ConcatDataset', datasets=[ROOM, dict(type='os.system', command='touch run')]),
        dict(ROOM, pipeline=[dict(type='builtins.exec')]),
        dict(type=['StudioRoomDataset']),
        dict(type='os'),
    ],
)
def test_nothing_that_a_pack_names_is_imported(config):
    with pytest.raises(ConfigError, match='a pack: says that it was made from a .* not registered with handkd'):
        stored_source(SimpleNamespace(source=dict(config=config)), 'a pack')


def test_a_registered_source_is_returned():
    mixed = dict(type='MixedDataset', datasets=[ROOM, ROOM])
    assert stored_source(SimpleNamespace(source=dict(config=mixed)), 'a pack') == mixed
