from functools import partial

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from handkd.datasets import ReproducibleDataset
from handkd.registry import DATASETS

CODEC = dict(type='RootRelativeXYZ', root='middle_mcp', scale_bone=('wrist', 'middle_mcp'))


def pack(results):
    sample = PoseDataSample(metainfo=dict(img_id=results['img_id']))
    joints = results['joints'] + np.random.normal(size=(1, 21, 3))
    sample.gt_instances = InstanceData(
        keypoints_cam=joints.astype(np.float32), keypoints_valid=np.ones((1, 21), np.float32)
    )
    return dict(inputs=dict(rgb=torch.from_numpy(results['img'])), data_samples=sample)


STUDENT = """
_base_ = './baseline.py'
model = dict(_delete_=True, type='DistilledEstimator', student=_base_.model,
             teachers=dict(deep=dict(model=_base_.model, checkpoint='nowhere.pth')),
             distillers=dict(feat=dict(type='FeatureMimic', layer='neck', teacher='deep')))
stages = dict(
    options={'train_cfg.max_iters': 3},
    runs=[
        dict(name='teacher', label='Teacher', role='teacher', config='baseline.py', options={'train_cfg.max_iters': 4}),
        dict(
            name='baseline',
            label='Baseline',
            role='baseline',
            config='baseline.py',
            seeds=['train_dataloader.sampler.seed'],
        ),
        dict(name='student', label='Student', role='student', config=None, teachers=dict(deep='teacher')),
    ],
)
"""


@DATASETS.register_module()
class TinyHands(ReproducibleDataset):
    """Noise with joints, augmented with more noise: all that a run needs, in microseconds."""

    def __init__(self, length=10):
        super().__init__([pack])
        self.length = length

    def __len__(self):
        return self.length

    def get_data_info(self, index):
        rng = np.random.default_rng(index)
        joints = rng.normal(size=(1, 21, 3)) * 60 + [0, 0, 500]
        return dict(img_id=index, joints=joints, img=rng.integers(0, 256, (3, 32, 32), dtype=np.uint8))


@pytest.fixture(autouse=True)
def scope():
    """As after load_config, which comes before all else in the tools."""
    init_default_scope('handkd')


def make_tiny_cfg(folder, max_iters=11, work_dir='run', seed=0, **hooks):
    loader = dict(batch_size=4, num_workers=0, dataset=dict(type='TinyHands'))
    return Config(
        dict(
            default_scope='handkd',
            work_dir=str(folder / work_dir),
            experiment_name=f'tiny_{np.random.default_rng().integers(1 << 60)}',
            log_level='WARNING',
            randomness=dict(seed=seed),
            model=dict(
                type='HandPoseEstimator',
                backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4),
                neck=dict(type='GlobalAveragePooling'),
                head=dict(type='PMDHead', in_channels=32, codec=CODEC, refine=True),
            ),
            train_dataloader=dict(loader, sampler=dict(type='ReproducibleSampler'), drop_last=True),
            val_dataloader=dict(loader, sampler=dict(type='DefaultSampler', shuffle=False)),
            test_dataloader=dict(loader, sampler=dict(type='DefaultSampler', shuffle=False)),
            val_evaluator=dict(type='HandKeypointMetric'),
            test_evaluator=dict(type='HandKeypointMetric'),
            train_cfg=dict(by_epoch=False, max_iters=max_iters, val_interval=4),
            val_cfg=dict(),
            test_cfg=dict(),
            optim_wrapper=dict(
                type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=1e-3, weight_decay=5e-4, fused=True)
            ),
            param_scheduler=[
                dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=5),
                dict(type='CosineAnnealingLR', by_epoch=False, begin=5, end=11),
            ],
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2)),
            custom_hooks=list(hooks.values()),
        )
    )


@pytest.fixture
def tiny_cfg(tmp_path):
    return partial(make_tiny_cfg, tmp_path)


def write_stages(folder):
    baseline = make_tiny_cfg(folder)
    baseline.pop('work_dir'), baseline.pop('experiment_name')
    baseline.dump(folder / 'baseline.py')
    (folder / 'student.py').write_text(STUDENT)
    return folder / 'student.py'


@pytest.fixture
def stages_config(tmp_path):
    return write_stages(tmp_path)
