"""Inputs and scales of the check of an export; whole exports are in tests/commands/test_export.py."""

import cv2
import numpy as np

from handkd.apis.inference_network import HandNetwork
from handkd.export.exporting import ExportSettings, export_network, real_inputs
from handkd.export.graph import ExportGraph
from handkd.export.parity import USUAL_SCALE
from handkd.registry import DATASETS

from .networks import open_small


def test_differences_are_scaled_by_each_hand_of_the_test_set(tmp_path):
    cfg, weights = open_small(tmp_path)
    network = HandNetwork(cfg, weights, 'cpu')
    graph = ExportGraph(network)
    views, scales = real_inputs(cfg, network, graph, ExportSettings(samples=3))
    data = DATASETS.build(cfg.test_dataloader.dataset)
    joints = [data[index]['data_samples'].gt_instances.keypoints_cam[0] for index in (0, 17, 34)]
    np.testing.assert_allclose(scales, [np.linalg.norm(one[9] - one[0]) for one in joints], rtol=1e-6)
    assert len(views) == 3 and len(set(scales)) == 3
    cv2.imwrite(str(tmp_path / 'hand.png'), np.zeros((32, 32, 3), np.uint8))
    views, scales = real_inputs(cfg, network, graph, ExportSettings(images=tmp_path))
    assert len(views) == 1 and scales.tolist() == [USUAL_SCALE]


def test_float32_alone_is_not_measured_on_the_test_set(tmp_path):
    cfg, weights = open_small(tmp_path)
    exported = export_network(cfg, weights, ExportSettings(samples=2))
    assert list(exported.contents) == ['fp32'] and exported.errors == {} and exported.parity.samples == 2
    described = exported.metadata['fp32']
    assert described.parity['max_mm'] == exported.parity.max_mm and described.parity['samples'] == 2
