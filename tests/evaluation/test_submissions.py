"""Submissions: what is written is read back, in the owners' form; and one line for each wrong file."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handkd.evaluation import SUBMISSIONS, HandPredictions, match_frames, read_joints, read_submission, write_submission
from handkd.hand import JOINTS

RNG = np.random.default_rng(0)
JOINTS_CAM = RNG.normal(size=(4, 21, 3)) * 40 + (10, -20, 600)
PREDICTIONS = HandPredictions(JOINTS_CAM, JOINTS_CAM + 5, np.ones((4, 21), bool), np.arange(4), 'abs_21j')
MANO = [0, 5, 6, 7, 9, 10, 11, 17, 18, 19, 13, 14, 15, 1, 2, 3, 4, 8, 12, 16, 20]
"""HO-3D's joints by their place in handkd's order, from the owners' figure of MANO's joints."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize('name', SUBMISSIONS)
def test_what_is_written_is_read_back(name):
    shuffled = replace(
        PREDICTIONS, **{key: getattr(PREDICTIONS, key)[[2, 0, 3, 1]] for key in ('pred', 'target', 'valid', 'img_ids')}
    )
    write_submission('new/out.json', shuffled, name, 'predictions.npz')
    back = read_submission('new/out.json', name)
    np.testing.assert_allclose(back.joints, JOINTS_CAM, rtol=0, atol=1e-6)


def test_json_is_the_owners():
    write_submission('freihand.json', PREDICTIONS, 'freihand', 'p.npz')
    write_submission('ho3d.json', PREDICTIONS, 'ho3d', 'p.npz')
    xyz, verts = json.loads(Path('freihand.json').read_text())
    np.testing.assert_allclose(xyz, JOINTS_CAM / 1000)
    assert np.shape(verts) == (4, 778, 3) and not np.any(verts)
    xyz, verts = json.loads(Path('ho3d.json').read_text())
    np.testing.assert_allclose(xyz, (JOINTS_CAM / 1000 * (1, -1, -1))[:, MANO])
    assert (np.array(xyz)[..., 2] < 0).all()  # the owners' script refuses others
    Path('evaluation_xyz.json').write_text(json.dumps(xyz))
    np.testing.assert_allclose(read_submission('evaluation_xyz.json', 'ho3d', 'target').joints, JOINTS_CAM)


def test_dexycb_is_rows_of_64_numbers_and_frames_are_matched():
    ids = np.array([7, 3, 12, 5])
    write_submission('out.txt', replace(PREDICTIONS, img_ids=ids), 'dexycb', 'p.npz')
    rows = [line.split(',') for line in Path('out.txt').read_text().splitlines()]
    assert [len(row) for row in rows] == [64] * 4 and [row[0] for row in rows] == ['3', '5', '7', '12']
    np.testing.assert_allclose(np.array(rows[0][1:], float), JOINTS_CAM[1].ravel())
    np.savez('gt.npz', joints=JOINTS_CAM[[2, 0]], img_ids=[12, 7])
    pred, truth = read_submission('out.txt', 'dexycb'), read_joints('gt.npz')
    np.testing.assert_allclose(match_frames(pred, truth).joints, truth.joints)
    with pytest.raises(ValueError, match=r'out.txt has no frame 8 \(1 of the 2 frames of gt.npz are missing\)'):
        match_frames(pred, replace(truth, img_ids=np.array([7, 8])))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            dict(protocol='rel-wrist_pred-scale_21j'),
            r'stored by rel-wrist_pred-scale_21j, expected camera-space joints',
        ),
        (dict(protocol='abs_21j-joint0=palm'), 'expected camera-space joints'),
        (dict(protocol='px_21j'), 'stored by px_21j, expected camera-space joints'),
        (dict(img_ids=np.array([0, 1, 1, 3])), 'p.npz: image 1 occurs more than once'),
        (dict(img_ids=np.array([0, 1, 2, 4])), 'expected the images 0 to 3, found 4 in place of 3'),
        (dict(pred=np.where(np.arange(21)[:, None] == 2, np.nan, JOINTS_CAM)), r'p.npz: image 0, joint 2 .* finite mm'),
    ],
)
def test_predictions_that_are_no_submission_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        write_submission('out.json', replace(PREDICTIONS, **change), 'ho3d', 'p.npz')


def frames(number: int = 2, shape: tuple = (21, 3), scale: float = 1.0) -> list:
    joints = JOINTS_CAM[:number].reshape(number, -1)[:, : np.prod(shape)] * scale / 1000
    return joints.reshape(number, *shape).tolist()


NAN = frames()
NAN[1][4][0] = float('nan')
WRONG = {
    'one list of frames': (frames(), r'frame 0 \(from 0\) of the joints has shape \(3,\)'),
    'only joints': ([frames()], r'found one list, expected \[xyz, verts\]'),
    'three lists': ([frames(), [[], []], []], 'found three lists or more'),
    'an object': ({'xyz': 1}, r"expected \[xyz, verts\].*Expecting '\['"),
    'empty': ([[], []], r'expected \[xyz, verts\]'),
    'fewer vertices': ([frames(), [[]]], 'found 2 frames of joints and 1 of vertices'),
    '20 joints': ([frames(shape=(20, 3)), [[], []]], r'frame 0 .* has shape \(20, 3\), expected 21 joints'),
    'nested too deep': ([[frames()], [[]]], r'frame 0 .* has shape \(2, 21, 3\)'),
    'words': ([[['a', 'b', 'c']] * 2, [[], []]], 'frame 0 .* of the joints is .*expected 21 joints of three numbers'),
    'NaN': ([NAN, [[], []]], r'thumb_tip of frame 1 \(from 0\) is not finite.*\(1 joints in 1 frames\)'),
    'mm': ([frames(scale=1000), [[], []]], r'hands are .* mm across, expected 30 to 1000: coordinates must be in m$'),
    'behind the camera': (
        [frames(scale=-1), [[], []]],
        'all hands are behind the camera, expected them along positive z',
    ),
}


@pytest.mark.parametrize('case', WRONG)
def test_wrong_json_is_named(case):
    content, message = WRONG[case]
    Path('pred.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f'pred.json: .*{message}') as error:
        read_submission('pred.json', 'freihand')
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('[[[1, 2', r'expected \[xyz, verts\]'),
        ('[' * 100_000, r'expected \[xyz, verts\]'),
        (json.dumps([frames(), [[], []]]) + ' []', 'found text after the lists'),
    ],
)
def test_damaged_json_is_named(text, message):
    Path('pred.json').write_text(text)
    with pytest.raises(ValueError, match=f'pred.json: .*{message}'):
        read_submission('pred.json', 'freihand')


ROW = ','.join(map(str, JOINTS_CAM[0].ravel()))


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (f'1,{ROW}\n2,{ROW},3\n', 'line 2: found 65 numbers with commas, expected 64'),
        (f'1,{ROW}\n1,{ROW}\n', 'line 2: image 1 is on line 1 already'),
        (f'a,{ROW}\n', 'line 1: not an image id and numbers'),
        (f'-1,{ROW}\n', 'line 1: the image id is -1'),
        ('\n', 'holds no row'),
        (','.join(['1', *map(str, JOINTS_CAM[0].ravel() / 1000)]), 'mm across, .*coordinates must be in mm'),
    ],
)
def test_wrong_rows_are_named(text, message):
    Path('pred.txt').write_text(text)
    with pytest.raises(ValueError, match=f'pred.txt.*{message}'):
        read_submission('pred.txt', 'dexycb')


def test_a_missing_file_and_an_unknown_form_are_named():
    with pytest.raises(FileNotFoundError, match=r'gone.json: no such file'):
        read_submission('gone.json', 'ho3d')
    with pytest.raises(ValueError, match="no 'hod3'; did you mean 'ho3d'"):
        read_submission('gone.json', 'hod3')
    assert all(sorted(form.joints) == sorted(JOINTS) for form in SUBMISSIONS.values())
