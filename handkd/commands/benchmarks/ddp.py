"""Images per second of a training in two processes against one, each with one thread, in turns.

Two processes train the baseline student of PMD-Net on samples that are in memory, and exchange gradients by gloo. In
every round each of them trains some steps with the other (their images count together), and then the first one alone.
On two free cores the ratio is at most 2; what it lacks is the exchange of gradients.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import socket
import tempfile
import time
from statistics import median

import torch
from mmengine.config import Config

from handkd.apis.run_options import join_cpu_processes
from handkd.apis.runner import HandRunner, network_of
from handkd.baseline import baseline_config
from handkd.config import load_config
from handkd.registry import DATASETS

from .step import CONFIG, InMemory

PROCESSES = 2


def run(argv: list[str] | None = None) -> None:
    """Print images per second of one and of two processes, and the ratio.

    Args:
        argv: Command line without the program's name; None reads ``sys.argv``.
    """
    parser = argparse.ArgumentParser(prog='handkd benchmark ddp', description=__doc__)
    parser.add_argument('--rounds', type=int, default=8, help='measurements of one and of two processes, in turns')
    parser.add_argument('--steps', type=int, default=10, help='steps of a measurement')
    parser.add_argument('--batch-size', type=int, default=32, help='images of a step, per process')
    args = parser.parse_args(argv)

    alone, together = _measure(args)
    print(
        f'batch {args.batch_size} per process, 1 thread each on {len(os.sched_getaffinity(0))} cores; '
        f'{args.rounds} x {args.steps} steps of each, in turns'
    )
    print(f'1 process   {median(alone):8.1f} images per second (median)')
    print(f'2 processes {median(together):8.1f} images per second (median)')
    ratio = median(two / one for one, two in zip(alone, together))
    print(f'ratio       {ratio:8.2f} (2 processes / 1 process; median of the rounds)')


def _measure(args: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Return the images per second of each round, of one process and of two."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        port = server.getsockname()[1]
    context = multiprocessing.get_context('spawn')
    receiver, sender = context.Pipe(duplex=False)
    ranks = [context.Process(target=_train, args=(rank, port, args, sender)) for rank in range(PROCESSES)]
    for process in ranks:
        process.start()
    sender.close()  # so that the end of the processes is noticed
    try:
        return receiver.recv()
    except EOFError:
        raise OSError('benchmark ddp: a process failed; its message is above') from None
    finally:
        for process in ranks:
            process.join()


def _train(rank: int, port: int, args: argparse.Namespace, sender: object) -> None:
    """Train as one of the processes; the first sends images per second of each round, alone and together."""
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(PROCESSES))
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    join_cpu_processes(wrapper := Config())
    with tempfile.TemporaryDirectory() as folder:
        runner = _runner(wrapper, args, folder)
        batches = [batch for _, batch in zip(range(4), runner.train_dataloader)]
        wrapped, plain = runner.model, network_of(runner)
        optimizer = runner.build_optim_wrapper(runner.cfg.optim_wrapper)

        def measure(model: torch.nn.Module, processes: int) -> float:
            begin = time.perf_counter()
            for step in range(args.steps):
                model.train_step(batches[step % len(batches)], optimizer)
            if processes > 1:
                torch.distributed.barrier()
            return processes * args.steps * args.batch_size / (time.perf_counter() - begin)

        alone, together = [], []
        for _ in range(args.rounds + 1):  # the first one warms up
            torch.distributed.barrier()
            together.append(measure(wrapped, PROCESSES))
            if rank == 0:
                alone.append(measure(plain, 1))  # the other one waits at the barrier, without computing
        if rank == 0:
            sender.send((alone[1:], together[1:]))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def _runner(wrapper: Config, args: argparse.Namespace, folder: str) -> HandRunner:
    """Return the runner of one process, whose training data are in memory."""
    cfg = baseline_config(load_config(CONFIG))
    source = DATASETS.build(cfg.train_dataloader.dataset)
    InMemory.samples = [source[i] for i in range(4 * args.batch_size)]
    cfg.merge_from_dict(dict(wrapper, launcher='pytorch', work_dir=folder, log_level='WARNING'))
    cfg.train_dataloader = dict(
        batch_size=args.batch_size,
        num_workers=0,
        sampler=dict(type='ReproducibleSampler'),
        dataset=dict(type='InMemory'),
    )
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    runner = HandRunner.from_cfg(cfg)
    runner._train_loop = runner.build_train_loop(cfg.train_cfg)
    return runner
