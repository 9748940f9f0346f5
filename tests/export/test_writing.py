"""The content of an ONNX file: shapes, operators and metadata."""

import onnx
import pytest
from mmengine.config import Config

from handkd.export.describing import describe
from handkd.export.graph import ExportGraph
from handkd.export.writing import operators, trace, with_metadata
from handkd.hints import ConfigError
from handkd.inference.onnx_metadata import PROPERTY, OnnxMetadata

from .networks import make_network


def test_a_file_has_named_ports_a_free_batch_and_its_description(tmp_path):
    network = make_network('ekd', tmp_path)
    graph = ExportGraph(network)
    model = trace(graph, 18)
    assert [entry.version for entry in model.opset_import] == [18]
    for values, ports in ((model.graph.input, graph.inputs), (model.graph.output, graph.outputs)):
        shapes = {
            one.name: [dim.dim_param or dim.dim_value for dim in one.type.tensor_type.shape.dim] for one in values
        }
        assert shapes == {port.name: ['B', *port.shape] for port in ports}
    assert set(operators(model)) == {node.op_type for node in model.graph.node}
    (tmp_path / 'net.py').write_text("model = dict(type='HandPoseEstimator')\n")
    cfg = Config.fromfile(tmp_path / 'net.py')
    described = describe(cfg, tmp_path / 'ekd.pth', network, graph, 18, 'Apache-2.0')
    read = onnx.load_from_string(with_metadata(model, described))
    assert [entry.key for entry in read.metadata_props] == [PROPERTY] and read.producer_name == 'handkd'
    assert OnnxMetadata.from_json(read.metadata_props[0].value, 'net.onnx').to_json() == described.to_json()
    assert with_metadata(model, described) == with_metadata(model, described), 'an older description is replaced'


def test_other_operators_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r'opset must be one of \(17, 18\), found 16'):
        trace(ExportGraph(make_network('pmd', tmp_path)), 16)
