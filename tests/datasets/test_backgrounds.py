"""Median backgrounds: the median itself, in any memory; files that survive a kill, and are known again."""

import json

import numpy as np
import pytest

from handkd.datasets.backgrounds import (
    FILE,
    Camera,
    background_of,
    background_path,
    build_backgrounds,
    missing_backgrounds,
    open_background,
    pixel_median,
    spread_over,
)


@pytest.fixture(autouse=True)
def forget_files():
    open_background.cache_clear()


def pictures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 11, 7, 3), np.uint8)


def camera(name, view, stack, reads=None, source='x'):
    def read(i):
        if reads is not None:
            reads.append((name, view, i))
        return stack[i]

    return Camera(name, view, range(10, 10 + len(stack)), read, [source])


@pytest.mark.parametrize('count', [1, 2, 5, 8])
@pytest.mark.parametrize('memory', [1, 8 * 7 * 3 * 4, 1 << 20])
def test_the_median(count, memory):
    stack = pictures(count)
    expected = np.array([sorted(column)[(count - 1) // 2] for column in stack.reshape(count, -1).T], np.uint8)
    found = pixel_median(lambda i: stack[i], count, memory)
    np.testing.assert_array_equal(found, expected.reshape(11, 7, 3))
    if count % 2:
        np.testing.assert_array_equal(found, np.median(stack, 0))
    assert found.dtype == np.uint8


def test_little_memory_reads_again_and_much_reads_once():
    stack, reads = pictures(5), []
    pixel_median(camera('a', 0, stack, reads).read, 5, 1 << 20)
    assert len(reads) == 5
    reads.clear()
    pixel_median(camera('a', 0, stack, reads).read, 5, 5 * 7 * 3 * 4)
    assert len(reads) == 1 + 4 * 3, 'eleven rows, four at a time'


def test_images_of_one_size():
    images = [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8)]
    with pytest.raises(ValueError, match=r'image 1 of a median has shape \(4, 5, 3\), the first has \(4, 4, 3\)'):
        pixel_median(images.__getitem__, 2, 1 << 20)
    with pytest.raises(ValueError, match='at least one image'):
        pixel_median(images.__getitem__, 0, 1 << 20)


def test_frames_at_equal_steps():
    assert spread_over([5, 3, 3, 9], 5) == [3, 5, 9]
    assert spread_over(range(100), 4) == [0, 25, 50, 75]
    assert len(spread_over(range(97), 50)) == 50


def test_a_killed_run_goes_on(tmp_path):
    stacks, reads = {view: pictures(5, view) for view in range(3)}, []

    def cameras(kill_at=None):
        for view, stack in stacks.items():
            if view == kill_at:
                raise KeyboardInterrupt
            yield camera('s', view, stack, reads)

    with pytest.raises(KeyboardInterrupt):
        build_backgrounds(tmp_path, cameras(2))
    assert {view for _, view, _ in reads} == {0, 1}
    reads.clear()
    steps = []
    assert build_backgrounds(tmp_path, cameras(), progress=steps.append) == 1 and steps == [1, 1, 1]
    assert {view for _, view, _ in reads} == {2}
    for view, stack in stacks.items():
        np.testing.assert_array_equal(background_of(tmp_path, 's', view), np.median(stack, 0))
    assert build_backgrounds(tmp_path, cameras()) == 0
    assert sorted(p.name for p in tmp_path.rglob('*')) == ['00.npy', '01.npy', '02.npy', FILE, 's']


def test_a_damaged_file_is_made_again(tmp_path):
    stack = pictures(3)
    build_backgrounds(tmp_path, [camera('s', 4, stack)])
    path = background_path(tmp_path, 's', 4)
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    assert build_backgrounds(tmp_path, [camera('s', 4, stack)]) == 1
    np.testing.assert_array_equal(background_of(tmp_path, 's', 4), np.median(stack, 0))
    path.unlink()
    assert build_backgrounds(tmp_path, [camera('s', 4, stack)]) == 1
    (tmp_path / FILE).write_text('{')
    with pytest.raises(ValueError, match='backgrounds.json is damaged'):
        build_backgrounds(tmp_path, [camera('s', 4, stack)])
    (tmp_path / FILE).write_text(json.dumps(dict(version=9, backgrounds={})))
    with pytest.raises(ValueError, match='version 9, expected 1'):
        build_backgrounds(tmp_path, [camera('s', 4, stack)])


def test_other_frames_or_sets_are_refused(tmp_path):
    build_backgrounds(tmp_path, [camera('s', 0, pictures(3))])
    for other in (camera('s', 0, pictures(4)), camera('s', 0, pictures(3), source='y')):
        with pytest.raises(ValueError, match='00.npy was made from other frames or another set'):
            build_backgrounds(tmp_path, [other])
    assert build_backgrounds(tmp_path, [camera('t', 0, pictures(3), source='y')]) == 1, 'beside them there is room'


def test_what_is_missing_is_found_without_reading(tmp_path):
    wanted = {('s', 0): ['x'], ('s', 1): ['x'], ('t', 0): ['y']}
    assert missing_backgrounds(tmp_path / 'none', wanted) == list(wanted)
    build_backgrounds(tmp_path, [camera('s', 0, pictures(3)), camera('s', 1, pictures(4))])
    assert missing_backgrounds(tmp_path, wanted) == [('t', 0)]
    background_path(tmp_path, 's', 1).unlink()
    assert missing_backgrounds(tmp_path, wanted) == [('s', 1), ('t', 0)]
    with pytest.raises(ValueError, match='00.npy was made from .* another set'):
        missing_backgrounds(tmp_path, {('s', 0): ['y']})


def test_a_sequence_may_lie_in_a_folder(tmp_path):
    assert build_backgrounds(tmp_path, [camera('subject/s', 0, pictures(3))]) == 1
    assert missing_backgrounds(tmp_path, {('subject/s', 0): ['x'], ('subject/t', 0): ['x']}) == [('subject/t', 0)]
    np.testing.assert_array_equal(background_of(tmp_path, 'subject/s', 0), np.median(pictures(3), 0))


@pytest.mark.parametrize('sequence', ['../x', '/x', '..', 'a//b', 'a/../../x', 'a/.', ''])
def test_sequences_that_lead_elsewhere_are_neither_written_nor_read(tmp_path, sequence):
    folder = tmp_path / 'inside'
    for use in (
        lambda: background_of(folder, sequence, 0),
        lambda: build_backgrounds(folder, [camera(sequence, 0, pictures(3))]),
        lambda: missing_backgrounds(folder, {(sequence, 0): ['x']}),
    ):
        with pytest.raises(ValueError, match='of a background must be a plain name'):
            use()
    assert not (tmp_path / 'x').exists()


def test_what_is_missing_or_no_picture(tmp_path):
    with pytest.raises(FileNotFoundError, match='make the backgrounds of a config with `handkd backgrounds CONFIG`'):
        background_of(tmp_path, 's', 0)
    path = background_path(tmp_path, 's', 0)
    path.parent.mkdir()
    np.save(path, np.zeros((4, 4), np.float32))
    with pytest.raises(ValueError, match=r'must be \(H, W, 3\) uint8, found \(4, 4\) float32'):
        background_of(tmp_path, 's', 0)
    path.write_bytes(b'')
    with pytest.raises(ValueError, match='is damaged'):
        background_of(tmp_path, 's', 0)
