"""Time of a training step on an idle machine, and with one busy process per core, in turns."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from handkd.apis.quiet_runner import QuietRunner
from handkd.baseline import baseline_config
from handkd.config import load_config

CONFIG = 'pmd/resnet18half_studio'
SPIN = 'import os\nparent = os.getppid()\nwhile os.getppid() == parent: sum(range(100000))'
"""Program of a neighbour: computes until the benchmark ends."""


class Neighbours:
    """Processes that compute all the time, suspended at first.

    Args:
        number: How many.
    """

    def __init__(self, number: int) -> None:
        self._processes = [subprocess.Popen([sys.executable, '-c', SPIN]) for _ in range(number)]
        self.rest()

    def wake(self) -> None:
        """Let them compute."""
        self._signal(signal.SIGCONT)

    def rest(self) -> None:
        """Stop them where they are."""
        self._signal(signal.SIGSTOP)

    def end(self) -> None:
        """End them for good."""
        self._signal(signal.SIGKILL)
        for process in self._processes:
            process.wait()

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes:
            process.send_signal(number)


@contextmanager
def neighbours(number: int) -> Iterator[Neighbours]:
    """Yield :class:`Neighbours`, which end with the block."""
    made = Neighbours(number)
    try:
        yield made
    finally:
        made.end()


class Alternate(Hook):
    """Times every step of the runner, data included; wakes the neighbours for every second block of steps.

    Args:
        beside: The neighbours.
        steps: Timed steps of a block.
        settle: Steps at the beginning of each block that are not timed: they use up the loader's prefetched batches.
    """

    priority = 'LOWEST'

    def __init__(self, beside: Neighbours, steps: int, settle: int) -> None:
        self.beside, self.steps, self.settle = beside, steps, settle
        self.times: dict[str, list[float]] = {'alone': [], 'beside': []}

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        self.mark = time.perf_counter()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, outputs: object = None
    ) -> None:
        """Keep the time of the step, and change over at the end of a block."""
        now = time.perf_counter()
        block, step = divmod(batch_idx, self.steps + self.settle)
        if step >= self.settle:
            self.times['beside' if block % 2 else 'alone'].append(now - self.mark)
        if step == self.steps + self.settle - 1:
            (self.beside.rest if block % 2 else self.beside.wake)()
        self.mark = time.perf_counter()


def run(argv: list[str] | None = None) -> None:
    """Print the median time of a step alone and with busy neighbours, and their ratio.

    Args:
        argv: Command line without the program's name; None reads ``sys.argv``.
    """
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(prog='handkd benchmark busy', description=__doc__)
    parser.add_argument('--rounds', type=int, default=4, help='pairs of blocks')
    parser.add_argument('--steps', type=int, default=15, help='timed steps of a block')
    parser.add_argument('--settle', type=int, default=5, help='steps before them, which are not timed')
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument('--workers', type=int, default=2, help='worker processes of the loader')
    parser.add_argument('--neighbours', type=int, default=cores, help='busy processes; default: one for each core')
    args = parser.parse_args(argv)

    cfg = baseline_config(load_config(CONFIG))
    cfg.train_cfg.max_iters = 2 * args.rounds * (args.steps + args.settle)
    loader = cfg.train_dataloader
    loader.batch_size, loader.num_workers, loader.persistent_workers = args.batch_size, args.workers, args.workers > 0
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    with tempfile.TemporaryDirectory() as cfg.work_dir, neighbours(args.neighbours) as beside:
        hook = Alternate(beside, args.steps, args.settle)
        runner = QuietRunner.from_cfg(cfg)
        runner.register_hook(hook)
        runner.train()
    alone, busy = (median(times) * 1e3 for times in hook.times.values())
    print(
        f'batch {args.batch_size}, {args.workers} workers, {torch.get_num_threads()} threads on {cores} cores; '
        f'{args.rounds} x {args.steps} steps of each, in turns'
    )
    print(f'alone    {alone:8.1f} ms per step (median)')
    print(f'beside   {busy:8.1f} ms per step (median), with {args.neighbours} busy processes')
    print(f'ratio    {busy / alone:8.2f} (beside / alone)')
