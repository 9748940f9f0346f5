"""The cache of a training's teachers, from the config to the losses."""

import json
import shutil
import threading
from copy import deepcopy

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from handkd.apis.runs import train
from handkd.artifacts import TRAINING, ensure_artifacts
from handkd.artifacts.teacher_cache import TeacherCacheFolder
from handkd.artifacts.teacher_outputs import TeacherRun
from handkd.hints import ConfigError
from handkd.models.estimators.frozen_teacher import FrozenTeacher
from handkd.models.teacher_cache import ShardWriter
from handkd.registry import HOOKS, MODELS, TRANSFORMS
from tests.datasets.coco_sets import write_set

CODEC = dict(type='RootRelativeXYZ', root='middle_mcp', scale_bone=('wrist', 'middle_mcp'))
FLIP, JITTER = dict(type='RandomHandFlip', horizontal=0.5), dict(type='PhotometricJitter')
STEPS = [FLIP, JITTER, dict(type='DepthToCube'), dict(type='PackHandInputs', modalities=('rgb', 'depth'))]


@HOOKS.register_module()
class SeenLossHook(Hook):
    """Keeps the losses of each step; stops the run after one, as Ctrl-C does."""

    seen: dict[int, dict] = {}

    def __init__(self, stop=None):
        self.stop = stop

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.seen[runner.iter] = {name: value.item() for name, value in outputs.items()}
        if runner.iter + 1 == self.stop:
            raise KeyboardInterrupt


@TRANSFORMS.register_module()
class UndeclaredNoise:
    """A transform of somebody else."""

    def __call__(self, results):
        return results


def network(modality, channels, width=4):
    return dict(
        type='HandPoseEstimator',
        modality=modality,
        backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=width, in_channels=channels),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='PMDHead', in_channels=8 * width, codec=CODEC),
    )


def save_teacher(path, model, seed):
    torch.manual_seed(seed)
    torch.save(dict(state_dict=MODELS.build(model).state_dict()), path)
    return str(path)


@pytest.fixture
def make_cfg(tmp_path):
    """Returns the config of a training on 10 samples of the studio, three shards of a cache, with a depth teacher."""
    checkpoint = save_teacher(tmp_path / 'teacher.pth', network('depth', 1), 1)

    def make(work_dir='run', cache=None, steps=STEPS, **hook):
        dataset = dict(type='StudioDataset', split='train', length=10, resolution=32, pipeline=deepcopy(list(steps)))
        sampler = dict(type='ReproducibleSampler', seed=3)
        return Config(
            dict(
                default_scope='handkd',
                work_dir=str(tmp_path / work_dir),
                experiment_name=f'cached_{np.random.default_rng().integers(1 << 60)}',
                log_level='WARNING',
                randomness=dict(seed=0),
                model=dict(
                    type='DistilledEstimator',
                    student=network('rgb', 3),
                    teachers=dict(depth=dict(model=network('depth', 1), checkpoint=checkpoint)),
                    distillers=dict(
                        neck=dict(type='FeatureMimic', layer='neck', teacher='depth'),
                        maps=dict(type='FeatureMimic', layer='backbone', teacher='depth'),
                    ),
                ),
                train_dataloader=dict(batch_size=4, num_workers=0, sampler=sampler, dataset=dataset),
                train_cfg=dict(by_epoch=False, max_iters=6),
                optim_wrapper=dict(type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=1e-3)),
                default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2)),
                custom_hooks=[dict(type='SeenLossHook', **hook)],
                teacher_cache=None if cache is None else dict(folder=str(tmp_path / 'cache'), shard_mb=0.01) | cache,
            )
        )

    return make


def losses_of(cfg, resume=None):
    SeenLossHook.seen = {}
    train(cfg, resume)
    return SeenLossHook.seen


def forbid_teachers(monkeypatch):
    def fail(*_):
        raise AssertionError('the teacher runs')

    monkeypatch.setattr(FrozenTeacher, '__init__', fail)


def test_losses_are_those_of_the_uncached_run_to_the_last_bit(make_cfg, tmp_path, monkeypatch):
    """With mirrored samples and jitter of what the teacher does not see, and resumed in the middle."""
    expected = losses_of(make_cfg('plain'))
    ensure_artifacts(make_cfg(cache=dict(dtype='exact')), *TRAINING)
    forbid_teachers(monkeypatch)
    assert losses_of(make_cfg('cached', dict(dtype='exact'))) == expected
    with pytest.raises(KeyboardInterrupt):
        losses_of(make_cfg('parts', dict(dtype='exact'), stop=5))
    assert losses_of(make_cfg('parts', dict(dtype='exact')), 'auto') == {i: expected[i] for i in (4, 5)}
    assert len(json.loads((tmp_path / 'cache/depth/manifest.json').read_text())['files']) == 2 * 3


def test_float16_is_close_and_half_as_large(make_cfg, tmp_path):
    def single(work_dir, cache):
        cfg = make_cfg(work_dir, cache)
        cfg.optim_wrapper.amp, cfg.train_cfg.max_iters = False, 2
        return losses_of(cfg)

    expected, found = single('plain', None), single('cached', dict(folder=str(tmp_path / 'half')))
    single('exact', dict(dtype='exact'))
    for step, losses in expected.items():
        assert found[step] != losses
        assert found[step] == pytest.approx(losses, rel=2e-3)
    half, whole = ((tmp_path / name / 'depth/00000_0.npy').stat().st_size for name in ('half', 'cache'))
    assert (whole - 128) / (half - 128) == pytest.approx(2)


def change_weights(cfg):
    save_teacher(cfg.model.teachers.depth.checkpoint, network('depth', 1), 2)


CHANGES = {
    r'weights was "\w+", is now': change_weights,
    r'layers was \["backbone", "neck"\], is now \["neck"\]': lambda cfg: cfg.model.distillers.pop('maps'),
    r'samples was 10, is now 9': lambda cfg: cfg.train_dataloader.dataset.update(length=9),
    r'dataset\.seed was null, is now 5': lambda cfg: cfg.train_dataloader.dataset.update(seed=5),
    r'pipeline\[1\]\.cube was null, is now 200': lambda cfg: cfg.train_dataloader.dataset.pipeline[2].update(cube=200),
    r'dtype was "float16", is now "exact"': lambda cfg: cfg.teacher_cache.update(dtype='exact'),
    r'mirrored was \["none", "horizontal"\], is now': lambda cfg: cfg.train_dataloader.dataset.pipeline[0].update(
        vertical=0.1
    ),
}


@pytest.fixture
def made(make_cfg):
    ensure_artifacts(make_cfg(cache=dict()), *TRAINING)
    return make_cfg


def test_a_stale_cache_is_refused_and_says_what_differs(made):
    """In one test, since the cache is made once for all."""
    for message, change in reversed(CHANGES.items()):
        cfg = made(cache=dict())
        change(cfg)
        with pytest.raises(ConfigError, match=rf'cache/depth is stale: .*{message}.*; delete it, or choose') as caught:
            ensure_artifacts(cfg, *TRAINING)
        assert '\n' not in str(caught.value)
    other = made(cache=dict())
    other.train_dataloader.dataset.pipeline[1].update(hue=3.0)  # the teacher does not see it
    with pytest.raises(ConfigError, match='weights') as caught:
        ensure_artifacts(other, *TRAINING)
    assert 'pipeline' not in str(caught.value)


REFUSED = [
    (dict(type='RandomCropNoise', shift=0.1), r'moves the crop at random: .*replay=.warp'),
    (dict(type='UndeclaredNoise'), r'may change what the teacher sees in an unknown way: declare .*cache_effect'),
    (FLIP, r'mirrors a second time'),
]


@pytest.mark.parametrize(('step', 'message'), REFUSED, ids=[step['type'] for step, _ in REFUSED])
def test_a_step_that_cannot_be_replayed_is_refused(make_cfg, step, message):
    cfg = make_cfg(cache=dict(), steps=[FLIP, dict(type='HandCrop'), step, dict(type='WarpCrop'), *STEPS[2:]])
    with pytest.raises(ConfigError, match=rf'dataset\.pipeline\[2\] \({step["type"]}\) {message}'):
        ensure_artifacts(cfg, *TRAINING)


def test_jitter_is_refused_for_a_teacher_that_sees_it(make_cfg, tmp_path):
    cfg = make_cfg(cache=dict())
    model = network('rgb', 3)
    cfg.model.teachers.depth.update(model=model, checkpoint=save_teacher(tmp_path / 'rgb.pth', model, 1))
    with pytest.raises(
        ConfigError, match=r'\(PhotometricJitter\) changes at random the rgb .*leave it out, leave this'
    ):
        ensure_artifacts(cfg, *TRAINING)


def test_mixtures_and_unknown_teachers_are_refused(make_cfg):
    cfg = make_cfg(cache=dict())
    cfg.train_dataloader.dataset = dict(type='MixedDataset', datasets=[cfg.train_dataloader.dataset], shares=[1])
    with pytest.raises(ConfigError, match='is a MixedDataset, but .* not of mixtures'):
        ensure_artifacts(cfg, *TRAINING)
    with pytest.raises(ConfigError, match=r"teacher_cache\.teachers: unknown key 'dept'; did you mean 'depth'"):
        ensure_artifacts(make_cfg(cache=dict(teachers=['dept'])), *TRAINING)


def test_an_interrupted_run_is_continued(make_cfg, monkeypatch):
    write = ShardWriter._write
    computed = []

    def interrupt(self):
        if self._shard == 1:
            raise KeyboardInterrupt
        write(self)

    monkeypatch.setattr(ShardWriter, '_write', interrupt)
    with pytest.raises(KeyboardInterrupt):
        ensure_artifacts(make_cfg(cache=dict()), *TRAINING)
    monkeypatch.setattr(ShardWriter, '_write', write)
    compute = TeacherRun.compute
    monkeypatch.setattr(
        TeacherRun, 'compute', lambda run, steps, *rest: (computed.extend(steps), compute(run, steps, *rest))
    )
    ensure_artifacts(make_cfg(cache=dict()), *TRAINING)
    assert [(step.shard, step.count) for step in computed] == [(1, 4), (1, 4), (2, 2), (2, 2)]


def test_damage_is_found(made, tmp_path):
    path = tmp_path / 'cache/depth/00001_0.npy'
    content = path.read_bytes()
    for fault, changed in (
        ('another checksum', content[:-1] + bytes([content[-1] ^ 1])),
        (f'has {len(content) - 5} bytes', content[:-5]),
    ):
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=rf'00001_0\.npy is damaged: it .*{fault}.*; delete this file'):
            ensure_artifacts(made(cache=dict()), *TRAINING)
    path.unlink()
    ensure_artifacts(made(cache=dict()), *TRAINING)
    assert path.read_bytes() == content


def test_a_full_disk_is_refused_before_anything_is_made(make_cfg, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage._replace(free=100))
    with pytest.raises(OSError, match=r'the teacher cache needs [\d.]+ kB, but the disk has 100 bytes free: name an'):
        ensure_artifacts(make_cfg(cache=dict()), *TRAINING)
    assert not list((tmp_path / 'cache/depth').iterdir())


def test_one_of_two_runs_makes_it_and_the_other_waits(make_cfg, monkeypatch):
    made, compute = [], TeacherRun.compute
    monkeypatch.setattr(TeacherRun, 'compute', lambda run, *rest: (made.append(run), compute(run, *rest)))
    artifacts = [TeacherCacheFolder.from_config(make_cfg(cache=dict())) for _ in range(2)]
    prints = [artifact.fingerprint() for artifact in artifacts]
    threads = [threading.Thread(target=a.make, args=(p,)) for a, p in zip(artifacts, prints)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and artifacts[1].is_made(prints[1])


@pytest.fixture
def mmpose_cfg(make_cfg, tmp_path):
    """Returns the config of a training with MMPose's estimators, heads, set and pipeline."""
    write_set(tmp_path / 'set', 'freihand', hands=5)
    codec = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(8, 8), sigma=1)
    model = dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor', mean=[120.0] * 3, std=[60.0] * 3, bgr_to_rgb=True),
        backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=8),
        head=dict(
            type='HeatmapHead', in_channels=32, deconv_out_channels=(8, 8), deconv_kernel_sizes=(4, 4), out_channels=21,
            decoder=codec, loss=dict(type='KeypointMSELoss', use_target_weight=True),
        ),
    )  # fmt: skip

    def make(work_dir, cache, layer, *noise):
        cfg = make_cfg(work_dir, cache)
        teacher = save_teacher(tmp_path / 'mmpose.pth', model, 1)
        cfg.model = dict(
            type='DistilledEstimator',
            student=model,
            teachers=dict(big=dict(model=model, checkpoint=teacher)),
            distillers=dict(mimic=dict(type='FeatureMimic', layer=layer, teacher='big')),
        )
        cfg.train_dataloader.update(batch_size=2)
        cfg.optim_wrapper.amp = False
        steps = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='RandomFlip'), *noise]
        steps += [dict(type='TopdownAffine', input_size=(64, 64)), dict(type='GenerateTarget', encoder=codec)]
        cfg.train_dataloader.dataset = dict(
            type='FreiHandDataset',
            data_root=str(tmp_path / 'set'),
            ann_file='annotations/freihand_train.json',
            pipeline=[*steps, dict(type='PackPoseInputs')],
        )
        return cfg

    return make


def test_mmposes_pipeline_and_estimators(mmpose_cfg, monkeypatch):
    """With its flips: rows are found by the number that its set gives to each sample."""
    expected = losses_of(mmpose_cfg('plain', None, 'backbone'))
    ensure_artifacts(mmpose_cfg('cached', dict(dtype='exact'), 'backbone'), *TRAINING)
    forbid_teachers(monkeypatch)
    assert losses_of(mmpose_cfg('cached', dict(dtype='exact'), 'backbone')) == expected


def test_heat_maps_are_moved_with_the_crop_on_request(mmpose_cfg, tmp_path):
    noise, warp = dict(type='RandomBBoxTransform'), dict(replay='warp')
    with pytest.raises(ConfigError, match=r"distillers read \['backbone'\] .* only the response of its layer 'head'"):
        ensure_artifacts(mmpose_cfg('cached', warp, 'backbone', noise), *TRAINING)
    still = losses_of(mmpose_cfg('still', dict(dtype='exact', folder=str(tmp_path / 'still')), 'head'))
    moved = losses_of(mmpose_cfg('moved', warp | dict(dtype='exact', folder=str(tmp_path / 'moved')), 'head', noise))
    assert all(np.isfinite(losses['loss_mimic_mimic']) and losses != still[step] for step, losses in moved.items())
