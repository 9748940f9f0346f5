import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence

from handkd.visualization import check_picture_path, write_animation, write_picture


def test_a_picture_comes_back_as_it_was_with_its_folder(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    write_picture(tmp_path / 'new' / 'a.png', image)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'new' / 'a.png')), image)


@pytest.mark.parametrize('name', ['', 'sheet', 'sheet.txt'])
def test_what_is_no_picture_is_named(tmp_path, name):
    for check in (check_picture_path, lambda path: write_picture(path, np.zeros((2, 2, 3), np.uint8))):
        with pytest.raises(ValueError, match='expected an image file with a suffix such as .png'):
            check(tmp_path / name)


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'a.png').mkdir()
    with pytest.raises((OSError, ValueError), match=r'a\.png'):
        write_picture(tmp_path / 'a.png', np.zeros((2, 2, 3), np.uint8))


def test_an_animation_comes_back_in_order_and_begins_again(tmp_path):
    frames = [np.full((6, 8, 3), (10, 20, 40 * i), np.uint8) for i in range(4)]
    write_animation(tmp_path / 'new' / 'turn.gif', frames, milliseconds=50)
    with Image.open(tmp_path / 'new' / 'turn.gif') as image:
        assert (image.n_frames, image.info['loop'], image.info['duration'], image.size) == (4, 0, 50, (8, 6))
        seen = [np.asarray(frame.convert('RGB'))[0, 0] for frame in ImageSequence.Iterator(image)]
    np.testing.assert_allclose(seen, [(40 * i, 20, 10) for i in range(4)], atol=6)


def test_what_stands_still_takes_no_space(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    moving = []
    for i in range(10):
        moving.append(noise.copy())
        moving[-1][i, :8] = 255
    write_animation(tmp_path / 'one.gif', moving[:1])
    write_animation(tmp_path / 'ten.gif', moving)
    assert (tmp_path / 'ten.gif').stat().st_size < 3 * (tmp_path / 'one.gif').stat().st_size


def test_what_is_no_animation_is_named(tmp_path):
    frame = np.zeros((2, 2, 3), np.uint8)
    for name in ('', 'turn', 'turn.png'):
        with pytest.raises(ValueError, match=r'expected an animation file with the suffix \.gif'):
            write_animation(tmp_path / name, [frame])
    for frames in ([], [frame, np.zeros((3, 2, 3), np.uint8)]):
        with pytest.raises(ValueError, match='needs frames of one shape, found'):
            write_animation(tmp_path / 'turn.gif', frames)
