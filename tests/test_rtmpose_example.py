"""examples/rtmpose: MMPose's networks through both of DWPose's stages, by its configs alone, and back into MMPose."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpose.apis import inference_topdown, init_model

from handkd.apis.runs import evaluate
from handkd.apis.stage_records import FILE
from handkd.commands import export, stages
from handkd.config import load_config
from handkd.datasets import MMPoseHandDataset
from handkd.evaluation import HandPredictions
from handkd.inference import HandInferencer
from handkd.models import read_checkpoint
from handkd.studio.layouts import write_layout

EXAMPLE = Path(__file__).parents[1] / 'examples' / 'rtmpose'
SMALL = [
    f'{key}={value}'
    for key, value in {
        'train_cfg.max_epochs': 2,
        'train_dataloader.batch_size': 8,
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'test_dataloader.num_workers': 0,
        'default_hooks.checkpoint.interval': 1,
    }.items()
]


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """Folder with the written set and, in ``runs``, the four stages, of two steps each; and the table."""
    folder = tmp_path_factory.mktemp('rtmpose')
    list(write_layout('freihand_mmpose', folder / 'data' / 'freihand', 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_stages()
    return folder


def run_stages():
    words = [str(EXAMPLE / 'dwpose.py'), '--work-dir', 'runs', '--out', 'results.json']
    assert stages.main([*words, '--cfg-options', *SMALL]) == 0


def test_all_stages_are_in_the_table_with_mmposes_metrics(runs):
    record = json.loads((runs / 'results.json').read_text())
    assert [stage['name'] for stage in record['stages']] == ['teacher', 'baseline', 'first', 'second']
    assert {*record['stages'][0]['metrics']['0']} == {'PCK', 'AUC', 'EPE'}
    headers = record['tables'][0]['headers']
    assert headers[:4] == ['', 'EPE mean (px)', 'AUC', 'PCK']


def test_the_second_stage_trains_a_new_head_on_the_first_ones_backbone(runs):
    first, second = (
        read_checkpoint(runs / 'runs' / name / 'epoch_2.pth')['state_dict'] for name in ('first', 'second')
    )
    backbone = [name for name in second if name.startswith('backbone.')]
    assert all(torch.equal(first[name], second[name]) for name in backbone) and len(backbone) > 100
    assert not torch.equal(first['head.final_layer.weight'], second['head.final_layer.weight'])
    assert any(name.startswith('training_only.feature.') for name in first)


def test_an_interrupted_stage_gives_the_same_network(runs, monkeypatch):
    monkeypatch.chdir(runs)
    folder = Path('runs') / 'first'
    whole = read_checkpoint(folder / 'epoch_2.pth')
    record = json.loads((folder / FILE).read_text())
    (folder / FILE).write_text(json.dumps({key: record[key] for key in ('fingerprint', 'config')}))
    (folder / 'epoch_2.pth').unlink()
    (folder / 'last_checkpoint').write_text(str(folder / 'epoch_1.pth'))
    run_stages()
    again = read_checkpoint(folder / 'epoch_2.pth')
    assert again['meta']['run'] == whole['meta']['run'], 'it began anew'
    assert all(torch.equal(value, again['state_dict'][name]) for name, value in whole['state_dict'].items())
    assert json.loads((folder / FILE).read_text())['metrics'] == record['metrics']


def test_mmpose_itself_predicts_the_same_with_the_student(runs, monkeypatch):
    monkeypatch.chdir(runs)
    weights = 'runs/second/epoch_2.pth'
    # One image at a time, as inference_topdown: a network of two steps has bins so alike that rounding chooses.
    cfg = load_config(EXAMPLE / 'rtmpose_t.py', {'test_dataloader.num_workers': 0, 'test_dataloader.batch_size': 1})
    cfg.work_dir, cfg.test_evaluator = 'tested', [dict(type='HandPixelMetric')]
    evaluate(cfg, weights, dump='predictions.npz')
    ours = HandPredictions.load('predictions.npz').pred
    theirs = [mmposes(weights, *hand) for hand in hands_of(cfg)]
    np.testing.assert_array_equal(ours, theirs)


def test_the_exported_student_predicts_the_same_as_torch_and_mmpose(runs, monkeypatch, capsys):
    monkeypatch.chdir(runs)
    student, weights = str(EXAMPLE / 'rtmpose_t.py'), 'runs/second/epoch_2.pth'
    options = ['--cfg-options', 'test_dataloader.num_workers=0']
    assert export.main([student, weights, '--out', 'student.onnx', *options]) == 0
    assert 'largest difference from torch on 2 inputs: 0 px' in capsys.readouterr().out
    for path, (box,) in hands_of(load_config(student)):
        box = [*box[:2], *(box[2:] - box[:2])]
        found = [
            next(iter(HandInferencer(*network)(path, [box])))['hands'][0]['keypoints']
            for network in (('student.onnx',), (student, weights))
        ]
        np.testing.assert_array_equal(*found)
        # MMPose's crop begins half a pixel of the crop beside handkd's; a crop is 224 * 0.8 px wide and has 96.
        theirs = mmposes(weights, path, np.array([[0, 0, 224, 224]]), flip=False)
        assert np.abs(found[0] - theirs).max() <= 0.5 * 224 * 0.8 / 96 + 0.01


def mmposes(weights: str, path: str, boxes: np.ndarray, flip: bool = True) -> np.ndarray:
    """Return the joints that MMPose's own functions predict, shape (21, 2), px of the image."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = init_model(str(EXAMPLE / 'rtmpose_t.py'), weights, 'cpu')
        model.test_cfg['flip_test'] = flip
        return inference_topdown(model, path, boxes)[0].pred_instances.keypoints[0]


def hands_of(cfg) -> list[tuple[str, np.ndarray]]:
    """Return each test image's path and the labelled box (x, y, right, bottom), shape (1, 4), px."""
    hands = MMPoseHandDataset(dict(cfg.test_dataloader.dataset, pipeline=[]))
    labels = [hands.get_labels(i) for i in range(len(hands))]
    return [(label['img_path'], label['bbox']) for label in labels]
