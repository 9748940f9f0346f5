"""Limits of joint angles from the labels of a whole set: gathered once, kept in a file, and watched."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from tqdm import tqdm

from handkd.datasets import ReproducibleDataset
from handkd.datasets.transforms import check_sample
from handkd.geometry import AngleLimits, joint_angles
from handkd.hand import JOINTS
from handkd.hints import ConfigError, check_keys
from handkd.registry import DATASETS

_CHUNK = 4096
"""Hands whose angles are computed together."""
_NOT_LABELS = ('pipeline', 'modalities', 'on_corrupt', 'data_root')
"""Settings of a data set that its labels don't depend on, or that say where it lies."""


def gather_limits(dataset_cfg: Mapping, percentile: float = 0.0, progress: bool = True) -> AngleLimits:
    """Gather the limits of joint angles from all hands of a set.

    Hands with an unlabelled joint or without a side are left out, and so are those whose files can't be read if the
    set's ``on_corrupt`` is 'skip'.

    Args:
        dataset_cfg: The config of a data set of labels in 3D; its pipeline is not used.
        percentile: As in :meth:`~handkd.geometry.AngleLimits.of`. Defaults to 0.0.
        progress: Whether to show a bar, where stderr is a terminal. Defaults to True.

    Returns:
        The limits. Their source says ``dataset``, ``data_root`` and ``split`` if the set has them, ``joint0`` (what
        joint 0 is), ``hands`` and ``left_out``, ``percentile``, and ``digest``, which changes with any setting that
        labels may depend on.

    Raises:
        ConfigError: If the set is read as a stream, or is none of handkd's kind.
        ValueError: If no hand is left, a label makes no sense, or the percentile is out of range; names the set.
        OSError: If the set or a file of it can't be read.
    """
    dataset = DATASETS.build({key: value for key, value in dataset_cfg.items() if key != 'pipeline'})
    source = {'dataset': type(dataset).__name__}
    source |= {key: str(dataset_cfg[key]) for key in ('data_root', 'split') if dataset_cfg.get(key) is not None}
    name = ', '.join(source.values())
    if not isinstance(dataset, ReproducibleDataset):
        raise ConfigError(
            f'{name}: limits of joint angles need a data set whose samples have numbers (ReproducibleDataset); of one '
            'that is streamed, gather them from what was packed'
        )
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
            'which limits of joint angles are gathered from'
        )
    source['joint0'] = dataset.metainfo.get('joint0', JOINTS[0])
    source |= dict(hands=len(values), left_out=len(dataset) - len(values), percentile=float(percentile))
    try:
        return AngleLimits.of(values, defined, percentile, source | dict(digest=settings_digest(dataset_cfg)))
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from error


def _complete_hands(dataset: ReproducibleDataset, skip: bool, progress: bool) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield the joints (21, 3), float64, of each hand that is labelled throughout, and whether it is a left one."""
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
    """Return a digest of a data set's settings, without those that have nothing to do with its labels."""
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
        raise ConfigError("angle_limits: 'file' is missing, which limits of joint angles are read from")
    return dict(percentile=0.0, foreign=False) | cfg.angle_limits.to_dict()


def ensure_limits(cfg: Config) -> None:
    """Gather the limits of joint angles that a config names, unless they are there.

    The config's ``angle_limits`` is ``dict(file=PATH, percentile=0.0, foreign=False)``; without it nothing is done.
    They are gathered from the training set. A file that is there must come from that set, with that percentile, unless
    it is ``foreign``: one that a short trial left would make other hands invalid. Several processes may do this at
    once: each writes the same, whole.

    Raises:
        ConfigError: If a key of ``angle_limits`` is unknown or missing, or the file comes from another set.
        ValueError: If the file is damaged, or nothing can be gathered.
        OSError: If the training set can't be read, or the file not written.
    """
    settings = limits_settings(cfg)
    if settings is None:
        return
    dataset_cfg, path, percentile = cfg.train_dataloader.dataset, Path(settings['file']), settings['percentile']
    if not path.is_file():
        if settings['foreign']:
            raise ConfigError(f'angle_limits: there is no {path}, and what is foreign is not gathered')
        limits = gather_limits(dataset_cfg, percentile, progress=int(os.environ.get('LOCAL_RANK', 0)) == 0)
        limits.write(path)
        print_log(f'limits of joint angles: {path}, {told(limits)}', 'current')
        return
    source = AngleLimits.read(path).source
    wanted = dict(digest=settings_digest(dataset_cfg), percentile=percentile)
    if not settings['foreign'] and any(source.get(key) != value for key, value in wanted.items()):
        raise ConfigError(
            f'the limits of joint angles in {path} come from another set, or with another percentile, than the '
            f"config's train set: {source or 'they do not say from what'}; delete the file, or choose another with "
            '--cfg-options angle_limits.file=PATH, or say that they are meant with angle_limits.foreign=True'
        )


def told(limits: AngleLimits) -> str:
    """Say what limits were gathered from."""
    source = limits.source
    where = ', '.join(source[key] for key in ('dataset', 'data_root', 'split') if key in source)
    return (
        f'from {source["hands"]} hands of {where} (left out, for want of a side or a joint: {source["left_out"]}; '
        f'percentile {source["percentile"]:g})'
    )
