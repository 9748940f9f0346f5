import pytest

from handkd.hints import ConfigError, check_choice, check_keys, did_you_mean, one_line


def test_near_names_are_offered_and_far_ones_listed():
    assert did_you_mean('betta', ['beta', 'alpha']) == "did you mean 'beta'?"
    assert did_you_mean('xyz', ['beta', 'alpha']) == "expected one of ['alpha', 'beta']"
    assert 'q' not in did_you_mean('zzz', [f'q{i}' for i in range(100)])


def test_only_unknown_keys_are_refused():
    check_keys(['a', 'b'], ['a', 'b', 'c'], 'here')
    with pytest.raises(ConfigError, match="here: unknown key 'wieght'; did you mean 'weight'"):
        check_keys(['weight', 'wieght'], ['weight'], 'here')


@pytest.mark.parametrize('choices', [('imagenet', 'cifar'), {'imagenet': 4, 'cifar': 1}])
def test_only_unknown_values_are_refused(choices):
    check_choice('cifar', choices, 'Net(stem=...)')
    with pytest.raises(ConfigError, match=r"^Net\(stem=\.\.\.\): there is no 'imagnet'; did you mean 'imagenet'\?$"):
        check_choice('imagnet', choices, 'Net(stem=...)')
    for value in (None, ['cifar'], 3):
        with pytest.raises(ConfigError, match=r"; expected one of \['cifar', 'imagenet'\]|; did you mean 'cifar'"):
            check_choice(value, choices, 'Net(stem=...)')


@pytest.mark.parametrize(
    ('error', 'text'),
    [
        (ValueError('two\nlines'), 'two lines'),
        (KeyError('invalid depth 19'), 'invalid depth 19'),
        (KeyError('depth'), 'KeyError: depth'),
        (TypeError('no number'), 'TypeError: no number'),
        (AssertionError(), 'AssertionError'),
        (ImportError("No module named 'x'"), "No module named 'x'"),
    ],
)
def test_what_an_error_says_in_one_line(error, text):
    assert one_line(error) == text
