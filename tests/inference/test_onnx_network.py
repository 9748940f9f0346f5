"""An exported network gives what torch gives, through the whole of inference, and runs where torch is missing."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from handkd.apis.inference_network import HandNetwork
from handkd.export.describing import describe
from handkd.export.graph import ExportGraph
from handkd.export.writing import trace, with_metadata
from handkd.inference.inferencer import HandInferencer

from ..export.networks import STUDENTS, make_network

K = np.array([[400.0, 0, 80], [0, 400.0, 60], [0, 0, 1]])
BOX = (50.0, 30.0, 60.0, 70.0)


def export(network: HandNetwork, folder: Path, kind: str, checkpoint: Path | None = None, **changes) -> Path:
    """Write a network as an ONNX file, without the check on real crops; its weights are in ``folder`` or elsewhere."""
    (folder / 'tiny.py').touch()
    graph, path = ExportGraph(network), folder / f'{kind}.onnx'
    cfg = Config({'model': {}}, filename=str(folder / 'tiny.py'))
    found = describe(cfg, (checkpoint or folder) / f'{kind}.pth', network, graph, 17, 'none')
    path.write_bytes(with_metadata(trace(graph, 17), replace(found, **changes)))
    return path


def picture(modality: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    if modality == 'rgb':
        return rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)
    depth = np.zeros((120, 160), np.float32)
    depth[35:95, 55:105] = 500 + 40 * rng.random((60, 50))
    return depth


@pytest.mark.parametrize('kind', STUDENTS)
def test_the_file_gives_the_results_of_the_network(kind, tmp_path, monkeypatch):
    network = make_network(kind, tmp_path)
    exported = HandInferencer(export(network, tmp_path, kind))
    monkeypatch.setattr('handkd.inference.inferencer.open_network', lambda *args: network)
    trained, image = HandInferencer(), picture(network.facts.modality)
    assert exported.network.facts == replace(network.facts, name='tiny')
    known = [dict(box=BOX, camera=K)] if network.facts.modality == 'depth' else [dict(box=BOX), dict()]
    if kind == 'ekd':
        known += [dict(box=BOX, camera=K), dict(box=BOX, camera=K, hand_scale_mm=80.0)]
    for given in known:
        found, expected = exported.one(image, **given), trained.one(image, **given)
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            if isinstance(value, np.ndarray):
                np.testing.assert_allclose(found[key], value, atol=1e-3, err_msg=key)
            elif isinstance(value, float):
                assert found[key] == pytest.approx(value, abs=1e-3)
            else:
                assert found[key] == value, key
    if kind == 'ekd':
        assert (found['scale_source'], found['camera_source']) == ('given', 'given') and 'root' in found


BLOCKED = """
import importlib.abc, json, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('torch', 'mmengine', 'mmcv', 'mmpose', 'matplotlib'):
            raise ImportError(f'{name} is blocked')

sys.meta_path.insert(0, Blocker())
from handkd.apis import HandInferencer
from handkd.inference import to_json
model, image, out = sys.argv[1:]
infer = HandInferencer(model)
for record in infer([image, image], boxes=(50, 30, 60, 70), batch_size=2, vis_out_dir=out, pred_out_dir=out):
    print(to_json(record))
assert not {'torch', 'mmengine', 'mmcv', 'mmpose', 'matplotlib', 'PIL'} & {*sys.modules}
"""


def test_it_runs_where_torch_and_openmmlab_are_missing(tmp_path):
    path = export(make_network('pmd', tmp_path), tmp_path, 'pmd')
    cv2.imwrite(str(tmp_path / 'hand.png'), picture('rgb'))
    command = [sys.executable, '-c', BLOCKED, str(path), str(tmp_path / 'hand.png'), str(tmp_path / 'out')]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert first == second and np.shape(first['hands'][0]['keypoints_3d']) == (21, 3)
    assert json.loads((tmp_path / 'out' / 'hand.json').read_text()) == first
    assert (tmp_path / 'out' / 'hand_hand.png').is_file()


def test_files_that_are_no_exported_network_are_named(tmp_path):
    path = export(make_network('pmd', tmp_path), tmp_path, 'pmd')
    content = path.read_bytes()
    network = make_network('pmd', tmp_path)
    newer = export(network, tmp_path, 'pmd', format=99)
    with pytest.raises(ValueError, match='pmd.onnx: made by a newer handkd'):
        HandInferencer(newer)
    for damaged, message in ((content[:900], 'not a complete ONNX file'), (b'text', 'not a complete ONNX file')):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=f'pmd.onnx: {message}'):
            HandInferencer(path)
    path.write_bytes(content)
    for arguments, message in (
        (dict(checkpoint='a.pth'), 'contains its weights'),
        (dict(device='cuda'), 'runs on the CPU'),
    ):
        with pytest.raises(ValueError, match=message):
            HandInferencer(path, **arguments)
    with pytest.raises(FileNotFoundError, match=r'gone\.onnx'):
        HandInferencer(tmp_path / 'gone.onnx')
