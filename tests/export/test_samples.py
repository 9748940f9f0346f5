"""Crops of a folder and of a data set, and batches of them for a graph."""

import cv2
import numpy as np
import pytest

from handkd.export.ports import CAMERA, SCALE, Port
from handkd.export.samples import folder_views, graph_inputs

from .networks import make_network, make_views


def test_an_image_of_a_folder_is_scaled_to_the_input_as_a_whole(tmp_path):
    network = make_network('pmd', tmp_path)
    folder = tmp_path / 'images'
    folder.mkdir()
    with pytest.raises(ValueError, match='images: no images in this folder'):
        folder_views(folder, network, 4)
    for i in range(5):  # wide images: a left half of grey 40 + i, and a right half of 200
        image = np.full((64, 128, 3), 40 + i, np.uint8)
        image[:, 64:] = 200
        cv2.imwrite(str(folder / f'{i}.png'), image)
    views = folder_views(folder, network, 3)
    assert [view.pixels[16, 8, 0] for view in views] == [40, 42, 44], 'evenly spaced'
    pixels = views[0].pixels
    assert pixels.shape == (32, 32, 3) and (pixels[9:23, 2:14] == 40).all() and (pixels[9:23, 18:30] == 200).all()
    assert (pixels[:6] == 0).all() and (pixels[26:] == 0).all(), 'the shorter side is filled up, the middle stays'


def test_depth_has_no_folder(tmp_path):
    with pytest.raises(ValueError, match='--images is for networks of colour'):
        folder_views(tmp_path, make_network('pmd_depth', tmp_path), 4)


def test_a_batch_has_the_ports_of_the_graph(tmp_path):
    views = make_views(make_network('ekd', tmp_path), 3)
    image = Port('image', (32, 32, 3), dtype='uint8')
    batch = graph_inputs(views, [image, CAMERA, SCALE], [80.0, 90.0, 0.0])
    assert list(batch) == ['image', 'K', 'scale_mm'] and batch['image'].dtype == np.uint8
    np.testing.assert_array_equal(batch['image'][1], views[1].pixels)
    np.testing.assert_allclose(batch['K'][2], views[2].seen_from['K'])
    np.testing.assert_array_equal(batch['scale_mm'], np.float32([80, 90, 0]))
    np.testing.assert_array_equal(graph_inputs(views, [SCALE])['scale_mm'], np.zeros(3, np.float32))
