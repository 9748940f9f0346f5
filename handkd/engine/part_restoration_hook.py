"""Weakly supervised training: real images learn from their own restored maps, which are made beside the training."""

from __future__ import annotations

import io
import json
import shutil
import time
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.structures import PixelData
from torch import Tensor

from handkd.datasets import MixedDataset
from handkd.datasets.label_digests import digest_labels
from handkd.files import write_atomically
from handkd.hand import PART_UNKNOWN
from handkd.hints import ConfigError
from handkd.registry import HOOKS
from handkd.restoration import PatchDictionary, RejectionStatistics, Round, RoundSettings, round_folder
from handkd.restoration.rounds import FILE as ROUND_FILE

from .restoring import WEIGHTS, Recipe, RestoringProcesses


@HOOKS.register_module()
class PartRestorationHook(Hook):
    """Gives real images the labels that restoring their predicted maps makes (Neverova et al. 2017, section 3.1).

    The training set is a ``MixedDataset`` of two sets: synthetic images with part labels, and real ones with joints
    only. Every ``interval`` steps the network's weights are kept, and processes beside the training predict the maps of
    all real images with them, restore them by a dictionary of patches, and accept those whose parts have come nearer to
    the joints. What begins at one refresh is learned from at the next one, so that training need not wait, unless
    restoring takes longer; only the first round is waited for, and serves twice. Which maps a step learns from depends
    on nothing but its number: a resumed run goes on exactly.

    A rejected image has no known part, and so no loss: it takes its place in the mixture, but teaches nothing.

    Rounds are in ``restored`` in the work dir. The real set's pipeline must give an image the
    same crop every time, for a map belongs to the crop that it was predicted from.

    Args:
        dictionary (str): Folder of the patches; a config's ``patch_dictionary`` is handed out to here.
        interval (int): Steps between refreshes.
        workers (int): Processes that restore. Defaults to 1.
        window (int): Side of the window in which patches vote, px (Eq. 2). Defaults to 17.
        stride (int): Only pixels whose row and column are multiples of it ask for a patch. Defaults to 1.
        piece (int): Images restored between two writes, which is what an interruption can lose. Defaults to 256.

    Raises:
        ValueError: If a number is less than 1.
    """

    def __init__(
        self,
        dictionary: str,
        interval: int,
        workers: int = 1,
        window: int = 17,
        stride: int = 1,
        piece: int = 256,
    ) -> None:
        for name, value in (('interval', interval), ('workers', workers), ('piece', piece)):
            if value < 1:
                raise ValueError(f'PartRestorationHook: {name} must be at least 1, found {value!r}')
        self.dictionary, self.interval, self.workers, self.piece = dictionary, interval, workers, piece
        self.restorer = dict(window=window, stride=stride)
        self._processes: dict[int, RestoringProcesses] = {}
        self._learned: int | None = None  # number of the round that the present step learns from
        self._labels: np.ndarray | None = None  # its labels of all real images

    def before_train(self, runner) -> None:
        """Check that the training set is a mixture of two.

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
        self._learned = None

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Refresh the maps if it is time, and give the real samples of the batch theirs."""
        number, step = divmod(runner.iter, self.interval)
        if self._learned is None or step == 0:
            if number == 0 or (number + 1) * self.interval < runner.max_iters:  # else nobody would learn from it
                self._begin(runner, number, fresh=step == 0)
            if self._learned != max(number - 1, 0):
                self._learned = max(number - 1, 0)
                self._labels = self._finish(runner, self._learned)
        for sample in data_batch['data_samples']:
            source, index = sample.mixed_from
            if source == 1:
                sample.gt_fields = PixelData(part_seg=torch.from_numpy(self._labels[index][None]))

    def after_train(self, runner) -> None:
        """End the processes."""
        for processes in self._processes.values():
            processes.stop()

    def _begin(self, runner, number: int, fresh: bool) -> None:
        """Start a round, with the present weights if ``fresh``, else with those that were kept for it."""
        if not is_main_process():
            return
        folder = round_folder(self._folder, number)
        cfg = runner.cfg
        recipe = Recipe(
            model=cfg.model.to_dict(),
            dataset=cfg.train_dataloader.dataset.datasets[1].to_dict(),
            dictionary=self.dictionary,
            restorer=self.restorer,
            imports=tuple((cfg.get('custom_imports') or {}).get('imports', ())),
        )
        if fresh:
            self._keep_weights(runner, folder, recipe)
            for other in self._folder.iterdir() if number == 0 else ():  # what another run has left
                if other != folder:
                    shutil.rmtree(other)
        self._processes[number] = RestoringProcesses(Round.open(folder), recipe, self.workers)

    def _keep_weights(self, runner, folder: Path, recipe: Recipe) -> None:
        """Begin a round's folder, unless it is there already, with the present weights in it."""
        network = getattr(runner.model, 'module', runner.model)
        state = {name: value.cpu() for name, value in network.state_dict().items()}
        patches = PatchDictionary.load(self.dictionary).digest
        labels = digest_labels(runner.train_loop.dataloader.dataset.datasets[1])
        sources = dict(dataset=_digest(recipe.dataset), labels=labels, model=_digest(recipe.model), dictionary=patches)
        Round.begin(folder, RoundSettings(_checksum(state), self._images, sources | self.restorer, self.piece))
        if not (folder / WEIGHTS).is_file():
            content = io.BytesIO()
            torch.save(dict(state_dict=state), content)
            write_atomically(folder / WEIGHTS, content.getvalue())

    def _finish(self, runner, number: int) -> np.ndarray:
        """Wait for a round, and return its labels (N, H, W), uint8: everything unknown where a map was rejected."""
        folder = round_folder(self._folder, number)
        if is_main_process():
            if number not in self._processes and not Round.open(folder).complete:
                self._begin(runner, number, fresh=False)
            if number in self._processes:
                self._processes.pop(number).wait()
        while not ((folder / ROUND_FILE).is_file() and Round.open(folder).complete):
            time.sleep(1)  # on other ranks than the first, and for longer than a barrier would wait
        round_ = Round.open(folder)
        statistics = RejectionStatistics()
        statistics.add(round_.verdict)
        runner.logger.info(f'{folder}: {statistics}')
        return np.where(round_.verdict.accepted[:, None, None], round_.restored, np.uint8(PART_UNKNOWN))


def _digest(settings: Mapping) -> int:
    """CRC-32 of a config."""
    return zlib.crc32(json.dumps(settings, sort_keys=True, default=str).encode())


def _checksum(state: Mapping[str, Tensor]) -> int:
    """CRC-32 of weights."""
    checksum = 0
    for name in sorted(state):
        checksum = zlib.crc32(state[name].contiguous().numpy().tobytes(), zlib.crc32(name.encode(), checksum))
    return checksum
