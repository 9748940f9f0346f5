"""Time of a distillation step in the runner against the same step in a bare PyTorch loop."""

from __future__ import annotations

import argparse
import tempfile
import time
from statistics import median

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.nn import functional as F

from handkd.config import load_config
from handkd.engine import bf16_is_fast
from handkd.models.targets import stack_joints
from handkd.registry import DATASETS, MODELS

CONFIG = 'pmd/resnet18half_studio'
FEATURES = ('neck', 'head.branches.x.relu2', 'head.branches.y.relu2', 'head.branches.z.relu2')
WEIGHTS = (1 / 16, 5 / 16, 5 / 16, 5 / 16)


@DATASETS.register_module()
class InMemory(torch.utils.data.Dataset):
    """Samples made before the measurement; in the class, since a config holds plain values only."""

    samples: list = []

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> dict:
        return self.samples[index]


class BareLoop:
    """PMD-Net's stage II without a framework, on ready batches."""

    def __init__(self, model: torch.nn.Module, samples: list, batch_size: int) -> None:
        self.student, self.teacher = model.student, model.teachers['depth']
        self.optimizer = torch.optim.Adam(self.student.parameters(), lr=1e-3, weight_decay=5e-4, fused=True)
        self.amp = bf16_is_fast('cpu')
        self.features: dict[str, torch.Tensor] = {}
        for net, name in ((self.student, 'student'), (self.teacher, 'teacher')):
            for layer in FEATURES:
                net.get_submodule(layer).register_forward_hook(self._keep(f'{name}.{layer}'))
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]))
        self.batches = []
        for start in range(0, len(samples), batch_size):
            batch = samples[start : start + batch_size]
            rgb = torch.stack([s['inputs']['rgb'] for s in batch])
            depth = torch.stack([s['inputs']['depth'] for s in batch])
            joints, _ = stack_joints([s['data_samples'] for s in batch], torch.device('cpu'))
            target = joints - joints[:, 9:10]
            target = target / target[:, 0].norm(dim=-1)[:, None, None]
            self.batches.append((rgb, depth, target))
        self.mean, self.std, self.turn = mean, std, 0

    def _keep(self, name: str):
        def hook(_module, _inputs, output):
            self.features[name] = output[-1] if isinstance(output, tuple) else output

        return hook

    def step(self) -> None:
        """Train one step."""
        rgb, depth, target = self.batches[self.turn % len(self.batches)]
        self.turn += 1
        image = ((rgb.flip(1).float() - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        with torch.autocast('cpu', torch.bfloat16, enabled=self.amp):
            with torch.no_grad():
                self.teacher.head(self.teacher.neck(self.teacher.backbone(depth)))
            pred = self.student.head(self.student.neck(self.student.backbone(image))).xyz
            loss = 100 * (pred.float() - target).flatten(1).norm(dim=1).mean()
            for layer, weight in zip(FEATURES, WEIGHTS):
                pair = (self.features[f'{name}.{layer}'].float() for name in ('student', 'teacher'))
                loss = loss + weight * F.l1_loss(*pair, reduction='sum') / len(rgb)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


class Interleave(Hook):
    """Times every step of the runner, data included, and runs a bare step after each."""

    priority = 'LOWEST'

    def __init__(self, bare: BareLoop, warmup: int) -> None:
        self.bare, self.warmup = bare, warmup
        self.times: dict[str, list[float]] = {'runner': [], 'bare': []}

    def before_train(self, runner) -> None:
        self.mark = time.perf_counter()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        now = time.perf_counter()
        self.bare.step()
        end = time.perf_counter()
        if batch_idx >= self.warmup:
            self.times['runner'].append(now - self.mark)
            self.times['bare'].append(end - now)
        self.mark = end


def run(argv: list[str]) -> None:
    """Print the median time of both and their ratio."""
    parser = argparse.ArgumentParser(prog='handkd benchmark step', description=__doc__)
    parser.add_argument('--steps', type=int, default=60)
    parser.add_argument('--warmup', type=int, default=10)
    parser.add_argument('--batch-size', type=int, default=64)
    args = parser.parse_args(argv)

    cfg = load_config(CONFIG)
    depth_model = cfg.model.teachers.depth.model
    with tempfile.TemporaryDirectory() as folder:
        teacher = f'{folder}/teacher.pth'
        torch.save(dict(state_dict=MODELS.build(depth_model).state_dict()), teacher)
        cfg.model.teachers.depth.checkpoint = teacher
        source = DATASETS.build(cfg.train_dataloader.dataset)
        samples = [source[i] for i in range(4 * args.batch_size)]
        InMemory.samples = samples
        hook = Interleave(BareLoop(MODELS.build(cfg.model), samples, args.batch_size), args.warmup)
        cfg.train_cfg.max_iters = args.steps + args.warmup
        cfg.work_dir = folder
        sampler = dict(type='ReproducibleSampler')
        cfg.train_dataloader = dict(
            batch_size=args.batch_size, num_workers=0, sampler=sampler, dataset=dict(type='InMemory')
        )
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        runner = Runner.from_cfg(cfg)
        runner.register_hook(hook)
        runner.train()
    medians = {name: median(times) * 1e3 for name, times in hook.times.items()}
    print(f'batch {args.batch_size}, {args.steps} steps of each, alternating, on {torch.get_num_threads()} threads')
    for name, value in medians.items():
        print(f'{name:8s} {value:8.2f} ms per step (median)')
    print(f'ratio    {medians["runner"] / medians["bare"]:8.3f} (runner / bare)')
