"""Limits of joint angles from the labels of a whole set: gathered once, kept in a file, and checked on use."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log

from handkd.geometry import AngleLimits, joint_angles
from handkd.hand import JOINTS
from handkd.registry import ARTIFACTS

from .label_file import LabelFile, complete_hands, describe, label_fingerprint, open_labels

_CHUNK = 4096
"""Hands whose angles are computed together."""
_NOUN = 'limits of joint angles'


@ARTIFACTS.register_module()
class AngleLimitsFile(LabelFile):
    """Limits of joint angles, a file of :class:`~handkd.geometry.AngleLimits`: ``angle_limits`` of a config.

    Limits from other data at the same path would mark other hands as invalid, so they are refused.

    Args:
        cfg: The config.
        file: As in :class:`~handkd.artifacts.label_file.LabelFile`.
        percentile: As in :meth:`~handkd.geometry.AngleLimits.of`. Defaults to 0.0.
        foreign: As in :class:`~handkd.artifacts.label_file.LabelFile`. Defaults to False.
    """

    entry = 'angle_limits'
    noun = _NOUN

    def __init__(self, cfg: Config, file: str, percentile: float = 0.0, foreign: bool = False) -> None:
        super().__init__(cfg, file, foreign)
        self.percentile = percentile

    def fingerprint(self) -> dict[str, object]:
        """Return that of the labels, and ``percentile``; see :meth:`LabelFile.fingerprint`."""
        return dict(percentile=float(self.percentile)) | super().fingerprint()

    def stored(self) -> Mapping:
        """Return the source of the limits in the file; see :meth:`LabelFile.stored`."""
        return AngleLimits.read(self.path).source

    def make(self, fingerprint: Mapping) -> None:
        """Gather the limits and write them; see :meth:`Artifact.make`."""
        limits = gather_limits(self.dataset_cfg, self.percentile)
        limits.write(self.path)
        print_log(f'limits of joint angles: {self.path}, {describe_limits(limits)}', 'current')


def gather_limits(dataset_cfg: Mapping, percentile: float = 0.0) -> AngleLimits:
    """Gather the limits of joint angles from all hands of a set.

    Hands with an unlabelled joint or without a side are left out, and so are those whose files can't be read if the
    set's ``on_corrupt`` is 'skip'.

    Args:
        dataset_cfg: The config of a data set of labels in 3D; its pipeline is not used.
        percentile: As in :meth:`~handkd.geometry.AngleLimits.of`. Defaults to 0.0.

    Returns:
        The limits. Their source has ``dataset``, ``data_root`` and ``split`` if the set has them, ``joint0`` (what
        joint 0 is), ``hands`` and ``left_out``, ``percentile``, ``digest``, which changes with any setting that labels
        may depend on, and ``labels``, the digest of the labels themselves.

    Raises:
        ConfigError: If the set is streamed, or is not a :class:`~handkd.datasets.ReproducibleDataset`.
        ValueError: If no hand is left, a label is invalid, or the percentile is out of range; names the set.
        OSError: If the set or a file of it can't be read.
    """
    dataset = open_labels(dataset_cfg, _NOUN)
    source = describe(dataset, dataset_cfg)
    name = ', '.join(source.values())
    hands = complete_hands(dataset, dataset_cfg.get('on_corrupt') == 'skip')
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
    source |= dict(percentile=float(percentile)) | label_fingerprint(dataset, dataset_cfg)
    try:
        return AngleLimits.of(values, defined, percentile, source)
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from error


def describe_limits(limits: AngleLimits) -> str:
    """Describe the labels that limits were gathered from."""
    source = limits.source
    where = ', '.join(source[key] for key in ('dataset', 'data_root', 'split') if key in source)
    return (
        f'from {source["hands"]} hands of {where} (left out, without a side or a joint: {source["left_out"]}; '
        f'percentile {source["percentile"]:g})'
    )
