"""Time of a distillation step with its teacher running and with its outputs read, against the student's own step."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from statistics import median

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import nn

from handkd.artifacts import TRAINING, ensure_artifacts
from handkd.artifacts.teacher_outputs import number_samples
from handkd.baseline import baseline_config
from handkd.config import load_config
from handkd.engine import AutocastOptimWrapper
from handkd.registry import DATASETS, MODELS

CONFIG = 'pmd/resnet18half_studio'
KINDS = ('baseline', 'losses', 'uncached', 'cached')


def run(argv: list[str]) -> None:
    """Print the median time of a step of each kind, and their ratios to the baseline's."""
    parser = argparse.ArgumentParser(prog='handkd benchmark cache', description=__doc__)
    parser.add_argument('config', nargs='?', default=CONFIG)
    parser.add_argument('--steps', type=int, default=40)
    parser.add_argument('--warmup', type=int, default=5)
    parser.add_argument('--batch-size', type=int, default=64)
    parser.add_argument('--samples', type=int, default=256)
    parser.add_argument('--dtype', default='float16')
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        steps = prepare(args, folder)
        times: dict[str, list[float]] = {kind: [] for kind in steps}
        warmup = max(args.warmup, args.samples // args.batch_size)  # each batch was seen by 'losses'
        for number in range(warmup + args.steps):
            for kind, step in steps.items():
                start = time.perf_counter()
                step(number)
                if number >= warmup:
                    times[kind].append((time.perf_counter() - start) * 1e3)
    report(args, times)


def prepare(args: argparse.Namespace, folder: str) -> dict[str, Callable[[int], None]]:
    """Return the step of each kind, on ready batches in random order, after making the cache."""
    cfg = load_config(args.config, {'train_dataloader.batch_size': args.batch_size})
    cfg.train_dataloader.dataset.length = args.samples
    for name, spec in cfg.model.teachers.items():
        spec.checkpoint = f'{folder}/{name}.pth'
        torch.save(dict(state_dict=MODELS.build(spec.model).state_dict()), spec.checkpoint)
    number_samples(cfg.train_dataloader.dataset)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))
    batches = [pseudo_collate([dataset[int(i)] for i in part]) for part in order.split(args.batch_size)]
    batches = [batch for batch in batches if len(batch['data_samples']) == args.batch_size]
    cached = Config(cfg.to_dict() | dict(teacher_cache=dict(folder=f'{folder}/cache', dtype=args.dtype)))
    ensure_artifacts(cached, *TRAINING)
    models = dict(
        baseline=MODELS.build(baseline_config(cfg).model),
        losses=MODELS.build(cfg.model),
        uncached=MODELS.build(cfg.model),
        cached=MODELS.build(cached.model),
    )
    keep_outputs(models['losses'])
    return {kind: step_of(models[kind], batches) for kind in KINDS}


def keep_outputs(model: nn.Module) -> None:
    """Let the teachers of a model give their outputs on each batch without any cost, from the second time on."""
    run_teachers, kept = model._teachers.run, {}

    def give(inputs: Mapping, data_samples: list) -> Mapping:
        key = data_samples[0].sample_idx
        if key not in kept:
            kept[key] = run_teachers(inputs, data_samples)
        return kept[key]

    model._teachers.run = give


def step_of(model: nn.Module, batches: list[dict]) -> Callable[[int], None]:
    """Return a function that trains a model one step, as MMEngine's loop does."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=5e-4, fused=True)
    wrapper = AutocastOptimWrapper(optimizer=optimizer)
    model.train()

    def step(number: int) -> None:
        batch = batches[number % len(batches)]
        model.train_step(dict(inputs=batch['inputs'], data_samples=list(batch['data_samples'])), wrapper)

    return step


def report(args: argparse.Namespace, times: Mapping[str, list[float]]) -> None:
    """Print the medians, and those of the ratios of the steps on the same batch."""
    meanings = dict(
        baseline='the student alone',
        losses="with the distillers' losses, whose teacher outputs lie ready in memory",
        uncached='with the teacher running',
        cached="with the teacher's outputs read",
    )
    print(
        f'{args.config}, batch {args.batch_size}, {args.steps} steps of each, alternating, '
        f'on {torch.get_num_threads()} threads; ratios to the baseline'
    )
    for kind, own in times.items():
        ratio = median(mine / base for mine, base in zip(own, times['baseline']))
        print(f'{kind:9s} {median(own):8.2f} ms per step (median), ratio {ratio:.3f}: {meanings[kind]}')
    reading = median(mine / base for mine, base in zip(times['cached'], times['losses']))
    print(f'reading   ratio {reading:.3f} (cached / losses)')
