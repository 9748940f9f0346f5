"""The backgrounds of a config: all its sets', made once, and loaded by its pipelines."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from handkd.artifacts import backgrounds
from handkd.artifacts.backgrounds import make_backgrounds
from handkd.datasets import LabelBudget, PanopticHandDataset, ViewGroupSampler
from handkd.datasets.backgrounds import background_of, open_background
from handkd.hints import ConfigError
from handkd.registry import DATASETS
from handkd.studio import StudioRigDataset
from handkd.studio.layouts.panoptic import write_panoptic

RIG = dict(type='StudioRigDataset', subjects=1, sequences=1, frames=7, views=2, resolution=48, pace=3)


@pytest.fixture(autouse=True)
def fresh():
    init_default_scope('handkd')
    open_background.cache_clear()


def pipeline(folder, size=32):
    return [
        dict(type='LoadBackground', folder=str(folder)),
        dict(type='HandCrop'),
        dict(type='RandomCropNoise', rotation=20.0),
        dict(type='VirtualCamera', size=size),
        dict(type='PackHandInputs', modalities=['rgb', 'background']),
    ]


def config(folder, **sets):
    return Config({f'{name}_dataloader': dict(dataset=dataset) for name, dataset in sets.items()})


def test_the_sets_of_all_loaders(tmp_path):
    train = dict(RIG, split='train', pipeline=pipeline(tmp_path))
    test = dict(RIG, split='test', pipeline=pipeline(tmp_path))
    cfg = config(tmp_path, train=dict(type='LabelBudget', dataset=train, number=2), val=test, test=test)
    assert make_backgrounds(cfg, frames=5) == {str(tmp_path): (4, 4)}
    assert make_backgrounds(cfg, frames=5) == {str(tmp_path): (4, 0)}
    bare = StudioRigDataset(**{key: RIG[key] for key in RIG if key != 'type'}, split='test')
    images = [bare.get_data_info(2 * frame + 1)['img'] for frame in (0, 1, 2, 4, 5)]
    np.testing.assert_array_equal(background_of(tmp_path, 'test_0000', 1), np.median(images, 0))
    sample = DATASETS.build(cfg.train_dataloader.dataset)[3]
    assert sample['inputs']['background'].shape == (3, 32, 32) and sample['data_samples'].view == 1
    with pytest.raises(ValueError, match='made from other frames or another set'):
        make_backgrounds(cfg, frames=4)
    cfg.merge_from_dict({'test_dataloader.dataset.seed': 3, 'val_dataloader.dataset.seed': 3})
    with pytest.raises(ValueError, match='made from other frames or another set'):
        make_backgrounds(cfg, frames=5)


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(ConfigError, match='no pipeline of the config has LoadBackground'):
        make_backgrounds(config(tmp_path, train=dict(RIG, split='train')))
    loose = dict(type='StudioDataset', split='train', length=3, pipeline=pipeline(tmp_path))
    with pytest.raises(ConfigError, match='StudioDataset has no camera and sequence'):
        make_backgrounds(config(tmp_path, train=loose))
    with pytest.raises(ConfigError, match='frames must be at least 1, found 0'):
        make_backgrounds(config(tmp_path, train=dict(RIG, split='train', pipeline=pipeline(tmp_path))), frames=0)


@pytest.fixture(scope='module')
def panoptic(tmp_path_factory):
    """A tree that the studio wrote; two cameras."""
    root = tmp_path_factory.mktemp('panoptic')
    for _ in write_panoptic(root, 3, 0, cameras=2):
        pass
    return root


def test_panoptic_from_files_to_groups(panoptic, tmp_path):
    """Written by the studio, read, backgrounds made in little memory, groups drawn, crops turned: rotations hold."""
    train, test = (
        dict(type='PanopticHandDataset', data_root=str(panoptic), split=split, min_joints_inside=1,
             pipeline=pipeline(tmp_path, 48)) for split in ('train', 'test')
    )  # fmt: skip
    cfg = config(tmp_path, train=train, val=test)
    assert make_backgrounds(cfg, memory=3 << 20) == {str(tmp_path): (4, 4)}
    images = [cv2.imread(str(path)) for path in sorted((panoptic / '171026_pose1/hdImgs/00_01').iterdir())]
    assert len(images) == 3
    np.testing.assert_array_equal(background_of(tmp_path, '171026_pose1', 1), np.median(images, 0))

    budget = LabelBudget(train, number=3)
    sampler = ViewGroupSampler(budget, 2, 2, seed=0)
    samples = budget.__getitems__(sampler.batch(0))
    data = [sample['data_samples'] for sample in samples]
    assert [d.view_group for d in data] == [0] * 4 + [1] * 4 + [-1] * 2
    assert [d.labelled for d in data] == [False] * 8 + [True] * 2
    bare = PanopticHandDataset(str(panoptic), 'train', min_joints_inside=1)
    for k in (0, 4):
        group = data[k : k + 4]
        assert group[0].frame == group[1].frame != group[2].frame == group[3].frame
        assert group[0].view != group[1].view and len({(d.sequence, d.hand_side) for d in group}) == 1
        for one, other in ((group[0], group[1]), (group[2], group[3])):
            poses = []
            for d in (one, other):
                record = bare.get_record(d.img_id)
                joints = (record['keypoints_cam'][0].astype(float) - record['camera']['T']) @ record['camera']['R']
                turned = joints @ d.camera['R'].T + d.camera['T']
                poses.append(turned - turned[0])
                middle = (turned.min(0) + turned.max(0)) / 2
                assert np.abs(middle[:2] / middle[2]).max() < 0.03, 'the hand is on the axis'
            relative = other.camera['R'] @ one.camera['R'].T
            # The reader rounds joints to float32.
            np.testing.assert_allclose(poses[0] @ relative.T, poses[1], atol=1e-3)


def test_a_pack_does_not_choose_what_is_run(tmp_path, monkeypatch):
    """Backgrounds of a pack are made from its source's images, whose config stands in the pack."""
    source = dict(type='subprocess.Popen', args=['touch', str(tmp_path / 'run')])
    manifest = SimpleNamespace(source=dict(config=source, length=1))
    monkeypatch.setattr(backgrounds, 'load_manifest', lambda folder: manifest)
    packed = dict(type='PackedHandDataset', data_root=str(tmp_path), pipeline=pipeline(tmp_path / 'b'))
    with pytest.raises(ConfigError, match="its source is a 'subprocess.Popen', which is not registered"):
        make_backgrounds(Config(dict(train_dataloader=dict(dataset=packed))))
    assert not (tmp_path / 'run').exists()
