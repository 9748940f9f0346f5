"""MMPose's top-down estimators: each kind of head gives what its own test_step gives."""

import numpy as np
import pytest
import torch
from mmengine.config import Config

from handkd.apis.topdown_network import TopdownNetwork
from handkd.export.exporting import open_content
from handkd.export.graph import ExportGraph
from handkd.export.parity import compare
from handkd.export.writing import trace
from handkd.hints import ConfigError
from handkd.registry import MODELS

from .networks import make_views

SIDE = dict(input_size=(64, 64))
MAPS = dict(type='MSRAHeatmap', heatmap_size=(16, 16), sigma=2, **SIDE)
SIMCC = dict(type='SimCCLabel', sigma=2.0, simcc_split_ratio=2.0, **SIDE)
DECONV = dict(in_channels=64, deconv_out_channels=(8, 8, 8), deconv_kernel_sizes=(4, 4, 4))
HEADS = dict(
    maps=dict(type='HeatmapHead', out_channels=21, decoder=MAPS, **DECONV),
    simcc=dict(
        type='SimCCHead', out_channels=21, input_size=(64, 64), in_featuremap_size=(2, 2), decoder=SIMCC, **DECONV
    ),
    integral=dict(
        type='IntegralRegressionHead',
        num_joints=21,
        in_featuremap_size=(2, 2),
        decoder=dict(type='IntegralRegressionLabel', heatmap_size=(16, 16), sigma=2.0, **SIDE),
        **DECONV,
    ),
    regression=dict(type='RegressionHead', in_channels=64, num_joints=21, decoder=dict(type='RegressionLabel', **SIDE)),
)


def make(kind: str, folder, size=(64, 64), **decoder) -> tuple[Config, object]:
    """Return a config of a network with random weights, and the file of these."""
    head = dict(HEADS[kind], decoder=HEADS[kind]['decoder'] | decoder)
    model = dict(
        type='mmpose.TopdownPoseEstimator',
        data_preprocessor=dict(
            type='mmpose.PoseDataPreprocessor', mean=[120.0, 110.0, 100.0], std=[58.0, 57.0, 56.0], bgr_to_rgb=True
        ),
        backbone=dict(type='mmpose.ResNet', depth=18, base_channels=8, stem_channels=8),
        head=head | dict(type=f'mmpose.{head["type"]}'),
        test_cfg=dict(flip_test=True, flip_mode='heatmap'),
    )
    if kind == 'regression':
        model['neck'] = dict(type='mmpose.GlobalAveragePooling')
    torch.manual_seed(0)
    made = MODELS.build(model)
    for part in made.modules():
        if isinstance(part, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            torch.nn.init.kaiming_normal_(part.weight)
    if kind == 'regression':
        torch.nn.init.normal_(made.head.fc.weight, std=0.01)
    torch.save({'state_dict': made.state_dict()}, folder / 'weights.pth')
    steps = [dict(type='GetBBoxCenterScale', padding=1.3), dict(type='TopdownAffine', input_size=size)]
    return Config(dict(model=model, test_dataloader=dict(dataset=dict(pipeline=steps)))), folder / 'weights.pth'


@pytest.mark.parametrize('kind', HEADS)
def test_a_head_of_mmpose_gives_what_its_test_step_gives(kind, tmp_path):
    cfg, weights = make(kind, tmp_path)
    network = TopdownNetwork(cfg, weights)
    graph = ExportGraph(network)
    content = trace(graph, 17).SerializeToString()
    parity = compare(open_content(content), graph, network, make_views(network, 6), np.full(6, 100.0))
    assert parity.passed and parity.max_px is not None and parity.max_mm is None, parity


def test_what_has_no_form_in_a_graph_is_refused(tmp_path):
    cfg, weights = make('maps', tmp_path, unbiased=True)
    with pytest.raises(ConfigError, match=r"MSRAHeatmap of MMPose's head can't be exported: expected .*unbiased=False"):
        ExportGraph(TopdownNetwork(cfg, weights))
