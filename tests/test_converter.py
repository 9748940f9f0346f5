"""examples/converter turns recordings into a folder that handkd reads, with the labels where they belong."""

import csv
import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from handkd.datasets import HandFolderDataset
from handkd.hand import JOINT_INDEX, JOINTS

SCRIPT = Path(__file__).parents[1] / 'examples' / 'converter' / 'convert.py'
COLUMNS = ('Wrist', 'Thumb4', 'Index1', 'Pinky3')
MEANT = ('wrist', 'thumb_tip', 'index_mcp', 'little_dip')


@pytest.fixture
def recordings(tmp_path):
    """Two frames of one person and one of another; joint k of frame f lies at metres that say so."""
    root = tmp_path / 'recordings'
    root.mkdir()
    (root / 'camera.json').write_text(json.dumps(dict(fx=60, fy=61, cx=32, cy=24)))
    for person, frames in (('anna', (0, 1)), ('ben', (7,))):
        for folder in ('frames', 'depth'):
            (root / person / folder).mkdir(parents=True)
        with open(root / person / 'joints.csv', 'w', newline='') as file:
            writer = csv.writer(file)
            writer.writerow(('frame', 'joint', 'x', 'y', 'z'))
            for frame in frames:
                name = f'{frame:03d}'
                for k, joint in enumerate(COLUMNS):
                    writer.writerow((name, joint, 0.01 * k, 0.02 + 0.001 * frame, 0.5))
                cv2.imwrite(str(root / person / 'frames' / f'{name}.png'), np.full((48, 64, 3), 10 + frame, np.uint8))
                cv2.imwrite(str(root / person / 'depth' / f'{name}.png'), np.full((48, 64), 5000 + frame, np.uint16))
    return root


@pytest.fixture
def convert(monkeypatch):
    """Return a function that runs the script in this process, which has imported all that it needs."""

    def run(*words):
        monkeypatch.setattr(sys, 'argv', [str(SCRIPT), *map(str, words), '--test', 'ben'])
        runpy.run_path(str(SCRIPT), run_name='__main__')

    return run


def test_files_may_begin_with_a_byte_order_mark(convert, recordings, tmp_path):
    for path in recordings.rglob('*.*'):
        if path.suffix in ('.csv', '.json'):
            path.write_bytes(path.read_text(encoding='utf-8').encode('utf-8-sig'))
    convert(recordings, tmp_path / 'my_set')


def test_recordings_become_a_data_set(convert, recordings, tmp_path, capsys):
    convert(recordings, tmp_path / 'my_set')
    out = capsys.readouterr().out
    assert "2 samples in 'train'" in out and "1 samples in 'test'" in out
    for split, frames in (('train', (0, 1)), ('test', (7,))):
        dataset = HandFolderDataset(tmp_path / 'my_set', split, modalities=('rgb', 'depth'))
        assert dataset.metainfo == {'dataset_name': 'my_set', 'joint_names': JOINTS} and len(dataset) == len(frames)
        for index, frame in enumerate(frames):
            record = dataset.get_data_info(index)
            labelled = [JOINT_INDEX[name] for name in MEANT]
            np.testing.assert_array_equal(np.flatnonzero(record['keypoints_valid'][0]), sorted(labelled))
            expected = [[10 * k, -20 - frame, 500] for k in range(len(MEANT))]
            np.testing.assert_allclose(record['keypoints_cam'][0, labelled], expected, rtol=1e-6)
            flat = [[32 + 60 * x / z, 24 + 61 * y / z] for x, y, z in expected]
            np.testing.assert_allclose(record['keypoints'][0, labelled], flat, rtol=1e-6)
            assert (record['img'] == 10 + frame).all() and record['hand_side'] == 'right'
            np.testing.assert_allclose(record['depth'], 500 + frame / 10, rtol=1e-6)


def test_a_joint_of_another_name_is_refused(convert, recordings, tmp_path):
    path = recordings / 'anna' / 'joints.csv'
    path.write_text(path.read_text().replace('Pinky3', 'Pinkie3'))
    with pytest.raises(SystemExit, match="anna, frame 000: JOINTS has no 'Pinkie3'"):
        convert(recordings, tmp_path / 'my_set')
