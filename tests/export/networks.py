"""Tiny networks with random weights, one per kind of student, and crops for them."""

from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config

from handkd.apis.inference_network import HandNetwork
from handkd.apis.trained import student_config
from handkd.config import load_config
from handkd.inference.crops import HandView
from handkd.models.heads import Latent25DHead, LatentPoseHead, PixelPoseHead
from handkd.registry import MODELS

STUDIO = Path(__file__).parents[2] / 'configs/pmd/resnet18half_studio.py'
RESNET = dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4)
POOLED = dict(neck=dict(type='GlobalAveragePooling'))
XYZ, LATENT = dict(type='RootRelativeXYZ'), dict(type='Latent25D', input_size=32)
GREY = dict(data_preprocessor=dict(type='HandDataPreprocessor', rgb=dict(mean=(127.5,) * 3, std=(255.0,) * 3)))


def pose_machine(**codec) -> dict:
    """A network of heat maps of 8 x 8 cells."""
    codec = dict(type='CPMHeatmap', input_size=64, heatmap_size=8, **codec)
    head = dict(type='PoseMachineHead', in_channels=4, first_channels=8, channels=4, codec=codec)
    return dict(backbone=dict(type='CPMFeatures', variant='posenet', base_channels=2), head=head, **GREY)


def cube(**backbone) -> dict:
    """A network of one inception per joint, in a cube of depth."""
    codec = dict(type='MetricCube', input_size=48)
    head = dict(type='JointInceptionHead', codec=codec, joints='nyu', shared=True, hidden=4)
    return dict(modality='depth', backbone=dict(type='SegmentedDepth', **backbone), head=head)


SEGMENTATION = dict(
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='DensePatchNet', channels=(4, 4, 4), hidden=(8, 8)),
    head=dict(type='PartSegmentationHead', in_channels=8),
)
STUDENTS = dict(
    pmd=dict(backbone=RESNET, **POOLED, head=dict(type='PMDHead', in_channels=32, codec=XYZ)),
    pmd_depth=dict(
        modality='depth',
        backbone=dict(RESNET, in_channels=1),
        **POOLED,
        head=dict(type='PMDHead', in_channels=32, codec=XYZ),
    ),
    ekd=dict(backbone=RESNET, **POOLED, head=dict(type='Regression25DHead', in_channels=32, codec=LATENT)),
    ekd_maps=dict(
        backbone=dict(type='HandUNet', channels=8, num_convs=1, strided=True),
        head=dict(type='Heatmap25DHead', codec=dict(LATENT, input_size=64), beta=3.0),
    ),
    photo=dict(
        backbone=dict(type='mmpose.ResNet', depth=18, stem_channels=4, base_channels=4, out_indices=(0, 1, 2, 3)),
        neck=dict(type='TopDownNeck', in_channels=(4, 8, 16, 32), channels=8),
        head=dict(
            type='PixelPoseHead',
            in_channels=8,
            vector_channels=32,
            codec=dict(type='ScaledPose', input_size=64),
            beta=1.0,
        ),
    ),
    pi=pose_machine(),
    pi_dark=pose_machine(enlarge=False, decoder='dark'),
    nvs=dict(
        backbone=dict(type='GeometryEncoder', depth=18, input_size=64, num_points=5, appearance=4, base_channels=4),
        head=dict(type='LatentPoseHead', codec=XYZ, in_channels=15, hidden=(16,)),
    ),
    weakseg=cube(segmentation=SEGMENTATION),
)
SIZES = dict(ekd_maps=64, photo=64, pi=64, pi_dark=64, nvs=64, weakseg=48)
"""Kind -> side of its input in px, 32 for the others."""


def pipeline(modality: str, size: int) -> list[dict]:
    """Return the steps of a test pipeline."""
    if modality == 'rgb':
        return [dict(type='HandCrop'), dict(type='WarpCrop', size=size)]
    return [
        dict(type='HandCrop', rule='cube', cube=220.0),
        dict(type='WarpCrop', size=size),
        dict(type='HandMaskFromDepth'),
        dict(type='DepthToCube', cube=220.0, hand_only=True),
    ]


def make_network(kind: str, folder, **changes) -> HandNetwork:
    """Write random weights of a student, and open it as inference does."""
    settings = dict(type='HandPoseEstimator', **STUDENTS[kind]) | changes
    torch.manual_seed(0)
    model = MODELS.build(settings)
    for part in model.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            part.running_mean.normal_(0, 0.2)
            part.running_var.uniform_(0.5, 2)
        if isinstance(part, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(part.weight)
        if isinstance(part, (torch.nn.Linear, torch.nn.Conv1d)):
            torch.nn.init.normal_(part.weight, std=0.02)
    if isinstance(model.head, Latent25DHead):
        if hasattr(model.head, 'fc'):
            model.head.fc.bias.data.uniform_(-0.8, 0.8)  # joints apart from one another, so that their depth is known
        model.head.bones.count += 1
        model.head.bones.mean += torch.linspace(20, 60, 20)
    if isinstance(model.head, PixelPoseHead):
        model.head.maps.weight.data *= 0.1  # depths of the size of a hand
    if isinstance(model.head, LatentPoseHead):
        model.head.statistics.update(torch.randn(50, 21, 3) * 30, torch.ones(50, 21))
    torch.save({'state_dict': model.state_dict()}, folder / f'{kind}.pth')
    steps = pipeline(settings.get('modality', 'rgb'), SIZES.get(kind, 32))
    cfg = Config(dict(model=settings, test_dataloader=dict(dataset=dict(pipeline=steps))))
    return HandNetwork(cfg, folder / f'{kind}.pth', 'cpu')


def make_views(network: HandNetwork, num: int) -> list[HandView]:
    """Return random crops: noise, or in depth a slanted plane through the cube with holes and a wall behind."""
    rng, size = np.random.default_rng(0), network.facts.crop.size
    views = []
    for i in range(num):
        focal = rng.uniform(3, 6) * size
        camera = dict(K=np.float32([[focal, 0, size / 2 - i], [0, 1.1 * focal, size / 2], [0, 0, 1]]).astype(float))
        if network.facts.depth is None:
            pixels, center = rng.integers(0, 256, (size, size, 3), dtype=np.uint8), None
        else:
            center = np.float32(rng.uniform((-20, -20, 400), (20, 20, 600))).astype(float)
            depth = center[2] + np.linspace(-150, 150, size)[:, None] + rng.normal(0, 20, (size, size))
            depth[rng.random((size, size)) < 0.2] = 0
            pixels = depth.astype(np.float32)
        views.append(HandView(pixels, camera, np.eye(3), np.eye(3), camera, (np.zeros(2), 1.0), center))
    return views


def open_small(folder) -> tuple[Config, Path]:
    """Return the studio's PMD config, narrowed and with few test images, and the file of random weights for it."""
    small = {'model.student.backbone.base_channels': 4, 'model.student.head.in_channels': 32}
    cfg = load_config(STUDIO, small | {'test_dataloader.dataset.length': 35})
    weights = folder / 'weights.pth'
    torch.save({'state_dict': MODELS.build(student_config(cfg).model).state_dict()}, weights)
    return cfg, weights
