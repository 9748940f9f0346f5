"""HO-3D's files: orders of joints by name, lists, axes and poses."""

import numpy as np
import pytest

from handkd.datasets.readers.ho3d_files import ORDERS, calibration_folder, read_list, read_pose, to_camera


def test_the_order_is_the_published_table():
    assert ORDERS['mano'] == [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]
    assert ORDERS['handkd'] == list(range(21))


def test_a_list_keeps_its_order(tmp_path):
    path = tmp_path / 'train.txt'
    path.write_text('SM1/0010\n\nABF10/0000\r\n')
    assert read_list(path) == [('SM1', '0010'), ('ABF10', '0000')]
    for text, said in (('', 'lists no frame'), ('../x/1\n', "train.txt':1: expected SEQUENCE/FRAME")):
        path.write_text(text)
        with pytest.raises(ValueError, match=said):
            read_list(path)


def test_opengl_looks_along_minus_z():
    assert to_camera(np.array([0.1, 0.2, -0.5]), 'x').tolist() == [100.0, -200.0, 500.0]
    with pytest.raises(ValueError, match="x must be in OpenGL's frame"):
        to_camera(np.array([0.1, 0.2, 0.5]), 'x')


def test_poses_are_listed_in_the_cameras_order(tmp_path):
    assert calibration_folder('ABF13') == 'calibration/ABF1/calibration'
    (tmp_path / 'cam_orders.txt').write_text('3.0e+00\n1.0e+00\n')
    np.savetxt(tmp_path / 'trans_0.txt', np.eye(4))
    np.savetxt(tmp_path / 'trans_1.txt', [[0, -1, 0, 0.5], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    rotation, translation = read_pose(tmp_path, 1, 'world_to_camera')
    back, moved = read_pose(tmp_path, 1, 'camera_to_world')
    assert translation.tolist() == [500, 0, 0] and (back == rotation.T).all()
    np.testing.assert_allclose(moved, [0, 500, 0], atol=1e-9)
    assert (read_pose(tmp_path, 3, 'camera_to_world')[0] == np.eye(3)).all()
