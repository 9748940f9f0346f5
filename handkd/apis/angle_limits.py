"""Limits of joint angles from the labels of a whole set: gathered once, kept in a file, and checked on use."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from tqdm import tqdm

from handkd.config import takers
from handkd.datasets import ReproducibleDataset
from handkd.datasets.transforms import check_sample
from handkd.geometry import AngleLimits, joint_angles
from handkd.hand import JOINTS
from handkd.hints import ConfigError, check_keys
from handkd.registry import DATASETS

_CHUNK = 4096
"""Hands whose angles are computed together."""
LABELS = '{labels}'
"""Placeholder in a file name for the digest of everything that the limits depend on."""
_NOT_LABELS = ('pipeline', 'modalities', 'on_corrupt', 'data_root')
"""Settings of a data set that its labels don't depend on, or that give its folder."""


def gather_limits(dataset_cfg: Mapping, percentile: float = 0.0, progress: bool = True) -> AngleLimits:
    """Gather the limits of joint angles from all hands of a set.

    Hands with an unlabelled joint or without a side are left out, and so are those whose files can't be read if the
    set's ``on_corrupt`` is 'skip'.

    Args:
        dataset_cfg: The config of a data set of labels in 3D; its pipeline is not used.
        percentile: As in :meth:`~handkd.geometry.AngleLimits.of`. Defaults to 0.0.
        progress: Whether to show a bar, where stderr is a terminal. Defaults to True.

    Returns:
        The limits. Their source has ``dataset``, ``data_root`` and ``split`` if the set has them, ``joint0`` (what
        joint 0 is), ``hands`` and ``left_out``, ``percentile``, ``digest``, which changes with any setting that labels
        may depend on, and ``labels``, the digest of the labels themselves.

    Raises:
        ConfigError: If the set is streamed, or is not a :class:`~handkd.datasets.ReproducibleDataset`.
        ValueError: If no hand is left, a label is invalid, or the percentile is out of range; names the set.
        OSError: If the set or a file of it can't be read.
    """
    dataset, source = _open(dataset_cfg)
    name = ', '.join(source.values())
    hands = _complete_hands(dataset, dataset_cfg.get('on_corrupt') == 'skip', progress)
    values, defined = [np.empty((0, 5, 4))], [np.empty((0, 5, 4), bool)]
    while chunk := list(islice(hands, _CHUNK)):
        joints, left = zip(*chunk)
        for column, found in zip(
            (values, defined), joint_angles(torch.from_numpy(np.stack(joints)), torch.tensor(left))
        ):
            column.append(found.numpy())
    values, defined = np.concatenate(values), np.concatenate(defined)
    if not len(values):
        raise ValueError(
            f'{name}: none of {len(dataset)} hands has a side and all 21 joints in 3D (hand_side, keypoints_cam), '
            'which are needed to gather limits of joint angles'
        )
    source['joint0'] = dataset.metainfo.get('joint0', JOINTS[0])
    source |= dict(hands=len(values), left_out=len(dataset) - len(values))
    try:
        return AngleLimits.of(values, defined, percentile, source | _known_by(dataset, dataset_cfg, percentile))
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from error


def _open(dataset_cfg: Mapping) -> tuple[ReproducibleDataset, dict[str, str]]:
    """Open a set of labels, and return it with a description of its source."""
    dataset = DATASETS.build({key: value for key, value in dataset_cfg.items() if key != 'pipeline'})
    source = {'dataset': type(dataset).__name__}
    source |= {key: str(dataset_cfg[key]) for key in ('data_root', 'split') if dataset_cfg.get(key) is not None}
    if not isinstance(dataset, ReproducibleDataset):
        raise ConfigError(
            f'{", ".join(source.values())}: limits of joint angles need a data set with indexed samples '
            '(ReproducibleDataset); for a streamed set, gather them from the data set that was packed'
        )
    return dataset, source


def _known_by(dataset: ReproducibleDataset, dataset_cfg: Mapping, percentile: float) -> dict[str, object]:
    """Return the keys that identify limits: two sets that agree in all of them have the same limits."""
    return dict(percentile=float(percentile), digest=settings_digest(dataset_cfg), labels=dataset.label_digest())


def _complete_hands(dataset: ReproducibleDataset, skip: bool, progress: bool) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield the joints (21, 3), float64, mm, camera frame, of each fully labelled hand, and whether it is a left hand.

    Hands whose files can't be read are left out if ``skip`` is set.
    """
    for index in tqdm(range(len(dataset)), desc='gathering joint angles', disable=None if progress else True):
        try:
            sample = dataset.get_labels(index)
        except OSError:
            if skip:
                continue
            raise
        check_sample(sample)
        joints, side = sample.get('keypoints_cam'), sample.get('hand_side')
        if joints is not None and side is not None and (sample['keypoints_valid'] > 0).all():
            yield joints[0].astype(np.float64), side == 'left'


def settings_digest(dataset_cfg: Mapping) -> str:
    """Return a digest of a data set's settings, without those that don't affect its labels."""
    settings = {key: value for key, value in dataset_cfg.items() if key not in _NOT_LABELS}
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:12]


def limits_settings(cfg: Config) -> dict | None:
    """Return ``file``, ``percentile`` and ``foreign`` of a config's ``angle_limits``, or None if it has none.

    Raises:
        ConfigError: If a key is unknown, or ``file`` is missing.
    """
    if cfg.get('angle_limits') is None:
        return None
    check_keys(cfg.angle_limits, ('file', 'percentile', 'foreign'), 'angle_limits')
    if 'file' not in cfg.angle_limits:
        raise ConfigError("angle_limits: 'file' is missing, the path of the limits of joint angles")
    return dict(percentile=0.0, foreign=False) | cfg.angle_limits.to_dict()


def ensure_limits(cfg: Config) -> None:
    """Gather the limits of joint angles that a config names, unless their file exists.

    The config's ``angle_limits`` is ``dict(file=PATH, percentile=0.0, foreign=False)``; without it nothing is done.
    They are gathered from the training set. ``{labels}`` in the path stands for a digest of that set's settings and
    labels and of the percentile, so that each set has its own file, whatever data are at its ``data_root``; the
    config is changed to name that file. An existing file must come from that set, those labels and that percentile,
    unless it is ``foreign``: limits from other data at the same path would mark other hands as invalid.
    Several processes may do this at once: each writes the same file atomically.

    Raises:
        ConfigError: If a key of ``angle_limits`` is unknown or missing, or the file comes from another set or from
            other labels.
        ValueError: If the file is damaged, or nothing can be gathered.
        OSError: If the training set can't be read, or the file can't be written. If the training set is missing, the
            only file that matches the path is used unchecked, with a warning.
    """
    settings = limits_settings(cfg)
    if settings is None:
        return
    path = Path(settings['file'])
    if settings['foreign']:
        if not path.is_file():
            raise ConfigError(
                f'angle_limits: {path} is missing; foreign limits are not gathered: name an existing file'
            )
        return
    percentile = settings['percentile']
    try:
        if not cfg.get('train_dataloader'):
            raise FileNotFoundError(
                'angle_limits: the config has no train_dataloader, whose set they are gathered from'
            )
        dataset_cfg = cfg.train_dataloader.dataset
        wanted = _known_by(_open(dataset_cfg)[0], dataset_cfg, percentile)
    except FileNotFoundError as error:
        files = sorted(path.parent.glob(path.name.replace(LABELS, '*')))
        if len(files) > 1:
            raise ConfigError(
                f'angle_limits: the training set is missing ({error}), and several files of limits match: '
                f'choose one of {[str(file) for file in files]} with --cfg-options angle_limits.file=PATH'
            ) from error
        if not files:
            raise
        _set_file(cfg, settings['file'], str(files[0]))
        print_log(f'{files[0]} is used unchecked, since its labels are missing: {error}', 'current', logging.WARNING)
        return
    path = _name_file(cfg, settings['file'], wanted)
    if path.is_file():
        _check_limits(path, wanted)
        return
    limits = gather_limits(dataset_cfg, percentile, progress=int(os.environ.get('LOCAL_RANK', 0)) == 0)
    limits.write(path)
    print_log(f'limits of joint angles: {path}, {told(limits)}', 'current')


def _check_limits(path: Path, wanted: Mapping) -> None:
    """Raise a ConfigError unless a file of limits has the wanted keys (:func:`_known_by`)."""
    source = AngleLimits.read(path).source
    if any(source.get(key) != value for key, value in wanted.items()):
        raise ConfigError(
            f'the limits of joint angles in {path} come from another set, from other labels, or with another '
            f"percentile, than the config's train set: found {source or 'no source'}, expected "
            f'{dict(wanted)}; delete the file, or choose another with --cfg-options angle_limits.file=PATH, or accept '
            'it with angle_limits.foreign=True'
        )


def _name_file(cfg: Config, template: str, wanted: Mapping) -> Path:
    """Return the file of the limits with the keys ``wanted``, and put it into the config."""
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:12]
    return _set_file(cfg, template, template.replace(LABELS, digest))


def _set_file(cfg: Config, template: str, file: str) -> Path:
    """Replace a file's template, in a config's ``angle_limits`` and in all settings that take them; return the file."""
    for node in [cfg.angle_limits, *takers(cfg, 'angle_limits')]:
        for key in ('file', 'limits'):
            if node.get(key) == template:
                node[key] = file
    return Path(file)


def name_limits(cfg: Config, percentile: float) -> Path:
    """Return the file that the config's limits are written to, with ``{labels}`` filled in.

    Args:
        cfg: A config with ``angle_limits``; changed to name that file.
        percentile: That of the limits, from 0 to 100.
    """
    dataset_cfg = cfg.train_dataloader.dataset
    return _name_file(cfg, cfg.angle_limits.file, _known_by(_open(dataset_cfg)[0], dataset_cfg, percentile))


def told(limits: AngleLimits) -> str:
    """Describe the labels that limits were gathered from."""
    source = limits.source
    where = ', '.join(source[key] for key in ('dataset', 'data_root', 'split') if key in source)
    return (
        f'from {source["hands"]} hands of {where} (left out, without a side or a joint: {source["left_out"]}; '
        f'percentile {source["percentile"]:g})'
    )
