"""A network on crops: one at a time or in batches."""

import numpy as np
import pytest
import torch
from mmengine.config import Config

from handkd.apis.inference_network import HandNetwork
from handkd.config import load_config
from handkd.inference import networks
from handkd.registry import MODELS

from ..inference.test_inferencer import IMAGE, NETWORK, TEST_SET, files  # noqa: F401 (fixture)


def test_crops_go_through_the_network_in_batches(files, monkeypatch):  # noqa: F811 (fixture)
    network = HandNetwork(load_config(files[0], only='model'), files[1], 'cpu')
    crop = network.facts.crop
    for branch in network.model.head.branches.values():
        torch.nn.init.normal_(branch.fc3.weight, generator=torch.Generator().manual_seed(0))
    views = [crop.cut(IMAGE, np.array([40.0 + 5 * i, 45.0]), 50.0) for i in range(5)]
    alone = [network([view])[0]['keypoints_xyz'] for view in views]
    assert np.abs(np.diff(alone, axis=0)).max() > 1e-3  # other crops, other joints
    sizes = []
    network.model.register_forward_pre_hook(
        lambda _, args, kwargs: sizes.append(len(kwargs['data_samples'])), with_kwargs=True
    )
    monkeypatch.setattr(networks, 'BATCH', 2)
    together = [joints['keypoints_xyz'] for joints in networks.predict(network, views, [False] * 5)]
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert sizes == [2, 2, 1] and network([]) == []


def test_a_network_of_two_modalities_is_refused(tmp_path):
    both = dict(NETWORK, modality=['rgb', 'depth'], backbone=dict(NETWORK['backbone'], in_channels=4))
    torch.save({'state_dict': MODELS.build(both).state_dict()}, tmp_path / 'weights.pth')
    with pytest.raises(ValueError, match=r"takes \['rgb', 'depth'\], expected 'rgb' or 'depth' for one image"):
        HandNetwork(Config(dict(test_dataloader=TEST_SET, model=both)), tmp_path / 'weights.pth', 'cpu')
