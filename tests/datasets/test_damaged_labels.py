"""Damaged labels of single samples: in every reader they stop, or are left out and counted, and never go unnoticed."""

import json
import pickle
import shutil

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from handkd.datasets import (
    BigHandDataset,
    DexterObjectDataset,
    FreiHANDDataset,
    HandFolderDataset,
    InterHand26MDataset,
    LMDataset,
    NYUDataset,
    PanopticHandDataset,
    RHDDataset,
    SampleKey,
    STBDataset,
)
from handkd.datasets.damaged_labels import DamagedLabels, LabelError
from handkd.studio.layouts import write_layout


def break_file(path, *_):
    path.write_bytes(b'\0' * 100)


def break_line(path, number=1):
    lines = path.read_bytes().split(b'\n')
    lines[number] = lines[number][: len(lines[number]) // 2]
    path.write_bytes(b'\n'.join(lines))


def break_pickle(path):
    content = pickle.loads(path.read_bytes())
    content[1]['xyz'] = content[1]['xyz'] * np.nan
    del content[2]['K']
    path.write_bytes(pickle.dumps(content))


def break_mat(path, key, at):
    content = {name: value for name, value in loadmat(path).items() if not name.startswith('__')}
    content[key] = content[key].astype(float)
    content[key][at] = np.nan
    savemat(path, content)


def break_entry(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


CASES = {
    'lm': (LMDataset, dict(split='all', sequences=[1, 2]), 'annotated_frames/data_1/0_joints.txt', break_file, 4, 1),
    'bighand': (
        BigHandDataset, dict(split='full', subjects=[1]),
        'full_annotation/Subject_1/*.txt', lambda path: break_line(path, 0), 1, 1,
    ),
    'dexter': (DexterObjectDataset, dict(split='Grasp1'), 'data/Grasp1/annotations/Grasp13D.txt', break_line, 1, 1),
    'folder': (HandFolderDataset, dict(split='train'), 'train.jsonl', break_line, 1, 1),
    'rhd': (RHDDataset, dict(split='training'), 'training/anno_training.pickle', break_pickle, 2, 2),
    'stb': (
        STBDataset, dict(split='train', sequences=['B2Counting', 'B2Random']), 'labels/B2Counting_SK.mat',
        lambda path: break_mat(path, 'handPara', (0, 3, 0)), 1, 1,
    ),
    'nyu': (
        NYUDataset, dict(split='train', views=[1, 2]), 'train/joint_data.mat',
        lambda path: break_mat(path, 'joint_xyz', (1, 1)), 2, 1,
    ),
    'freihand': (
        FreiHANDDataset, dict(split='training'), 'training_xyz.json',
        lambda path: break_entry(path, lambda content: content[1].pop()), 4, 1,
    ),
    'interhand': (
        InterHand26MDataset, dict(split='train'), 'annotations/train/*_data.json',
        lambda path: break_entry(path, lambda content: content['annotations'][0].pop('hand_type')), 2, 1,
    ),
}  # fmt: skip
"""Layout -> its reader, settings, a label file, what breaks one sample or more in it, how many samples and labels."""
FRAMES = {'lm': 21, 'bighand': 160, 'dexter': 12, 'stb': 10}


@pytest.mark.parametrize('layout', CASES)
def test_they_stop_or_are_left_out(layout, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    reader, settings, pattern, damage, samples, labels = CASES[layout]
    root = tmp_path / 'set'
    for _ in write_layout(layout, root, FRAMES.get(layout, 4)):
        pass
    root = next((path for path in (root, *root.iterdir()) if any(path.glob(pattern))), root)
    whole = reader(root, **settings)
    keys = [(str(record['keypoints_cam'][0, 8]), str(record.get('img_path', record.get('depth_path'))))
            for record in map(whole.get_record, range(len(whole)))]  # fmt: skip
    path = next(root.glob(pattern))
    damage(path)
    shutil.rmtree(tmp_path / 'cache')  # an edit within the file of a frame is not looked for
    for _ in range(2):  # before and after there is an index
        with pytest.raises(ValueError, match=f"{path.name}'?.*on_corrupt='skip' trains without such samples") as error:
            reader(root, **settings)
        assert '\n' not in str(error.value)
        part = reader(root, on_corrupt='skip', **settings)
    assert len(part) == len(whole) - samples and len(part.damaged) == labels and path.name in part.damaged[0]
    for name in ('missing', 'unlabelled'):
        assert getattr(part, name, 0) == getattr(whole, name, 0)
    kept = [(str(record['keypoints_cam'][0, 8]), str(record.get('img_path', record.get('depth_path'))))
            for record in map(part.get_record, range(len(part)))]  # fmt: skip
    assert kept == [key for key in keys if key in kept] and len(set(kept)) == len(kept), 'the others are as they were'
    assert len(pickle.dumps(part)) < 20_000


def labels_of(root, frame):
    return root / f'pose0/hdHand3d/handRecon3D_hd{frame:08d}.json'


def test_one_damaged_file_of_panoptic(panoptic, monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    content = labels_of(panoptic, 7).read_text()
    for damage in (
        '',
        content[:300],
        '\0' * 50,
        '[' * 100_000,
        json.dumps(dict(people=[3])),
        '{"people": [{"id": "a"}]}',
    ):
        labels_of(panoptic, 7).write_text(damage)
        with pytest.raises(ValueError, match=r"handRecon3D_hd00000007.json.*on_corrupt='skip'"):
            PanopticHandDataset(panoptic, 'all')
        dataset = PanopticHandDataset(panoptic, 'all', on_corrupt='skip')
        assert {dataset.get_record(i)['frame'] for i in range(len(dataset))} == {9}
        assert len(dataset.damaged) == 1 and dataset.missing == 0
    labels_of(panoptic, 7).write_text(content)
    assert len(PanopticHandDataset(panoptic, 'all')) == 6, 'a file that was mended is read again'


def test_one_damaged_hand_of_panoptic(panoptic, panoptic_mtc, change_json):
    change_json(labels_of(panoptic, 9), lambda c: c['people'][1]['left_hand'].update(landmarks=['a'] * 63))
    dataset = PanopticHandDataset(panoptic, 'all', on_corrupt='skip')
    assert len(dataset) == 4 and len(dataset.damaged) == 1
    path = panoptic_mtc / 'annotation/annotation.pkl'
    content = pickle.loads(path.read_bytes())
    content['testing_data'][0].pop('frame_str')
    path.write_bytes(pickle.dumps(content))
    settings = dict(release='mtc', cameras=(0, 1))
    with pytest.raises(ValueError, match="annotation.pkl': an entry of 'testing_data' has no 'frame_str'.*'skip'"):
        PanopticHandDataset(panoptic_mtc, 'all', **settings)
    assert len(PanopticHandDataset(panoptic_mtc, 'all', on_corrupt='skip', **settings)) == 2
    with pytest.raises(ValueError, match='1 labels are damaged, first: '):
        PanopticHandDataset(panoptic_mtc, 'test', on_corrupt='skip', **settings)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match="annotation.pkl' was not read"):
        PanopticHandDataset(panoptic_mtc, 'all', on_corrupt='skip', **settings)


def test_evaluation_stops_and_training_goes_on(panoptic):
    labels_of(panoptic, 7).write_text('')
    dataset = PanopticHandDataset(panoptic, 'all', on_corrupt='skip')
    assert dataset[SampleKey(0, 0)]['frame'] == 9
    with pytest.raises(
        ValueError, match='1 samples have damaged labels, and only a training may leave them out.*00000007.json'
    ):
        dataset[0]


def test_labels_that_make_no_sense_when_they_are_read(panoptic, monkeypatch):
    read = PanopticHandDataset.get_record

    def get_record(self, index):
        if index == 0:
            raise ValueError('joint behind the camera')
        return read(self, index)

    monkeypatch.setattr(PanopticHandDataset, 'get_record', get_record)
    dataset = PanopticHandDataset(panoptic, 'all', on_corrupt='skip')
    assert dataset[SampleKey(0, 0)]['img_id'] == 1 and dataset.skipped.indices() == [0]
    with pytest.raises(LabelError, match='sample 0: joint behind'):
        PanopticHandDataset(panoptic, 'all')[SampleKey(0, 0)]


def test_a_guard_lets_files_that_can_not_be_opened_pass_where_it_may(tmp_path):
    with pytest.raises(FileNotFoundError), DamagedLabels('stop').guard('a'):
        (tmp_path / 'a').read_bytes()
    damage = DamagedLabels('skip')
    with damage.guard(tmp_path / 'a'):
        (tmp_path / 'a').read_bytes()
    assert len(damage) == 1 and 'No such file' in damage.first
    assert damage.columns()['watched'].tolist() == [str(tmp_path / 'a')]
