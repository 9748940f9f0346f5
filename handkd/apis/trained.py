"""Trained networks, each with the test set of its own config."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from torch import nn

from handkd.baseline import set_network
from handkd.config import load_config
from handkd.config_files import find_config
from handkd.geometry import original_pixels
from handkd.hand import BONES
from handkd.registry import DATASETS, MODELS

from .devices import find_device

BATCH = 32
"""Images that go through a network together."""


def student_config(cfg: Config) -> Config:
    """Return a copy of a config in which a distilled model is replaced by its student, the network at test time."""
    cfg = copy.deepcopy(cfg)
    if 'student' in cfg.model:
        set_network(cfg, cfg.model.student)
    return cfg


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network with its config and weights.

    Attributes:
        label: Its name in pictures and tables.
        cfg: Its config at test time; of a distilled model that of the student.
        checkpoint: Path of its weights.
    """

    label: str
    cfg: Config
    checkpoint: str | Path

    @classmethod
    def open(cls, run: str, label: str | None = None, options: dict | None = None) -> TrainedNetwork:
        """Find the config and the weights of a run.

        Args:
            run: A work dir, with the config that MMEngine has copied there and checkpoints, the newest of which is
                used; or ``CONFIG:CHECKPOINT``.
            label: Its name. Defaults to None: the name of the folder, or of the config.
            options: Overrides of its config, dotted key -> value. Defaults to None.

        Raises:
            FileNotFoundError: If the folder, its config or its checkpoint is missing.
            ValueError: If the folder holds several configs.
            ConfigError: If the config is invalid.
        """
        from .resuming import latest_checkpoint  # imports all that training needs

        if Path(run).is_dir():
            config, checkpoint = _only_config(Path(run)), latest_checkpoint(run)
            if checkpoint is None:
                raise FileNotFoundError(f'{run}: no checkpoint in this folder: train first, or name CONFIG:CHECKPOINT')
            name = Path(os.path.realpath(run)).name
        elif ':' in run:
            config, checkpoint = run.rsplit(':', 1)
            config, checkpoint = find_config(config), Path(checkpoint)
            name = config.stem
        else:
            raise FileNotFoundError(f'{run}: no such work dir; name a work dir or CONFIG.py:CHECKPOINT.pth')
        return cls(label or name, student_config(load_config(config, options)), checkpoint)

    def build(self, device: str | torch.device | None = None) -> nn.Module:
        """Return the network with its weights, in eval mode.

        Args:
            device: Device to run on. Defaults to None: the GPU if there is one, else the CPU.

        Raises:
            FileNotFoundError: If the checkpoint is missing.
            CheckpointError: If it is damaged or of another architecture.
            ValueError: If the device can't be used.
        """
        from handkd.models import load_weights  # imports MMPose's networks, and with them matplotlib

        device = find_device(device)
        with MODELS.switch_scope_and_registry('handkd'):  # MMPose's networks build their parts by the default scope
            network = MODELS.build(self.cfg.model)
        load_weights(network, self.checkpoint, owner=self.label)
        return network.to(device).eval()


def spread_indices(count: int, num: int) -> list[int]:
    """Return ``num`` evenly spaced numbers (all of them, if there are fewer) from 0 to ``count`` - 1."""
    return np.linspace(0, count - 1, min(num, count)).round().astype(int).tolist()


def read_samples(networks: Sequence[TrainedNetwork], indices: Sequence[int]) -> list[list[dict]]:
    """Return the same test images in the form that each network is given.

    Args:
        networks: The networks.
        indices: Numbers of samples in their test sets.

    Returns:
        For each network the packed samples (``inputs``, ``data_samples``), in the order of ``indices``.

    Raises:
        ValueError: If an index is not in a test set, or the test sets do not show the same images.
    """
    samples = []
    for network in networks:
        test_set = DATASETS.build(network.cfg.test_dataloader.dataset)
        beyond = [i for i in indices if not 0 <= i < len(test_set)]
        if beyond:
            raise ValueError(
                f'{network.label}: no test image {beyond[0]}: indices must be from 0 to {len(test_set) - 1}'
            )
        samples.append([test_set[i] for i in indices])
    marks = [[identify(item) for item in items] for items in samples]
    for network, other in zip(networks[1:], marks[1:]):
        check_same_images(marks[0], other, networks[0].label, network.label)
    return samples


def identify(item: dict) -> tuple[object, tuple[float, ...]]:
    """Return a key that identifies a test image, however it is cropped or rotated.

    Args:
        item: The packed sample.

    Returns:
        Its ``img_id``, and the lengths of its hand's bones: in mm, or in px of the original image if it has no 3D
        joints; empty if it has no joints at all.
    """
    sample = item['data_samples']
    labels = sample.gt_instances if 'gt_instances' in sample else {}
    if 'keypoints_cam' in labels:
        joints = labels.keypoints_cam[0]
    elif 'keypoints' in labels:
        joints = original_pixels(labels.keypoints[0], sample.get('warp_matrix', np.eye(3)))
    else:
        return sample.get('img_id'), ()
    start, end = np.transpose(BONES)
    return sample.get('img_id'), tuple(np.linalg.norm(joints[end] - joints[start], axis=-1).tolist())


def check_same_images(first: Sequence[tuple], other: Sequence[tuple], first_label: str, other_label: str) -> None:
    """Check that two test sets show the same images, by the keys of :func:`identify`.

    Raises:
        ValueError: If not; names both and the first image that differs.
    """
    if len(first) != len(other):
        raise ValueError(
            f'{first_label} and {other_label} have test sets of {len(first)} and {len(other)} images: give both the '
            'same test set, with --cfg-options'
        )
    for number, ((one, bones), (two, others)) in enumerate(zip(first, other)):
        same = one == two and (not bones or not others or np.allclose(bones, others, rtol=1e-3, atol=1e-2))
        if not same:
            hands = f'{one} here and {two} there' if one != two else f'{one} in both, but of another hand'
            raise ValueError(
                f'{first_label} and {other_label} do not show the same images: number {number} is {hands}; '
                'give both the same test set, with --cfg-options'
            )


def _only_config(folder: Path) -> Path:
    """Return the one config in a work dir."""
    found = sorted(folder.glob('*.py'))
    if not found:
        raise FileNotFoundError(
            f'{folder}: no config (*.py) in this folder: name the work dir of a run; for stages, the folder of one'
        )
    if len(found) > 1:
        names = [path.name for path in found]
        raise ValueError(f'{folder} holds several configs, {names}: name the one that ran, as CONFIG:CHECKPOINT')
    return found[0]
