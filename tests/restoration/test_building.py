"""Building goes on where it was killed, and refuses what does not fit."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from handkd.restoration import PatchDictionary, build_dictionary

from .conftest import draw_maps

SOURCE = dict(type='Discs', length=10, size=(12, 15))


@pytest.fixture(scope='module')
def stack():
    return draw_maps(10, size=(12, 15))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_pieces_make_the_source(stack, tmp_path):
    said = []
    built = build_dictionary(tmp_path / 'a' / 'b', lambda start: iter(stack[start:]), SOURCE, 4, said.append)
    np.testing.assert_array_equal(built.maps, stack)
    assert said == [4, 4, 2]
    manifest = json.loads((tmp_path / 'a' / 'b' / 'dictionary.json').read_text())
    assert manifest['maps'] == 10 and manifest['patches'] == (stack > 0).sum() and manifest['complete']


def test_a_killed_run_is_gone_on_with(stack, tmp_path):
    def killed_at_7(start):
        for i in range(start, 10):
            if i == 7:
                os.kill(os.getpid(), signal.SIGKILL)
            yield stack[i]

    child = os.fork()
    if child == 0:  # never returns
        build_dictionary(tmp_path / 'killed', killed_at_7, SOURCE, 3)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    with pytest.raises(ValueError, match='unfinished, 6 maps are written'):
        PatchDictionary.load(tmp_path / 'killed')

    starts, said = [], []

    def rest(start):
        starts.append(start)
        return iter(stack[start:])

    build_dictionary(tmp_path / 'killed', rest, SOURCE, 3, said.append)
    build_dictionary(tmp_path / 'whole', lambda start: stack[start:], SOURCE)
    assert starts == [5] and said == [3, 1]  # the last written map is looked at again
    assert contents(tmp_path / 'killed') == contents(tmp_path / 'whole')


def unfinished(stack, folder, maps=6):
    """Leave what a run leaves whose source breaks after some maps."""

    def breaking(start):
        yield from stack[start:maps]
        raise OSError('unplugged')

    with pytest.raises(OSError, match='unplugged'):
        build_dictionary(folder, breaking, SOURCE, 3)


def test_what_the_manifest_does_not_know_is_cut_off(stack, tmp_path):
    unfinished(stack, tmp_path)
    with open(tmp_path / 'maps.u8', 'ab') as file:
        file.write(b'\x01' * 777)
    np.testing.assert_array_equal(build_dictionary(tmp_path, lambda start: stack[start:], SOURCE).maps, stack)


def test_a_file_without_manifest_is_written_anew(stack, tmp_path):
    (tmp_path / 'maps.u8').write_bytes(b'\x01' * 777)
    np.testing.assert_array_equal(build_dictionary(tmp_path, lambda start: stack[start:], SOURCE).maps, stack)


def test_a_finished_one_is_only_opened(stack, tmp_path):
    for source in (lambda start: stack[start:], None):
        built = build_dictionary(tmp_path, source, SOURCE)
    np.testing.assert_array_equal(built.maps, stack)


def test_another_source_is_refused(stack, tmp_path):
    unfinished(stack, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match="dictionary of another source: it was .*'length': 10.*, is now .*'length': 9"):
        build_dictionary(tmp_path, lambda start: stack[start:], dict(SOURCE, length=9))
    changed = stack.copy()
    changed[5, 0, 0] ^= 1
    for source in (changed, stack[:5]):
        with pytest.raises(ValueError, match='map 5 of the source differs from the written one'):
            build_dictionary(tmp_path, lambda start, source=source: source[start:], SOURCE)
    assert contents(tmp_path) == before
    (tmp_path / 'maps.u8').write_bytes(before['maps.u8'][:-1] + b'\x02')
    with pytest.raises(ValueError, match=r'maps\.u8 is missing, truncated or changed'):
        build_dictionary(tmp_path, lambda start: stack[start:], SOURCE)


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (
            np.zeros((12, 14), np.uint8),
            r'map 4 of the source: expected the size \(12, 15\) of the first map, found \(12, 14',
        ),
        (np.full((12, 15), 255, np.uint8), 'map 4 of the source: map 0 has the label 255'),
        (np.zeros((12, 15), np.int32), 'map 4 of the source: expected uint8'),
    ],
    ids=['size', 'label', 'type'],
)
def test_a_wrong_map_is_named_and_the_rest_stays(stack, tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        build_dictionary(tmp_path, lambda start: [*stack[start:4], wrong], SOURCE, 3)
    assert json.loads((tmp_path / 'dictionary.json').read_text())['maps'] == 3


@pytest.mark.parametrize('count', [0, 2])
def test_a_source_without_hands_is_refused(tmp_path, count):
    with pytest.raises(ValueError, match="source {'type': 'None'} has no label map with a hand pixel"):
        build_dictionary(tmp_path, lambda start: np.zeros((count, 4, 4), np.uint8)[start:], dict(type='None'))
    with pytest.raises((ValueError, FileNotFoundError)):
        PatchDictionary.load(tmp_path)


def test_of_two_at_once_one_waits_for_the_other(stack, tmp_path):
    written = []

    def slowly(start):
        for label_map in stack[start:]:
            time.sleep(0.02)
            written.append(start)
            yield label_map

    with ThreadPoolExecutor(2) as pool:
        built = [pool.submit(build_dictionary, tmp_path, slowly, SOURCE) for _ in range(2)]
    assert len(written) == len(stack), 'one has written, the other has found it'
    for each in built:
        np.testing.assert_array_equal(each.result().maps, stack)


@pytest.mark.parametrize(
    'change', [dict(maps=0, digest=0), dict(size=[1 << 39, 1 << 39]), dict(maps=1 << 39), dict(size=[0, 20])], ids=str
)
def test_a_forged_description_is_not_gone_on_from(tmp_path, maps, change):
    build_dictionary(tmp_path, lambda start: maps[start:], {})
    content = json.loads((tmp_path / 'dictionary.json').read_text())
    (tmp_path / 'dictionary.json').write_text(json.dumps(content | dict(complete=False) | change))
    with pytest.raises(ValueError, match=r'^\S*maps\.u8 is missing, truncated or changed[^\n]*$'):
        build_dictionary(tmp_path, lambda start: maps[start:], {})


def test_what_a_planted_link_leads_to_is_not_cut(tmp_path, maps):
    build_dictionary(tmp_path / 'there', lambda start: maps[start:], {})
    (tmp_path / 'there' / 'maps.u8').unlink()
    (tmp_path / 'victim').write_bytes(bytes(1 << 20))
    (tmp_path / 'there' / 'maps.u8').symlink_to(tmp_path / 'victim')
    with pytest.raises(ValueError, match='is missing, truncated or changed'):
        build_dictionary(tmp_path / 'there', lambda start: maps[start:], {})
    assert (tmp_path / 'victim').stat().st_size == 1 << 20
