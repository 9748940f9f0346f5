"""Responses follow the crop: a spot in a heat map is where the joint is, and joints are moved exactly."""

import numpy as np
import pytest
import torch
from mmpose.structures import PoseDataSample
from mmpose.structures.bbox import get_warp_matrix

from handkd.geometry import crop_matrix
from handkd.hints import ConfigError
from handkd.models.teacher_cache import check_response, crop_matrices, move_response

SIZE = 64


def crop(center, side, rotation):
    return PoseDataSample(metainfo=dict(warp_matrix=crop_matrix(np.array(center), side, SIZE, rotation)))


def spots(pixels, side=32):
    """Heat maps (B, K, side, side) with a Gaussian at each pixel of a crop of 64 px."""
    places = (pixels + 0.5) * side / SIZE - 0.5
    grid = torch.arange(side)
    x, y = ((grid - places[..., i, None]).square() for i in (0, 1))
    return torch.exp(-(x[..., None, :] + y[..., :, None]) / 8)


JOINTS = torch.tensor([[90.0, 100], [105, 95], [110, 118]], dtype=torch.float64)


@pytest.fixture
def pair():
    """Two crops of an image, the joints in each (1, K, 2) px, and the map from one to the other."""
    matrices = [crop_matrices([crop(*one)]) for one in (((100, 100), 60, 0), ((104, 97), 75, 35))]
    pixels = [JOINTS @ m[0, :2, :2].T + m[0, :2, 2] for m in matrices]
    return pixels[0][None], pixels[1][None], matrices[1] @ torch.linalg.inv(matrices[0])


def test_heat_maps_follow_the_crop(pair):
    first, second, moves = pair
    found = move_response(spots(first).float(), moves, (SIZE, SIZE))
    expected = spots(second)
    for i in range(len(JOINTS)):
        assert divmod(int(found[0, i].argmax()), 32) == divmod(int(expected[0, i].argmax()), 32)
    still = move_response(spots(first).float(), torch.eye(3, dtype=torch.float64)[None], (SIZE, SIZE))
    torch.testing.assert_close(still, spots(first).float(), atol=1e-5, rtol=0)


def test_joints_follow_the_crop(pair):
    first, second, moves = pair
    torch.testing.assert_close(move_response(first / SIZE, moves, (SIZE, SIZE)), second / SIZE)


def test_crops_of_mmpose():
    meta = dict(input_center=np.array([50.0, 40]), input_scale=np.array([80.0, 60]), input_size=(64, 48))
    turned = PoseDataSample(metainfo=meta | dict(bbox_rotation=np.array([30.0])))
    for sample, turn in ((PoseDataSample(metainfo=meta), 0.0), (turned, 30.0)):
        expected = get_warp_matrix(meta['input_center'], meta['input_scale'], turn, (64, 48))
        np.testing.assert_allclose(crop_matrices([sample])[0, :2], expected)
    with pytest.raises(ConfigError, match="have neither 'warp_matrix'"):
        crop_matrices([PoseDataSample()])


def test_only_heat_maps_and_joints_can_be_moved():
    for response in (torch.zeros(2, 21, 8, 8), torch.zeros(2, 21, 2)):
        check_response(response)
    for response, found in ((torch.zeros(2, 21, 3), r'shape \(2, 21, 3\)'), ((torch.zeros(2, 21, 9),) * 2, 'tuple')):
        with pytest.raises(ConfigError, match=f'must give heat maps .*, found {found}: leave'):
            check_response(response)
