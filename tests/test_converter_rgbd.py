"""examples/converter/convert_rgbd.py turns recordings of three cameras into hand folders, and refuses other forms."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from handkd.datasets import HandFolderDataset

SCRIPT = Path(__file__).parents[1] / 'examples' / 'converter' / 'convert_rgbd.py'
SIZE = (32, 24)
COLOR = np.full((*SIZE[::-1], 3), 90, np.uint8)
DEPTH = np.tile(np.linspace(400, 700, SIZE[0], dtype=np.float32).round(), (SIZE[1], 1))
MATRIX = [[60.5, 0, 15.0], [0, 61.5, 12.0], [0, 0, 1]]
COLUMNS = np.array(MATRIX).T.ravel().tolist()


def realsense(root):
    """Three frames, one of which has no depth near its time; names as of rs-convert."""
    for k, (color, depth) in enumerate([(1000.25, 1004.5), (1033.25, 1037.5), (1066.25, 1120.0)]):
        cv2.imwrite(str(root / f'a_Color_{color:.14f}.png'), COLOR + k)
        np.savetxt(root / f'a_Depth_{depth:.14f}.csv', DEPTH / 1000, '%g', ',')
        (root / f'a_Color_metadata_{color:.14f}.txt').write_text('Stream: Color\nFrame Counter: 7\n')
    return ['--camera', '60.5,61.5,15,12', '--aligned']


def azure(root):
    for folder in ('color', 'depth'):
        (root / folder).mkdir()
    for k in range(2):
        cv2.imwrite(str(root / 'color' / f'{k:05d}.jpg'), COLOR + k)
        cv2.imwrite(str(root / 'depth' / f'{k:05d}.png'), DEPTH.astype(np.uint16))
    about = dict(color_mode='MJPG_720P', width=SIZE[0], height=SIZE[1], intrinsic_matrix=COLUMNS)
    (root / 'intrinsic.json').write_text(json.dumps(about))
    return []


EXR = """
import os, sys
os.environ['OPENCV_IO_ENABLE_OPENEXR'] = '1'
import cv2, numpy as np
depth = np.load(sys.argv[1])
assert all(cv2.imwrite(path, depth) for path in sys.argv[2:])
"""


def record3d(root):
    for folder in ('rgb', 'depth'):
        (root / folder).mkdir()
    np.save(root / 'depth.npy', DEPTH[::2, ::2] / 1000)  # a quarter of the pixels, as of a LiDAR
    for k in (0, 1):
        cv2.imwrite(str(root / 'rgb' / f'{k}.png'), COLOR + k)
    files = [root / 'depth.npy', *(root / 'depth' / f'{k}.exr' for k in (0, 1))]
    subprocess.run([sys.executable, '-c', EXR, *files], check=True)
    os.remove(root / 'depth.npy')
    (root / 'metadata.json').write_text(json.dumps(dict(K=COLUMNS, w=SIZE[0], h=SIZE[1], fps=30, poses=[])))
    return []


FORMS = {'realsense': realsense, 'azure': azure, 'record3d': record3d}


def convert_apart(*args):
    """Run the script in a process of its own: OpenCV must be told that it may read EXR before it is loaded."""
    done = subprocess.run([sys.executable, *map(str, (SCRIPT, *args))], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def convert(monkeypatch, capsys):
    """Return a function that runs the script in this process; it gives the exit status and what was printed."""

    def run(*args):
        status = 0
        monkeypatch.setattr(sys, 'argv', [str(SCRIPT), *map(str, args)])
        try:
            runpy.run_path(str(SCRIPT), run_name='__main__')
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    monkeypatch.setenv('OPENCV_IO_ENABLE_OPENEXR', '1')  # the script sets it for good
    return run


@pytest.fixture
def recording(tmp_path):
    """Return a function that writes a recording, and the options that it needs."""

    def write(form):
        root = tmp_path / 'recording'
        root.mkdir()
        return root, FORMS[form](root)

    return write


@pytest.mark.parametrize('form', FORMS)
def test_a_recording_becomes_a_hand_folder(form, convert, recording, tmp_path):
    root, options = recording(form)
    run = convert_apart if form == 'record3d' else convert
    status, out, error = run(root, '--out', tmp_path / 'set', '--side', 'left', *options)
    assert status == 0, error
    assert "2 unlabelled samples in 'train'" in out
    dataset = HandFolderDataset(tmp_path / 'set', 'train', modalities=('rgb', 'depth'), keep_unlabelled=True)
    for index in range(2):
        record = dataset.get_data_info(index)
        np.testing.assert_array_equal(record['camera']['K'], MATRIX)
        assert record['hand_side'] == 'left' and np.abs(record['img'].astype(int) - 90 - index).max() <= 1
        error = np.abs(record['depth'] - DEPTH)
        assert error.max() <= (10 if form == 'record3d' else 0.13)
        assert not record['keypoints_valid'].any()


def without(*names):
    def change(root):
        for name in names:
            for path in root.glob(name):
                path.unlink()

    return change


def small_depth(root):
    cv2.imwrite(str(root / 'depth' / '00001.png'), np.ones((8, 8), np.uint16))


def pictures(root):
    without('*_Depth_*.csv')(root)
    cv2.imwrite(str(root / 'a_Depth_1004.5.png'), COLOR)


@pytest.mark.parametrize(
    ('form', 'change', 'drop', 'said'),
    [
        ('realsense', None, '--aligned', 'rs-convert does not align depth to colour; record aligned depth'),
        ('realsense', None, '--camera', "rs-convert writes no intrinsics; give the colour stream's by --camera"),
        ('realsense', pictures, None, 'its depth PNGs are coloured pictures; write depth in metres by rs-convert'),
        ('realsense', without('*'), None, 'none of the forms: '),
        ('azure', small_depth, None, '00001.png: depth has 8 x 8 px and colour 32 x 24: it is not aligned to colour'),
        ('azure', without('depth/00001.png'), None, '1 of 2 images have no depth, such as '),
        ('azure', without('intrinsic.json'), None, "intrinsic.json: expected 'intrinsic_matrix' of nine numbers"),
        ('record3d', lambda root: (root / 'a.r3d').touch(), None, '.r3d files hold depth in LZFSE; export "EXR + RGB"'),
    ],
)
def test_what_can_not_be_converted_is_named_in_a_line(form, change, drop, said, convert, recording, tmp_path):
    root, options = recording(form)
    if change:
        change(root)
    if drop:
        place = options.index(drop)
        del options[place : place + (2 if drop == '--camera' else 1)]
    status, _, error = convert(root, '--out', tmp_path / 'set', '--side', 'left', *options)
    assert status == 2 and said in ' '.join(error.split())


def test_further_recordings_are_further_splits(convert, recording, tmp_path):
    root, options = recording('azure')
    args = (root, '--out', tmp_path / 'set', '--side', 'right', *options)
    assert convert(*args)[0] == 0
    status, _, error = convert(*args)
    assert status == 2 and 'train.jsonl exists already' in error
    assert convert(*args, '--split', 'test', '--every', 2)[0] == 0
    assert len(HandFolderDataset(tmp_path / 'set', 'test', keep_unlabelled=True)) == 1
