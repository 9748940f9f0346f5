"""A network of MMPose on handkd's data learns from a depth network of handkd, through the runner."""

import numpy as np
import pytest
import torch

from handkd.apis.runs import evaluate, train
from handkd.baseline import baseline_config, teacher_config
from handkd.config import load_config
from handkd.models.distillers import BaseDistiller
from handkd.registry import MODELS

from .test_train_step import ROOT


@MODELS.register_module()
class PooledMimic(BaseDistiller):
    """Mean squared distance of the student's pooled features to the first of the teacher's."""

    student_taps = ('backbone',)
    teacher_taps = dict(depth=('neck',))

    def forward(self, context):
        student, (teacher,) = context.student['backbone'][-1].mean((2, 3)), [context.teachers['depth']['neck'][-1]]
        return dict(mimic=(student - teacher[:, : student.shape[1]]).square().mean())


@pytest.fixture
def cfg(tmp_path, rendered_once):
    rendered_once |= {f'{name}_dataloader.dataset.length': 4 for name in ('train', 'val', 'test')}
    rendered_once |= {f'{name}_dataloader.batch_size': 2 for name in ('train', 'val', 'test')}
    options = {'train_cfg.max_iters': 2, 'train_cfg.val_interval': 2, 'default_hooks.checkpoint.interval': 1}
    options |= {'model.teachers.depth.checkpoint': str(tmp_path / 'depth/iter_1.pth'), 'optim_wrapper.amp': True}
    return load_config(ROOT / 'tests/configs/simcc_studio.py', options | rendered_once)


def test_a_depth_teacher_and_a_student_of_mmpose(cfg, tmp_path):
    teacher = teacher_config(cfg, 'depth')
    teacher.train_cfg.update(max_iters=1)
    teacher.val_evaluator = teacher.test_evaluator = dict(type='HandKeypointMetric')
    teacher.work_dir = str(tmp_path / 'depth')
    train(teacher)
    cfg.work_dir = str(tmp_path / 'student')
    file = train(cfg)
    numbers = evaluate(cfg, file)
    assert {'px_21j-visible/EPE_mean', 'EPE', 'PCK', 'AUC'} <= set(numbers)
    assert np.isfinite(list(numbers.values())).all()
    baseline = baseline_config(cfg)
    assert baseline.train_dataloader.dataset.modalities == ['rgb']
    assert evaluate(baseline, file) == numbers

    (tmp_path / 'again').mkdir()
    cfg.work_dir, cfg.load_from, cfg.resume = str(tmp_path / 'again'), str(tmp_path / 'student/iter_1.pth'), True
    again, whole = (torch.load(path, weights_only=False)['state_dict'] for path in (train(cfg), file))
    assert all(torch.equal(value, whole[key]) for key, value in again.items())
