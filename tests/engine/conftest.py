"""A weakly supervised training in small: rendered and 'real' hands of the studio, and a dictionary of patches."""

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from handkd.artifacts.patch_dictionary import open_dictionary

CUBE = [
    dict(type='HandCrop', rule='cube'),
    dict(type='WarpCrop', size=48),
    dict(type='DepthToCube', hand_only=True),
]
RENDERED = [*CUBE, dict(type='PackHandInputs', modalities=['depth'], fields=['part_seg'])]
REAL = [*CUBE, dict(type='PackHandInputs', modalities=['depth'])]
HAND = dict(type='StudioDataset', split='train', modalities=['depth'], resolution=64, randomisation=dict(view=40.0))


@pytest.fixture(scope='session')
def dictionary(tmp_path_factory):
    """Folder of a dictionary of twelve hands: few enough to be searched exactly."""
    init_default_scope('handkd')
    folder = tmp_path_factory.mktemp('patches')
    dataset = dict(HAND, length=12, seed=1, pipeline=RENDERED)
    open_dictionary(Config(dict(patch_dictionary=dict(folder=str(folder), dataset=dataset))))
    return str(folder)


@pytest.fixture
def weak_cfg(tmp_path, dictionary):
    """Return a function that makes the config of a training of six steps, with a refresh every two."""

    def build(work_dir='run', **hooks):
        init_default_scope('handkd')
        sets = [dict(HAND, length=12, seed=1, pipeline=RENDERED), dict(HAND, length=6, seed=2, pipeline=REAL)]
        return Config(
            dict(
                default_scope='handkd',
                work_dir=str(tmp_path / work_dir),
                experiment_name=f'weak_{np.random.default_rng().integers(1 << 60)}',
                log_level='WARNING',
                randomness=dict(seed=0),
                model=dict(
                    type='HandPoseEstimator',
                    modality='depth',
                    backbone=dict(type='DensePatchNet', channels=(4, 4, 4), hidden=(8,)),
                    head=dict(type='PartSegmentationHead', in_channels=8),
                ),
                train_dataloader=dict(
                    batch_size=4,
                    num_workers=0,
                    sampler=dict(type='ReproducibleSampler'),
                    dataset=dict(type='MixedDataset', datasets=sets, shares=[1, 1]),
                ),
                train_cfg=dict(by_epoch=False, max_iters=6),
                optim_wrapper=dict(type='AutocastOptimWrapper', amp=False, optimizer=dict(type='Adam', lr=1e-2)),
                default_hooks=dict(
                    checkpoint=dict(
                        type='CheckpointHook', by_epoch=False, interval=1, backend_args=dict(backend='atomic')
                    ),
                ),
                custom_hooks=[
                    dict(type='SeedIterationHook'),
                    dict(type='PlainCheckpointHook'),
                    dict(type='PartRestorationHook', dictionary=dictionary, interval=2, piece=4),
                    *hooks.values(),
                ],
            )
        )

    return build
