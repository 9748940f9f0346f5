"""One student from sets with depth, without depth, and with 2D labels alone."""

import json
import re

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from handkd.apis.runs import evaluate, train
from handkd.datasets.transforms.batch import BatchTransform
from handkd.hints import ConfigError
from handkd.models import BaseDistiller
from handkd.registry import DATASETS, MODELS, TRANSFORMS

CODEC = dict(type='RootRelativeXYZ', root='middle_mcp', scale_bone=('wrist', 'middle_mcp'))
OPTIONAL = ('depth', 'keypoints_cam', 'hand_mask')


@TRANSFORMS.register_module()
class WithoutJointsInSpace(BatchTransform):
    def transform_batch(self, batch, draws):
        batch.pop('keypoints_cam')


def network(modality, channels, weight=1.0):
    return dict(
        type='HandPoseEstimator',
        modality=modality,
        backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4, in_channels=channels),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='PMDHead', in_channels=32, codec=CODEC, hidden=(8,), loss=dict(type='PoseNormLoss', loss_weight=weight)
        ),
    )


def hands(modalities, *steps, fields=(), length=6, **settings):
    pack = dict(type='PackHandInputs', modalities=modalities, fields=fields)
    hand = dict(type='StudioDataset', split='train', resolution=32, length=length, modalities=modalities)
    return dict(hand, pipeline=[*steps, pack], **settings)


COLOUR_AND_DEPTH = hands(['rgb', 'depth'], dict(type='DepthToCube'), fields=['hand_mask'])
COLOUR = hands(['rgb'], seed=1)
FLAT = hands(['rgb'], dict(type='WithoutJointsInSpace'), seed=2)
MIXED = dict(type='MixedDataset', datasets=[COLOUR_AND_DEPTH, COLOUR, FLAT], shares=[2, 1, 1], optional=OPTIONAL)
WEIGHTED = dict(MIXED, loss_weights=[2, 0.25, 0.5])


@pytest.fixture
def pmd(tmp_path):
    """A small PMD-Net with a depth teacher and masks."""
    torch.manual_seed(1)
    teacher = MODELS.build(network('depth', 1))
    torch.save(dict(state_dict=teacher.state_dict()), tmp_path / 'teacher.pth')
    return dict(
        type='DistilledEstimator',
        student=network('rgb', 3, weight=10.0),
        teachers=dict(depth=dict(model=network('depth', 1), checkpoint=str(tmp_path / 'teacher.pth'))),
        distillers=dict(
            feat=dict(type='FeatureMimic', layer='neck', weight=0.5),
            mask=dict(type='BackgroundSuppression', layer='backbone.layer1', weight=0.01),
        ),
    )


@pytest.fixture
def run_cfg(tiny_cfg, pmd):
    """A function that makes a training on the three sets, validated set by set."""

    def build(max_iters, work_dir):
        cfg = tiny_cfg(max_iters, work_dir)
        cfg.model = Config(pmd)._cfg_dict
        cfg.train_dataloader.dataset = WEIGHTED
        joined = dict(
            type='JoinedDataset',
            datasets=[dict(COLOUR, length=3), dict(COLOUR, length=2, seed=7)],
            names=['near', 'far'],
        )
        for loader in ('val_dataloader', 'test_dataloader'):
            cfg[loader].dataset = joined
        return cfg

    return build


def batch_of(places, mixed=MIXED):
    dataset = DATASETS.build(mixed)
    return pseudo_collate(dataset.__getitems__(places))


def losses_by_hand(model, data):
    """The losses from the networks' layers, sample by sample, each a mean over the samples that have what it needs.

    Each sample's losses are multiplied by the weight of its set.
    """
    student, teacher, images = model.student, model.teachers['depth'], data['inputs']['rgb']
    net = student.backbone
    early = net.layer1(net.maxpool(net.relu(net.norm1(net.conv1(images)))))
    features = student.neck(student.backbone(images))[-1]
    pose = student.head(features).xyz
    terms = dict(loss_reg=[], loss_feat_mimic=[], loss_mask_background=[])
    for i, sample in enumerate(data['data_samples']):
        weight = 1 if 'loss_weight' not in sample else WEIGHTED['loss_weights'][sample.mixed_from[0]]
        if 'keypoints_cam' in sample.gt_instances:
            joints = torch.from_numpy(sample.gt_instances.keypoints_cam[0])
            target = (joints - joints[9]) / (joints[9] - joints[0]).norm()
            terms['loss_reg'].append(weight * 10 * ((pose[i] - target) ** 2).sum().sqrt())
        if 'gt_fields' in sample:
            with torch.no_grad():
                wanted = teacher.neck(teacher.backbone(data['inputs']['depth'][i : i + 1]))[-1][0]
            terms['loss_feat_mimic'].append(weight * 0.5 * (features[i] - wanted).abs().sum())
            hand = torch.nn.functional.adaptive_max_pool2d(sample.gt_fields.hand_mask.float(), early.shape[2:])
            terms['loss_mask_background'].append(weight * 0.01 * (early[i] * (1 - hand)).square().sum())
    return {name: torch.stack(values).mean() for name, values in terms.items() if values}


@pytest.mark.parametrize('mixed', [MIXED, WEIGHTED], ids=['plain', 'weighted'])
@pytest.mark.parametrize(
    'places',
    [[0, 1, 2, 3, 4], [2, 0, 3], [0, 1, 4], [2, 6, 3], [2, 6]],
    ids=['all', 'some', 'full', 'no_depth', 'plain'],
)
def test_each_loss_and_gradient_is_that_of_the_samples_that_have_its_label(pmd, places, mixed):
    model = MODELS.build(pmd).train()
    data = model.data_preprocessor(batch_of(places, mixed), True)
    losses, expected = model(**data, mode='loss'), losses_by_hand(model, data)
    assert losses.keys() == expected.keys() and ('loss_feat_mimic' in losses) == (0 in places)
    parameters = list(model.student.parameters())
    for name, loss in losses.items():
        assert loss.item() == pytest.approx(expected[name].item(), rel=1e-5), name
        found, wanted = (
            torch.autograd.grad(x, parameters, retain_graph=True, allow_unused=True) for x in (loss, expected[name])
        )
        for one, other in zip(found, wanted):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_batch_without_any_label_in_space_has_no_loss_but_a_gradient(pmd):
    model = MODELS.build(pmd).train()
    losses = model(**model.data_preprocessor(batch_of([3, 7]), True), mode='loss')
    assert {name: loss.item() for name, loss in losses.items()} == dict(loss_reg=0.0)
    losses['loss_reg'].backward()
    assert all(p.grad is not None and not p.grad.any() for p in model.student.head.parameters())


def test_a_batch_of_complete_samples_has_the_bits_of_a_plain_one(pmd):
    model = MODELS.build(pmd).train()
    plain = pseudo_collate(DATASETS.build(COLOUR_AND_DEPTH).__getitems__([0, 1, 2, 3]))
    totals = []
    for batch in (plain, batch_of([0, 1, 4, 5])):
        losses = model(**model.data_preprocessor(batch, True), mode='loss')
        gradients = torch.autograd.grad(sum(losses.values()), list(model.student.parameters()))
        totals.append([*losses.values(), *gradients])
    assert len(totals[0]) == len(totals[1]) and all(map(torch.equal, *totals))


def test_a_network_is_not_trained_on_fillers(pmd):
    teacher = MODELS.build(network('depth', 1)).train()
    with pytest.raises(ValueError, match='has no depth, which this network takes: train it on those sets'):
        teacher(**teacher.data_preprocessor(batch_of([0, 2]), True), mode='loss')


def test_the_three_sets_train_a_student_that_is_validated_set_by_set_and_resumed(run_cfg):
    cfg = run_cfg(6, 'whole')
    cfg.log_level = 'INFO'
    whole = train(cfg)
    (log,) = whole.parent.glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    protocol = 'rel-middle_mcp_gt-scale_21j'
    *_, validated = [row for row in rows if f'{protocol}/EPE_mean' in row]
    near, far, both = (validated[f'{name}{protocol}/EPE_mean'] for name in ('near/', 'far/', ''))
    assert both == pytest.approx((3 * near + 2 * far) / 5) and near != far
    said = 'the weight of its set: 2 (set 0, StudioDataset), 0.25 (set 1, StudioDataset), 0.5 (set 2, StudioDataset)'
    assert said in next(whole.parent.glob('*/*.log')).read_text()
    train(run_cfg(4, 'cut'))
    resumed = train(run_cfg(6, 'cut'), resume='auto')
    states = [torch.load(path, weights_only=False)['state_dict'] for path in (whole, resumed)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    metrics = evaluate(run_cfg(6, 'tested'), whole)
    assert list(metrics)[0] == f'{protocol}/EPE_mean' and f'far/{protocol}/EPE_median' in metrics


@MODELS.register_module()
class PlainLoss(torch.nn.Module):
    """A loss of the user's own, which knows no weights of samples."""

    def forward(self, pred, target, weight=None):
        return (pred - target).abs().mean()


VIEWS = dict(input_size=64, num_points=8, appearance=4, base_channels=4)


@MODELS.register_module()
class KnowsNoWeights(BaseDistiller):
    def forward(self, context):
        return {}


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'model.student.head.loss': dict(type='PlainLoss')}, 'the head PMDHead with PlainLoss has no losses by'),
        (
            {
                'model': dict(
                    type='ViewSynthesizer',
                    backbone=dict(type='GeometryEncoder', depth=18, **VIEWS),
                    decoder=dict(type='ViewDecoder', **VIEWS),
                )
            },
            'the model ViewSynthesizer has no losses by',
        ),
        (
            {
                'model': dict(
                    type='TopdownPoseEstimator',
                    backbone=dict(type='ResNet', depth=18, base_channels=8, stem_channels=8),
                    head=dict(type='HeatmapHead', in_channels=64, out_channels=21),
                )
            },
            'the model TopdownPoseEstimator has no losses by',
        ),
        ({'model.distillers.feat': dict(type='KnowsNoWeights')}, "the distiller 'feat' (KnowsNoWeights) has no losses"),
    ],
)
def test_weights_of_sets_are_refused_where_a_loss_cannot_have_them(run_cfg, changes, said):
    cfg = run_cfg(1, 'refused')
    for key, part in changes.items():
        cfg.merge_from_dict({key: dict(part, _delete_=True)})
    with pytest.raises(ConfigError, match=re.escape(said)):
        train(cfg)
