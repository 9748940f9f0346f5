"""Tiny networks with random weights, one per kind of student, and crops for them."""

import numpy as np
import torch
from mmengine.config import Config

from handkd.apis.inference_network import HandNetwork
from handkd.inference.crops import HandView
from handkd.models.heads import Latent25DHead, LatentPoseHead
from handkd.registry import MODELS

RESNET = dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4)
POOLED = dict(neck=dict(type='GlobalAveragePooling'))
XYZ, LATENT = dict(type='RootRelativeXYZ'), dict(type='Latent25D', input_size=32)
FEATURES = dict(type='CPMFeatures', channels=8)
MAPS = dict(type='CPMHeatmap', input_size=32, heatmap_size=4)
ENCODER = dict(type='GeometryEncoder', input_size=32, num_points=5, appearance=4, base_channels=4, depth=18)

STUDENTS = dict(
    pmd=dict(backbone=RESNET, **POOLED, head=dict(type='PMDHead', in_channels=32, codec=XYZ)),
    pmd_depth=dict(
        modality='depth',
        backbone=dict(RESNET, in_channels=1),
        **POOLED,
        head=dict(type='PMDHead', in_channels=32, codec=XYZ),
    ),
    ekd=dict(backbone=RESNET, **POOLED, head=dict(type='Regression25DHead', in_channels=32, codec=LATENT)),
)
RULES = dict(rgb=[dict(type='HandCrop'), dict(type='WarpCrop', size=32)])
RULES['depth'] = [
    dict(type='HandCrop', rule='cube', cube=220.0),
    dict(type='WarpCrop', size=32),
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
        if isinstance(part, torch.nn.Linear):
            torch.nn.init.normal_(part.weight, std=0.1)
    if isinstance(model.head, Latent25DHead):
        model.head.bones.count += 1
        model.head.bones.mean += torch.linspace(20, 60, 20)
    if isinstance(model.head, LatentPoseHead):
        for _, buffer in model.head.statistics.named_buffers():
            buffer.copy_(torch.rand(buffer.shape) * 30 + 5)
    torch.save({'state_dict': model.state_dict()}, folder / f'{kind}.pth')
    pipeline = RULES[settings.get('modality', 'rgb')]
    cfg = Config(dict(model=settings, test_dataloader=dict(dataset=dict(pipeline=pipeline))))
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
