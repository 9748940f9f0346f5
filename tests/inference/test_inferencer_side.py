"""A network that tells the side itself, in torch and as a file."""

import numpy as np
import pytest
import torch
from mmengine.config import Config

from handkd.inference.inferencer import HandInferencer
from handkd.registry import MODELS

from ..export.networks import STUDENTS
from .test_inferencer import IMAGE, TEST_SET

NETWORK = dict(type='HandPoseEstimator', **STUDENTS['photo'])


@pytest.fixture(scope='module', params=[-2.0, 2.0])
def told(request, tmp_path_factory) -> tuple[HandInferencer, float]:
    """A network that is sure of the side whatever it sees, and its logit of a left hand."""
    network = MODELS.build(NETWORK)
    network.head.whole.weight.data.zero_()
    network.head.whole.bias.data = torch.tensor([0.0, 0.0, request.param])
    file = tmp_path_factory.mktemp('told') / 'weights.pth'
    torch.save({'state_dict': network.state_dict()}, file)
    return HandInferencer(Config(dict(model=NETWORK, test_dataloader=TEST_SET)), file, device='cpu'), request.param


def test_the_side_is_the_networks_own_unless_given(told):
    infer, logit = told
    hand = infer.one(IMAGE, box=(20, 20, 50, 50))
    assert (hand['side'], hand['side_source']) == ('left' if logit > 0 else 'right', 'estimated')
    assert hand['side_score'] == pytest.approx(np.tanh(1), abs=1e-6)
    given = infer.one(IMAGE, box=(20, 20, 50, 50), side='left')
    assert (given['side'], given['side_source'], given['side_score']) == ('left', 'given', None)


def test_its_pixels_are_its_own_and_no_camera_is_needed(told):
    infer, _ = told
    hand = infer.one(IMAGE, box=(20, 20, 50, 50))
    assert hand['keypoints'].shape == (21, 2) and hand['keypoints_3d'].shape == (21, 3)
    flat, deep = hand['keypoints'] - hand['keypoints'][0], hand['keypoints_3d'][:, :2]
    assert (np.sign(flat[1:]) == np.sign(deep[1:])).mean() > 0.9
