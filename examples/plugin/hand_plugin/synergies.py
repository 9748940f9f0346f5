"""An artifact: a file gathered from the training labels before the training starts, and how it is read."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log

from handkd.array_files import read_npz
from handkd.artifacts.label_file import LabelFile, complete_hands, open_labels
from handkd.files import write_atomically
from handkd.geometry import joint_angles
from handkd.registry import ARTIFACTS


@ARTIFACTS.register_module()
class SynergyFile(LabelFile):
    """Synergies of the hand: mean and principal components of the joint angles of the training labels.

    Few components describe most hand shapes (Santello et al. 1998). A config's entry is ``synergies = dict(file=PATH,
    components=8)``. Fingerprint, ``{labels}`` in the path, locking, and the refusal of a stale file come from
    ``LabelFile``; only the making and the reading are defined here.

    Args:
        cfg (Config): The config.
        file (str): Path of the file, .npz.
        components (int): Number of components, 1 to 20. Defaults to 8.
        foreign (bool): Whether the file is from other data on purpose. Defaults to False.

    Raises:
        ValueError: If ``components`` is out of range.
    """

    entry = 'synergies'
    noun = 'hand synergies'

    def __init__(self, cfg: Config, file: str, components: int = 8, foreign: bool = False) -> None:
        super().__init__(cfg, file, foreign)
        if not 1 <= components <= 20:
            raise ValueError(f'synergies: components must be from 1 to 20, found {components!r}')
        self.components = components

    def fingerprint(self) -> dict[str, object]:
        """Return that of the labels, and the number of components."""
        return dict(components=self.components) | super().fingerprint()

    def stored(self) -> Mapping:
        """Return the fingerprint that the file was written with."""
        return json.loads(str(read_synergies(self.path)['source']))

    def make(self, fingerprint: Mapping) -> None:
        """Gather the angles of all fully labelled hands and write their mean and components."""
        dataset = open_labels(self.dataset_cfg, self.noun)
        hands = list(complete_hands(dataset, self.dataset_cfg.get('on_corrupt') == 'skip'))
        joints = torch.from_numpy(np.stack([joints for joints, _ in hands]) if hands else np.empty((0, 21, 3)))
        angles, defined = joint_angles(joints, torch.tensor([left for _, left in hands], dtype=torch.bool))
        angles = angles[defined.flatten(1).all(1)].flatten(1).numpy()
        if len(angles) <= self.components:
            raise ValueError(f'synergies: {self.components} components need more than {len(angles)} complete hands')
        mean = angles.mean(0)
        basis = np.linalg.svd(angles - mean, full_matrices=False)[2][: self.components]
        content = io.BytesIO()
        np.savez(content, mean=mean, basis=basis, source=np.array(json.dumps(dict(fingerprint))))
        write_atomically(self.path, content.getvalue())
        print_log(f'hand synergies: {self.path}, from {len(angles)} hands', 'current')


def read_synergies(path: str | Path) -> dict[str, np.ndarray]:
    """Read ``mean`` (20,) and ``basis`` (components, 20) of sines and cosines, -1 to 1, and ``source``, JSON.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is damaged; names it.
    """
    arrays = read_npz(path)
    if {name: array.shape[-1:] for name, array in arrays.items()} != dict(mean=(20,), basis=(20,), source=()):
        raise ValueError(f'{path}: expected mean (20,), basis (N, 20) and source; delete the file to gather it again')
    return arrays
