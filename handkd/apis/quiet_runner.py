"""A runner whose log is about the run: what never changes while it runs lies in files beside it."""

from __future__ import annotations

import logging
from pathlib import Path

from mmengine.dist import master_only
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmengine.utils.dl_utils import collect_env

from handkd.files import write_atomically

__all__ = ['QuietRunner']

_NOISE = (
    'Hooks will be executed in the following order',  # they are in the file of the environment
    'Distributed training is not used',
    '"FileClient" will be deprecated',  # MMEngine's own hook uses them, not what users wrote
    '"HardDiskBackend" is the alias',
    'paramwise_options -- ',  # a line for each weight
)
"""Beginnings of lines that MMEngine logs in every run, and that no user can do anything about."""
_FROZEN = 'is skipped since its requires_grad=False'
"""In a line that MMEngine logs for each weight that is not trained, on purpose, where ``paramwise_cfg`` is used."""


def _is_news(record: logging.LogRecord) -> bool:
    text = record.getMessage()
    return not text.startswith(_NOISE) and _FROZEN not in text


class QuietRunner(Runner):
    """MMEngine's runner, which would begin every log with hundreds of lines of config, environment and hooks.

    The config is in the work dir, under its name; as it was for this very run, and with the environment and the order
    of hooks, in the folder of the run's log. One line names both.
    """

    def build_logger(self, *args: object, **kwargs: object) -> MMLogger:
        """Build the logger as MMEngine does, without what it says in every run."""
        logger = super().build_logger(*args, **kwargs)
        logger.addFilter(_is_news)
        return logger

    def _log_env(self, env_cfg: dict) -> None:
        """Keep for the file what MMEngine would log."""
        settings = {**env_cfg, **self._randomness_cfg, 'seed': self.seed, 'launcher': self._launcher}
        settings['processes'] = self.world_size
        self._environment = {'System': collect_env(), 'Run': settings}

    @master_only
    def dump_config(self) -> None:
        """Write the config as MMEngine does, and the environment; say where they are."""
        super().dump_config()
        name = Path(self.cfg.filename).name if self.cfg.filename else f'{self.timestamp}.py'
        path = Path(self._log_dir) / 'environment.txt'
        lines = []
        for title, values in self._environment.items():
            lines += [f'{title}:', *(f'  {key}: {value}' for key, value in values.items()), '']
        write_atomically(path, '\n'.join([*lines, 'Order of hooks:', self.get_hooks_info()]).encode())
        self.logger.info(f'config: {Path(self.work_dir) / name}; environment and hooks: {path}')
