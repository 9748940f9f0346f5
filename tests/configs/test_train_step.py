"""Every config builds, trains one step and predicts, with the studio in place of files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmpose.structures import PoseDataSample

from handkd.artifacts import hand_out_paths
from handkd.artifacts.backgrounds import make_backgrounds
from handkd.baseline import derived_config, remove_absent_parts
from handkd.config import check_config
from handkd.geometry import AngleLimits
from handkd.registry import DATA_SAMPLERS, DATASETS, MODELS
from handkd.size_checks import input_shape

ROOT = Path(__file__).parents[2]

CONFIGS = sorted(
    path.relative_to(ROOT) for path in ROOT.glob('configs/*/**/*.py') if '_base_' not in path.relative_to(ROOT).parts
)
DERIVED = [
    ('configs/pmd/resnet18half_studio.py', dict(teacher='depth')),
    ('configs/pmd/resnet18half_studio.py', dict(baseline=True)),
    ('configs/pmd/resnet34_rhd.py', dict(teacher='depth')),
    ('configs/pi/cpm8_studio.py', dict(teacher='depth')),
    ('configs/pi/cpm2d8_studio.py', dict(baseline=True)),
    ('configs/nvs/pmd_studio.py', dict(baseline=True)),
]
"""Configs and what is derived from them."""
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def put_studio_in(cfg: Config) -> None:
    """Let the studio stand in for data sets that lie in files: one or two samples, through the config's pipelines."""
    length = 1 if input_shape(cfg)[0] > 128 else 2  # 24 and 30 GMAC an image, on a CPU
    for loader in LOADERS:
        dataset = cfg[loader].dataset
        if turns_cameras(dataset):
            put_rig_in(cfg[loader], 'train' if loader == 'train_dataloader' else 'test')
            continue
        if dataset.type in ('MixedDataset', 'JoinedDataset'):  # tests of several sets: test_runs_mixed.py
            dataset = dataset.datasets[0]
        if dataset.type != 'StudioDataset':
            split = 'train' if loader == 'train_dataloader' else 'test'
            # Photographs are larger than what the network takes; the pipeline crops them.
            dataset = dict(type='StudioDataset', split=split, resolution=96, pipeline=dataset.pipeline)
        cfg[loader].dataset = {**dataset, 'length': length}


def turns_cameras(dataset: dict) -> bool:
    """Whether a set is for learning from views, in which cameras stand around the hand."""
    pipeline = dataset.get('dataset', dataset).get('pipeline', ())
    return any(step.type == 'VirtualCamera' for step in pipeline)


def put_rig_in(loader: dict, split: str) -> None:
    """Let the studio's rig stand in for a set of views, below its budget of labels; batches are small."""
    owner = loader if 'pipeline' in loader.dataset else loader.dataset
    if owner.dataset.type == 'HandFolderDataset':
        owner.dataset.data_root = str(ROOT / 'examples' / 'rig')
    else:
        owner.dataset = dict(
            type='StudioRigDataset',
            split=split,
            subjects=1,
            sequences=1,
            frames=3,
            views=3,
            resolution=96,
            pipeline=owner.dataset.pipeline,
        )
    for key, small in dict(pool=8, subjects=1, number=4).items():
        if loader.dataset.get(key) is not None:
            loader.dataset[key] = small
    if loader.sampler.type == 'ViewGroupSampler':
        groups = min(loader.sampler.get('groups', 8), 1)
        loader.sampler.update(groups=groups, singles=4 if loader.sampler.get('singles') else 0)


def put_backgrounds_in(cfg: Config, folder: Path) -> None:
    """Make the backgrounds that pipelines load, if there are such."""
    loads = [
        step
        for loader in LOADERS
        for step in cfg[loader].dataset.get('dataset', cfg[loader].dataset).get('pipeline', ())
        if step.type == 'LoadBackground'
    ]
    for step in loads:
        step.folder = str(folder)
    if loads:
        make_backgrounds(cfg, frames=3)


def take_batch(loader: dict) -> dict:
    """Return what a loader gives: the first batch of groups, or the first samples of the set."""
    dataset = DATASETS.build(loader.dataset)
    if loader.sampler.type != 'ViewGroupSampler':
        return pseudo_collate([dataset[i] for i in range(min(len(dataset), 4))])
    sampler = DATA_SAMPLERS.build(loader.sampler, default_args=dict(dataset=dataset, seed=0))
    return pseudo_collate(dataset.__getitems__(sampler.batch(0)))


def check_prediction(sample: PoseDataSample, size: int) -> None:
    """Check that a sample has predictions: a map of parts, a view, or joints."""
    if 'pred_fields' in sample:
        shapes = {name: field.shape for name, field in sample.pred_fields.items()}
        parts, views = {'part_seg': (1, size, size)}, dict.fromkeys(('rgb', 'unrotated'), (3, size, size))
        assert shapes in (parts, views)
        return
    names = ('keypoints_cam', 'keypoints_cam_native', 'keypoints')
    joints = next(sample.pred_instances[name] for name in names if name in sample.pred_instances)
    assert joints.shape in ((1, 21, 3), (1, 14, 3), (1, 21, 2)) and np.isfinite(joints).all()


def add_native_joints(batch: dict) -> None:
    """Give samples NYU's 36 joints, each one of the 21."""
    for sample in batch['data_samples']:
        joints = sample.gt_instances.keypoints_cam
        sample.gt_instances.keypoints_cam_native = np.concatenate([joints, joints[:, :15]], 1)


def shrink_unets(cfg: Config, size: int = 32) -> None:
    """Let networks that take images of any size have small ones: the largest does 124 GMAC for one of theirs."""
    estimator = cfg.model.get('student', cfg.model)
    if estimator.backbone.type == 'HandUNet':
        estimator.head.codec.input_size = size
        for loader in LOADERS:
            cfg[loader].dataset.resolution = size
            for step in cfg[loader].dataset.pipeline:
                if step.type == 'WarpCrop':
                    step.size = size


@pytest.fixture(scope='module')
def teachers(tmp_path_factory):
    """Return a function that writes untrained weights of an estimator, and gives their path."""
    folder, written = tmp_path_factory.mktemp('teachers'), {}

    def write(model: dict) -> str:
        key = json.dumps(model, sort_keys=True, default=str)
        if key not in written:
            written[key] = str(folder / f'{len(written)}.pth')
            torch.save(MODELS.build(model).state_dict(), written[key])
        return written[key]

    return write


@pytest.fixture(scope='module')
def limits(tmp_path_factory):
    """A file of joint angles' limits that no hand keeps."""
    path = tmp_path_factory.mktemp('limits') / 'limits.json'
    AngleLimits(low=np.full((5, 4), 0.999), high=np.ones((5, 4))).write(path)
    return str(path)


@pytest.mark.parametrize(
    ('path', 'derived'),
    [*((path, {}) for path in CONFIGS), *DERIVED],
    ids=str,
)
def test_every_config_builds_trains_one_step_and_predicts(path, derived, teachers, limits, tmp_path):
    torch.manual_seed(0)
    cfg = Config.fromfile(ROOT / path)
    remove_absent_parts(cfg)
    cfg = derived_config(cfg, **derived)
    put_studio_in(cfg)
    put_backgrounds_in(cfg, tmp_path)
    shrink_unets(cfg)
    check_config(cfg)
    for teacher in cfg.model.get('teachers', {}).values():
        teacher.checkpoint = teachers(teacher.model.to_dict())
    if 'angle_limits' in cfg:
        cfg.angle_limits.file = limits
        hand_out_paths(cfg)
    batches = {loader: take_batch(cfg[loader]) for loader in LOADERS}
    if cfg.model.get('head', {}).get('joints') == 'nyu':
        for batch in batches.values():
            add_native_joints(batch)

    model = MODELS.build(cfg.model)  # not init_weights(): residual branches that begin at zero pass no gradient
    for weight in model.parameters():
        if weight.ndim > 1 and not weight.any():  # nor do layers that begin at zero
            torch.nn.init.normal_(weight, std=0.01)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    learned = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    before = {name: weight.clone() for name, weight in learned.items()}
    losses = model.train().train_step(batches['train_dataloader'], optimizer)
    assert all(torch.isfinite(loss).all() for loss in losses.values()), losses
    assert [name for name, weight in learned.items() if torch.equal(weight, before[name])] == []
    for loader in ('val_dataloader', 'test_dataloader'):
        for sample in model.eval().val_step(batches[loader]):
            check_prediction(sample, input_shape(cfg)[0])
