"""Errors of files on a test set, with predictions of known error."""

from types import SimpleNamespace

import numpy as np
import pytest

from handkd.apis.inference_network import HandNetwork
from handkd.export.costs import measure
from handkd.export.graph import ExportGraph
from handkd.export.samples import RealCrops

from .networks import open_small


def test_the_error_is_that_of_the_configs_metric_over_the_whole_test_set(tmp_path):
    cfg, weights = open_small(tmp_path)
    network = HandNetwork(cfg, weights, 'cpu')
    crops, graph = RealCrops(cfg, network), ExportGraph(network)
    scale_bone, root = list(graph.decoder.head.codec.scale_bone), graph.decoder.head.codec.root
    joints = [item['data_samples'].gt_instances.keypoints_cam[0] for item in crops.spread(35)]
    scales = np.array([np.linalg.norm(np.subtract(*one[scale_bone])) for one in joints])
    truth = np.stack([one - one[root] for one in joints]) / scales[:, None, None]

    def session(millimetres):
        """A file whose thumb tip is off along x in every second image; it counts the images that it was given."""
        done = []

        def run(names, given):
            rows = np.arange(len(done), len(done) + len(given['image']))
            done.extend(rows)
            found = truth[rows].copy()
            found[rows % 2 == 1, 4, 0] += millimetres / scales[rows[rows % 2 == 1]]
            return [found.astype(np.float32)]

        return SimpleNamespace(run=run, done=done)

    files = dict(exact=session(0.0), off=session(21.0))
    errors = measure(cfg, crops, graph, files)
    assert errors['exact'] == pytest.approx(0, abs=1e-3)
    assert errors['off'] == pytest.approx(17 / 35, rel=1e-4), '21 mm at one of 21 joints in 17 of 35 images'
    assert len(files['off'].done) == 35
