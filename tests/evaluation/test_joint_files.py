"""Files of joints: every form gives the same joints, and what is wrong with a file is said."""

import json
import pickle

import numpy as np
import pytest

from handkd.evaluation import HandPredictions, check_pair, parse_camera, read_joints

JOINTS = np.random.default_rng(0).normal(size=(4, 5, 3)).round(4) * 50 + (0, 0, 600)


def write(path, joints=JOINTS, **more):
    """Write joints in the form that the name of the file says."""
    if path.suffix == '.npz':
        np.savez(path, joints=joints, **more)
    elif path.suffix == '.npy':
        np.save(path, joints)
    elif path.suffix == '.json':
        path.write_text(json.dumps(joints.tolist()))
    else:
        np.savetxt(path, joints.reshape(len(joints), -1), fmt='%.6f')
    return path


@pytest.mark.parametrize('name', ['a.npz', 'a.npy', 'a.json', 'a.txt'])
def test_every_form_gives_the_same_joints(tmp_path, name):
    file = read_joints(write(tmp_path / name))
    np.testing.assert_allclose(file.joints, JOINTS, atol=1e-6)
    assert file.labelled is file.visible is file.frames is file.protocol is None


def test_rows_may_have_names_commas_and_comments(tmp_path):
    rows = [f'image_{i:04}.png, ' + ', '.join(map(str, row.ravel())) for i, row in enumerate(JOINTS)]
    path = tmp_path / 'named.txt'
    path.write_text('# made by hand\n\n' + '\n'.join(rows) + '\n')
    file = read_joints(path)
    np.testing.assert_array_equal(file.joints, JOINTS)
    assert file.frames == ('image_0000.png', 'image_0001.png', 'image_0002.png', 'image_0003.png')
    other = tmp_path / 'other.txt'
    other.write_text('\n'.join([rows[0], rows[2], rows[1], rows[3]]))
    with pytest.raises(ValueError, match="row 2 is of 'image_0002.png', but in .*named.txt of 'image_0001.png'"):
        check_pair(read_joints(other), file)


def test_pixels_and_depth_become_points(tmp_path):
    fx, fy, u0, v0 = parse_camera('nyu')
    x, y, z = np.moveaxis(JOINTS, -1, 0)
    uvd = np.stack([x * fx / z + u0, y * fy / z + v0, z], -1)
    np.testing.assert_allclose(
        read_joints(write(tmp_path / 'a.txt', uvd), camera=(fx, fy, u0, v0)).joints, JOINTS, atol=1e-4
    )
    assert (fx, fy, u0, v0) == (588.03, -587.07, 320, 240)
    assert parse_camera('icvl') == (240.99, 240.96, 160, 120)
    assert parse_camera('500,501,320,240') == (500, 501, 320, 240)
    for text in ('nyuu', '1,2,3', '0,1,2,3', '1,2,3,nan'):
        with pytest.raises(ValueError, match=f"camera.* '?{text}'?"):
            parse_camera(text)


def test_masks_and_dumped_predictions(tmp_path):
    valid, visible = np.ones((4, 5)), np.eye(4, 5)
    valid[0, 1] = 0
    file = read_joints(write(tmp_path / 'a.npz', valid=valid, keypoints_visible=visible))
    np.testing.assert_array_equal(file.labelled, valid > 0)
    np.testing.assert_array_equal(file.visible, visible > 0)
    HandPredictions(JOINTS + 1, JOINTS, valid > 0, np.arange(4), 'rel-wrist_gt-scale_21j').save(tmp_path / 'dump.npz')
    for role, expected in (('pred', JOINTS + 1), ('target', JOINTS)):
        file = read_joints(tmp_path / 'dump.npz', role)
        np.testing.assert_array_equal(file.joints, expected)
        assert file.protocol == 'rel-wrist_gt-scale_21j'
    flat = JOINTS[..., :2]
    HandPredictions(flat, flat, valid > 0, np.arange(4), 'px_21j-visible').save(tmp_path / 'flat.npz')
    with pytest.raises(ValueError, match=r'flat.npz: holds 2D joints in px \(px_21j-visible\)'):
        read_joints(tmp_path / 'flat.npz')


def test_bad_files_are_named(tmp_path):
    class Hostile:
        def __reduce__(self):
            return (print, ('this must not run',))

    np.savez(tmp_path / 'pickled.npz', joints=np.array([Hostile()], dtype=object))
    (tmp_path / 'plain.npy').write_bytes(pickle.dumps(JOINTS))
    whole = write(tmp_path / 'cut.npz').read_bytes()
    (tmp_path / 'cut.npz').write_bytes(whole[:200])
    (tmp_path / 'empty.npz').touch()
    np.savez(tmp_path / 'two.npz', xyz=JOINTS, uvd=JOINTS)
    np.savez(tmp_path / 'none.npz', a=JOINTS, b=JOINTS)
    np.savez(tmp_path / 'uvd.npz', uvd=JOINTS)
    np.savez(tmp_path / 'flat.npz', joints=JOINTS[..., :2])
    np.savez(tmp_path / 'mask.npz', joints=JOINTS, valid=np.ones((4, 6)))
    (tmp_path / 'broken.json').write_text('[[1, 2')
    (tmp_path / 'ragged.json').write_text('[[[1, 2, 3]], [[1, 2]]]')
    (tmp_path / 'short.txt').write_text('1 2 3 4 5 6\n1 2 3\n')
    (tmp_path / 'index.txt').write_text('0 1 2 3 4 5 6\n')
    (tmp_path / 'words.txt').write_text('a.png 1 2 three\n')
    (tmp_path / 'some.txt').write_text('a.png 1 2 3\n1 2 3\n')
    (tmp_path / 'blank.txt').write_text('\n')
    for name, message in (
        ('pickled.npz', 'pickled.npz: has pickled objects'),
        ('plain.npy', 'plain.npy: not a readable npy'),
        ('cut.npz', 'cut.npz: not a readable npz'),
        ('empty.npz', 'empty.npz: not a readable npz'),
        ('two.npz', r"two.npz: .* several of them: \['xyz', 'uvd'\]"),
        ('none.npz', r"none.npz: expected joints under one of .* found \['a', 'b'\]"),
        ('uvd.npz', "uvd.npz: holds 'uvd', .* --format uvd"),
        ('flat.npz', r"flat.npz: 'joints' must be \(frames, joints, 3\).*found \(4, 5, 2\)"),
        ('mask.npz', r"mask.npz: 'valid' must be \(4, 5\).*found \(4, 6\)"),
        ('broken.json', 'broken.json: not valid JSON'),
        ('ragged.json', "ragged.json: 'joints' is not an array"),
        ('short.txt', 'short.txt, line 2: found 3 numbers, expected 6'),
        ('index.txt', 'index.txt, line 1: found 7 numbers, expected three per joint'),
        ('words.txt', 'words.txt, line 1: not numbers'),
        ('some.txt', 'some.txt: 1 of 2 rows have a name'),
        ('blank.txt', 'blank.txt: holds no row'),
    ):
        with pytest.raises(ValueError, match=message):
            read_joints(tmp_path / name)
    with pytest.raises(FileNotFoundError, match='gone.txt: no such file'):
        read_joints(tmp_path / 'gone.txt')
    np.savez(tmp_path / 'xyz.npz', xyz=JOINTS)
    with pytest.raises(ValueError, match="holds 'xyz', points in mm instead of pixels"):
        read_joints(tmp_path / 'xyz.npz', camera=parse_camera('nyu'))


def test_pairs_that_do_not_fit_are_named(tmp_path):
    truth = read_joints(write(tmp_path / 'gt.npy'))
    broken = JOINTS.copy()
    broken[2, 1, 0] = np.nan
    for joints, message in (
        (JOINTS[:3], r'a.npy has 3 frames, but the ground truth .*gt.npy has 4'),
        (JOINTS[:, :4], r'a.npy has 4 joints per frame, but the ground truth .*gt.npy has 5'),
        (broken, r'a.npy: frame 2, joint 1 \(from 0\) is .* not finite or beyond 1e.06 mm \(1 joints in 1 frames\)'),
    ):
        with pytest.raises(ValueError, match=message):
            check_pair(read_joints(write(tmp_path / 'a.npy', joints)), truth)
    valid = np.isfinite(broken).all(-1)
    masked = read_joints(write(tmp_path / 'masked.npz', broken, valid=valid))
    check_pair(masked, masked)
    with pytest.raises(ValueError, match='gt.npz: frame 2, joint 1'):
        check_pair(truth, read_joints(write(tmp_path / 'gt.npz', broken)))
    metres = read_joints(write(tmp_path / 'm.npy', JOINTS / 1000))
    with pytest.raises(
        ValueError, match='m.npy: its hands are 0.2 mm across, expected 30 to 1000; it is in m: give --gt-unit m'
    ):
        check_pair(metres, metres)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda frames: frames[1].__setitem__(2, None), r'frame 1, joint 2 \(from 0\) is None'),
        (lambda frames: frames[2].pop(), 'frame 2 has 4 joints, frame 0 has 5'),
        (lambda frames: frames[0].__setitem__(3, [1, 2]), r'frame 0, joint 3 \(from 0\) is \[1, 2\]'),
        (lambda frames: frames.__setitem__(1, 7), 'frame 1 is 7'),
    ],
)
def test_what_is_missing_in_json_is_named(tmp_path, change, said):
    frames = np.zeros((3, 5, 3)).tolist()
    change(frames)
    path = tmp_path / 'p.json'
    path.write_text(json.dumps({'joints': frames}))
    with pytest.raises(ValueError, match=rf"p\.json: 'joints' is not an array of numbers: {said}"):
        read_joints(str(path), 'pred', None)
