"""Configs derived from one with teachers: its ablations, its baseline, and the training of a teacher."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator

from mmengine.config import Config, ConfigDict

from .hints import ConfigError, did_you_mean
from .lookup import is_mmpose_estimator
from .registry import DATASETS, MODELS

_PARTS = ('distillers', 'teachers')
_MAKERS = {'DepthToCube': ('modalities', 'depth'), 'HandMaskFromDepth': ('fields', 'hand_mask')}
"""Transform -> argument of PackHandInputs and its value, the only reason for the transform in a pipeline."""


def baseline_config(cfg: Config) -> Config:
    """Return the baseline of a distilled config: the same student, data, schedule and seed, without the knowledge.

    Teachers and distillers are left out, and so are the data loaded only for them, such as depth and masks, and
    ``GradientLogHook``, which measures the distillers.

    Args:
        cfg: A config whose model is a ``DistilledEstimator``; it is not changed.

    Raises:
        ConfigError: If its model is of another type.
    """
    if not _is_distilled(cfg):
        kind = (cfg.get('model') or {}).get('type')
        plain = str(kind).rpartition('.')[2] in ('HandPoseEstimator', 'TopdownPoseEstimator')
        reason = (
            'the config has no teachers and no distillers, so it is a baseline already; leave --baseline out'
            if plain
            else 'only the teachers and distillers of that model are left out; train the config of a baseline instead'
        )
        raise ConfigError(f'--baseline: model.type must be DistilledEstimator, found {kind}: {reason}')
    cfg = copy.deepcopy(cfg)
    set_network(cfg, cfg.model.student)
    _leave_out_measurements(cfg)
    _prune(cfg.train_dataloader.dataset, _modalities(cfg.model), _fields(()))
    return cfg


def teacher_config(cfg: Config, name: str) -> Config:
    """Return the training of a teacher of a distilled config: the same data, schedule and seed, its inputs alone.

    The training pipeline loses the steps made for the other inputs. Validation and test read the teacher's inputs
    instead of the student's; the steps that make them, such as ``DepthToCube``, are those of the training pipeline.
    Of several sets (``MixedDataset``, ``JoinedDataset``) those remain that have the teacher's inputs.

    Args:
        cfg: A config whose model is a ``DistilledEstimator``; it is not changed.
        name: Name of the teacher in ``model.teachers``.

    Raises:
        ConfigError: If it has no teacher of this name, with the nearest right one; or one without a network of its own.
    """
    teachers = (cfg.model.get('teachers') or {}) if _is_distilled(cfg) else {}
    if not teachers:
        raise ConfigError(f'--teacher {name}: {cfg.filename} has no model.teachers; leave --teacher out')
    if name not in teachers:
        raise ConfigError(f'--teacher: model.teachers has no {name!r}; {did_you_mean(name, teachers)}')
    if 'model' not in teachers[name]:
        found = sorted(teachers[name])
        raise ConfigError(
            f'--teacher {name}: model.teachers.{name} has no model of its own to train, its keys are {found}; leave '
            '--teacher out'
        )
    cfg = copy.deepcopy(cfg)
    set_network(cfg, cfg.model.teachers[name].model)
    _leave_out_measurements(cfg)
    modalities, fields = _modalities(cfg.model), _fields(())
    training = cfg.train_dataloader.dataset
    _leave_out(training, lambda inner: _packs(inner, modalities))
    makers = [step for inner in _sets_in(training) for step in inner.get('pipeline') or () if _makes(step, modalities)]
    _prune(training, modalities, fields)
    for loader in (cfg.get('val_dataloader'), cfg.get('test_dataloader')):
        if loader is not None:
            _leave_out(loader.dataset, lambda inner: _offers(inner, modalities))
            _read_instead(loader.dataset, modalities, makers)
            _prune(loader.dataset, modalities, fields)
    return cfg


def derived_config(cfg: Config, baseline: bool = False, teacher: str | None = None) -> Config:
    """Return a config, its baseline, or the training of one of its teachers.

    Args:
        cfg: The config; it is not changed.
        baseline: Whether to return its baseline (:func:`baseline_config`). Defaults to False.
        teacher: Name of the teacher to train (:func:`teacher_config`). Defaults to None: none.
    """
    if baseline:
        return baseline_config(cfg)
    return cfg if teacher is None else teacher_config(cfg, teacher)


def remove_absent_parts(cfg: Config) -> None:
    """Remove the teachers and distillers of a config that are None, in place, and the data loaded only for them.

    Args:
        cfg: Any config; without such a None it is not changed.
    """
    parts = {key: cfg.model.get(key) or {} for key in _PARTS} if _is_distilled(cfg) else {}
    if all(value is not None for part in parts.values() for value in part.values()):
        return
    for key, part in parts.items():
        cfg.model[key] = ConfigDict({name: value for name, value in part.items() if value is not None})
    if not cfg.model.teachers:  # as in configs that never had one
        del cfg.model.teachers
    if 'train_dataloader' in cfg:
        teachers = cfg.model.get('teachers', {}).values()
        networks = [cfg.model.student, *(teacher.model for teacher in teachers if 'model' in teacher)]
        modalities = set().union(*map(_modalities, networks))
        _prune(cfg.train_dataloader.dataset, modalities, _fields(cfg.model.distillers.values()))


def set_network(cfg: Config, network: ConfigDict) -> None:
    """Make a network of a distilled config its whole model, normalised as before.

    An estimator of MMPose takes one tensor, where ``DistilledEstimator`` takes images by modality.

    Args:
        cfg: The config, changed in place.
        network: The student, or a teacher's estimator.
    """
    preprocessor = cfg.model.get('data_preprocessor')
    cfg.model = network
    if preprocessor is not None:
        cfg.model.data_preprocessor = preprocessor
        by_modality = str(preprocessor.get('type')).rpartition('.')[2] == 'HandDataPreprocessor'
        if by_modality and is_mmpose_estimator(network):
            cfg.model.data_preprocessor.only = 'rgb'


def _leave_out_measurements(cfg: Config) -> None:
    """Remove the hooks that measure distillers, which a plain network has not, in place."""
    hooks = cfg.get('custom_hooks') or []
    kept = [hook for hook in hooks if str(hook.get('type')).rpartition('.')[2] != 'GradientLogHook']
    if len(kept) < len(hooks):
        cfg.custom_hooks = kept


def _is_distilled(cfg: Config) -> bool:
    return str((cfg.get('model') or {}).get('type')).rpartition('.')[2] == 'DistilledEstimator'


def _modalities(model: ConfigDict) -> set[str]:
    """Return the modalities that a network takes."""
    named = model.get('modality', 'rgb')
    return {named} if isinstance(named, str) else set(named)


def _fields(distillers: Iterable[ConfigDict]) -> set[str]:
    """Return the fields that some distillers read, but none of the given ones."""
    read = {str(distiller.get('type')).rpartition('.')[2] for distiller in distillers}
    MODELS.import_from_location()
    by_name = {name: set(getattr(cls, 'gt_fields', ())) for name, cls in MODELS.module_dict.items()}
    return set().union(*by_name.values()) - set().union(*(by_name.get(name, set()) for name in read))


def _prune(settings: ConfigDict, modalities: set[str], unread: set[str]) -> None:
    """Remove the inputs that a model does not read from a data set and its inner data sets.

    Args:
        settings: The data set's config, changed in place.
        modalities: Inputs of the networks.
        unread: Fields that are no longer read.
    """
    for inner in _sets_in(settings):
        steps = inner.get('pipeline') or []
        if not steps or steps[-1].get('type') != 'PackHandInputs':
            continue
        pack = ConfigDict(copy.deepcopy(dict(steps[-1])))
        pack.modalities = [name for name in pack.get('modalities', ['rgb']) if name in modalities]
        if 'fields' in pack:
            pack.fields = [name for name in pack.fields if name not in unread]
            if not pack.fields:
                del pack.fields
        steps = [step for step in steps[:-1] if _is_used(step, pack)]
        inner.pipeline = [*steps, pack]
        if 'modalities' in inner:
            inner.modalities = [name for name in inner.modalities if _is_loaded_for(name, steps, pack)]


def _read_instead(settings: ConfigDict, modalities: set[str], makers: list[ConfigDict]) -> None:
    """Let a data set and its inner data sets also load and pack some modalities.

    Args:
        settings: The data set's config, changed in place.
        modalities: The modalities.
        makers: Transforms that make them, inserted before the packing where they are missing.
    """
    for inner in _sets_in(settings):
        steps = inner.get('pipeline') or []
        if not steps or steps[-1].get('type') != 'PackHandInputs':
            continue
        pack = ConfigDict(copy.deepcopy(dict(steps[-1], modalities=sorted(modalities))))
        present = {step.get('type') for step in steps}
        inner.pipeline = [*steps[:-1], *(copy.deepcopy(step) for step in makers if step.type not in present), pack]
        if 'modalities' in inner:
            inner.modalities = [*inner.modalities, *sorted(modalities - set(inner.modalities))]


def _leave_out(settings: ConfigDict, fits: Callable[[ConfigDict], bool]) -> None:
    """Remove the sets that do not fit from a data set of several, in place, unless none would remain."""
    for node in _sets_in(settings):
        inner = node.get('datasets') or ()
        kept = [i for i, one in enumerate(inner) if fits(one)]
        if kept and len(kept) < len(inner):
            for key in ('datasets', 'shares', 'loss_weights', 'names'):
                if node.get(key) is not None:
                    node[key] = [node[key][i] for i in kept]


def _packs(settings: ConfigDict, modalities: set[str]) -> bool:
    """Whether the pipeline of a data set, or of one of its inner data sets, packs some modalities."""
    last = [inner.pipeline[-1] for inner in _sets_in(settings) if inner.get('pipeline')]
    return any(modalities <= set(step.get('modalities', ['rgb'])) for step in last)


def _offers(settings: ConfigDict, modalities: set[str]) -> bool:
    """Whether all readers in a data set have the images of some modalities; True for sets that are no readers."""
    DATASETS.import_from_location()
    readers = [(inner, DATASETS.get(inner.type)) for inner in _sets_in(settings)]
    images = modalities & {'rgb', 'depth'}
    return all(images <= set(kind.offers(inner)) for inner, kind in readers if hasattr(kind, 'offers'))


def _makes(step: ConfigDict, modalities: set[str]) -> bool:
    """Whether a transform makes one of some modalities."""
    argument, value = _MAKERS.get(step.get('type'), (None, None))
    return argument == 'modalities' and value in modalities


def _sets_in(settings: ConfigDict) -> Iterator[ConfigDict]:
    yield settings
    for inner in (settings.get('dataset'), *(settings.get('datasets') or ())):
        if inner is not None:
            yield from _sets_in(inner)


def _is_used(step: ConfigDict, pack: ConfigDict) -> bool:
    """Whether the result of a transform is packed; True for transforms without a result of their own."""
    argument, value = _MAKERS.get(step.get('type'), (None, None))
    return argument is None or value in pack.get(argument, ())


def _is_loaded_for(modality: str, steps: list, pack: ConfigDict) -> bool:
    """Whether a modality of a data set is packed, or used by a transform."""
    types = {step.get('type') for step in steps}
    if modality == 'mask':
        return 'hand_mask' in pack.get('fields', ())
    if modality == 'parts':
        return 'part_seg' in pack.get('fields', ())
    return modality in pack.modalities or (modality == 'depth' and bool(types & set(_MAKERS)))
