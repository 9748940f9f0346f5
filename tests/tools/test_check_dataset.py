"""What tools/check_dataset.py says of a data set, sound and broken."""

import json
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest

from handkd.datasets.studio.layouts import write_layout

ROOT = Path(__file__).parents[2]
TOOL = runpy.run_path(str(ROOT / 'tools' / 'check_dataset.py'))


@pytest.fixture
def tree(tmp_path):
    """An RHD of three images in each split."""
    for _ in write_layout('rhd', tmp_path / 'rhd', 3):
        pass
    return tmp_path / 'rhd'


def check(tree, tmp_path, *options, config='configs/pmd/resnet34_rhd.py', split='train'):
    root = f'{split}_dataloader.dataset.data_root={tree}'
    out = tmp_path / 'check'
    status = TOOL['main'](
        [str(ROOT / config), '--split', split, '--out', str(out), '--workers', '0', *options, '--cfg-options', root]
    )
    return status, json.loads((out / 'report.json').read_text()), out


def test_a_whole_set(tree, tmp_path, capsys):
    status, report, out = check(tree, tmp_path)
    assert report['problems'] == ['3 samples instead of the published 41258'] and status == 1
    assert report['checked'] == 3 and report['faults'] == {} and report['reprojection worst px'] < 0.2
    assert 'depth gap median mm' in report, 'all that the set has is read, not only what the config asks for'
    assert (out / 'faults.txt').read_text() == ''
    sheet = cv2.imread(str(out / 'sheet.png'))
    assert sheet.shape[1] > 4 * TOOL['TILE'] and sheet.std() > 30
    assert 'RHDDataset, training' in capsys.readouterr().out


def test_faults_are_named(tree, tmp_path, capsys):
    color = sorted((tree / 'training' / 'color').glob('*.png'))
    color[1].write_bytes(color[1].read_bytes()[:200])
    (tree / 'training' / 'depth' / color[2].name).unlink()
    depth = tree / 'training' / 'depth' / color[0].name
    cv2.imwrite(str(depth), np.ascontiguousarray(cv2.imread(str(depth))[..., ::-1]))  # red and blue swapped
    status, report, out = check(tree, tmp_path)
    assert status == 1 and report['faults'] == {'damaged file': 2, 'missing file': 1}
    lines = (out / 'faults.txt').read_text().splitlines()
    assert len(lines) == 3
    for line, said in zip(lines, ('red and blue were swapped', f'{color[1].name}', 'no image file')):
        assert said in line
    assert 'PROBLEM: damaged file: 2 samples' in capsys.readouterr().out


def test_a_part_of_a_set_and_some_modalities(tree, tmp_path):
    _, report, _ = check(tree, tmp_path, '--num', '2', '--modalities', 'rgb', split='test')
    assert report['checked'] == 2 and report['samples'] == 3 and 'depth gap median mm' not in report


def test_a_set_that_needs_no_files(tmp_path, capsys):
    out = str(tmp_path / 'check')
    config = str(ROOT / 'configs/pmd/resnet18half_studio.py')
    assert TOOL['main']([config, '--num', '8', '--out', out, '--workers', '0']) == 0
    assert 'no problem found' in capsys.readouterr().out


def test_what_is_not_there(tmp_path):
    (tmp_path / 'void').mkdir()
    with pytest.raises(FileNotFoundError, match='RHDDataset.*the folder is empty'):
        check(tmp_path / 'void', tmp_path)
    with pytest.raises(ValueError, match="no 'dept'; did you mean 'depth'"):
        check(tmp_path / 'void', tmp_path, '--modalities', 'dept')
