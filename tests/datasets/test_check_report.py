"""What is said of a whole data set, sound and broken, and the causes."""

import numpy as np
import pytest

from handkd.datasets import ReproducibleDataset
from handkd.datasets.check_report import summarise
from handkd.datasets.checking import by_fault, check_one
from handkd.hand import BONES
from handkd.image_files import ImageReadError
from handkd.studio import StudioDataset


class Changed(ReproducibleDataset):
    """The studio, with something done to each sample."""

    def __init__(self, change, length=12, **settings):
        super().__init__()
        self.studio, self.change = StudioDataset('train', length, resolution=96, **settings), change

    def __len__(self):
        return len(self.studio)

    def get_data_info(self, index):
        sample = self.studio.get_data_info(index)
        self.change(index, sample)
        return sample


def report(change=lambda i, s: None, published=None, missing=0, joint0='wrist', **settings):
    data = Changed(change, **settings)
    checks = [check_one(data, i) for i in range(len(data))]
    return summarise(checks, len(data), published, missing, joint0), checks


def test_a_sound_set_has_no_problems():
    found, checks = report(published=12)
    assert found.problems == [] and by_fault(checks) == []
    numbers = found.numbers
    assert numbers['samples'] == numbers['checked'] == 12 and numbers['labelled joints'] == 12 * 21
    assert numbers['reprojection worst px'] < 0.01
    assert numbers['side agrees'] >= 0.8 * numbers['side clear'] > 0
    assert -60 < numbers['depth gap median mm'] < 5
    studio = StudioDataset('train', 12)
    joints = np.stack([studio.get_data_info(i)['keypoints_cam'][0] for i in range(12)])
    for (a, b), length in zip(BONES, numbers['bone medians mm'].values()):
        assert length == pytest.approx(np.median(np.linalg.norm(joints[:, a] - joints[:, b], axis=1)), abs=0.01)


def test_counts():
    found, _ = report(published=41258, missing=3)
    assert found.problems == [
        '12 samples instead of the published 41258',
        '3 labelled samples left out by the reader: their images are missing',
    ]
    assert report(published=12, missing=1)[0].problems == [], 'a few are known to be missing in some sets'


def test_unreadable_samples_are_named():
    def change(index, sample):
        if index == 2:
            raise ImageReadError("'a/2.png' is cut off")
        if index == 5:
            raise FileNotFoundError("no image file 'a/5.png'")
        if index == 7:
            sample['keypoints_cam'] = sample['keypoints_cam'] * np.nan

    found, checks = report(change)
    assert found.numbers['faults'] == {'damaged file': 1, 'missing file': 1, 'bad label': 1}
    lines = by_fault(checks)
    assert lines[0] == "2\tdamaged file\t'a/2.png' is cut off" and lines[1].startswith('5\tmissing file')
    assert lines[2].startswith('7\tbad label') and 'keypoints_cam' in lines[2]


def scaled(factor):
    def change(index, sample):
        sample['keypoints_cam'] = sample['keypoints_cam'] * np.float32(factor)

    return change


@pytest.mark.parametrize(('factor', 'unit'), [(0.001, 'metres'), (0.1, 'centimetres'), (4, 'another unit')])
def test_units(factor, unit):
    found, _ = report(scaled(factor), modalities=('rgb',))
    assert any(f'are the labels in {unit}' in problem for problem in found.problems)


def one_long_bone(index, sample):
    if index == 3:
        sample['keypoints_cam'][0, 8] += 400


def mirrored(index, sample):
    sample['hand_side'] = 'left' if sample['hand_side'] == 'right' else 'right'


def shifted(index, sample):
    sample['keypoints'] = sample['keypoints'] + 5


def swapped_bytes(index, sample):
    counts = (sample['depth'] / 5000 * 65535).astype(np.uint16)
    sample['depth'] = counts.byteswap().astype(np.float32) * 5000 / 65535


def unlabelled(index, sample):
    if index < 4:
        sample['keypoints_valid'] = np.zeros((1, 21), np.float32)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (one_long_bone, '1 samples with a bone shorter than 0.5 or longer than 2 times the median of that bone: 3'),
        (mirrored, 'look like the other side'),
        (shifted, '12 samples whose 3D joints project more than 2 px off'),
        (swapped_bytes, 'depth does not fit the joints'),
        (unlabelled, '4 of 12 samples have no labelled joint'),
    ],
)
def test_wrong_labels_are_found(change, said):
    found, _ = report(change)
    assert any(said in problem for problem in found.problems), found.problems


def test_one_side_that_is_written_for_all():
    def change(index, sample):
        sample['hand_side'] = 'right'

    found, _ = report(change, length=32, modalities=('rgb',))
    assert any('look like left ones: is one side written for all' in said for said in found.problems), found.numbers


def test_a_joint_that_is_far_from_the_others_in_all_samples():
    def change(index, sample):
        sample['keypoints_cam'][0, 20, 0] += 2000

    found, _ = report(change, modalities=('rgb',))
    assert any('12 of 12 hands (0, 1, 2, 3, 4, ...) are smaller than 40 or larger' in said for said in found.problems)


@pytest.mark.parametrize(('scale', 'said'), [(0.5, 'by 2'), (2, 'by 0.5')])
def test_intrinsics_that_do_not_fit_the_2d_joints(scale, said):
    def change(index, sample):
        sample['camera'] = dict(sample['camera'], K=sample['camera']['K'] * [[scale], [scale], [1]])

    found, _ = report(change, modalities=('rgb',))
    (problem,) = found.problems
    assert 'project more than 2 px off' in problem and problem.endswith(f"the first two rows of 'K' {said}")


def test_swapped_rows_and_columns():
    def change(index, sample):
        wide = np.pad(sample['img'], ((0, 0), (400, 0), (0, 0)))
        del sample['camera'], sample['keypoints_cam']
        shifted = sample['keypoints'] + [400, 0]
        sample.update(img=wide, img_shape=wide.shape[:2], keypoints=shifted[..., ::-1].astype(np.float32))

    found, _ = report(change, modalities=('rgb',))
    assert any('u and v seem to be swapped' in said for said in found.problems), found.problems


def test_boxes_of_width_and_height():
    def change(index, sample):
        low, high = sample['keypoints'][0].min(0) - 3, sample['keypoints'][0].max(0) + 3
        sample['bbox'] = np.concatenate([low, high - low])[None]

    found, _ = report(change, modalities=('rgb',))
    assert any("x, y, width, height; write x1, y1, x2, y2 in 'box'" in said for said in found.problems), found.problems


def test_a_palm_centre_is_half_as_far():
    def change(index, sample):
        joints = sample['keypoints_cam']
        joints[0, 0] = (joints[0, 0] + joints[0, 9]) / 2
        del sample['camera']

    assert report(change, joint0='palm', modalities=('rgb',))[0].problems == []
    assert any('median: are the labels in' in problem for problem in report(change, modalities=('rgb',))[0].problems)


def test_fingertips_alone_can_be_checked():
    def change(index, sample):
        sample['keypoints_valid'] = np.isin(np.arange(21), (4, 8, 12, 16, 20))[None].astype(np.float32)

    found, _ = report(change)
    assert found.problems == [] and found.numbers['labelled joints'] == 60 and found.numbers['side clear'] == 0


def test_swapped_red_and_blue_are_a_warning():
    def swap(index, sample):
        sample['img'] = sample['img'][..., ::-1]

    assert not any('bluer' in line for line in report()[0].lines)
    found, _ = report(swap)
    assert any('12 of 12 images are bluer than red' in line for line in found.lines) and not found.problems
