"""Weakly supervised training: real images are labelled by their own restored maps, made in parallel to the training."""

from __future__ import annotations

import io
import json
import shutil
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import get_rank, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import PixelData
from torch import Tensor

from handkd.datasets import MixedDataset
from handkd.datasets.label_digests import digest_labels
from handkd.files import write_atomically
from handkd.hand import PART_UNKNOWN
from handkd.hints import ConfigError
from handkd.needs import needs
from handkd.registry import HOOKS
from handkd.restoration import (
    PatchDictionary,
    QualityCheck,
    RejectionStatistics,
    Round,
    RoundSettings,
    round_folder,
)
from handkd.restoration.rounds import FILE as ROUND_FILE

from .restoring import WEIGHTS, Recipe, RestoringProcesses


@HOOKS.register_module()
@needs(dictionary='patch_dictionary.folder')
class PartRestorationHook(Hook):
    """Labels real images by restored maps of their own predictions: self-training (Neverova et al. 2017, section 3.1).

    The training set is a ``MixedDataset`` of two sets: synthetic images with part labels, and real ones with joints
    only. Every ``interval`` steps a round (self-training iteration) begins: the network's weights are saved, and
    processes parallel to the training predict the maps of all real images with them, restore them by a dictionary of
    patches, and accept those whose parts have moved nearer to the joints. The maps of one round are used from the next
    refresh on, so training need not wait unless restoring takes longer; only the first round is waited for, and is used
    for two intervals. The maps used in a step depend on its number only, so a resumed run continues exactly. A run
    resumed with other settings makes its rounds again from the weights that were saved for them.

    The paper writes about the accepted images: "For images where this is the case, the segmentation network is
    updated". So an accepted image, drawn anew in each step, replaces a rejected one. While none is accepted, the real
    images of a batch have no known part, and so no loss.

    Rounds are in ``restored`` in the work dir. The real set's pipeline must give an image the same crop every time,
    because a map is valid only for the crop from which it was predicted.

    Args:
        dictionary (str): Folder of the patch dictionary; set from a config's ``patch_dictionary``.
        interval (int): Steps between refreshes.
        workers (int): Processes that restore. Defaults to 1.
        window (int): Side of the window in which patches vote, px (Eq. 2). Defaults to 17.
        stride (int): Patches are searched only for pixels whose row and column are multiples of it. Defaults to 1.
        piece (int): Images restored between two writes: most that an interruption can lose. Defaults to 256.
        missing (float): Cost of a missing part in the quality check, px of the maps; see
            :class:`~handkd.restoration.QualityCheck` for the reason. Defaults to 5.0.
        tolerance (float): Largest increase of the sum of the distances over the joints in an accepted map, px,
            exclusive. Defaults to 0.0: the sum must decrease, as in the paper.
        joints (Sequence[str], optional): Names of the joints by which maps are judged. Joints without a label are left
            out. Defaults to None: all 20 that have a part.
        probes (int): Lists of the dictionary's index that are searched, see
            :class:`~handkd.restoration.IndexedSearch`; a small dictionary, which has no index, is searched exactly.
            Defaults to 16.
        rerank (int): Patches that are compared exactly. Defaults to 200.

    Raises:
        ValueError: If a number is out of range, or a joint does not exist.
    """

    def __init__(
        self,
        dictionary: str,
        interval: int,
        workers: int = 1,
        window: int = 17,
        stride: int = 1,
        piece: int = 256,
        missing: float = 5.0,
        tolerance: float = 0.0,
        joints: Sequence[str] | None = None,
        probes: int = 16,
        rerank: int = 200,
    ) -> None:
        numbers = dict(interval=interval, workers=workers, piece=piece, probes=probes, rerank=rerank)
        for name, value in numbers.items():
            if value < 1:
                raise ValueError(f'PartRestorationHook: {name} must be at least 1, found {value!r}')
        self.dictionary, self.interval, self.workers, self.piece = dictionary, interval, workers, piece
        self.restorer = dict(window=window, stride=stride)
        self.search = dict(probes=probes, rerank=rerank)
        self.quality = QualityCheck(missing, tolerance, joints)
        self._processes: dict[int, RestoringProcesses] = {}
        self._learned: int | None = None  # number of the round that the present step learns from
        self._labels: np.ndarray | None = None  # its labels of all real images
        self._accepted: np.ndarray | None = None  # the images whose labels are known, ascending

    def before_train(self, runner: Runner) -> None:
        """Check that the training set is a mixture of two sets.

        Raises:
            ConfigError: If it is not.
        """
        mixed = runner.train_loop.dataloader.dataset
        if not isinstance(mixed, MixedDataset) or len(mixed.datasets) != 2:
            raise ConfigError(
                'PartRestorationHook needs a training set of type MixedDataset with two sets, synthetic images with '
                f'part labels and real ones with joints; found {type(mixed).__name__}'
            )
        self._folder = Path(runner.work_dir) / 'restored'
        self._images = len(mixed.datasets[1])
        self._recipe = self._recipe_of(runner.cfg)
        self._made_with = dict(
            dataset=_digest(self._recipe.dataset),
            labels=digest_labels(mixed.datasets[1]),
            model=_digest(self._recipe.model),
            dictionary=PatchDictionary.load(self.dictionary).digest,
            quality=self.quality.settings(),
            **self.restorer,
            **self.search,
        )
        self._learned = None

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Refresh the maps if due, and label the real samples of the batch by them."""
        number, step = divmod(runner.iter, self.interval)
        if self._learned is None and runner.iter > 0:
            self._follow_the_config(runner, {max(number - 1, 0), number})
        if self._learned is None or step == 0:
            if number == 0 or (number + 1) * self.interval < runner.max_iters:  # otherwise it would never be used
                self._begin(runner, number, fresh=step == 0)
            if self._learned != max(number - 1, 0):
                self._learned = max(number - 1, 0)
                self._labels, self._accepted = self._finish(runner, self._learned)
        self._draw_accepted(runner, data_batch)
        for sample in data_batch['data_samples']:
            source, index = sample.mixed_from
            if source == 1:
                sample.gt_fields = PixelData(part_seg=torch.from_numpy(self._labels[index][None]))

    def _draw_accepted(self, runner: Runner, data_batch: dict) -> None:
        """Replace rejected images by accepted ones, chosen by seed, step, rank and place in the batch."""
        samples = data_batch['data_samples']
        rejected = [i for i, sample in enumerate(samples) if self._is_rejected(*sample.mixed_from)]
        if not rejected or not len(self._accepted):
            return
        rng = np.random.default_rng([runner.seed, runner.iter, get_rank()])
        drawn = rng.choice(self._accepted, len(samples))[rejected].tolist()
        real = runner.train_loop.dataloader.dataset.datasets[1]
        for i, index, item in zip(rejected, drawn, real.__getitems__(drawn)):
            item['data_samples'].set_metainfo(dict(mixed_from=(1, index)))
            samples[i] = item['data_samples']
            for name, image in item['inputs'].items():
                data_batch['inputs'][name][i] = image

    def _is_rejected(self, source: int, index: int) -> bool:
        """Whether a sample of the mixture is a real image whose restored map was rejected."""
        return source == 1 and not np.isin(index, self._accepted)

    def after_train(self, runner: Runner) -> None:
        """End the processes."""
        for processes in self._processes.values():
            processes.stop()

    def _begin(self, runner: Runner, number: int, fresh: bool) -> None:
        """Start a round, with the current weights if ``fresh``, otherwise with those saved for it."""
        if not is_main_process():
            return
        folder = round_folder(self._folder, number)
        if fresh:
            self._keep_weights(runner, folder)
            for other in self._folder.iterdir() if number == 0 else ():  # rounds of an earlier run
                if other != folder:
                    shutil.rmtree(other)
        self._processes[number] = RestoringProcesses(Round.open(folder), self._recipe, self.workers)

    def _recipe_of(self, cfg: Config) -> Recipe:
        """Return the settings by which the maps are made."""
        return Recipe(
            model=cfg.model.to_dict(),
            dataset=cfg.train_dataloader.dataset.datasets[1].to_dict(),
            dictionary=self.dictionary,
            search=self.search,
            restorer=self.restorer,
            quality=self.quality,
            imports=tuple((cfg.get('custom_imports') or {}).get('imports', ())),
        )

    def _keep_weights(self, runner: Runner, folder: Path) -> None:
        """Create a round's folder with the current weights, unless it exists already."""
        network = getattr(runner.model, 'module', runner.model)
        state = {name: value.cpu() for name, value in network.state_dict().items()}
        Round.begin(folder, RoundSettings(_checksum(state), self._images, self._made_with, self.piece))
        if not (folder / WEIGHTS).is_file():
            content = io.BytesIO()
            torch.save(dict(state_dict=state), content)
            write_atomically(folder / WEIGHTS, content.getvalue())

    def _follow_the_config(self, runner: Runner, numbers: Iterable[int]) -> None:
        """Restart rounds that the resumed run has made with other settings."""
        if not is_main_process():
            return
        for number in numbers:
            folder = round_folder(self._folder, number)
            if not (folder / ROUND_FILE).is_file():
                continue
            found = Round.open(folder)
            old = found.settings.made_with
            if others := sorted(key for key, value in self._made_with.items() if old.get(key) != value):
                runner.logger.warning(
                    f'{folder}: its maps were made with another {", ".join(others)} than the config has; they are made '
                    'again from the saved weights'
                )
                found.remade(self._made_with)

    def _finish(self, runner: Runner, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Wait for a round; return its labels (N, H, W), uint8, unknown if rejected, and indices of accepted images."""
        folder = round_folder(self._folder, number)
        if is_main_process():
            if number not in self._processes and not Round.open(folder).complete:
                self._begin(runner, number, fresh=False)
            if number in self._processes:
                self._processes.pop(number).wait()
        while not self._is_made(folder):
            time.sleep(1)  # on ranks other than the first; a barrier would time out
        round_ = Round.open(folder)
        statistics = RejectionStatistics()
        statistics.add(round_.verdict)
        runner.logger.info(f'{folder}: {statistics}')
        accepted = round_.verdict.accepted
        if not accepted.any():
            runner.logger.warning(
                f'{folder}: no restored map was accepted; real images have no loss until the next round'
            )
        labels = np.where(accepted[:, None, None], round_.restored, np.uint8(PART_UNKNOWN))
        return labels, np.flatnonzero(accepted)

    def _is_made(self, folder: Path) -> bool:
        """Whether a round is complete, and made with the settings of the config."""
        if not (folder / ROUND_FILE).is_file():
            return False
        found = Round.open(folder)
        return found.settings.made_with == self._made_with and found.complete


def _digest(settings: Mapping) -> int:
    """Return the CRC-32 of a config."""
    return zlib.crc32(json.dumps(settings, sort_keys=True, default=str).encode())


def _checksum(state: Mapping[str, Tensor]) -> int:
    """Return the CRC-32 of weights."""
    checksum = 0
    for name in sorted(state):
        checksum = zlib.crc32(state[name].contiguous().numpy().tobytes(), zlib.crc32(name.encode(), checksum))
    return checksum
