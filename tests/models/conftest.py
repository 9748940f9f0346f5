import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from handkd.geometry import project, unproject


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    samples = []
    for i in range(4):
        sample = PoseDataSample(metainfo=dict(img_id=i))
        joints = rng.normal(size=(1, 21, 3)).astype(np.float32) * 60 + np.float32([0, 0, 500])
        ones = np.ones((1, 21), np.float32)
        pixels = rng.uniform(5, 59, size=(1, 21, 2)).astype(np.float32)
        sample.gt_instances = InstanceData(
            keypoints_cam=joints, keypoints=pixels, keypoints_valid=ones, keypoints_visible=ones
        )
        sample.gt_fields = PixelData(hand_mask=torch.zeros(1, 64, 64, dtype=torch.bool))
        sample.gt_fields.hand_mask[:, 16:48, 16:48] = True
        samples.append(sample)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8, generator=generator)
    depth = torch.rand(4, 1, 64, 64, generator=generator) * 2 - 1
    return dict(inputs=dict(rgb=list(images), depth=list(depth)), data_samples=samples)


@pytest.fixture
def seen_batch(batch):
    """The batch as 2.5D poses and joint angles need it: a camera each, pixels that it gives, and a side."""
    focal = np.array([[40.0, 1.5, 30.0], [0.0, 44.0, 35.0], [0.0, 0.0, 1.0]])
    lens = np.array([0.092701, -0.175877, -0.0035687, -0.00302299, 0.0])  # that of LM
    for i, sample in enumerate(batch['data_samples']):
        camera = dict(K=focal + np.diag([2.0 * i, 3.0 * i, 0.0]))
        if i % 2:
            camera['dist'] = lens
        sample.set_metainfo(dict(camera=camera, hand_side=('left', 'right')[i // 2]))
        labels = sample.gt_instances
        labels.keypoints = project(labels.keypoints_cam, camera).astype(np.float32)
    return batch


@pytest.fixture
def cube_samples(seen_batch):
    """Samples with cameras, cubes, and joints as NYU labels them."""
    rng = np.random.default_rng(1)
    for i, sample in enumerate(seen_batch['data_samples']):
        sample.set_metainfo(dict(depth_cube=(480.0 + 10 * i, 300.0 - 20 * i)))
        joints = rng.normal(size=(1, 36, 3)).astype(np.float32) * 60 + np.float32([0, 0, 500])
        sample.gt_instances.keypoints_cam_native = joints
    return seen_batch['data_samples']


@pytest.fixture
def cube_center():
    """Return where the middle of a sample's cube is, mm."""
    return lambda sample: unproject(np.array([23.5, 23.5]), np.array(sample.depth_cube[0]), sample.camera)
