"""YAML from anybody: text, lists and mappings; everything else is refused in one line."""

import pytest

from handkd.datasets.readers.yaml_files import MAX_BYTES, read_yaml, yaml_numbers


@pytest.fixture
def put(tmp_path):
    def write(content):
        path = tmp_path / 'meta.yml'
        path.write_text(content)
        return path

    return write


def test_scalars_are_text_as_written(put):
    content = read_yaml(put("num_frames: 72\nextrinsics: 20200702_151821\nday: 2020-07-02\nsides:\n- 'right'\n- no\n"))
    assert content == {
        'num_frames': '72',
        'extrinsics': '20200702_151821',
        'day': '2020-07-02',
        'sides': ['right', 'no'],
    }


def test_tags_make_no_objects(put, tmp_path):
    content = read_yaml(put(f'a: !!python/object/apply:os.mkdir ["{tmp_path}/gotcha"]\n'))
    assert content == {'a': [f'{tmp_path}/gotcha']} and not (tmp_path / 'gotcha').exists()


@pytest.mark.parametrize(
    ('content', 'said'),
    [
        ('a: [1, 2', 'is not valid YAML'),
        ('a: &x [1]\nb: *x\n', "has the anchor or alias 'x', which is not accepted"),
        ('a: *x\n', "has the anchor or alias 'x'"),
        ('[' * 100_000, 'more than 20 levels'),
        ('- 1\n', 'must hold a mapping of keys to values, found'),
        ('', 'must hold a mapping'),
        ('? [1]\n: 2\n', 'is not valid YAML'),
        ('a: 1\n---\nb: 2\n', 'is not valid YAML'),
        ('a: ' + 'x' * MAX_BYTES, 'bytes, expected a small YAML file'),
    ],
)
def test_the_rest_is_refused(put, content, said):
    with pytest.raises(ValueError, match=f'meta.yml.*{said}') as caught:
        read_yaml(put(content))
    assert '\n' not in str(caught.value)


def test_numbers():
    assert yaml_numbers(['1', '-2.5e1'], 2, "'a.yml': 'K'") == [1.0, -25.0]
    for values in (['1'], ['1', 'x'], ['1', 'nan'], ['1', '1e30'], ['1', None], ['1', ['2']], '12', None):
        with pytest.raises(ValueError, match="'a.yml': 'K' must be 2 finite numbers"):
            yaml_numbers(values, 2, "'a.yml': 'K'")
