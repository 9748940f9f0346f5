"""Trainings with several teachers of other inputs, and with the average of the student as its teacher."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.hooks import Hook
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from handkd.apis.runs import train
from handkd.baseline import derived_config
from handkd.datasets import ReproducibleDataset
from handkd.hints import ConfigError
from handkd.models import load_weights, read_checkpoint
from handkd.registry import DATASETS, HOOKS, MODELS


def pack(results):
    rng = np.random.default_rng(results['img_id'])
    sample = PoseDataSample(metainfo=dict(img_id=results['img_id']))
    joints = rng.normal(size=(1, 21, 3)) * 60 + [0, 0, 500]
    sample.gt_instances = InstanceData(
        keypoints_cam=joints.astype(np.float32), keypoints_valid=np.ones((1, 21), np.float32)
    )
    images = dict(rgb=rng.integers(0, 256, (3, 32, 32), dtype=np.uint8), depth=rng.random((1, 32, 32), np.float32))
    return dict(inputs={name: torch.from_numpy(image) for name, image in images.items()}, data_samples=sample)


@DATASETS.register_module()
class TinyColourAndDepth(ReproducibleDataset):
    """Noise in colour and in depth, with joints."""

    def __init__(self):
        super().__init__([pack])

    def __len__(self):
        return 12

    def get_data_info(self, index):
        return dict(img_id=index)


WEIGHTS: list[dict] = []
"""The student's state before the first step, and after each step of the optimizer."""


@HOOKS.register_module()
class StudentWeightsHook(Hook):
    def before_train(self, runner):
        self._keep(runner)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if (runner.iter + 1) % 2 == 0:
            self._keep(runner)

    def _keep(self, runner):
        WEIGHTS.append({name: value.clone() for name, value in runner.model.student.state_dict().items()})


def state_of(path):
    return read_checkpoint(path)['state_dict']


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(value, second[key]) for key, value in first.items())


@pytest.fixture
def self_distilled(tiny_cfg, monkeypatch):
    monkeypatch.setitem(globals(), 'WEIGHTS', [])

    def make(max_iters, work_dir, **hooks):
        cfg = tiny_cfg(max_iters, work_dir, **hooks)
        mimic = dict(type='FeatureMimic', layer='neck', teacher='average', weight=0.01)
        cfg.model = dict(
            type='DistilledEstimator',
            student=cfg.model,
            teachers=dict(average=dict(ema=0.999)),
            distillers=dict(self=mimic),
        )
        cfg.optim_wrapper.accumulative_counts = 2
        return cfg

    return make


def test_the_average_is_that_of_the_optimizers_steps_and_is_resumed_to_the_bit(self_distilled, tmp_path):
    state = state_of(train(self_distilled(6, 'whole', weights=dict(type='StudentWeightsHook'))))
    assert state['training_only.average.updates'] == 3 and len(WEIGHTS) == 4
    for name, last in WEIGHTS[-1].items():
        average = state[f'training_only.average.network.{name}']
        mean = torch.stack([weights[name].double() for weights in WEIGHTS]).mean(0)
        torch.testing.assert_close(average, mean.to(last.dtype) if last.is_floating_point() else last)
        assert torch.equal(state[name], last)
    train(self_distilled(4, 'cut'))
    assert same(state_of(train(self_distilled(6, 'cut'), resume='auto')), state)

    cfg = self_distilled(6, 'other')
    assert 'teachers' not in derived_config(cfg, baseline=True).model
    with pytest.raises(ConfigError, match=r"^--teacher average: .* no model of its own .*\['ema'\]; leave --teacher"):
        derived_config(cfg, teacher='average')
    plain = MODELS.build(cfg.model.student)
    load_weights(plain, next((tmp_path / 'whole').glob('iter_6.pth')))
    assert same(plain.state_dict(), WEIGHTS[-1])


DEPTH = dict(
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4, in_channels=1),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='PMDHead',
        in_channels=32,
        codec=dict(type='RootRelativeXYZ', root='middle_mcp', scale_bone=('wrist', 'middle_mcp')),
    ),
)
COLOUR = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675] * 3, std=[58.395] * 3, bgr_to_rgb=True),
    backbone=dict(type='mmpose.ResNet', depth=18, stem_channels=8, base_channels=8),
    head=dict(
        type='HeatmapHead',
        in_channels=64,
        out_channels=21,
        deconv_out_channels=None,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(2, 2), sigma=1),
    ),
)


@pytest.fixture
def many_teachers(tiny_cfg, tmp_path):
    """A student of the colour network of MMPose, which sees larger images, a depth network, and its own average."""
    teachers = dict(average=dict(ema=0.9))
    for name, network in dict(colour=COLOUR, depth=DEPTH).items():
        torch.manual_seed(1)
        file = tmp_path / f'{name}.pth'
        torch.save(dict(state_dict=MODELS.build(network).state_dict()), file)
        teachers[name] = dict(model=network, checkpoint=str(file))
    distillers = dict(
        attention=dict(type='AttentionTransfer', layer=['backbone.layer3', 'backbone'], teacher='colour', weight=0.5),
        relations=dict(type='Relational', layer='neck', teacher='depth', angle_weight=20.0, weight=0.25),
        similar_colour=dict(type='SimilarityPreserving', layer='backbone', teacher='colour', weight=2.0),
        similar_depth=dict(type='SimilarityPreserving', layer='backbone', teacher='depth', weight=1.0),
        channels=dict(type='ChannelWise', layer='backbone', teacher='average', temperature=2.0),
    )

    def make(max_iters, work_dir, **weights):
        cfg = tiny_cfg(max_iters, work_dir)
        cfg.log_level = 'INFO'
        cfg.train_dataloader.dataset = dict(type='TinyColourAndDepth')
        cfg.default_hooks.logger = dict(type='LoggerHook', interval=1)
        own = {name: one | dict(weight=weights.get(name, one.get('weight', 1.0))) for name, one in distillers.items()}
        cfg.model = dict(type='DistilledEstimator', student=cfg.model, teachers=teachers, distillers=own)
        return cfg

    return make


def logged(work_dir):
    """What each step of a run has logged."""
    (scalars,) = Path(work_dir).glob('*/vis_data/scalars.json')
    return [json.loads(line) for line in scalars.read_text().splitlines()]


def test_each_teacher_has_its_inputs_size_and_weight(many_teachers, tmp_path):
    state = state_of(train(many_teachers(2, 'whole')))
    terms = {
        'loss_attention_attention', 'loss_relations_distance', 'loss_relations_angle', 'loss_channels_channel',
        'loss_similar_colour_similarity', 'loss_similar_depth_similarity',
    }  # fmt: skip
    first = logged(tmp_path / 'whole')[0]
    assert all(0 < first[name] < 100 for name in terms)
    train(many_teachers(1, 'cut'))
    assert same(state_of(train(many_teachers(2, 'cut'), resume='auto')), state)
    load_weights(MODELS.build(many_teachers(2, 'other').model.student), tmp_path / 'whole' / 'iter_2.pth')

    model, sizes = MODELS.build(many_teachers(2, 'other').model), {}
    for name, network in model.teachers.items():
        network.backbone.register_forward_pre_hook(
            lambda _, args, name=name: sizes.update({name: tuple(args[0].shape)})
        )
    batch = pseudo_collate([pack(dict(img_id=i)) for i in range(2)])
    model(**model.data_preprocessor(batch), mode='loss')
    assert sizes == dict(colour=(2, 3, 64, 64), depth=(2, 1, 32, 32), average=(2, 3, 32, 32))

    train(many_teachers(1, 'louder', similar_colour=6.0))
    louder = logged(tmp_path / 'louder')[0]
    for name in terms:
        factor = 3 if name == 'loss_similar_colour_similarity' else 1
        assert louder[name] == pytest.approx(factor * first[name], rel=1e-3), name
