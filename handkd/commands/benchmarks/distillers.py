"""Cost of every stage of a config in training: parameters that are dropped at test time, and the time of a step.

handkd benchmark distillers distillers/simcc_studio

All networks have random weights. A step is forward, backward and optimizer on a batch that is ready, so loading, which
is the same for all, does not count. Each round measures every stage once; ratios to the baseline are those within the
rounds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope

from handkd.apis.stages import Stage, read_stages
from handkd.baseline import derived_config
from handkd.config import load_config
from handkd.hints import ConfigError
from handkd.models.weight_names import TRAINING_ONLY
from handkd.registry import DATASETS, MODELS
from handkd.visualization import Table, text_table


class TrainedStage:
    """A stage's model and optimizer with random weights, on one batch.

    Args:
        stage: The stage.
        files: Files of weights by the names of the earlier stages.
        batch_size: Number of samples of the batch.
    """

    def __init__(self, stage: Stage, files: dict[str, str], batch_size: int) -> None:
        options = {**stage.options, **{key: files[source] for key, source in stage.paths.items()}}
        cfg = derived_config(load_config(stage.config, options), stage.baseline, stage.teacher)
        init_default_scope(cfg.default_scope)
        torch.manual_seed(0)
        self.stage = stage
        self.model = MODELS.build(cfg.model).train()
        self.optimizer: OptimWrapper = build_optim_wrapper(self.model, cfg.optim_wrapper)
        self.batch = read_batch(cfg, batch_size)

    @property
    def extra(self) -> int:
        """Number of parameters that are trained and dropped at test time."""
        named = self.model.named_parameters()
        return sum(each.numel() for name, each in named if name.startswith(TRAINING_ONLY) and each.requires_grad)

    def seconds(self) -> float:
        """Train a step and return its time."""
        start = time.perf_counter()
        self.model.train_step(self.batch, self.optimizer)
        return time.perf_counter() - start


def read_batch(cfg: Config, size: int) -> dict:
    """Return a batch of a config's training set, as its loader collates it."""
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    return pseudo_collate([dataset[i] for i in range(size)])


def run(argv: list[str] | None = None) -> None:
    """Print the table.

    Args:
        argv: Command line without the program's name; None reads ``sys.argv``.
    """
    parser = argparse.ArgumentParser(
        prog='handkd benchmark distillers', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', nargs='?', default='distillers/simcc_studio', help='a config with stages')
    parser.add_argument('--rounds', type=int, default=20, help='steps of each stage, in turns; one more is not timed')
    parser.add_argument('--batch-size', type=int, default=32)
    args = parser.parse_args(argv)
    trained: list[TrainedStage] = []
    with tempfile.TemporaryDirectory() as folder:
        files: dict[str, str] = {}
        for stage in read_stages(args.config):
            one = TrainedStage(stage, files, args.batch_size)
            files[stage.name] = str(Path(folder) / f'{stage.name}.pth')
            torch.save(dict(state_dict=one.model.state_dict()), files[stage.name])
            trained.append(one)
    bases = [i for i, one in enumerate(trained) if one.stage.role == 'baseline']
    if not bases:
        raise ConfigError(f"{args.config}: no stage has the role 'baseline', which the others are compared with")
    rounds = [[one.seconds() for one in trained] for _ in range(args.rounds + 1)][1:]
    rows = []
    for i, one in enumerate(trained):
        ms, ratio = (median(values) for values in zip(*((1e3 * r[i], r[i] / r[bases[0]]) for r in rounds)))
        rows.append((one.stage.label, f'{one.extra:,}', f'{ms:.1f}', f'{ratio:.2f}'))
    head = f'batch {args.batch_size}, {args.rounds} rounds, {torch.get_num_threads()} threads'
    print(text_table(Table((head, 'dropped parameters', 'ms per step', 'x baseline'), rows, [])))
