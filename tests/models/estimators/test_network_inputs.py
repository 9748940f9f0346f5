import pytest
import torch
from mmengine.registry import init_default_scope

from handkd.models.estimators.network_inputs import by_modality, modalities_of, run_network
from handkd.registry import MODELS

from .conftest import estimator_cfg, topdown_cfg


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('handkd')  # as a run does: MMEngine itself builds MMPose's preprocessor


def test_modalities_of_a_network():
    assert modalities_of(MODELS.build(estimator_cfg(['rgb', 'depth'], 4))) == ('rgb', 'depth')
    assert modalities_of(MODELS.build(topdown_cfg())) == ('rgb',)
    assert modalities_of(torch.nn.Identity()) == ()


def test_one_tensor_is_rgb():
    images = torch.zeros(1, 3, 4, 4)
    assert by_modality(images) == dict(rgb=images)
    assert by_modality(dict(depth=images)) == dict(depth=images)


def test_an_estimator_of_mmpose_gets_the_colour_images():
    network, images = MODELS.build(topdown_cfg()).eval(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(run_network(network, dict(rgb=images), None, 'tensor'), network(images, None, 'tensor'))
    with pytest.raises(ValueError, match=r"of MMPose takes 'rgb', but the batch holds \['depth'\]"):
        run_network(network, dict(depth=images), None, 'tensor')
