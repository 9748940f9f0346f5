"""The metadata of a file, from a network of each modality."""

import hashlib

import pytest
from mmengine.config import Config

from handkd.export.describing import config_name, describe
from handkd.export.graph import ExportGraph

from .networks import make_network


@pytest.mark.parametrize(
    'file, name',
    [
        ('/any/where/configs/pmd/demo.py', 'pmd/demo'),
        ('configs/of/a/configs/pi/cpm.py', 'pi/cpm'),
        ('mine/student.py', 'student'),
    ],
)
def test_a_config_is_named_within_its_folder(file, name):
    assert config_name(file) == name


@pytest.mark.parametrize('kind', ['pmd', 'pmd_depth', 'ekd'])
def test_a_description_says_what_the_graph_takes_and_gives(kind, tmp_path):
    network = make_network(kind, tmp_path)
    graph, weights = ExportGraph(network), tmp_path / f'{kind}.pth'
    file = tmp_path / 'configs/mine/net.py'
    file.parent.mkdir(parents=True)
    file.write_text("model = dict(type='HandPoseEstimator')\n")
    cfg = Config.fromfile(file)
    found = describe(cfg, weights, network, graph, 17, 'Apache-2.0')
    assert (found.name, found.config, found.opset, found.licence) == ('mine/net', 'net.py', 17, 'Apache-2.0')
    assert found.checkpoint_sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert found.output_names() == tuple(port.name for port in graph.outputs) and found.root == 'wrist'
    assert found.task == {'ekd': '2.5d'}.get(kind, '3d') and len(found.joints) == 21 == len(found.bones) + 1
    if kind == 'pmd_depth':
        assert (found.modality, found.input['layout'], found.crop['depth_cube_mm']) == ('depth', 'BHW', 220.0)
        assert found.crop['cube'] == 220.0 and found.crop['factor'] is None and found.crop['hand_only'] is True
    else:
        assert (found.modality, found.input['color'], found.crop['rule']) == ('rgb', 'BGR', 'square')
        assert found.crop['cube'] is None and found.crop['factor'] > 1 and 'depth_cube_mm' not in found.crop
    cfg.model.type = 'Another'
    assert describe(cfg, weights, network, graph, 17, '').config_sha256 != found.config_sha256
