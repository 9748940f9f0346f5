"""Logs of results: one small JSON file per row and seed, from which the page of results is built."""

from __future__ import annotations

import hashlib
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from handkd.config_files import PREFIX
from handkd.files import write_atomically
from handkd.hints import ConfigError, check_choice, check_keys
from handkd.models import read_checkpoint
from handkd.reading import check_name, read_json, shown
from handkd.shipped import shipped

from .stage_hashes import portable
from .stage_records import read_record
from .stage_results import ROLES, StageResult
from .stages import Stage, configs_and_hashes

DESCRIPTION = 'experiment.json'
"""File in an experiment's folder that is no log; see :mod:`~handkd.apis.experiments`."""
MEAN_POSE = 'mean_pose'
"""Role, and name of the row, of the constant predictor (:mod:`~handkd.apis.mean_pose`)."""
LOG_ROLES = (*ROLES, MEAN_POSE)
_REMEDY = 'write it again with `handkd stages --log`, or remove it'


@dataclass(frozen=True)
class ResultLog:
    """Result of one row of an experiment with one seed.

    Attributes:
        experiment: Name of the experiment, that of its folder.
        row: Name of the row, that of the stage.
        label: Its name in tables.
        role: One of :data:`LOG_ROLES`.
        annotations: Number of labels that it may use, for a row of a table over that number; else None.
        config: Name of the config, of a shipped one as on the command line.
        config_hash: Hash of the whole config, the same for every seed and machine.
        options: Overrides of the config's entries, dotted key -> value; absolute paths by their last part.
        command: The command that runs this row with this seed.
        commit: Commit of the source tree when the training began; None if it was not recorded.
        machine: ``cpu``, the model's name, and ``cores``; None if it was not recorded.
        seed: The random seed.
        images: Training images seen, each as often as it was used; None if no training ended.
        metrics: Name with its protocol -> value; empty if the training diverged.
        diverged: Why there is no result; None if there is one.
    """

    experiment: str
    row: str
    label: str
    role: str
    annotations: int | None
    config: str
    config_hash: str
    options: dict[str, object]
    command: str
    commit: str | None
    machine: dict[str, str | int] | None
    seed: int
    images: int | None
    metrics: dict[str, float]
    diverged: str | None

    @property
    def file_name(self) -> str:
        """Name of its file: another one for every row, seed and machine, so that folders of logs can be merged."""
        machine = hashlib.sha256(json.dumps(self.machine, sort_keys=True).encode()).hexdigest()[:6]
        return f'{self.row}-{self.seed}-{machine}.json'


def write_log(log: ResultLog, folder: str | Path) -> Path:
    """Write a log into its experiment's folder; return its path.

    Args:
        log: The log.
        folder: The experiment's folder.

    Raises:
        OSError: If it can't be written.
    """
    path = Path(folder) / log.file_name
    write_atomically(path, (json.dumps(asdict(log), indent=2, default=str) + '\n').encode())
    return path


def read_log(path: str | Path) -> ResultLog:
    """Read a log.

    Raises:
        OSError: If it can't be read.
        ConfigError: If it is damaged, incomplete, or another file than a log; names the file and the key.
    """
    try:
        data = read_json(path)
        if not isinstance(data, dict):
            raise ValueError(f'{path}: expected a dict, found {shown(data)}')
        _check(data, str(path))
    except ValueError as error:
        raise ConfigError(f'{error}; {_REMEDY}') from error
    return ResultLog(**data)


def read_logs(folder: str | Path) -> dict[Path, ResultLog]:
    """Return the logs in an experiment's folder, by their paths, sorted.

    Raises:
        ConfigError: If a file is no log, or is that of another experiment.
    """
    found = {}
    for path in sorted(Path(folder).glob('*.json')):
        if path.name == DESCRIPTION:
            continue
        log = found[path] = read_log(path)
        if log.experiment != path.parent.name:
            raise ConfigError(
                f"{path}: 'experiment' is {log.experiment!r}, but the folder is that of {path.parent.name!r}: move the "
                'file into the folder of its experiment'
            )
    return found


def log_stages(
    stages: Sequence[Stage],
    results: Sequence[StageResult],
    work_dir: str | Path,
    seed: int,
    folder: str | Path,
    config: str,
    options: Mapping[str, object] | None,
) -> list[Path]:
    """Write a log for each stage that has run, except those for pretraining, which are in no table.

    Args:
        stages: The stages.
        results: Those that have a result; the others that have run are logged as diverged.
        work_dir: Their folder.
        seed: Their seed.
        folder: The experiment's folder, whose name is that of the experiment.
        config: The config, as given on the command line.
        options: Overrides for all stages, from the command line; None for none.

    Returns:
        The files.
    """
    done = {result.name: result for result in results}
    configs = configs_and_hashes(stages, work_dir, results)
    written = []
    for stage in (stage for stage in stages if stage.name in configs and stage.role != 'pretraining'):
        cfg, digest = configs[stage.name]
        record = read_record(Path(work_dir) / stage.name)
        result = done.get(stage.name)
        log = ResultLog(
            experiment=Path(folder).resolve().name,
            row=stage.name,
            label=stage.label,
            role=stage.role,
            annotations=stage.annotations,
            config=config_name(config),
            config_hash=digest,
            options=portable(stage.options),
            command=command_of(['stages', config_name(config), '--only', stage.name], seed, options),
            commit=record.get('commit') or None,
            machine=record.get('machine'),
            seed=seed,
            images=None if result is None else _images(result, cfg.train_dataloader.batch_size),
            metrics={} if result is None else _finite(result.metrics),
            diverged=record.get('diverged'),
        )
        written.append(write_log(log, folder))
    return written


def config_name(config: str) -> str:
    """Return a config's name without folders of this machine: of a shipped one its name, of a path its last part.

    A relative path is kept.

    Args:
        config: Its path or name, as given on the command line.
    """
    path, root = Path(config).resolve(), shipped('configs')
    if path.is_file() and not path.is_relative_to(root):
        return path.name if Path(config).is_absolute() else config
    if path.is_file():
        return str(path.relative_to(root).with_suffix(''))
    return config.removeprefix(PREFIX).removeprefix('configs/').removesuffix('.py')


def command_of(words: Sequence[str], seed: int, options: Mapping[str, object] | None) -> str:
    """Return the command line of a run with one seed.

    Args:
        words: The subcommand and its arguments.
        seed: The seed.
        options: ``--cfg-options``; absolute paths are shortened to their last part. None for none.
    """
    given = [f'{key}={value}' for key, value in portable(dict(options or {})).items()]
    return shlex.join(['handkd', *words, '--seeds', str(seed), *(['--cfg-options', *given] if given else [])])


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics that have a value: JSON has no NaN, such as the error of a joint that never counts."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def _images(result: StageResult, batch: int) -> int | None:
    """Return the number of training images that a checkpoint has seen, by its number of steps."""
    steps = read_checkpoint(result.checkpoint).get('meta', {}).get('iter')
    return None if steps is None else int(steps) * batch


_KINDS = dict(
    experiment=str,
    row=str,
    label=str,
    role=str,
    annotations=(int, type(None)),
    config=str,
    config_hash=str,
    options=dict,
    command=str,
    commit=(str, type(None)),
    machine=(dict, type(None)),
    seed=int,
    images=(int, type(None)),
    metrics=dict,
    diverged=(str, type(None)),
)


def _check(data: dict, path: str) -> None:
    """Refuse what no run has written."""
    names = [field.name for field in fields(ResultLog)]
    check_keys(data, names, path)
    for name in names:
        if name not in data:
            raise ValueError(f'{path}: {name!r} is missing')
        kind = _KINDS[name]
        if not isinstance(data[name], kind) or isinstance(data[name], bool):
            words = ' or '.join(
                'null' if each is type(None) else each.__name__
                for each in (kind if isinstance(kind, tuple) else (kind,))
            )
            raise ValueError(f'{path}: {name!r} must be a {words}, found {shown(data[name])}')
    check_name(data['row'], f"{path}: 'row'")
    check_choice(data['role'], LOG_ROLES, f"{path}: 'role'")
    if data['machine'] is not None and not {'cpu', 'cores'} <= set(data['machine']):
        raise ValueError(f"{path}: 'machine' must have 'cpu' and 'cores', found {shown(data['machine'])}")
    if not data['metrics'] and data['diverged'] is None:
        raise ValueError(f"{path}: 'metrics' is empty, but the training did not diverge")
    for name, value in data['metrics'].items():
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ValueError(f"{path}: 'metrics': {name!r} must be a finite number, found {shown(value)}")
