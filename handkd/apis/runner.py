"""MMEngine's runner with the hooks and checks that handkd relies on, whatever a config lists."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable

from mmengine.device import get_device
from mmengine.dist import broadcast, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.model import convert_sync_batchnorm
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from handkd.datasets import SeededSamples
from handkd.engine import essential_hooks, outlive_signals, with_rules
from handkd.engine.sharding import gather_optimizer, is_sharded, shard
from handkd.hints import one_line
from handkd.models import CheckpointError, init_weights, load_state, load_weights, read_checkpoint, weights_in

from .quiet_runner import QuietRunner
from .run_checks import trains_by_epoch
from .run_state import check_resumable, restore_optimisation, restore_place, say_if_done
from .set_weights import set_weight_lines
from .strategies import check_all_learn, shards

IN_PART = (
    "for weights that fit in part, or from the web, set a module's init_cfg=dict(type='Pretrained', checkpoint=...)"
)


def network_of(runner: Runner) -> nn.Module:
    """Return the network that a runner trains or tests, without the wrapper of distributed training."""
    return getattr(runner.model, 'module', runner.model)


def _begin_worker(begin: Callable[[int], object] | None, number: int) -> None:
    """Start a data loader's worker as MMEngine does; signals are left to its parent."""
    outlive_signals()
    if begin is not None:
        begin(number)


def _initialise(network: nn.Module) -> None:
    """Initialise a network, alike in all processes."""
    init_weights(network)
    for tensor in network.state_dict().values():
        broadcast(tensor)


class HandRunner(QuietRunner):
    """MMEngine's runner, strict about checkpoints, with the hooks that exact resuming and safe checkpoints need."""

    _more_samples = 0
    """Samples that the run has seen, minus those of as many steps with the present batch size."""
    _run: str | None = None
    """Identifier of the run in its checkpoints; made with the first one."""

    def register_hooks(self, default_hooks: dict | None = None, custom_hooks: list | None = None) -> None:
        """Register a config's hooks, and after them those of :func:`~handkd.engine.essential_hooks` that it lacks.

        Checkpoints are written atomically unless the config names another backend.

        Raises:
            ConfigError: If it is unknown whether a greater or a smaller value of a monitored metric is better.
        """
        super().register_hooks(with_rules(default_hooks or {}), with_rules(custom_hooks or []))
        for hook in self.hooks:
            if isinstance(hook, CheckpointHook) and hook.backend_args is None and hook.file_client_args is None:
                hook.backend_args = dict(backend='atomic')
        for hook in essential_hooks(trains_by_epoch(self.cfg)):
            if not any(isinstance(other, type(hook)) for other in self.hooks):
                self.register_hook(hook)

    def build_param_scheduler(self, scheduler: object) -> list | dict[str, list]:
        """Build schedules as MMEngine does; one that monitors a metric is given whether less or greater is better.

        Raises:
            ConfigError: If that is unknown.
        """
        return super().build_param_scheduler(with_rules(scheduler))

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Wrap the network for several processes as MMEngine does; those that leave out weights in a step are found.

        A distiller does not run on a batch whose samples all lack what it needs, so its weights then have no gradient.
        ``find_unused_parameters`` of the config takes precedence.

        Args:
            model_wrapper_cfg: The config's entry, or None.
            model: The network.
        """
        if shards(self.cfg):
            return self._shard(model)
        if self.distributed:
            trained = getattr(model, 'training_only', nn.Module()).parameters()
            unused = self.cfg.get('find_unused_parameters', any(weight.requires_grad for weight in trained))
            self.cfg.find_unused_parameters = unused  # MMEngine reads it if there is no model_wrapper_cfg
            if (model_wrapper_cfg or {}).get('type') == 'MMDistributedDataParallel':
                model_wrapper_cfg.setdefault('find_unused_parameters', unused)
        return super().wrap_model(model_wrapper_cfg, model)

    def _shard(self, network: nn.Module) -> nn.Module:
        """Initialise a network and divide it among the processes."""
        network = network.to(get_device())
        if self.cfg.get('sync_bn') is not None:
            network = convert_sync_batchnorm(network, self.cfg.sync_bn)
        _initialise(network)
        return shard(network)

    def build_optim_wrapper(self, optim_wrapper: object) -> OptimWrapper | OptimWrapperDict:
        """Build the optimizer as MMEngine does; the state dict of one of divided weights has whole tensors.

        Args:
            optim_wrapper: Its config, or the optimizer itself.
        """
        built = super().build_optim_wrapper(optim_wrapper)
        if is_sharded(self.model) and built is not optim_wrapper:
            gather_optimizer(built.optimizer)
        return built

    @staticmethod
    def build_dataloader(*args: object, **kwargs: object) -> DataLoader:
        """Build a loader as MMEngine does; its batch size must be that of a sampler that composes batches.

        Samples of data sets of other packages are drawn from the sampler's seeds too.
        """
        loader = Runner.build_dataloader(*args, **kwargs)
        expected = getattr(loader.sampler, 'batch_size', loader.batch_size)
        if loader.batch_size != expected:
            raise ValueError(
                f'{type(loader.sampler).__name__} makes batches of {expected} samples; set batch_size={expected} in '
                f'its loader, found {loader.batch_size}'
            )
        if not isinstance(loader.dataset, IterableDataset) and not hasattr(loader.dataset, '__getitems__'):
            loader.__dict__['dataset'] = SeededSamples(loader.dataset)  # torch forbids it, since workers may run
        loader.worker_init_fn = functools.partial(_begin_worker, loader.worker_init_fn)
        return loader

    def build_train_loop(self, loop: dict) -> BaseLoop:
        """Build the training loop; epochs end where a sampler's pass over the data ends.

        Raises:
            ConfigError: If the sets of a mixture have weights, which a loss does not take.
        """
        loop = super().build_train_loop(loop)
        if is_sharded(self.model):
            check_all_learn(self.model, loop.dataloader.dataset)
        for line in set_weight_lines(loop.dataloader.dataset, network_of(self)):
            self.logger.info(line)
        if isinstance(loop, EpochBasedTrainLoop):
            sampler = loop.dataloader.sampler
            if hasattr(sampler, 'end_passes'):
                sampler.end_passes()
                loop._max_iters = loop.max_epochs * len(loop.dataloader)
        return loop

    def _init_model_weights(self) -> None:
        if not is_sharded(self.model):
            _initialise(network_of(self))

    def load_or_resume(self) -> None:
        """Resume, or load all weights of ``load_from``, if the config asks for either."""
        if self._has_loaded or not self._load_from:
            return
        if self._resume:
            self.resume(self._load_from)
            return
        try:
            load_weights(network_of(self), self._load_from)
        except CheckpointError as error:
            raise CheckpointError(f'load_from: {error}; {IN_PART}') from error
        self._has_loaded = True
        self.logger.info(f'the weights of {self._load_from} were loaded')

    def resume(self, filename: str) -> None:
        """Resume from a checkpoint; it is read as data, and the text of the config in it is never run.

        Weights, the optimizer's state, the step, the seed and the log buffers are the checkpoint's; see
        :func:`~handkd.apis.run_state.restore_optimisation` for the settings that the config decides.

        Args:
            filename: Path of the checkpoint.

        Raises:
            CheckpointError: If it is damaged, of another architecture, or has weights only.
        """
        checkpoint = read_checkpoint(filename)
        check_resumable(checkpoint, filename)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        load_state(network_of(self), weights_in(checkpoint, filename), filename)
        meta = checkpoint['meta']
        self.train_loop._epoch, self.train_loop._iter = meta['epoch'], meta['iter']
        seed = self._randomness_cfg.get('seed')
        if meta.get('seed') is not None and meta['seed'] != seed:
            if seed is not None:
                self.logger.warning(
                    f'resume: the seed stays {meta["seed"]}, as in the checkpoint; the config has {seed}'
                )
            self._randomness_cfg.update(seed=meta['seed'])
            self.set_randomness(**self._randomness_cfg)
        self.message_hub.load_state_dict(checkpoint['message_hub'])
        try:
            restore_optimisation(self, checkpoint)
        except Exception as error:  # torch and MMEngine don't check an optimizer's state
            raise CheckpointError(
                f'{filename}: the state of its optimizer does not fit this run ({one_line(error)}); start a run with '
                'its weights by --cfg-options load_from=PATH'
            ) from error
        self._has_loaded = True
        self._more_samples, self._run = restore_place(self, meta), meta.get('run')
        self.logger.info(f'resumed {filename} at step {self.iter} (epoch {self.epoch})')
        say_if_done(self)

    def save_checkpoint(self, *args: object, meta: dict | None = None, **kwargs: object) -> None:
        """Save a checkpoint as MMEngine does, with the number of samples that the run has seen, and its identifier.

        Args:
            args: Those of MMEngine's runner.
            meta: Further entries of the checkpoint's ``meta``. Defaults to None.
            kwargs: Those of MMEngine's runner.
        """
        size = (self.train_dataloader.batch_size or 0) * self.world_size
        self._run = self._run or uuid.uuid4().hex
        meta = dict(meta or {}, samples_per_step=size, run=self._run)
        step = self.iter if kwargs.get('by_epoch', True) else self.iter + 1  # as MMEngine counts, unless meta has it
        meta['samples'] = size * meta.get('iter', step) + self._more_samples
        if is_sharded(self.model) and not is_main_process():  # the first process, which saves, gathers these from all
            self.model.state_dict(), self.optim_wrapper.state_dict()
        super().save_checkpoint(*args, meta=meta, **kwargs)
