"""Predictions become labels of a hand folder: of colour and depth networks, resumed, and never over a human's."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from handkd.commands import label
from handkd.config import load_config
from handkd.datasets import HandFolderDataset
from handkd.hand import JOINTS
from handkd.reading import read_json
from handkd.registry import MODELS

from ..inference import test_inferencer
from ..inference.test_inferencer import IMAGE, POSE
from . import test_infer

files, flat, deep = test_inferencer.files, test_inferencer.flat, test_infer.deep  # fixtures
ROOT = Path(__file__).parents[2]
K = [[150.0, 0, 60], [0, 150.0, 45], [0, 0, 1]]
HUMAN = [[j, 2.0 * j] for j in range(21)]


@pytest.fixture
def folder(tmp_path):
    """A hand folder of four lines: two unlabelled ones around one of a human, and one whose image is missing."""
    root = tmp_path / 'set'
    root.mkdir()
    cv2.imwrite(str(root / 'a.png'), IMAGE)
    line = dict(image='a.png', side='right', K=K, box=[30, 20, 70, 70], x_mine=3)
    lines = [line, dict(line, joints_2d=HUMAN), dict(line, box=[40, 20, 90, 80]), dict(line, image='gone.png')]
    (root / 'train.jsonl').write_text(''.join(json.dumps(one) + '\n' for one in lines))
    return root


def labelled(folder, name='train_labelled'):
    return [json.loads(line) for line in (folder / f'{name}.jsonl').read_text().splitlines()]


def run(files, folder, *options):
    return label.main([str(value) for value in (*files, folder, '--device', 'cpu', *options)])


def test_predictions_are_written_beside_human_labels(files, folder, capsys):
    before = (folder / 'train.jsonl').read_bytes()
    assert run(files, folder, '--hand-scale', 90) == 1
    out, err = capsys.readouterr()
    assert 'gone.png' in err and '1 lines could not be used' in err
    assert '4 lines, 3 with joints, 2 of them predicted' in out
    assert (folder / 'train.jsonl').read_bytes() == before
    first, human, third, gone = labelled(folder)
    assert [human, gone] == [json.loads(line) for line in before.splitlines()][1::2]
    for line, box in ((first, (30, 20, 70, 70)), (third, (40, 20, 90, 80))):
        assert line['x_mine'] == 3 and line['x_labelled_by'] == 'config.py, weights.pth, scale 90 mm'
        assert line['x_confidence'] > 0.999, 'it predicts the same whatever it sees'
        joints = np.array(line['joints_3d'])
        np.testing.assert_allclose(joints - joints[0], (POSE - POSE[0]) * 90, atol=2e-3)
        pixels = joints @ np.array(K).T
        pixels = pixels[:, :2] / pixels[:, 2:]
        low, high = pixels.min(0), pixels.max(0)
        np.testing.assert_allclose((low + high) / 2, np.add(box[:2], box[2:]) / 2, atol=0.1)
        assert (high - low).max() == pytest.approx(max(np.subtract(box[2:], box[:2])), abs=0.1)
    assert cv2.imread(str(folder / 'train_labelled.png')) is not None
    dataset = HandFolderDataset(folder, 'train_labelled')
    assert len(dataset) == 3 and dataset.unlabelled == 1
    assert [('keypoints_cam' in dataset.get_record(i)) for i in range(3)] == [True, False, True]


def test_without_a_scale_labels_are_in_2d_and_in_the_folders_order(files, folder):
    names = ['wrist', 'little_tip', 'middle_mcp']
    lines = [json.loads(line) for line in (folder / 'train.jsonl').read_text().splitlines()]
    (folder / 'train.jsonl').write_text(json.dumps(lines[0]) + '\n')
    (folder / 'dataset.json').write_text(json.dumps(dict(joint_names=names)))
    assert run(files, folder) == 0
    (line,) = labelled(folder)
    assert 'joints_3d' not in line and np.shape(line['joints_2d']) == (3, 2)
    record = HandFolderDataset(folder, 'train_labelled').get_record(0)
    assert np.flatnonzero(record['keypoints_valid'][0]).tolist() == sorted(JOINTS.index(name) for name in names)


def test_an_interrupted_run_continues(files, folder, capsys):
    run(files, folder)
    whole = (folder / 'train_labelled.jsonl').read_bytes()
    (folder / 'train_labelled.jsonl').write_bytes(whole[: len(whole) // 3])
    run(files, folder)
    assert (folder / 'train_labelled.jsonl').read_bytes() == whole
    run(files, folder)  # nothing is left to do
    assert (folder / 'train_labelled.jsonl').read_bytes() == whole


def test_a_run_with_another_network_or_source_is_no_continuation(files, folder):
    run(files, folder)
    with pytest.raises(
        ValueError, match=r"train_labelled\.jsonl:1 is not the line .* by 'config.py, weights.pth, scale"
    ):
        run(files, folder, '--hand-scale', 90)
    lines = (folder / 'train.jsonl').read_text().splitlines()
    (folder / 'train.jsonl').write_text('\n'.join(lines[::-1]))
    with pytest.raises(ValueError, match='choose another --out'):
        run(files, folder)
    assert run(files, folder, '--out', 'second') == 1 and len(labelled(folder, 'second')) == 4


def test_hands_below_a_confidence_stay_unlabelled(files, folder):
    run(files, folder, '--min-confidence', 1.1)
    lines = labelled(folder)
    assert ['joints_2d' in line for line in lines] == [False, True, False, False]
    assert lines[0]['x_confidence'] > 0.999


def test_a_depth_network_labels_depth_in_space(deep, tmp_path):
    config, checkpoint = deep['known'][1], deep['known'][3]
    root = tmp_path / 'set'
    root.mkdir()
    (root / 'depth.png').write_bytes(deep['image'].read_bytes())
    line = dict(depth='depth.png', side='right', K=deep['sample']['camera']['K'].tolist())
    (root / 'train.jsonl').write_text(json.dumps(line))
    (root / 'dataset.json').write_text(json.dumps(dict(depth_unit_mm=0.1)))
    assert run((config, checkpoint), root) == 0
    (line,) = labelled(root)
    joints = np.array(line['joints_3d'])
    assert joints.shape == (21, 3) and (joints[:, 2] > 0).all() and 0 <= line['x_confidence'] <= 1
    assert read_json(root / 'dataset.json') == dict(depth_unit_mm=0.1)


def test_a_teacher_of_a_config_labels(deep, tmp_path):
    config, root = ROOT / 'configs/pmd/resnet18half_studio.py', tmp_path / 'set'
    network = MODELS.build(load_config(config, only='model').model.teachers.depth.model)
    torch.save({'state_dict': network.state_dict()}, tmp_path / 'teacher.pth')
    root.mkdir()
    (root / 'depth.png').write_bytes(deep['image'].read_bytes())
    line = dict(depth='depth.png', side='right', K=deep['sample']['camera']['K'].tolist())
    (root / 'train.jsonl').write_text(json.dumps(line))
    (root / 'dataset.json').write_text(json.dumps(dict(depth_unit_mm=0.1)))
    files = config, tmp_path / 'teacher.pth'
    assert run(files, root, '--teacher', 'depth', '--hand-scale', 90) == 0
    (line,) = labelled(root)
    assert line['x_labelled_by'] == 'resnet18half_studio.py --teacher depth, teacher.pth, scale 90 mm'
    assert np.shape(line['joints_3d']) == (21, 3)
    with pytest.raises(ValueError, match="model.teachers has no 'dpth'; did you mean 'depth'"):
        run(files, root, '--teacher', 'dpth')


def test_a_2d_network_labels_lines_with_a_camera(flat, folder):
    assert run((flat['config'], flat['checkpoint']), folder) == 1
    assert [('joints_2d' in line) for line in labelled(folder)] == [True, True, True, False]


@pytest.mark.parametrize(
    ('scale', 'two_d', 'said'),
    [(-1, False, 'the hand scale must be a positive length'), (90, True, 'the hand scale is for 3D networks')],
)
def test_an_option_that_fits_no_line_is_refused_once(files, flat, folder, scale, two_d, said, capsys):
    lines = (folder / 'train.jsonl').read_text().splitlines()
    (folder / 'train.jsonl').write_text('\n'.join([lines[1], lines[0], lines[2]]))
    network = (flat['config'], flat['checkpoint']) if two_d else files
    with pytest.raises(ValueError, match=said):
        run(network, folder, '--hand-scale', scale)
    assert 'error' not in capsys.readouterr().err and [path.name for path in folder.glob('*.jsonl')] == ['train.jsonl']


@pytest.mark.parametrize(
    ('options', 'error', 'said'),
    [
        (['--split', 'tain'], FileNotFoundError, r"no file '.*tain\.jsonl': --split must be one of \['train'\]"),
        (['--out', 'train'], ValueError, '--out train is the split itself'),
    ],
)
def test_wrong_options(files, folder, options, error, said):
    with pytest.raises(error, match=said):
        run(files, folder, *options)
    (folder / 'train.jsonl').unlink()
    with pytest.raises(FileNotFoundError, match=r"no file '.*\.jsonl': it lists the images \(docs/datasets.md\)"):
        run(files, folder)
