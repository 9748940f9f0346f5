"""Processes that make a round of restored maps: predict, restore, judge, write."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import faiss
import numba  # before the workers of a training fork: they share what is loaded
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.utils import import_modules_from_strings

from handkd.models import load_weights
from handkd.registry import DATASETS, MODELS
from handkd.restoration import QualityCheck, Restorer, Round, judge, open_search

WEIGHTS, ERROR = 'weights.pth', 'error_{}.txt'
_BATCH = 32


@dataclass(frozen=True)
class Recipe:
    """Settings by which the maps of a round are made; plain containers only, so that they can be sent to a new process.

    Attributes:
        model: Config of the segmentation network.
        dataset: Config of the data set; its samples have depth and, as labels, the 2D joints.
        dictionary: Folder of the patch dictionary.
        search: ``probes`` and ``rerank`` of :func:`~handkd.restoration.open_search`. Defaults to {}.
        restorer: ``window`` and ``stride`` of :class:`~handkd.restoration.Restorer`. Defaults to {}.
        quality: Settings of the quality check. Defaults to QualityCheck().
        imports: Modules of plugins to import first. Defaults to ().
    """

    model: dict
    dataset: dict
    dictionary: str
    search: dict = field(default_factory=dict)
    restorer: dict = field(default_factory=dict)
    quality: QualityCheck = QualityCheck()
    imports: tuple[str, ...] = ()


class RestoringProcesses:
    """Processes that write the pieces of a round; they outlive this one by at most one piece.

    Args:
        round_: The round; its folder holds the weights.
        recipe: Settings of the round's maps.
        number: Number of processes.
    """

    def __init__(self, round_: Round, recipe: Recipe, number: int) -> None:
        self.round = round_
        for old in round_.folder.glob(ERROR.format('*')):
            old.unlink()
        context = multiprocessing.get_context('spawn')  # the threads of FAISS and OpenMP don't survive a fork
        shares = [round_.missing[i::number] for i in range(number)]
        self._processes = [
            context.Process(target=_write_pieces, args=(round_.folder, recipe, share, i, os.getpid()), daemon=True)
            for i, share in enumerate(shares)
            if share
        ]
        # Ctrl-C is handled by the training, which then ends these processes; they are started ignoring it.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for process in self._processes:
                process.start()
        finally:
            signal.signal(signal.SIGINT, before)

    def wait(self) -> None:
        """Wait until all have ended.

        Raises:
            ChildProcessError: If one was killed.
            RuntimeError: If one has failed; gives the reason.
        """
        for process in self._processes:
            process.join()
        errors = [path.read_text().strip() for path in sorted(self.round.folder.glob(ERROR.format('*')))]
        if errors:
            raise RuntimeError(f'restoring part maps in {self.round.folder} failed: {errors[0].splitlines()[-1]}')
        codes = [process.exitcode for process in self._processes if process.exitcode]
        if codes:
            raise ChildProcessError(
                f'a process that restores part maps in {self.round.folder} ended with code {codes[0]}, as when the '
                'system kills it because memory runs out: written pieces are kept; resume the training with --resume, '
                'with fewer workers of the hook or the dataloaders'
            )

    def stop(self) -> None:
        """End the processes; written pieces are kept."""
        for process in self._processes:
            process.terminate()
            process.join()


def _write_pieces(folder: Path, recipe: Recipe, pieces: Sequence[int], number: int, parent: int) -> None:
    """Write pieces in a process of their own, and an exception to a file; stops when the parent has ended."""
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    try:
        import_modules_from_strings(list(recipe.imports))
        init_default_scope('handkd')
        write_pieces(Round.open(folder), recipe, pieces, lambda: os.getppid() == parent)
    except Exception:
        (folder / ERROR.format(number)).write_text(traceback.format_exc())


def write_pieces(
    round_: Round, recipe: Recipe, pieces: Sequence[int], go_on: Callable[[], bool] = lambda: True
) -> None:
    """Write pieces of a round.

    Args:
        round_: The round; its folder holds the weights.
        recipe: Settings of the round's maps.
        pieces: Numbers of the pieces.
        go_on: Called before each piece, which is made only if it returns True. By default all are made.

    Raises:
        ValueError: If the set has no 2D joints, or the network predicts no parts; names the image.
        OSError: If the set, the weights or the dictionary can't be read.
    """
    dataset, network = DATASETS.build(recipe.dataset), MODELS.build(recipe.model)
    load_weights(network, round_.folder / WEIGHTS)
    network.eval()
    restorer = Restorer(open_search(recipe.dictionary, **recipe.search), **recipe.restorer)
    for piece in pieces:
        if not go_on():
            return
        indices = round_.indices_of(piece)
        predicted, labels = [], []
        for start in range(0, len(indices), _BATCH):
            items = dataset.__getitems__(list(indices[start : start + _BATCH]))
            labels.extend(_labels(item['data_samples'], round_.folder) for item in items)
            with torch.no_grad():
                samples = network.test_step(pseudo_collate(items))
            predicted.extend(sample.pred_fields.part_seg[0] for sample in samples)
        maps = np.stack(predicted)
        restored = restorer(maps)
        round_.write(piece, maps, restored, judge(maps, restored, *map(np.stack, zip(*labels)), recipe.quality))


def _labels(sample, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the true 2D joints of a sample (21, 2), px of the network's input, and which have a label (21,)."""
    instances = sample.gt_instances
    if 'keypoints' not in instances:
        raise ValueError(
            f'image {sample.get("img_id")!r} of the set restored in {folder} has no 2D joints, by which restored maps '
            'are judged: the data set must give them and PackHandInputs must keep them'
        )
    joints = np.asarray(instances.keypoints[0], np.float64)
    valid = instances.get('keypoints_valid')
    return joints, np.ones(len(joints)) if valid is None else np.asarray(valid[0])
