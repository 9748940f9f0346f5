import pytest

from handkd.hints import ConfigError
from handkd.models.estimators.named_parts import named_parts


def test_parts_that_are_none_are_left_out():
    assert named_parts(dict(a=dict(type='X'), b=None), 'distillers') == dict(a=dict(type='X'))


@pytest.mark.parametrize('name', ['a.b', 'train', 'keys', 'type', 'training', '', 1])
def test_names_that_torch_refuses(name):
    with pytest.raises(ConfigError, match=f'model.distillers: {name!r} cannot be a name'):
        named_parts({name: dict(type='X')}, 'distillers')


@pytest.mark.parametrize(
    ('parts', 'message'),
    [
        ([dict(type='X')], r'model\.teachers must be dict\(NAME=dict'),
        (dict(a='X'), r"model\.teachers\.a must be a dict or None, found 'X'"),
    ],
)
def test_parts_must_be_named_configs(parts, message):
    with pytest.raises(ConfigError, match=message):
        named_parts(parts, 'teachers')
