"""A runner with a short log: information that is constant during the run is in files beside the log."""

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
    'Hooks will be executed in the following order',  # written to the file of the environment
    'Distributed training is not used',
    '"FileClient" will be deprecated',  # used by MMEngine's own hook, not by the user
    '"HardDiskBackend" is the alias',
    'paramwise_options -- ',  # one line per weight
)
"""Beginnings of lines that MMEngine logs in every run, and that users can't act on."""
_FROZEN = 'is skipped since its requires_grad=False'
"""Part of a line that MMEngine logs for each frozen weight if ``paramwise_cfg`` is used."""


def _is_news(record: logging.LogRecord) -> bool:
    text = record.getMessage()
    return not text.startswith(_NOISE) and _FROZEN not in text


class QuietRunner(Runner):
    """MMEngine's runner without the hundreds of lines of config, environment and hooks at the start of every log.

    The config is in the work dir, under its name. Its copy for this run, the environment and the order of hooks are in
    the folder of the run's log. One line of the log names both.
    """

    def build_logger(self, *args: object, **kwargs: object) -> MMLogger:
        """Build the logger as MMEngine does, without the lines that it logs in every run."""
        logger = super().build_logger(*args, **kwargs)
        logger.addFilter(_is_news)
        return logger

    def _log_env(self, env_cfg: dict) -> None:
        """Store the environment for the file instead of logging it."""
        settings = {**env_cfg, **self._randomness_cfg, 'seed': self.seed, 'launcher': self._launcher}
        settings['processes'] = self.world_size
        self._environment = {'System': collect_env(), 'Run': settings}

    @master_only
    def dump_config(self) -> None:
        """Write the config as MMEngine does, and the environment; log their paths."""
        super().dump_config()
        name = Path(self.cfg.filename).name if self.cfg.filename else f'{self.timestamp}.py'
        path = Path(self._log_dir) / 'environment.txt'
        lines = []
        for title, values in self._environment.items():
            lines += [f'{title}:', *(f'  {key}: {value}' for key, value in values.items()), '']
        write_atomically(path, '\n'.join([*lines, 'Order of hooks:', self.get_hooks_info()]).encode())
        self.logger.info(f'config: {Path(self.work_dir) / name}; environment and hooks: {path}')
