"""Limits of joint angles from whole sets of labels: which hands count, and when they are gathered again."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from handkd.artifacts import EVALUATION, TRAINING, ensure_artifacts
from handkd.artifacts.angle_limits import AngleLimitsFile, gather_limits
from handkd.artifacts.label_file import label_fingerprint
from handkd.datasets import LMDataset, ReproducibleDataset
from handkd.datasets.label_digests import digest_labels
from handkd.geometry import AngleLimits, angle_excess, joint_angles
from handkd.hints import ConfigError
from handkd.registry import DATASETS
from handkd.studio import StudioDataset
from handkd.studio.layouts import write_layout

STUDIO = dict(type='StudioDataset', split='train', length=30, label_noise_mm=3.0)


@DATASETS.register_module()
class GappyHands(ReproducibleDataset):
    """The studio's hands, of which number 0 lacks a joint, 1 lacks its side, 2 its file, and the others nothing."""

    def __init__(self, length=8, on_corrupt='stop', data_root=None):
        super().__init__()
        self.studio = StudioDataset('test', length)

    def __len__(self):
        return len(self.studio)

    def get_labels(self, index):
        sample = self.studio.get_labels(index)
        sample['keypoints_cam'][0, 4] *= 1 if index > 2 else -5  # whatever they say, they must not count
        if index == 0:
            sample['keypoints_valid'] = (np.arange(21) != 4)[None].astype(np.float32)
        if index == 1:
            del sample['hand_side']
        if index == 2:
            raise OSError('2.png is cut off')
        return sample


@DATASETS.register_module()
class PlanarHands(ReproducibleDataset):
    """Hands with labels in 2D alone."""

    def __len__(self):
        return 3

    def get_data_info(self, index):
        return dict(img_id=index, hand_side='left', keypoints=np.ones((1, 21, 2), np.float32))


def digest(settings):
    return label_fingerprint(StudioDataset('train', 1), settings)['digest']


def of_studio(dataset, indices, percentile=0.0):
    """The limits of some samples, one by one."""
    rows = []
    for i in indices:
        sample = dataset.get_data_info(i)
        joints = torch.from_numpy(sample['keypoints_cam'][0].astype(np.float64))
        rows.append(joint_angles(joints, torch.tensor(sample['hand_side'] == 'left'))[0].numpy())
    return np.percentile(rows, percentile, 0), np.percentile(rows, 100 - percentile, 0)


@pytest.mark.parametrize('percentile', [0.0, 10.0])
@pytest.mark.parametrize('chunk', [7, 4096])
def test_all_hands_of_a_set_are_gathered(percentile, chunk, monkeypatch):
    monkeypatch.setattr('handkd.artifacts.angle_limits._CHUNK', chunk)
    limits = gather_limits(STUDIO | dict(pipeline=[dict(type='NoSuchStep')]), percentile)
    settings = {key: value for key, value in STUDIO.items() if key != 'type'}
    low, high = of_studio(StudioDataset(**settings), range(30), percentile)
    np.testing.assert_allclose([limits.low, limits.high], [low, high], atol=1e-12)
    expected = dict(dataset='StudioDataset', split='train', joint0='wrist', hands=30, left_out=0)
    assert limits.source == expected | dict(
        percentile=percentile, digest=digest(STUDIO), labels=digest_labels(StudioDataset(**settings))
    )


def test_incomplete_hands_are_left_out_and_counted():
    limits = gather_limits(dict(type='GappyHands', on_corrupt='skip', data_root='data/gappy'))
    np.testing.assert_allclose([limits.low, limits.high], of_studio(StudioDataset('test', 8), range(3, 8)), atol=1e-12)
    assert (limits.source['hands'], limits.source['left_out']) == (5, 3)
    assert limits.source['data_root'] == 'data/gappy' and 'split' not in limits.source
    with pytest.raises(OSError, match='2.png is cut off'):
        gather_limits(dict(type='GappyHands', on_corrupt='stop'))


def test_sets_without_a_single_whole_hand_are_named(tmp_path):
    with pytest.raises(ValueError, match='PlanarHands: none of 3 hands has a side and all 21 joints in 3D'):
        gather_limits(dict(type='PlanarHands'))
    with pytest.raises(ValueError, match='GappyHands: none of 3 hands has a side'):
        gather_limits(dict(type='GappyHands', length=3, on_corrupt='skip'))
    with pytest.raises(ValueError, match='StudioDataset, train: percentile must be from 0 to less than 50, found 50'):
        gather_limits(STUDIO, 50)


def test_a_stream_is_refused(monkeypatch):
    class Stream:
        pass

    monkeypatch.setattr('handkd.artifacts.label_file.DATASETS.build', lambda settings: Stream())
    with pytest.raises(ConfigError, match='Stream, train: .*need a data set with indexed samples'):
        gather_limits(STUDIO)


def test_the_labels_of_a_set_in_files_keep_its_limits(tmp_path):
    """LM's own labels, in camera axes, behind a test pipeline that crops them."""
    for _ in write_layout('lm', tmp_path / 'lm', 3):
        pass
    settings = dict(type='LMDataset', data_root=str(tmp_path / 'lm'), split='train')
    limits = gather_limits(settings)
    steps = [dict(type='HandCrop', rule='square'), dict(type='WarpCrop', size=64), dict(type='PackHandInputs')]
    dataset = LMDataset(str(tmp_path / 'lm'), 'train', pipeline=steps)
    assert limits.source['hands'] == len(dataset) >= 12
    samples = [sample['data_samples'] for sample in (dataset[i] for i in range(len(dataset)))]
    joints = torch.stack([torch.as_tensor(sample.gt_instances.keypoints_cam[0]) for sample in samples]).double()
    left = torch.tensor([sample.hand_side == 'left' for sample in samples])
    excess = angle_excess(*joint_angles(joints, left), torch.from_numpy(limits.low), torch.from_numpy(limits.high))
    assert excess.max() < 1e-6


def config(path, **more):
    return Config(dict(train_dataloader=dict(dataset=STUDIO), angle_limits=dict(file=str(path), **more)))


@pytest.fixture
def told(monkeypatch):
    """What is said, as (text, level)."""
    said = []
    for module in ('angle_limits', 'label_file'):
        monkeypatch.setattr(
            f'handkd.artifacts.{module}.print_log', lambda text, logger=None, level=0: said.append(text)
        )
    return said


def test_limits_are_gathered_once_and_then_used(tmp_path, told, monkeypatch):
    path = tmp_path / 'new' / 'studio.json'
    ensure_artifacts(config(path, percentile=5), 'train_dataloader')
    (said,) = told
    assert f'{path}, from 30 hands of StudioDataset, train' in said
    assert np.array_equal(AngleLimits.read(path).low, gather_limits(STUDIO, 5).low)
    before = path.read_bytes()
    monkeypatch.setattr('handkd.artifacts.angle_limits.gather_limits', None)
    cfg = config(path, percentile=5)
    cfg.train_dataloader.dataset.update(pipeline=[], modalities=('rgb',))  # are not labels
    ensure_artifacts(cfg, 'train_dataloader')
    assert len(told) == 1 and path.read_bytes() == before


@pytest.mark.parametrize('change', [dict(length=31), dict(split='test'), dict(seed=5)])
def test_limits_of_another_set_are_refused_unless_they_are_meant(tmp_path, told, change):
    path = tmp_path / 'studio.json'
    gather_limits(STUDIO | change).write(path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=rf'{path} comes from another set.*StudioDataset.*angle_limits\.foreign=True'):
        ensure_artifacts(config(path), 'train_dataloader')
    ensure_artifacts(config(path, foreign=True), 'train_dataloader')
    assert path.read_bytes() == before and not told


@pytest.fixture(scope='module')
def lm_tree(tmp_path_factory):
    root = tmp_path_factory.mktemp('written') / 'lm'
    for _ in write_layout('lm', root, 1):
        pass
    return root


@pytest.fixture
def lm_trees(tmp_path, lm_tree):
    """A place with labels, and what puts others there."""
    shutil.copytree(lm_tree, tmp_path / 'lm')

    def replace():
        shutil.copytree(tmp_path / 'lm', tmp_path / 'other')
        for path in (tmp_path / 'other').glob('annotated_frames/*/*_joints.txt'):
            path.write_text(re.sub(r'(\d\.\d*?)(\d)(?=\D)', r'\g<1>7', path.read_text()))
            os.utime(path.parent)  # as of another tree: copies have the times of what they are of
        shutil.rmtree(tmp_path / 'lm')
        (tmp_path / 'other').rename(tmp_path / 'lm')

    return dict(type='LMDataset', data_root=str(tmp_path / 'lm'), split='train'), replace


def test_limits_of_other_labels_in_the_same_place_are_refused(tmp_path, lm_trees, told):
    """What a rendered tree left must neither teach nor score the real set that comes to stand there."""
    settings, replace = lm_trees
    cfg = config(tmp_path / 'limits.json')
    cfg.train_dataloader.dataset = settings
    ensure_artifacts(cfg, 'train_dataloader')
    ensure_artifacts(cfg, 'train_dataloader')
    replace()
    match = r"limits\.json comes from another set, from other labels.*'labels': .*, expected .*'labels'.*delete it"
    with pytest.raises(ConfigError, match=match) as caught:
        ensure_artifacts(cfg, 'train_dataloader')
    assert '\n' not in str(caught.value)
    ensure_artifacts(cfg, *EVALUATION)
    cfg.test_evaluator = [dict(type='HandAngleMetric', limits='others.json')]
    ensure_artifacts(cfg, *EVALUATION)
    cfg.test_evaluator[0].limits = cfg.angle_limits.file
    for entries in (TRAINING, EVALUATION):
        with pytest.raises(ConfigError, match=match):
            ensure_artifacts(cfg, *entries)


def test_each_set_of_labels_has_a_file_of_its_own(tmp_path, lm_trees, told):
    settings, replace = lm_trees
    files = []
    for step in range(3):
        cfg = config(tmp_path / 'lm_{labels}.json')
        cfg.train_dataloader.dataset = settings
        cfg.test_evaluator = dict(type='HandAngleMetric')
        cfg.model = dict(distillers=dict(angles=dict(type='AngleRegularizer'), offset=dict(limits='own.json')))
        ensure_artifacts(cfg, 'train_dataloader')
        assert cfg.test_evaluator.limits == cfg.model.distillers.angles.limits == cfg.angle_limits.file
        assert cfg.model.distillers.offset.limits == 'own.json'
        files.append(cfg.angle_limits.file)
        if step == 1:
            replace()
    assert files[0] == files[1] != files[2] and len(told) == 2
    first, last = (AngleLimits.read(file) for file in (files[0], files[2]))
    assert not np.array_equal(first.low, last.low) and first.source['labels'] != last.source['labels']
    assert {path.name for path in tmp_path.glob('lm_*.json')} == {Path(file).name for file in files}
    artifact = AngleLimitsFile.from_config(config(tmp_path / 'studio_{labels}.json'))
    artifact.fill_in(artifact.fingerprint())
    assert re.fullmatch(r'studio_[0-9a-f]{12}\.json', artifact.path.name)


def test_limits_whose_labels_are_not_there_are_used_with_a_warning(tmp_path, lm_trees, told):
    settings, _ = lm_trees
    cfg = config(tmp_path / 'limits.json')
    cfg.train_dataloader.dataset = settings
    ensure_artifacts(cfg, 'train_dataloader')
    shutil.rmtree(tmp_path / 'lm')
    ensure_artifacts(cfg, 'train_dataloader')
    cfg.train_dataloader = None
    ensure_artifacts(cfg, 'train_dataloader')
    assert [text.count('used unchecked, since its labels are missing') for text in told] == [0, 1, 1]
    (tmp_path / 'limits.json').unlink()
    with pytest.raises(FileNotFoundError, match='no train_dataloader'):
        ensure_artifacts(cfg, 'train_dataloader')


def test_without_the_training_set_the_one_file_that_may_be_meant_is_used(tmp_path, lm_trees, told):
    settings, _ = lm_trees
    made = config(tmp_path / 'lm_{labels}.json')
    made.train_dataloader.dataset = settings
    ensure_artifacts(made, 'train_dataloader')
    shutil.rmtree(tmp_path / 'lm')
    cfg = config(tmp_path / 'lm_{labels}.json')
    cfg.train_dataloader.dataset = settings
    cfg.test_evaluator = dict(type='HandAngleMetric')
    ensure_artifacts(cfg, 'train_dataloader')
    assert cfg.test_evaluator.limits == made.angle_limits.file
    assert 'used unchecked, since its labels are missing' in told[-1]
    shutil.copy(made.angle_limits.file, tmp_path / 'lm_other.json')
    again = config(tmp_path / 'lm_{labels}.json')
    again.train_dataloader.dataset = settings
    with pytest.raises(
        ConfigError, match=r'choose one of .*lm_other\.json.* with --cfg-options angle_limits\.file=PATH'
    ):
        ensure_artifacts(again, 'train_dataloader')


def test_limits_of_another_percentile_or_of_unknown_origin_are_refused(tmp_path):
    path = tmp_path / 'studio.json'
    limits = gather_limits(STUDIO, 1)
    limits.write(path)
    with pytest.raises(ConfigError, match="'percentile': 1.0"):
        ensure_artifacts(config(path), 'train_dataloader')
    ensure_artifacts(config(path, percentile=1), 'train_dataloader')
    AngleLimits(limits.low, limits.high).write(path)
    with pytest.raises(ConfigError, match='found no source'):
        ensure_artifacts(config(path), 'train_dataloader')


def test_foreign_limits_must_be_there(tmp_path):
    with pytest.raises(ConfigError, match=r'none\.json is missing; foreign limits of joint angles are not gathered'):
        ensure_artifacts(config(tmp_path / 'none.json', foreign=True), 'train_dataloader')


def test_a_config_without_limits_needs_none_and_a_wrong_one_is_an_error(tmp_path):
    ensure_artifacts(Config(dict(train_dataloader=dict(dataset=dict(type='NoSuchSet')))), 'train_dataloader')
    with pytest.raises(ConfigError, match="angle_limits: unknown key 'percentil'; did you mean 'percentile'"):
        ensure_artifacts(config(tmp_path / 'x.json', percentil=1), 'train_dataloader')
    with pytest.raises(ConfigError, match="angle_limits: 'file' is missing"):
        AngleLimitsFile.from_config(Config(dict(angle_limits=dict(percentile=1))))
    (tmp_path / 'x.json').write_text('{')
    with pytest.raises(ValueError, match=r'x\.json: not valid JSON'):
        ensure_artifacts(config(tmp_path / 'x.json'), 'train_dataloader')


def test_the_digest_is_of_what_labels_depend_on_alone():
    same = STUDIO | dict(pipeline=[1], modalities=('rgb',), on_corrupt='skip', data_root='elsewhere')
    assert digest(same) == digest(dict(reversed(STUDIO.items()))) == digest(STUDIO)
    assert digest(Config(dict(a=STUDIO)).a) == digest(STUDIO)
    assert digest(STUDIO | dict(seed=1)) != digest(STUDIO)
