"""A config of MMPose, with its pipeline and metrics, distils through the runner."""

import numpy as np
import pytest
import torch
from mmpose.apis import init_model

from handkd.apis.runs import evaluate, train
from handkd.baseline import baseline_config, teacher_config
from handkd.config import load_config
from tests.datasets.coco_sets import write_set
from tests.models.estimators.conftest import MMPOSE_CODECS, topdown_cfg

TEXT = """
_base_ = 'handkd::_base_/runtime.py'
codec = {codec!r}
data = dict(type='OneHand10KDataset', data_root={root!r}, ann_file='annotations/onehand10k_train.json',
            data_mode='topdown')
head = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale')]
tail = [dict(type='TopdownAffine', input_size=codec['input_size'])]
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(**data, pipeline=[
        *head, dict(type='RandomFlip'), *tail, dict(type='GenerateTarget', encoder=codec), dict(type='PackPoseInputs'),
    ]),
)
val_dataloader = test_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**data, test_mode=True, pipeline=[*head, *tail, dict(type='PackPoseInputs')]),
)
val_evaluator = test_evaluator = [dict(type='PCKAccuracy', thr=0.2), dict(type='AUC'), dict(type='EPE')]
train_cfg = dict(by_epoch=False, max_iters=2, val_interval=2)
val_cfg = test_cfg = dict()
optim_wrapper = dict(type='AutocastOptimWrapper', amp=True, optimizer=dict(type='Adam', lr=1e-3))
default_hooks = dict(checkpoint=dict(interval=2))
model = dict(
    type='DistilledEstimator',
    student={student!r},
    teachers=dict(big=dict(model={teacher!r}, checkpoint={checkpoint!r})),
    distillers=dict(feature=dict(type='FeatureMimic', layer='backbone', teacher='big')),
)
"""


@pytest.fixture
def config_file(tmp_path):
    write_set(tmp_path / 'data', 'onehand10k', hands=4)
    test_cfg = dict(flip_test=True, flip_mode='heatmap', shift_heatmap=False)
    text = TEXT.format(
        codec=MMPOSE_CODECS['heatmap'],
        root=str(tmp_path / 'data'),
        student=topdown_cfg(test_cfg=test_cfg),
        teacher=topdown_cfg(),
        checkpoint=str(tmp_path / 'big/iter_2.pth'),
    )
    (tmp_path / 'own.py').write_text(text)
    return tmp_path / 'own.py'


def test_teacher_student_and_baseline_of_an_mmpose_config(config_file, tmp_path):
    cfg = load_config(config_file)
    teacher = teacher_config(cfg, 'big')
    teacher.work_dir = str(tmp_path / 'big')
    train(teacher)
    cfg.work_dir = str(tmp_path / 'student')
    file = train(cfg)
    metrics = evaluate(cfg, file)
    assert {'PCK', 'AUC', 'EPE'} <= set(metrics) and np.isfinite(list(metrics.values())).all()
    baseline = baseline_config(cfg)
    assert evaluate(baseline, file) == metrics
    plain = init_model(baseline, str(file), device='cpu')
    weights = torch.load(file, weights_only=False)['state_dict']
    assert all(torch.equal(value, weights[key]) for key, value in plain.state_dict().items())
    assert plain.dataset_meta['dataset_name'] == 'onehand10k'
