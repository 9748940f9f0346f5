"""Exported files run in OpenVINO's runtime; skipped where it is not installed."""

import numpy as np
import pytest

from handkd.export.exporting import open_content
from handkd.export.graph import ExportGraph
from handkd.export.parity import run_file
from handkd.export.samples import graph_inputs
from handkd.export.writing import trace

from .networks import make_network, make_views

openvino = pytest.importorskip('openvino')


@pytest.mark.parametrize('kind', ['pmd', 'ekd', 'pi'])
def test_openvino_gives_what_onnx_runtime_gives(kind, tmp_path):
    network = make_network(kind, tmp_path)
    graph = ExportGraph(network)
    content, views = trace(graph, 17).SerializeToString(), make_views(network, 6)
    (tmp_path / 'student.onnx').write_bytes(content)
    exact = {'INFERENCE_PRECISION_HINT': 'f32'}  # some CPUs would take bfloat16
    run = openvino.Core().compile_model(tmp_path / 'student.onnx', 'CPU', exact)
    found = run(graph_inputs(views, graph.inputs))
    wanted = run_file(open_content(content), graph, views)
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-3, atol=1e-3 * np.abs(values).mean(), err_msg=name)
