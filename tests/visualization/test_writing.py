import cv2
import numpy as np
import pytest

from handkd.visualization import check_picture_path, write_picture


def test_a_picture_comes_back_as_it_was_with_its_folder(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    write_picture(tmp_path / 'new' / 'a.png', image)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'new' / 'a.png')), image)


@pytest.mark.parametrize('name', ['', 'sheet', 'sheet.txt'])
def test_what_is_no_picture_is_named(tmp_path, name):
    for check in (check_picture_path, lambda path: write_picture(path, np.zeros((2, 2, 3), np.uint8))):
        with pytest.raises(ValueError, match='a picture is a file with an ending such as .png'):
            check(tmp_path / name)


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'a.png').mkdir()
    with pytest.raises((OSError, ValueError), match=r'a\.png'):
        write_picture(tmp_path / 'a.png', np.zeros((2, 2, 3), np.uint8))
