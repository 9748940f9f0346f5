"""Predicted joints of a line: their position in space, and the confidence."""

import json

import cv2
import numpy as np
import pytest

from handkd.apis.labelling import FolderLabeller, finished_lines
from handkd.datasets.readers.hand_folder_lines import Description
from handkd.geometry import project

K = np.array([[200.0, 0, 64], [0, 210.0, 48], [0, 0, 1]])
JOINTS = np.array([[-40.0 + 4 * j, 30.0 - 5 * (j % 5), 500.0 + 3 * j] for j in range(21)])


@pytest.fixture
def label(tmp_path):
    """Label one line by a network that sees the true hand, moved by some mm in every crop but the first."""
    depth = np.zeros((96, 128), np.uint16)
    for u, v in np.rint(project(JOINTS, dict(K=K))).astype(int):
        depth[v, u] = 0
    cv2.imwrite(str(tmp_path / 'depth.png'), depth)

    def run(moves=0.0, metric=False, surface=None, **line):
        if surface is not None:
            cv2.imwrite(str(tmp_path / 'depth.png'), np.full((96, 128), surface, np.uint16))
        calls = []

        def infer(path, **known):
            calls.append(known)
            shape = JOINTS - JOINTS[0]
            shape = shape + (moves if len(calls) > 1 else 0.0) * (np.arange(21) % 2)[:, None]
            hand = dict(keypoints=project(JOINTS, dict(K=K)), keypoints_3d=shape, unit='mm')
            return hand | dict(keypoints_cam=JOINTS if metric else None)

        labeller = FolderLabeller(infer, 'depth', tmp_path, Description('set'), 'net')
        text = json.dumps(dict(depth='depth.png', side='left', K=K.tolist(), **line)).encode()
        return *labeller.label(text, 'here:1'), calls

    return run


@pytest.mark.parametrize('metric', [False, True])
def test_the_hand_is_placed_where_its_pixels_are(label, metric):
    line, predicted, _ = label(metric=metric, surface=520)
    assert predicted and line['x_confidence'] == 1.0
    np.testing.assert_allclose(line['joints_3d'], JOINTS, atol=2e-3)


def test_confidence_falls_with_disagreement_and_away_from_the_surface(label):
    steady, shaky = (label(moves=moves, surface=520)[0]['x_confidence'] for moves in (0.0, 8.0))
    assert shaky < 0.5 < steady
    assert label(surface=900)[0]['x_confidence'] == 0.0
    half = label(surface=470 + 60)[0]['x_confidence']  # those nearer than 500 are above the surface
    assert 0.4 < half <= 1.0


def test_a_line_tells_box_and_center(label):
    *_, calls = label(box=[10, 20, 60, 90], center=[0, 0, 500.0], surface=520)
    assert calls[0]['box'] == (10, 20, 50, 70) and calls[0]['root'] == (64.0, 48.0, 500.0)
    assert all('root' not in known for known in calls[1:]) and calls[0]['side'] == 'left'


def test_lines_with_joints_are_left_as_they_are(label):
    line, predicted, calls = label(joints_2d=[[1, 2]] * 21)
    assert not predicted and not calls and 'x_confidence' not in line


def test_an_unfinished_line_is_removed(tmp_path):
    source, out = tmp_path / 'a.jsonl', tmp_path / 'b.jsonl'
    lines = [dict(image='a.png', x=k) for k in range(3)]
    source.write_text('\n'.join(map(json.dumps, lines)))
    out.write_text(json.dumps(lines[0]) + '\n' + json.dumps(dict(lines[1], x_labelled_by='net', joints_2d=[]))[:20])
    assert finished_lines(out, source, 'net') == 1
    assert out.read_text() == json.dumps(lines[0]) + '\n'
