"""What the tests of data sets share: a small sequence of Panoptic in both of its forms."""

import json
import pickle
import shutil

import cv2
import numpy as np
import pytest

from handkd.geometry import axis_angle_to_matrix

K = [[1390.0, 0, 960], [0, 1385.0, 540], [0, 0, 1]]
DIST = [-0.28, 0.2, 0.001, -0.0005, -0.05]


def calibration(node, rotation, translation):
    rotation = axis_angle_to_matrix(rotation).tolist()
    return dict(
        name=f'00_{node:02d}', type='hd', resolution=[1920, 1080], panel=0, node=node, K=K, distCoef=DIST, R=rotation,
        t=[[value] for value in translation],
    )  # fmt: skip


def hand(center, seed, **more):
    landmarks = np.random.default_rng(seed).normal(size=(21, 3)) * 4 + center
    return dict(landmarks=landmarks.ravel().tolist(), averageScore=[0.5] * 21, validity=[1] * 20 + [0], **more)


@pytest.fixture
def panoptic(tmp_path):
    """One sequence, two cameras 250 cm away, and one that looks the other way. Frames 7 and 9 of one person."""
    folder = tmp_path / 'pose0'
    jpg = cv2.imencode('.jpg', np.zeros((1080, 1920, 3), np.uint8))[1].tobytes()
    cameras = [calibration(0, [0, 0, 0.1], [0, 0, 250]), calibration(1, [0.1, 0, 0], [20, 0, 250])]
    cameras.append(calibration(30, [0, 1.5, 0], [0, 0, -250]))
    cameras.append(dict(calibration(2, [0, 0, 0], [0, 0, 250]), type='vga', resolution=[640, 480]))
    (folder / 'hdHand3d').mkdir(parents=True)
    (folder / 'calibration_pose0.json').write_text(json.dumps(dict(calibDataSource='x', cameras=cameras)))
    for frame in (7, 9):
        people = [dict(id=-1, left_hand=hand(0, 1)), dict(id=3, left_hand=hand(10, 2 * frame))]
        if frame == 9:
            people[1]['right_hand'] = hand(-10, 3)
        (folder / f'hdHand3d/handRecon3D_hd{frame:08d}.json').write_text(json.dumps(dict(people=people)))
        for node in (0, 1, 30):
            path = folder / f'hdImgs/00_{node:02d}/00_{node:02d}_{frame:08d}.jpg'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpg)
    return tmp_path


@pytest.fixture
def panoptic_mtc(panoptic):
    """The same sequence in the other release: frame 7 to train on, frame 9 to test."""
    root = panoptic / 'mtc'
    (root / 'annotation').mkdir(parents=True)
    cameras = json.loads((panoptic / 'pose0/calibration_pose0.json').read_text())['cameras'][:3]
    entries = {}
    for frame in (7, 9):
        person = dict(
            json.loads((panoptic / f'pose0/hdHand3d/handRecon3D_hd{frame:08d}.json').read_text())['people'][1]
        )
        for side in ('left_hand', 'right_hand'):
            if side in person:
                person[side] = dict(landmarks=np.array(person[side]['landmarks']))
        entries[frame] = dict(seqName='pose0', frame_str=f'{frame:08d}', **person)
    content = dict(training_data=[entries[7]], testing_data=[entries[9]])
    (root / 'annotation/annotation.pkl').write_bytes(pickle.dumps(content, protocol=2))
    arrays = {c['node']: {key: np.array(c[key]) for key in ('K', 'R', 't', 'distCoef')} for c in cameras}
    (root / 'annotation/camera_data.pkl').write_bytes(pickle.dumps({'pose0': arrays}, protocol=2))
    for frame in (7, 9):
        for node in (0, 1, 30):
            target = root / f'hdImgs/pose0/{frame:08d}/00_{node:02d}_{frame:08d}.jpg'
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(panoptic / f'pose0/hdImgs/00_{node:02d}/00_{node:02d}_{frame:08d}.jpg', target)
    return root


@pytest.fixture
def change_json():
    """A function that edits what a JSON file holds."""

    def change(path, edit):
        content = json.loads(path.read_text())
        edit(content)
        path.write_text(json.dumps(content))

    return change
