"""Budgets of labels: nested, constant, and what has no label keeps none."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from handkd.datasets import Captures, GroupKey, LabelBudget, SampleKey
from handkd.registry import DATASETS

PIPELINE = [dict(type='HandCrop'), dict(type='VirtualCamera', size=16), dict(type='PackHandInputs')]
RIG = dict(
    type='StudioRigDataset', split='train', subjects=3, sequences=2, frames=5, views=4, resolution=32, pace=4,
    pipeline=PIPELINE,
)  # fmt: skip


@pytest.fixture(autouse=True, scope='module')
def scope():
    init_default_scope('handkd')


def chosen(**settings):
    return set(np.flatnonzero(LabelBudget(RIG, **settings).labelled).tolist())


def subjects_of(samples):
    return {sample // 40 for sample in samples}


@pytest.mark.parametrize('seed', [0, 1, 2])
def test_budgets_are_nested(seed):
    line = [dict(number=4), dict(number=8), dict(subjects=1, share=0.5), dict(subjects=1), dict(number=47),
            dict(subjects=2), dict(subjects=3), dict()]  # fmt: skip
    sets = [chosen(seed=seed, **budget) for budget in line]
    assert [len(s) for s in sets] == [4, 8, 20, 40, 47, 80, 120, 120]
    for smaller, larger in zip(sets, sets[1:]):
        assert smaller <= larger
    assert [len(subjects_of(s)) for s in sets] == [1, 1, 1, 1, 2, 2, 3, 3]


def test_a_pool_holds_some_samples_of_every_subject():
    pool = chosen(pool=60)
    assert len(pool) == 60 and subjects_of(pool) == {0, 1, 2}
    line = [dict(number=4), dict(subjects=1, share=0.5), dict(subjects=1), dict(subjects=2), dict(number=55), dict()]
    sets = [chosen(pool=60, **budget) for budget in line]
    for smaller, larger in zip(sets, sets[1:]):
        assert smaller < larger
    assert sets[-1] == pool and len(subjects_of(sets[2])) == 1 and len(subjects_of(sets[3])) == 2
    with pytest.raises(ValueError, match=r'number must be 1 to 60 \(samples that may have labels\), found 61'):
        LabelBudget(RIG, pool=60, number=61)
    with pytest.raises(ValueError, match='pool must be from 1 to 120, the samples of the set, found 121'):
        LabelBudget(RIG, pool=121)


def test_they_are_the_same_in_every_run():
    assert chosen(number=6) == chosen(number=6) == {86, 90, 101, 105, 109, 115}
    assert chosen(number=6, seed=1) != chosen(number=6, seed=2)
    assert len({frozenset(subjects_of(chosen(number=6, seed=seed))) for seed in range(12)}) == 3, 'also other people'
    assert chosen(subjects=1, share=0.01) <= chosen(subjects=1, share=0.1) and len(chosen(share=0.01)) == 2
    assert len(chosen(subjects=1, share=0.1)) == 4, 'no more for 0.1 being a little more than a tenth'


def test_subjects_come_in_the_order_that_is_given():
    """As the rows of the paper's table: 1 % of S0, S0, S0 + S1, all."""
    for seed in (0, 1):
        line = [dict(subjects=1, share=0.05), dict(subjects=1), dict(subjects=2), dict(subjects=3)]
        sets = [chosen(seed=seed, subject_order=[2, 0], **budget) for budget in line]
        assert [subjects_of(s) for s in sets] == [{2}, {2}, {0, 2}, {0, 1, 2}]
        assert [len(s) for s in sets] == [2, 40, 80, 120]
        assert subjects_of(chosen(seed=seed, subject_order=[1], number=40)) == {1}
    assert chosen(subject_order=[2], number=4) != chosen(subject_order=[2], number=4, seed=1), 'other samples of them'
    assert chosen(subject_order=[], number=50) == chosen(number=50)


def test_labels_that_are_not_given_are_not_there():
    budget, whole = LabelBudget(RIG, number=50), DATASETS.build(RIG)
    keys = [SampleKey(index, 7) for index in range(0, 120, 9)]
    assert len({bool(budget.labelled[key]) for key in keys}) == 2
    for key, sample in zip(keys, budget.__getitems__(keys)):
        data, truth = sample['data_samples'], whole[key]['data_samples']
        assert data.labelled is bool(budget.labelled[key])
        assert torch.equal(sample['inputs']['rgb'], whole[key]['inputs']['rgb'])
        np.testing.assert_array_equal(data.camera['R'], truth.camera['R'])
        for name in ('keypoints', 'keypoints_cam', 'keypoints_valid', 'keypoints_visible'):
            found, expected = data.gt_instances[name], truth.gt_instances[name]
            np.testing.assert_array_equal(found, expected if data.labelled else np.zeros_like(expected))
            assert np.abs(expected).max() > 0
    alone = budget[SampleKey(int(np.flatnonzero(~budget.labelled)[0]), 1)]
    assert alone['data_samples'].labelled is False


@DATASETS.register_module()
class SharedLabels:
    """Samples whose labels are views of arrays that the set keeps, and which have joints of their own kind, too."""

    metainfo: dict = {}

    def __init__(self):
        self.joints = np.ones((4, 21, 3), np.float32)
        self.native = torch.ones(4, 36, 3)

    def __len__(self):
        return 4

    def captures(self):
        zeros = np.zeros(4, int)
        return Captures(zeros, zeros, np.arange(4), zeros, zeros, ('a',))

    def __getitems__(self, keys):
        samples = [PoseDataSample() for _ in keys]
        for key, sample in zip(keys, samples):
            sample.gt_instances = InstanceData(
                keypoints_cam=self.joints[key : key + 1],
                keypoints_native=self.native[key : key + 1, :, :2],
                keypoints_cam_native=self.native[key : key + 1],
                bboxes=np.ones((1, 4)),
            )
        return [dict(data_samples=sample) for sample in samples]


def test_what_the_set_keeps_is_not_changed_and_other_joints_go_too():
    budget = LabelBudget(dict(type='SharedLabels'), number=1)
    instances = [sample['data_samples'].gt_instances for sample in budget.__getitems__(range(4))]
    for labelled, labels in zip(budget.labelled, instances):
        assert labels.keypoints_cam.any() == labelled and labels.bboxes.all()
        assert ('keypoints_native' in labels) == ('keypoints_cam_native' in labels) == labelled
    assert budget.dataset.joints.all() and budget.dataset.native.all()


def test_samples_of_a_group_count_as_not_labelled():
    budget = LabelBudget(RIG)
    samples = budget.__getitems__([GroupKey(5, 1, 0), GroupKey(5, 1, -1), SampleKey(5, 1)])
    assert [sample['data_samples'].labelled for sample in samples] == [False, True, True]
    assert [sample['data_samples'].get('view_group') for sample in samples] == [0, -1, None]
    assert not samples[0]['data_samples'].gt_instances.keypoints_valid.any()
    assert samples[1]['data_samples'].gt_instances.keypoints_valid.all()


def test_it_is_a_multi_view_set():
    budget, whole = LabelBudget(RIG, number=5), DATASETS.build(RIG)
    assert len(budget) == 120 and budget.metainfo == whole.metainfo
    np.testing.assert_array_equal(budget.view_groups(), whole.view_groups())
    np.testing.assert_array_equal(budget.captures().track, whole.captures().track)


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(number=121), r'number must be 1 to 120 \(samples that may have labels\), found 121'),
        (dict(subjects=1, number=41), 'must be 1 to 40'),
        (dict(number=0), 'found 0'),
        (dict(share=0.0), r'share must lie in \(0, 1\], found 0.0'),
        (dict(share=1.5), 'found 1.5'),
        (dict(share=0.5, number=3), 'give number or share'),
        (dict(subject_order=[0, 0]), r'must name each subject once, found \[0, 0\]'),
        (dict(subject_order=[1, 3]), r'subject_order names 3, but the subjects are \[0, 1, 2\]'),
        (dict(subjects=4), r'subjects must be from 1 to 3 \(all\), found 4'),
    ],
)
def test_wrong_budgets(wrong, message):
    with pytest.raises(ValueError, match=message):
        LabelBudget(RIG, **wrong)


def test_sets_that_do_not_say_their_subjects():
    with pytest.raises(ValueError, match='StudioDataset does not know the subjects'):
        LabelBudget(dict(type='StudioDataset', split='train', length=3))
