"""What tools/check_dataset.py says of a data set, sound and broken."""

import json
import re
import shutil
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from handkd.commands import check_dataset
from handkd.datasets.readers.rhd import RHD_JOINTS
from handkd.datasets.readers.stb import STB_JOINTS
from handkd.geometry import project
from handkd.hand import JOINTS
from handkd.studio.layouts import write_layout
from handkd.studio.layouts.panoptic import write_panoptic

ROOT = Path(__file__).parents[2]
FOLDER = 'configs/pmd/resnet34_folder.py'
CONFIGS = {
    'stb': 'configs/pmd/resnet34_stb.py',
    'lm': 'configs/pmd/resnet34_rgb_lm.py',
    'nyu': 'configs/pmd/resnet34_nyu.py',
    'bighand': 'configs/pmd/resnet34_depth_bighand.py',
}


@pytest.fixture
def tree(tmp_path):
    """An RHD of three images in each split."""
    for _ in write_layout('rhd', tmp_path / 'rhd', 3):
        pass
    return tmp_path / 'rhd'


def check(tree, tmp_path, *options, config='configs/pmd/resnet34_rhd.py', split='train'):
    root = f'{split}_dataloader.dataset.data_root={tree}'
    out = tmp_path / 'check'
    status = check_dataset.main(
        [str(ROOT / config), '--split', split, '--out', str(out), '--workers', '0', *options, '--cfg-options', root]
    )
    return status, json.loads((out / 'report.json').read_text()), out


@pytest.fixture(scope='module')
def hands(tmp_path_factory):
    """A folder of a user's own, of ten hands in its training split, with depth and masks."""
    root = tmp_path_factory.mktemp('hands') / 'folder'
    for _ in write_layout('folder', root, 10):
        pass
    return root


@pytest.fixture
def folder(hands, tmp_path):
    """Return a function that changes the lines of a copy of these hands, and checks it."""
    root = tmp_path / 'folder'
    shutil.copytree(hands, root)

    def check_lines(change, *options):
        path = root / 'train.jsonl'
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            change(root, line)
        path.write_text(''.join(json.dumps(line) + '\n' for line in lines))
        return check(root, tmp_path, *options, config=FOLDER)[:2]

    return check_lines


def resized(factor):
    """Return a change that resizes the images and leaves K as it was."""

    def change(root, line):
        for key in ('image', 'depth', 'mask', 'parts'):
            path = str(root / line[key])
            image = cv2.imread(path, cv2.IMREAD_UNCHANGED)
            cv2.imwrite(path, cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST))

    return change


@pytest.mark.parametrize(
    ('factor', 'modalities', 'found', 'scale'),
    [
        (0.5, ('rgb', 'depth', 'mask'), 'lie outside the image', '0.5'),
        (0.5, ('rgb',), 'lie outside the image', '0.49'),
        (2, ('rgb', 'mask'), 'lie on the hand in mask, box or depth', '2'),
        (2, ('rgb', 'depth'), 'lie on the hand in mask, box or depth', '2'),
        (2, ('rgb',), 'the upper left part of the image', '1.98'),
    ],
)
def test_intrinsics_of_another_size(folder, factor, modalities, found, scale):
    status, report = folder(resized(factor), '--modalities', *modalities)
    said = [problem for problem in report['problems'] if "the first two rows of 'K'" in problem]
    assert status == 1 and len(said) == 1, report['problems']
    assert found in said[0] and f'by {scale}' in said[0]
    assert f'but these are {int(640 * factor)} x {int(480 * factor)}' in said[0]


def metres(root, line):
    line['joints_3d'] = [row and [value / 1000 for value in row] for row in line['joints_3d']]


def far_away(root, line):
    line['joints_3d'] = [row and [value * 8 for value in row] for row in line['joints_3d']]


def other_side(root, line):
    line['side'] = 'left' if line['side'] == 'right' else 'right'


def coco(root, line):
    """As COCO writes joints in the image, and those without a label."""
    pixels = project(np.array([row or [0, 0, 1] for row in line['joints_3d']]), {'K': line['K'], 'dist': line['dist']})
    line['joints_2d'] = [pixel.tolist() if row else [0, 0] for pixel, row in zip(pixels, line.pop('joints_3d'))]


def boxed(make):
    """Return a change that gives a box, made from the corners of the one around the joints."""

    def change(root, line):
        seen = [row for row in line['joints_3d'] if row]
        pixels = project(np.array(seen), {'K': line['K'], 'dist': line['dist']})
        line['box'] = make(*pixels.min(0) - 5, *pixels.max(0) + 5)

    return change


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (far_away, 'behind the camera or farther away than it sees a hand'),
        (other_side, 'most hands look like the other side'),
        (coco, '(in 2 of 10 samples: 3, 7) are at 0 0 or -1 -1'),
        (
            boxed(lambda a, b, c, d: [a + 700, b, c + 700, d]),
            'the boxes of 10 of 10 samples (0, 1, 2, 3, 4, ...) lie mostly',
        ),
        (boxed(lambda a, b, c, d: [a / 4, b / 4, a / 4 + 20, b / 4 + 20]), 'contain less than half of the joints'),
    ],
)
def test_wrong_labels_are_problems_with_a_cause(folder, change, said):
    status, report = folder(change)
    assert status == 1 and any(said in problem for problem in report['problems']), report['problems']
    assert all('\n' not in problem for problem in report['problems'])


def test_labels_in_metres_are_refused_with_the_line_and_the_unit(folder):
    with pytest.raises(ValueError, match=r'10 labels are damaged, first: .*train\.jsonl:1 .*the joints are in m, so'):
        folder(metres)


@pytest.mark.parametrize(
    ('order', 'said'),
    [(RHD_JOINTS, 'as in RHD'), (('wrist', *STB_JOINTS[1:]), 'as in STB'), (JOINTS[::-1], 'the joints seem')],
)
def test_a_wrong_order_is_not_blamed_on_mirroring(folder, order, said):
    def change(root, line):
        """Write the joints in an order, and leave dataset.json saying that they are in handkd's."""
        names = json.loads((root / 'dataset.json').read_text())['joint_names'] if line else ()
        if list(names) != list(JOINTS):
            change.names = list(names)
        (root / 'dataset.json').write_text(json.dumps(dict(depth_unit_mm=0.25, joint_names=JOINTS)))
        for key in ('joints_3d', 'joints_2d'):
            if key in line:
                line[key] = [line[key][change.names.index(name)] for name in order]

    status, report = folder(change)
    assert status == 1 and any(said in problem for problem in report['problems']), report['problems']
    assert not any('side' in problem or 'mirror' in problem for problem in report['problems']), report['problems']
    assert sum('order' in problem for problem in report['problems']) == 1
    assert any('CocoHandDataset(order=...)' in problem for problem in report['problems'])


@pytest.mark.parametrize('text', ['', '\n\n'])
def test_a_file_without_labels_is_said_to_have_none(hands, tmp_path, text):
    root = tmp_path / 'folder'
    shutil.copytree(hands, root)
    (root / 'train.jsonl').write_text(text)
    with pytest.raises(ValueError, match=r'train\.jsonl.* has no labels; write one line per hand'):
        check(root, tmp_path, config=FOLDER)


def test_a_sound_folder_has_no_problem(folder):
    status, report = folder(boxed(lambda *corners: list(corners)))
    assert (status, report['problems']) == (0, [])


def test_a_picture_of_200_megapixels_is_named_in_a_line(folder, capsys):
    def change(root, line):
        if '00003' in line['image']:
            path = root / line['image']
            data = path.read_bytes()
            path.write_bytes(data[:16] + struct.pack('>II', 20000, 10000) + data[24:])

    status, report = folder(change)
    assert status == 1 and report['faults'] == {'damaged file': 1}
    assert 'has 20000 x 10000 = 200 million pixels, at most 150 million are read' in capsys.readouterr().out


@pytest.mark.parametrize(('layout', 'split'), [('stb', 'test'), ('lm', 'train'), ('nyu', 'train'), ('bighand', 'test')])
def test_what_the_studio_writes_is_sound(tmp_path, layout, split):
    for _ in write_layout(layout, tmp_path / layout, 3):
        pass
    _, report, _ = check(tmp_path / layout, tmp_path, config=CONFIGS[layout], split=split)
    counts = ('instead of the published', 'left out by the reader')
    assert [problem for problem in report['problems'] if not any(said in problem for said in counts)] == []


def test_a_whole_set(tree, tmp_path, capsys):
    status, report, out = check(tree, tmp_path)
    assert report['problems'] == ['3 samples instead of the published 41258'] and status == 1
    assert report['checked'] == 3 and report['faults'] == {} and report['reprojection worst px'] < 0.2
    assert 'depth gap median mm' in report, 'all that the set has is read, not only what the config asks for'
    assert (out / 'faults.txt').read_text() == ''
    sheet = cv2.imread(str(out / 'sheet.png'))
    assert sheet.shape[1] > 4 * 200 and sheet.std() > 30
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


def test_missing_files_that_the_reader_leaves_out_are_a_problem(tmp_path):
    for _ in write_layout('ho3d', tmp_path / 'ho3d', 1):
        pass
    with open(tmp_path / 'ho3d' / 'train.txt', 'a') as file:
        file.write('ABF10/9999\n')
    status, report, _ = check(tmp_path / 'ho3d', tmp_path, config='configs/pmd/resnet34_ho3d.py')
    assert status == 1 and any('lacks files of 1 of' in said and 'ABF10' in said for said in report['problems'])


def test_a_part_of_a_set_and_some_modalities(tree, tmp_path):
    _, report, _ = check(tree, tmp_path, '--num', '2', '--modalities', 'rgb', split='test')
    assert report['checked'] == 2 and report['samples'] == 3 and 'depth gap median mm' not in report


def test_a_set_that_needs_no_files(tmp_path, capsys):
    out = str(tmp_path / 'check')
    config = str(ROOT / 'configs/pmd/resnet18half_studio.py')
    assert check_dataset.main([config, '--num', '8', '--out', out, '--workers', '0']) == 0
    assert 'no problem found' in capsys.readouterr().out


def test_what_is_not_there(tmp_path):
    (tmp_path / 'void').mkdir()
    with pytest.raises(FileNotFoundError, match='RHDDataset.*the folder is empty'):
        check(tmp_path / 'void', tmp_path)
    with pytest.raises(ValueError, match="no 'dept'; did you mean 'depth'"):
        check(tmp_path / 'void', tmp_path, '--modalities', 'dept')


def test_files_of_a_set_that_is_still_to_be_packed(tmp_path, capsys):
    """The pack of a config is not there; one of its label files is damaged."""
    panoptic = tmp_path / 'panoptic'
    for _ in write_panoptic(panoptic, 2, 0, cameras=2, sequences={'171204_pose5': 'test'}):
        pass
    path = max((panoptic / '171204_pose5/hdHand3d').iterdir())
    path.write_text('{"people": [')
    out = tmp_path / 'check'
    place = 'test_dataloader.dataset.recipe.source'
    status = check_dataset.main([
        str(ROOT / 'configs/pmd/resnet34_rgb_panoptic.py'), '--split', 'test', '--out', str(out), '--workers', '0',
        '--cfg-options', f'{place}.data_root={panoptic}', f'{place}.every_nth_frame=1',
    ])  # fmt: skip
    problems = json.loads((out / 'report.json').read_text())['problems']
    assert status == 1 and any(
        problem.startswith('1 damaged labels or missing files, whose samples are left out') and path.name in problem
        for problem in problems
    )
    assert 'PanopticHandDataset, test' in capsys.readouterr().out


def test_the_frames_of_ho3d_without_labels_and_without_truth_are_said(tmp_path, capsys):
    root, config = tmp_path / 'ho3d', 'configs/pmd/resnet34_ho3d.py'
    for _ in write_layout('ho3d', root, 8):
        pass
    (root / 'evaluation_xyz.json').unlink()
    cut = next((root / 'train').glob('*/meta/*.pkl'))
    cut.write_bytes(cut.read_bytes()[:100])
    problems = check(root, tmp_path, config=config)[1]['problems']
    assert any('cut off: copy or download it again' in problem for problem in problems)
    assert re.search(r' (\d+) samples, 1 of them without labels and left out, \d+ checked', capsys.readouterr().out)
    problems = check(root, tmp_path, config=config, split='test')[1]['problems']
    assert any('only wrists are labelled' in said and 'evaluation_xyz.json is missing' in said for said in problems)


def test_missing_images_of_interhand_are_said_once(tmp_path, capsys):
    root = tmp_path / 'interhand'
    for _ in write_layout('interhand', root, 2):
        pass
    next((root / 'images/train').rglob('*.jpg')).unlink()
    check(root, tmp_path, config='configs/ekd/resnet50_interhand.py')
    out = capsys.readouterr().out
    assert 'left out by the reader' not in out and out.count('are missing, first') == 1
