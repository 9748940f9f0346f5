"""Exported graphs give what torch gives, for each kind of student and any batch."""

import numpy as np
import pytest

from handkd.export.exporting import open_content
from handkd.export.graph import ExportGraph
from handkd.export.parity import compare
from handkd.export.writing import trace

from .networks import STUDENTS, make_network, make_views

TASKS = dict(pmd='3d', nvs='3d', photo='3d', ekd='2.5d', pi='2d', weakseg='cube')


@pytest.mark.parametrize('kind', STUDENTS)
def test_a_file_gives_what_torch_gives(kind, tmp_path):
    network = make_network(kind, tmp_path)
    graph = ExportGraph(network)
    model = trace(graph, 17)
    assert {node.domain for node in model.graph.node} == {''} and graph.decoder.task == TASKS[kind.partition('_')[0]]
    assert kind != 'pmd' or 'BatchNormalization' not in {node.op_type for node in model.graph.node}
    views = make_views(network, 6)  # as batches of one and of five
    parity = compare(open_content(model.SerializeToString()), graph, network, views, np.full(6, 100.0))
    assert parity.passed and parity.samples == 6 and parity.ties == 0, parity
