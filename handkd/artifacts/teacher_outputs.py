"""Running frozen teachers over a training set, as a training would."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.device import get_device
from mmengine.registry import FUNCTIONS
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.models.pose_estimators.base import BasePoseEstimator
from torch import nn
from torch.utils.data import DataLoader

from handkd.datasets import ReproducibleDataset, SampleKey
from handkd.datasets.label_digests import digest_labels
from handkd.datasets.transforms.replay import Replay, plan_replay
from handkd.engine import bf16_is_fast, outlive_signals
from handkd.hints import ConfigError
from handkd.models.estimators.frozen_teacher import FrozenTeacher, build_teacher
from handkd.models.estimators.network_inputs import by_modality
from handkd.models.initialisation import own_random_numbers
from handkd.models.teacher_cache import (
    CROP,
    CacheManifest,
    ShardWriter,
    Step,
    check_response,
    check_space,
    crop_matrices,
    describe,
    digest_of_file,
    plan,
    read_manifest,
)
from handkd.registry import DATASETS, MODELS

_PLACE = 'train_dataloader.dataset'
_META = ('sample_idx', 'flip', 'flip_direction', 'input_size', 'input_center', 'input_scale', 'bbox_rotation')
"""Meta information of MMPose's samples by which their outputs are found and moved."""
_NOT_IN_KEY = ('data_root', 'pipeline')
"""Settings of a data set that may change: its folder, and its pipeline, whose decisive steps count on their own."""


class TeacherRun:
    """A frozen teacher, the layers that distillers read of it, and the training set.

    Args:
        cfg: The config.
        name: Name of the teacher.
        layers: The layers.
        replay: The pipelines that give all its inputs.
        fingerprint: Description of all that decides the outputs.
        dtype: Type of the stored numbers.
    """

    def __init__(
        self, cfg: Config, name: str, layers: Sequence[str], replay: Replay, fingerprint: dict, dtype: str
    ) -> None:
        self.cfg, self.name, self.layers, self.replay = cfg, name, layers, replay
        self.fingerprint, self.dtype = fingerprint, dtype
        self.loader = cfg.train_dataloader
        self._teacher: FrozenTeacher | None = None
        self._preprocessor: nn.Module | None = None

    def prepare(self, folder: Path, shard_bytes: float) -> tuple[ShardWriter, list[Step], int]:
        """Return a writer, the batches that are still to be computed, and their size in bytes.

        Args:
            folder: Folder of the teacher's cache.
            shard_bytes: Approximate size of a shard of a new cache.

        Raises:
            OSError: If the disk has not enough space.
        """
        manifest = read_manifest(folder) or self._new(shard_bytes)
        needed = check_space(folder, manifest)
        return ShardWriter(folder, manifest), list(plan(manifest, self.loader.batch_size)), needed

    def _new(self, shard_bytes: float) -> CacheManifest:
        """Return the manifest of a new cache, from the outputs on one batch."""
        size, length = self.loader.batch_size, self.fingerprint['samples']
        first = Step(0, 0, [i % length for i in range(size)], size)
        outputs = next(self._outputs([first], workers=0))
        variants = list(self.replay.pipelines)
        return describe(self.fingerprint, length, variants, outputs, size, self.dtype, shard_bytes)

    def compute(self, steps: Sequence[Step], writer: ShardWriter, progress: Callable[[int], object]) -> None:
        """Compute and store the outputs on some batches.

        Args:
            steps: The batches, in the order of :func:`~handkd.models.teacher_cache.plan`.
            writer: Takes the outputs.
            progress: Called with the number of samples of each batch.
        """
        for step, outputs in zip(steps, self._outputs(steps, self.loader.get('num_workers', 0))):
            writer.add(step, outputs)
            progress(step.count)

    @torch.no_grad()
    def _outputs(self, steps: Sequence[Step], workers: int) -> Iterator[Mapping[str, object]]:
        """Yield the outputs of the layers on some batches."""
        if self._teacher is None:
            self._build()
        collate = dict(self.loader.get('collate_fn') or dict(type='pseudo_collate'))
        loader = DataLoader(
            _Outcomes(self.cfg, list(self.replay.pipelines.values())),
            batch_sampler=[[(step.variant, index) for index in step.indices] for step in steps],
            num_workers=workers,
            collate_fn=partial(FUNCTIONS.get(collate.pop('type')), **collate),
            worker_init_fn=_begin_worker,
        )
        device, precision = torch.device(get_device()), self.fingerprint['precision']
        autocast = torch.autocast(device.type, getattr(torch, precision), enabled=precision != 'float32')
        for data in loader:
            batch = self._preprocessor(data, True)
            with autocast:
                outputs = self._teacher.run(by_modality(batch['inputs']), batch['data_samples'], self.layers)
            if self.replay.moved:
                check_response(outputs['head'])
                outputs = {**outputs, CROP: crop_matrices(batch['data_samples'])}
            yield outputs

    def _build(self) -> None:
        """Build the teacher, and the preprocessor that a training's batches pass through."""
        model = self.cfg.model
        with own_random_numbers('teacher_cache'):
            student = MODELS.build(model.student)
            self._preprocessor = (
                MODELS.build(model.data_preprocessor) if model.get('data_preprocessor') else student.data_preprocessor
            )
            spec = {key: value for key, value in model.teachers[self.name].items() if key in FrozenTeacher.KEYS}
            self._teacher = FrozenTeacher(self.name, spec, student, self._preprocessor)
        self._teacher.check_taps(self.layers)
        device = get_device()
        self._preprocessor.to(device)
        self._teacher.network.to(device)


class _Outcomes(torch.utils.data.Dataset):
    """A training set under several pipelines; a key is (number of the pipeline, number of the sample)."""

    def __init__(self, cfg: Config, pipelines: Sequence[Sequence[dict]]) -> None:
        settings = cfg.train_dataloader.dataset.to_dict()
        self._sets = [_build_set(dict(settings, pipeline=list(pipeline))) for pipeline in pipelines]

    def __getitems__(self, keys: Sequence[tuple[int, int]]) -> list[dict]:
        """Return the samples of a batch, all of one pipeline."""
        dataset, indices = self._sets[keys[0][0]], [SampleKey(index, 0) for _, index in keys]
        if hasattr(dataset, '__getitems__'):
            return dataset.__getitems__(indices)
        return [dataset[index] for index in indices]


def runs_of(cfg: Config, specs: Mapping[str, Mapping], dtype: str, warp: bool) -> dict[str, TeacherRun]:
    """Return the runs of a config's teachers that distillers read.

    Args:
        cfg: The config of a training.
        specs: Settings of the teachers by name.
        dtype: Type of the stored numbers.
        warp: Whether outputs are warped to moved crops.

    Raises:
        ConfigError: If the outputs can't be replayed; names the step of the pipeline.
        FileNotFoundError: If a checkpoint is missing.
    """
    layers = _layers_read(cfg.model.distillers)
    settings = cfg.train_dataloader.dataset.to_dict()
    dataset = _build_set(settings)
    _check_set(dataset)
    _check_preprocessor(cfg)
    shared = dict(
        dtype=dtype,
        precision=_precision(cfg),
        student=_preprocessor_settings(cfg),
        dataset={key: value for key, value in settings.items() if key not in _NOT_IN_KEY},
        samples=len(dataset),
        labels=_labels_of(dataset),
    )
    runs = {}
    for name, spec in specs.items():
        if name not in layers:
            continue
        seen = _modalities(spec['model'])
        replay = plan_replay(
            settings.get('pipeline', ()), dataset.pipeline.transforms, seen, f'{_PLACE}.pipeline', warp
        )
        if replay.moved and layers[name] != {'head'}:
            raise ConfigError(
                f"teacher_cache.replay='warp': distillers read {sorted(layers[name])} of the teacher {name!r}, but "
                "only the response of its layer 'head' can be moved with the crop: leave these distillers out, or the "
                'random steps that move the crop'
            )
        own = dict(
            weights=_weights_of(name, spec),
            model=spec['model'],
            input_size=spec.get('input_size'),
            layers=sorted(layers[name]),
            modalities=list(seen),
            pipeline=replay.key,
            mirrored=list(replay.pipelines),
            moved=replay.moved,
        )
        plain = json.loads(json.dumps({**own, **shared}, default=str))
        runs[name] = TeacherRun(cfg, name, sorted(layers[name]), replay, plain, dtype)
    return runs


def number_samples(settings: dict) -> None:
    """Let MMPose's ``PackPoseInputs`` of a data set keep the samples' numbers, by which their outputs are found.

    Args:
        settings: Config of the data set, changed in place.
    """
    for step in settings.get('pipeline', ()):
        if str(step['type']).rpartition('.')[2] == 'PackPoseInputs':
            default = inspect.signature(PackPoseInputs).parameters['meta_keys'].default
            step['meta_keys'] = tuple(dict.fromkeys((*step.get('meta_keys', default), *_META)))


def _begin_worker(_number: int) -> None:
    outlive_signals()


def _build_set(settings: dict) -> object:
    settings = copy.deepcopy(settings)
    number_samples(settings)
    return DATASETS.build(settings)


def _layers_read(distillers: Mapping[str, Mapping]) -> dict[str, set[str]]:
    """Return the layers that distillers read of each teacher."""
    found: dict[str, set[str]] = {}
    with own_random_numbers('teacher_cache'):
        for settings in distillers.values():
            for teacher, layers in MODELS.build(settings).teacher_taps.items() if settings else ():
                found.setdefault(teacher, set()).update(layers)
    return found


def _check_set(dataset: object) -> None:
    """Refuse sets whose samples have no numbers of their own."""
    single = isinstance(dataset, (ReproducibleDataset, BaseDataset)) and not hasattr(dataset, 'datasets')
    if not single or not hasattr(dataset, '__len__'):
        raise ConfigError(
            f'teacher_cache: {_PLACE} is a {type(dataset).__name__}, but outputs can be stored only of a single set of '
            'numbered samples, not of mixtures, wrappers and streams: name such a set, or set teacher_cache=None'
        )


def _check_preprocessor(cfg: Config) -> None:
    """Refuse preprocessors that change a batch at random."""
    if (_preprocessor_settings(cfg) or {}).get('batch_augments'):
        raise ConfigError(
            'teacher_cache: batch_augments of the data_preprocessor change images at random: leave them out, or set '
            'teacher_cache=None'
        )


def _preprocessor_settings(cfg: Config) -> Mapping | None:
    return cfg.model.get('data_preprocessor') or cfg.model.student.get('data_preprocessor')


def _labels_of(dataset: object) -> str:
    """Return a digest of the labels, or of the annotation file of a set of MMPose.

    Raises:
        ConfigError: If there is none.
    """
    digest = digest_labels(dataset)
    if digest is None and getattr(dataset, 'ann_file', ''):
        digest = digest_of_file(dataset.ann_file)
    if digest is None:
        raise ConfigError(
            f'teacher_cache: the labels of {type(dataset).__name__} have no digest, so a change would not be seen: '
            'give it a method label_digest(), or set teacher_cache=None'
        )
    return digest


def _weights_of(name: str, spec: Mapping) -> str:
    checkpoint = spec.get('checkpoint')
    if checkpoint is None or not Path(checkpoint).is_file():
        build_teacher(name, spec['model'], checkpoint)  # raises the error that names the ways to get one
    return digest_of_file(checkpoint)


def _modalities(model: Mapping) -> tuple[str, ...]:
    """Return the inputs of a teacher, as of the network that its settings describe, without building it."""
    kind = MODELS.get(model['type'])
    if issubclass(kind, BasePoseEstimator):
        return ('rgb',)
    default = inspect.signature(kind).parameters.get('modality')
    named = model.get('modality', getattr(kind, 'modality', ()) if default is None else default.default)
    return (named,) if isinstance(named, str) else tuple(named)


def _precision(cfg: Config) -> str:
    """Return the type in which a training's forward pass runs: 'float32', or that of its autocast."""
    settings = cfg.get('optim_wrapper') or {}
    kind, device = str(settings.get('type', '')).rpartition('.')[2], torch.device(get_device()).type
    if kind == 'AutocastOptimWrapper':
        amp = settings.get('amp', 'auto')
        return 'bfloat16' if (bf16_is_fast(device) if amp == 'auto' else amp) else 'float32'
    if kind == 'AmpOptimWrapper':
        return str(settings.get('dtype') or torch.get_autocast_dtype(device)).removeprefix('torch.')
    return 'float32'
