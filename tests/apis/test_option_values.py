import pytest

from handkd.apis.option_values import holds_dicts, read_value


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ("[dict(type='EMAHook', momentum=1e-4)]", [dict(type='EMAHook', momentum=1e-4)]),
        ('dict(_delete_=True, by_epoch=true, n=-3)', dict(_delete_=True, by_epoch=True, n=-3)),
        ("{'a b': (1, None)}", {'a b': (1, None)}),
        ('[dict(type=mmengine.EMAHook)]', [dict(type='mmengine.EMAHook')]),
    ],
)
def test_values_are_those_of_a_config_file(text, value):
    assert holds_dicts(text) and read_value(text) == value


@pytest.mark.parametrize(
    ('text', 'found'),
    [
        ("__import__('os').system('touch x')", r'__import__'),
        ('dict(**a)', r'dict\(\*\*a\)'),
        ('dict(a=f(1))', r'f\(1\)'),
        ('[dict(a=1) for _ in b]', 'for _ in b'),
        ('{1: 2, **c}', r'\*\*c'),
        ('{[1]: 2}', 'can not be read: unhashable'),
        ('[dict(a=1', 'can not be read: .*never closed'),
    ],
)
def test_nothing_else_is_read_and_nothing_is_run(text, found):
    with pytest.raises(ValueError, match=found):
        read_value(text)


@pytest.mark.parametrize('text', ['1,2', '(1, 2)', '[a, b]', 'x', '[(1,2),(3,4)]', '0.5', 'a/{labels}.npz'])
def test_plain_values_are_left_to_mmengine(text):
    assert not holds_dicts(text)
