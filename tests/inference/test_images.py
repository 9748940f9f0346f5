"""Images are decoded once, into the form that a network takes."""

import cv2
import numpy as np
import pytest

from handkd.inference.images import InferenceImage, open_image, read_depth
from handkd.inference.inferencer import HandInferencer

from .test_inferencer import IMAGE, files  # noqa: F401 (fixture)


def test_a_picture_has_its_pixels_and_the_name_of_its_file(tmp_path):
    path = tmp_path / 'hand.png'
    cv2.imwrite(str(path), IMAGE)
    image = open_image(path, 'rgb')
    np.testing.assert_array_equal(image.pixels, IMAGE)
    assert (image.file, image.name, image.shape) == (str(path), str(path), (90, 120))
    assert (open_image(IMAGE, 'rgb').file, open_image(IMAGE, 'rgb').name) == (None, 'the image')
    with pytest.raises(ValueError, match=r'must be BGR, uint8, \(H, W, 3\); found uint8 \(90, 120\)'):
        open_image(IMAGE[..., 0], 'rgb')


def test_an_image_that_was_read_is_not_read_again(files, tmp_path):  # noqa: F811 (fixture)
    infer, path = HandInferencer(*files, device='cpu'), tmp_path / 'hand.png'
    cv2.imwrite(str(path), IMAGE)
    image = infer.read(path)
    expected = infer.one(path, box=(30, 20, 40, 50))
    path.unlink()
    hand = infer.one(image, box=(30, 20, 40, 50))
    assert hand['file'] == str(path) and infer.read(image) is image
    np.testing.assert_array_equal(hand['keypoints_3d'], expected['keypoints_3d'])
    with pytest.raises(ValueError, match="hand.png: the network takes 'rgb' images, found 'depth'"):
        infer.one(InferenceImage('depth', np.ones((9, 9), np.float32), 'hand.png'))


def test_depth_files(tmp_path):
    path = str(tmp_path / 'depth.png')
    cv2.imwrite(path, np.full((4, 6), 5000, np.uint16))
    np.testing.assert_allclose(read_depth(path, 0.1), np.full((4, 6), 500), rtol=1e-6)
    cv2.imwrite(path, np.full((4, 6), 200, np.uint8))
    with pytest.raises(
        OSError, match=r'depth.png.* has 1 channel\(s\) of uint8.*reads depth: give a 16-bit PNG of one channel'
    ):
        read_depth(path)
    with pytest.raises(OSError, match='gone.png'):
        read_depth(tmp_path / 'gone.png')
    array = np.array([[np.nan, np.inf, -5, 0, 700]])
    np.testing.assert_array_equal(read_depth(array), [[0, 0, 0, 0, 700]])
    assert np.isnan(array[0, 0])
