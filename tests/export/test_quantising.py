"""Files of half the size and of a quarter: their errors are bounded, their inputs and outputs are the same."""

import numpy as np
import pytest

from handkd.export.exporting import open_content
from handkd.export.graph import ExportGraph
from handkd.export.parity import run_file
from handkd.export.quantising import half_weights, quantise
from handkd.export.samples import graph_inputs
from handkd.export.writing import trace

from .networks import make_network, make_views


@pytest.fixture(scope='module', params=['pmd', 'ekd'])
def plain(request, tmp_path_factory):
    """A graph, its model in float32, and crops."""
    network = make_network(request.param, tmp_path_factory.mktemp('plain'))
    graph = ExportGraph(network)
    return graph, trace(graph, 17), make_views(network, 12)


def run(model, graph, views):
    return run_file(open_content(model.SerializeToString()), graph, views)


def test_half_weights_take_half_the_bytes(plain):
    graph, model, views = plain
    half = half_weights(model)
    assert half.ByteSize() < 0.65 * model.ByteSize()
    before, after = run(model, graph, views), run(half, graph, views)
    for name in before:
        spread = np.abs(before[name]).mean()
        assert 0 < np.abs(after[name] - before[name]).max() < 0.02 * spread, name


def test_8_bits_take_a_quarter_and_leave_normalisation_and_decoding_exact(plain):
    graph, model, views = plain
    small = quantise(model, [graph_inputs(views[:6], graph.inputs), graph_inputs(views[6:], graph.inputs)])
    assert small.ByteSize() < 0.7 * model.ByteSize()  # the network is tiny, so its graph counts
    assert {node.domain for node in small.graph.node} == {''} and [o.domain for o in small.opset_import] == ['']
    before, after = run(model, graph, views), run(small, graph, views)
    name = 'keypoints' if 'keypoints' in before else 'keypoints_xyz'
    error = np.abs(after[name] - before[name])
    assert 0 < error.mean() < 0.1 * np.abs(before[name]).mean(), name
