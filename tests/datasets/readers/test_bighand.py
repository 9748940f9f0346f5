"""BigHand2.2M and HANDS 2017: a tree that the studio wrote comes back, and trees that are not whole are refused."""

import os
import pickle
import shutil

import cv2
import numpy as np
import pytest
from mmengine.logging import MMLogger

from handkd.datasets import BigHandDataset
from handkd.datasets.readers.bighand import BIGHAND_JOINTS
from handkd.geometry import project
from handkd.hand import JOINTS
from handkd.studio.layouts import write_layout

GATHER = [0, 1, 6, 7, 8, 2, 9, 10, 11, 3, 12, 13, 14, 4, 15, 16, 17, 5, 18, 19, 20]  # as other people have it
SUFFIX = '_loc_shift_made_by_qi_20180112_v2.txt'
VIEW = '1 75'


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('bighand')
    return root, {truth['depth_path']: truth for truth in write_layout('bighand', root, 1)}


@pytest.fixture
def tiny(tmp_path):
    """One subject and one view of three frames, with known numbers."""
    write_view(tmp_path, VIEW, [0, 1, 2])
    return tmp_path


def write_view(root, view, frames, ending='\t\n'):
    images, labels = root / 'Subject_2' / view, root / 'full_annotation' / 'Subject_2'
    images.mkdir(parents=True)
    labels.mkdir(parents=True, exist_ok=True)
    (labels / 'README_1.txt').write_text('about this folder')
    lines = []
    for frame in frames:
        cv2.imwrite(str(images / f'image_D{frame:08d}.png'), np.full((480, 640), 500 + frame, np.uint16))
        lines.append('\t'.join([f'{frame:08d}', *(f'{value:.4f}' for value in numbers(frame))]))
    (labels / f'{view}{SUFFIX}').write_text(''.join(line + ending for line in lines))


def numbers(frame):
    """Any numbers, whose size says which joint and frame they are of."""
    return 3 * np.arange(63) + 300 + frame / 8


def annotation(root):
    return root / 'full_annotation' / 'Subject_2' / f'{VIEW}{SUFFIX}'


@pytest.fixture
def warnings(monkeypatch):
    said = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'warning', said.append)
    return said


def test_joint_order():
    assert [BIGHAND_JOINTS.index(name) for name in JOINTS] == GATHER


@pytest.mark.parametrize('split', ['full', 'hands17_train'])
def test_the_studio_comes_back(written, split):
    root, truths = written
    dataset = BigHandDataset(root, split)
    known = {path for path in truths if path.startswith('training') == (split != 'full')}
    assert len(dataset) == len(known) > 0
    for index in range(len(dataset)):
        record = dataset.get_data_info(index)
        path = os.path.relpath(record['depth_path'], root)
        known.remove(path)
        truth = truths[path]
        assert record['img_id'] == index and record['hand_side'] == 'right' and 'img_path' not in record
        np.testing.assert_allclose(record['keypoints_cam'][0], truth['keypoints_cam'], atol=1e-3)
        np.testing.assert_allclose(record['keypoints'][0], truth['keypoints'], atol=5e-3)
        np.testing.assert_allclose(record['camera']['K'], truth['camera']['K'])
        np.testing.assert_allclose(record['depth'], truth['depth'], atol=0.501)
        assert record['depth'].any() and record['keypoints_valid'].all()
    assert not known


def test_labels_without_image_are_counted_and_named(written, tiny, warnings):
    named = 0
    for path in (written[0] / 'full_annotation').glob(f'*/*{SUFFIX}'):
        named += len(path.read_text().splitlines())
    dataset = BigHandDataset(written[0], 'full')
    assert dataset.missing == named - len(dataset) > 0
    assert len(warnings) == 1 and f'{dataset.missing} labelled samples have no image' in warnings[0]
    assert "first 'Subject_" in warnings[0]
    warnings.clear()
    assert BigHandDataset(tiny, 'full', subjects=(2,)).missing == 0 and not warnings
    (tiny / 'Subject_2' / VIEW / 'image_D00000001.png').unlink()
    dataset = BigHandDataset(tiny, 'full', subjects=(2,))
    assert (len(dataset), dataset.missing) == (2, 1) and f"'Subject_2/{VIEW}/image_D00000001.png'" in warnings[0]
    for index, frame in ((0, 0), (1, 2)):
        record = dataset.get_data_info(index)
        np.testing.assert_allclose(record['keypoints_cam'][0], numbers(frame).reshape(21, 3)[GATHER], rtol=1e-6)
        assert (record['depth'] == 500 + frame).all()
        np.testing.assert_allclose(project(record['keypoints_cam'], record['camera']), record['keypoints'], rtol=1e-5)


def test_lines_are_found_however_they_end(tmp_path):
    for i, ending in enumerate(('\n', '\r\n', '\t\n', '\n\n', '\t0.5\n')):
        root = tmp_path / str(i)
        write_view(root, VIEW, [0, 5, 7], ending)
        dataset = BigHandDataset(root, 'full', subjects=(2,))
        for index, frame in enumerate((0, 5, 7)):
            joints = dataset.get_record(index)['keypoints_cam'][0]
            np.testing.assert_allclose(joints, numbers(frame).reshape(21, 3)[GATHER], rtol=1e-6)


def test_persons_are_held_out(written):
    def subjects(split, **settings):
        dataset = BigHandDataset(written[0], split, **settings)
        paths = [dataset.get_record(index)['depth_path'] for index in range(len(dataset))]
        return sorted({int(path.split('Subject_')[1].split('/')[0]) for path in paths})

    assert subjects('full') == list(range(1, 13))
    assert subjects('train') == list(range(2, 13)) and subjects('test') == [1]
    assert subjects('train', subjects=(3, 5, 7), test_subjects=(5, 6)) == [3, 7]
    assert subjects('test', subjects=(3, 5, 7), test_subjects=(5, 6)) == [5]
    with pytest.raises(ValueError, match="split 'test' has no subject of"):
        subjects('test', subjects=(2,))


def test_a_worker_reads_by_itself(tiny):
    dataset = BigHandDataset(tiny, 'full', subjects=(2,))
    dataset.get_record(0)
    sent = pickle.dumps(dataset)
    assert len(sent) < 5000  # names, not arrays
    np.testing.assert_array_equal(pickle.loads(sent).get_record(2)['keypoints'], dataset.get_record(2)['keypoints'])


def test_the_index_is_light(tiny):
    index = BigHandDataset(tiny, 'full', subjects=(2,)).index
    assert sum(column.itemsize for column in index.values() if column.ndim and len(column) == len(index['sample'])) < 16


def test_each_choice_of_persons_keeps_its_index(written):
    first, second = (BigHandDataset(written[0], 'full', subjects=(n,)) for n in (3, 4))
    assert first.index.folder != second.index.folder and first.index.folder.is_dir()


def test_wrong_roots(written, tiny, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expects 'full_annotation/Subject_1' there"):
        BigHandDataset(tiny, 'full')
    (tmp_path / 'b' / 'empty').mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match='the folder is empty'):
        BigHandDataset(tmp_path / 'b' / 'empty', 'full')
    with pytest.raises(FileNotFoundError, match=f"{written[0].name}' looks like the root of BigHandDataset"):
        BigHandDataset(written[0] / 'full_annotation', 'full')
    other = tmp_path / 'b' / 'nyu' / 'train'
    other.mkdir(parents=True)
    (other / 'joint_data.mat').touch()
    with pytest.raises(FileNotFoundError, match='looks like the root of NYUDataset'):
        BigHandDataset(other.parent, 'hands17_train')
    shutil.rmtree(tiny / 'Subject_2')
    with pytest.raises(FileNotFoundError, match="expects 'Subject_2/1 75' there"):
        BigHandDataset(tiny, 'full', subjects=(2,))


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(split='hands_train'), "did you mean 'hands17_train'"),
        (dict(split='full', modalities=('rgb',)), "there is no 'rgb'"),
        (dict(split='full', side='rihgt'), "did you mean 'right'"),
        (dict(split='full', subjects=(0, 1)), r'subjects=...\) must be numbers from 1 to 12, found \(0, 1\)'),
        (dict(split='full', subjects=()), 'has no subject of'),
    ],
)
def test_wrong_settings(tiny, settings, said):
    with pytest.raises(ValueError, match=said):
        BigHandDataset(tiny, **settings)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (
            lambda text: text.replace('330.1250', 'nan'),
            r"line 2: frame 00000001, joint 'middle_mcp': 'nan' is no finite",
        ),
        (lambda text: text.replace('330.1250', '-inf'), r"joint 'middle_mcp': '-inf' is no finite"),
        (lambda text: text.replace('330.1250', '1e39'), r"joint 'middle_mcp': '1e39' is no finite number up to 1e.06"),
        (lambda text: text.replace('00000001', '9' * 12), 'expected a frame and 63 numbers'),
        (lambda text: text.replace('\t330.1250', ''), r'line 2: expected a frame and 63 numbers, found 62'),
        (lambda text: 'frame x y z\n' + text, "line 1: expected a frame and 63 numbers, found 3 after 'frame'"),
        (lambda text: '', 'has no labels'),
        (
            lambda text: text.replace('0000000', '0000007'),
            "holds none of the 3 images .* such as 'image_D00000070.png'",
        ),
    ],
)
def test_wrong_labels(tiny, change, said):
    path = annotation(tiny)
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=said) as caught:
        BigHandDataset(tiny, 'full', subjects=(2,))
    assert path.name in str(caught.value)


def test_a_word_that_is_no_number_is_met_when_read(tiny):
    path = annotation(tiny)
    path.write_text(path.read_text().replace('330.1250', '330.12.50'))
    dataset = BigHandDataset(tiny, 'full', subjects=(2,))
    with pytest.raises(ValueError, match=r"v2\.txt': the line of frame 1: .*330\.12\.50"):
        dataset.get_record(1)


def test_an_annotation_of_another_name(tiny):
    folder = annotation(tiny).parent
    (folder / '1 75 ego.txt').write_text('')
    with pytest.raises(ValueError, match=r"1 75 ego\.txt' does not end with .*annotation_suffix"):
        BigHandDataset(tiny, 'full', subjects=(2,))
    annotation(tiny).unlink()
    (folder / '1 75 ego.txt').unlink()
    with pytest.raises(ValueError, match='full_annotation has no files'):
        BigHandDataset(tiny, 'full', subjects=(2,))


def test_damaged_images(tiny):
    dataset = BigHandDataset(tiny, 'full', subjects=(2,))
    path = tiny / 'Subject_2' / VIEW / 'image_D00000001.png'
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(OSError, match=r'image_D00000001\.png.* is cut off'):
        dataset.get_data_info(1)
    cv2.imwrite(str(path), np.zeros((480, 640), np.uint8))
    with pytest.raises(OSError, match=r'1 channel\(s\) of uint8, expected 1 of uint16'):
        dataset.get_data_info(1)


def test_what_is_too_large_without_an_exponent_is_named_when_it_is_used(tiny):
    path = annotation(tiny)
    path.write_text(path.read_text().replace('330.1250', '3301250000.0'))
    dataset = BigHandDataset(tiny, 'full', subjects=(2,))
    with pytest.raises(ValueError, match="frame 1, joint 'middle_mcp' is .*no finite number up to 1e.06"):
        dataset.get_labels(1)
