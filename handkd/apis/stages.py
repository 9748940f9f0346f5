"""Running a method's stages in order; each checkpoint is passed to the stages that learn from it or start with it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

from handkd.baseline import derived_config
from handkd.config import load_config
from handkd.config_files import PREFIXES, find_config
from handkd.engine import DivergenceError, StopSignals, stop_signals
from handkd.hints import ConfigError, check_choice, check_keys
from handkd.machine import cpu_model, source_commit, usable_cores

from .runs import evaluate, train, writes_predictions
from .stage_hashes import config_hash, fingerprint
from .stage_records import read_record, write_record
from .stage_results import ROLES, StageResult
from .work_dirs import hold_work_dir


@dataclass
class Stage:
    """One run of a method.

    Attributes:
        name: Name of its folder.
        label: Its name in tables.
        role: One of :data:`~handkd.apis.stage_results.ROLES`; see :class:`~handkd.apis.stage_results.StageResult`.
        config: Path of its config.
        teachers: Teacher's name in the model -> name of the stage that trains it.
        options: Overrides of its config, dotted key -> value.
        start: Name of the stage whose weights it starts with.
        checkpoints: Dotted key of its config that takes a path of weights -> name of the stage that trains them.
        otherwise: Path of the config that runs instead, with the same options, if the ``data_root`` of the training set
            of ``config`` is not a folder.
        annotations: Number of labels that it may use, if it is one cell of a table over that number; see
            :class:`~handkd.apis.stage_results.StageResult`.
        seeds: Dotted keys of its config that take the random seed, besides ``randomness.seed``.
        baseline: Whether the config's baseline runs (:func:`~handkd.baseline.baseline_config`), after the options.
        teacher: Name of the config's teacher that is trained (:func:`~handkd.baseline.teacher_config`), after the
            options.
    """

    name: str
    label: str
    role: str
    config: Path
    teachers: dict[str, str] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=dict)
    start: str | None = None
    checkpoints: dict[str, str] = field(default_factory=dict)
    otherwise: Path | None = None
    annotations: int | None = None
    seeds: Sequence[str] = ()
    baseline: bool = False
    teacher: str | None = None

    @property
    def sources(self) -> list[str]:
        """Names of the stages whose checkpoints it needs."""
        return [*self.paths.values(), *([] if self.start is None else [self.start])]

    @property
    def paths(self) -> dict[str, str]:
        """Dotted keys of its config that take paths of weights -> names of the stages that train them."""
        return {
            f'model.teachers.{name}.checkpoint': source for name, source in self.teachers.items()
        } | self.checkpoints


def read_stages(path: str | Path, options: dict | None = None) -> list[Stage]:
    """Read the stages of a config.

    ``stages = dict(runs=[dict(name=, label=, role=, config=, teachers=, options=, start=, checkpoints=, otherwise=,
    annotations=, seeds=, baseline=, teacher=)], options=, names=, annotations=, seeds=)``; a run's ``config`` and
    ``otherwise`` are paths from that config's folder in which ``names`` are filled in, as in
    ``'{net}_views_{data}.py'``; without a ``config`` it is that config itself; the outer ``options`` hold for all runs,
    where a run's own do not replace them. The outer ``seeds`` are keys that take the random seed in all runs, besides
    a run's own: with ``'train_dataloader.dataset.seed'`` a seed draws the data as well as the weights.
    A run with ``budget``, the dotted key of its config that takes a number of labels, is one stage for each of the
    outer ``annotations``: ``name_64`` and so on.

    Args:
        path: The config, or the name of a shipped one.
        options: Overrides for all runs, from the command line: they replace the runs' own. Defaults to None.

    Raises:
        ConfigError: If the config has no stages, or they are invalid.
    """
    path = find_config(path)
    cfg = load_config(path, only='stages')
    if cfg.get('stages') is None:
        raise ConfigError(f'{path} has no `stages`: it is a single run, use `handkd train`')
    check_keys(cfg.stages, {'runs', 'options', 'names', 'annotations', 'seeds'}, f'{path}: stages')
    names = cfg.stages.get('names', {})
    common = cfg.stages.get('options', {})
    stages: list[Stage] = []
    for run in _spread(cfg.stages.runs, cfg.stages.get('annotations', ()), path):
        where = f'{path}: stage {run.get("name")!r}'
        check_keys(run, {*Stage.__dataclass_fields__, 'budget'}, where)
        given = [key for key in ('config', 'otherwise') if run.get(key) is not None]
        paths = {'config': path} | {key: _sibling(path, _fill(run[key], names, where)) for key in given}
        merged = _all_options({**common, **run.get('options', {})}, options or {})
        seeds = [*cfg.stages.get('seeds', ()), *run.get('seeds', ())]
        stage = Stage(**{**run, **paths, 'options': merged, 'seeds': seeds})
        if stage.baseline and stage.teacher is not None:
            raise ConfigError(f'{where}: baseline=True and teacher={stage.teacher!r}: keep one of them')
        check_choice(stage.role, ROLES, f'{where}: role')
        _check_annotations(stage, stages, where)
        earlier = [other.name for other in stages]
        if stage.name in earlier:
            raise ConfigError(f'{where}: there are two stages of this name: rename one')
        for source in stage.sources:
            if source not in earlier:
                what = 'it starts' if source == stage.start else 'its teacher comes'
                raise ConfigError(f'{where}: {what} from {source!r}, but the stages before it are {earlier}')
        stages.append(stage)
    return stages


def _sibling(path: Path, name: str) -> Path:
    """Return the path of a stage's config: a shipped one, or one from the folder of the config at ``path``."""
    return find_config(name) if name.startswith(PREFIXES) else path.parent / name


def _all_options(own: dict[str, object], given: dict[str, object]) -> dict[str, object]:
    """Return a stage's options with those of the command line, except entries of a part that the stage leaves out."""
    left_out = tuple(f'{key}.' for key, value in own.items() if value is None)
    return {
        **{key: value for key, value in own.items() if key not in given},
        **{key: value for key, value in given.items() if not key.startswith(left_out)},
    }


def _check_annotations(stage: Stage, earlier: list[Stage], where: str) -> None:
    """Refuse an invalid number of labels, and a second stage for one cell of the table over that number."""
    number = stage.annotations
    if number is None:
        return
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ConfigError(f'{where}: annotations must be a positive whole number of labels, found {number!r}')
    for other in earlier:
        if (other.label, other.annotations) == (stage.label, number):
            raise ConfigError(
                f'{where}: {other.name!r} has the label {stage.label!r} and {number} annotations as well, but a table '
                'has one cell for them'
            )


def _spread(runs: Sequence[dict], annotations: Sequence[int], path: Path) -> Iterator[dict]:
    """Yield the runs; those with a budget once for each number of annotations."""
    for run in runs:
        run = dict(run)
        key = run.pop('budget', None)
        if key is None:
            yield run
        elif not annotations:
            raise ConfigError(f'{path}: stage {run.get("name")!r} has a budget, but stages.annotations names no number')
        else:
            for number in annotations:
                options = {**run.get('options', {}), key: number}
                yield dict(run, name=f'{run.get("name")}_{number}', annotations=number, options=options)


def _fill(pattern: str, names: dict[str, str], where: str) -> str:
    try:
        return pattern.format(**names)
    except KeyError as error:
        raise ConfigError(
            f'{where}: its config {pattern!r} needs stages.names[{error}], found {sorted(names)}'
        ) from error


def select_stages(stages: list[Stage], only: list[str] | None) -> list[Stage]:
    """Return the stages named in ``only`` and those that they need, in order; for None all stages.

    Raises:
        ValueError: If a stage of ``only`` does not exist.
    """
    if not only:
        return stages
    by_name = {stage.name: stage for stage in stages}
    wanted: set[str] = set()
    queue = list(only)
    while queue:
        name = queue.pop()
        check_choice(name, by_name, 'stage')
        wanted.add(name)
        queue.extend(by_name[name].sources)
    return [stage for stage in stages if stage.name in wanted]


def baseline_stages(stages: list[Stage]) -> list[Stage]:
    """Return the stages with the role 'baseline' and those that they need, in order.

    Raises:
        ValueError: If no stage has this role; names those of the stages.
    """
    names = [stage.name for stage in stages if stage.role == 'baseline']
    if not names:
        found = ', '.join(f'{stage.name} ({stage.role})' for stage in stages)
        raise ValueError(f"--baseline: no stage has the role 'baseline', found {found}; choose stages with --only")
    return select_stages(stages, names)


def run_stages(stages: list[Stage], work_dir: str | Path, seed: int = 0) -> Iterator[StageResult]:
    """Train and evaluate stages one after the other; finished stages are not run again, unfinished ones are resumed.

    A stage that diverges, and the stages that need it, have no result; a line is printed for each. It is not trained
    again.

    Args:
        stages: The stages.
        work_dir: Folder with one subfolder per stage.
        seed: The random seed of every stage. Defaults to 0.

    Yields:
        The result of each stage, as it ends.

    Raises:
        ValueError: If a folder holds a stage of another config or seed.
        OSError: If another process is running a stage in its folder.
        Interruption: If a signal has ended a training; the next run resumes from there.
    """
    done: dict[str, StageResult] = {}
    fingerprints: dict[str, str] = {}
    for number, stage in enumerate(stages, start=1):
        title = f'[{number}/{len(stages)}] {stage.label} (seed {seed})'
        missing = [source for source in stage.sources if source not in done]
        if missing:
            print(f'{title}: not run, since it needs {" and ".join(missing)}, which has no result')
            continue
        folder = Path(work_dir) / stage.name
        record = read_record(folder)
        config = _choose_config(stage, record)
        cfg = _stage_config(stage, config, folder, seed, done)
        fingerprints[stage.name] = fingerprint(cfg, stage, fingerprints)
        if record and record['fingerprint'] != fingerprints[stage.name]:
            raise ValueError(
                f'{folder} holds the stage {stage.name!r} of another config or seed than {config}, seed {seed}; '
                'name another folder with --work-dir, or delete this one'
            )
        print(f'{title}: ', end='', flush=True)
        record = _run_stage(cfg, folder, {**record, 'fingerprint': fingerprints[stage.name], 'config': config.name})
        if 'diverged' in record:
            continue
        done[stage.name] = StageResult(
            name=stage.name,
            label=stage.label,
            role=stage.role,
            work_dir=folder,
            config=config,
            checkpoint=folder / record['checkpoint'],
            metrics=record['metrics'],
            predictions=None if record['predictions'] is None else folder / record['predictions'],
            annotations=stage.annotations,
        )
        if stage.role == 'pretraining':  # it is in no table
            print(', '.join(f'{name} {value:.4g}' for name, value in record['metrics'].items()))
        yield done[stage.name]


def configs_and_hashes(
    stages: Sequence[Stage], work_dir: str | Path, results: Sequence[StageResult]
) -> dict[str, tuple[Config, str]]:
    """Return the config at seed 0 of each stage that has run, and its hash, which is the same for every seed.

    Args:
        stages: The stages, as given to :func:`run_stages`.
        work_dir: Their folder.
        results: Those that have a result.

    Returns:
        Name of the stage -> its config and :func:`~handkd.apis.stage_hashes.config_hash`; without the stages that did
        not run since another one has no result.
    """
    done, found, hashes = {result.name: result for result in results}, {}, {}
    for stage in stages:
        if all(source in done for source in stage.sources):
            folder = Path(work_dir) / stage.name
            config = done[stage.name].config if stage.name in done else _choose_config(stage, read_record(folder))
            cfg = _stage_config(stage, config, folder, 0, done)
            hashes[stage.name] = config_hash(cfg, stage, hashes)
            found[stage.name] = cfg, hashes[stage.name]
    return found


def _run_stage(cfg: Config, folder: Path, record: dict) -> dict:
    """Train and evaluate a stage unless it has ended before; return its record, which is also written to its folder."""
    if 'diverged' in record:
        print(f'it has diverged before, and is not trained again; to do so, delete {folder}. {record["diverged"]}')
        return record
    if record.get('metrics') is not None:
        print(f'finished before, in {folder}', flush=True)
        return record
    print(f'training in {folder}', flush=True)
    record.setdefault('started', time.time())
    record.setdefault('commit', source_commit())
    record.setdefault('machine', dict(cpu=cpu_model(), cores=usable_cores()))
    with stop_signals() as stop, hold_work_dir(folder):
        write_record(folder, record)
        try:
            record |= _train_and_evaluate(cfg, stop)
        except DivergenceError as error:
            record |= dict(diverged=str(error))
            print(error)
        write_record(folder, record)
    return record


def _train_and_evaluate(cfg: Config, stop: StopSignals) -> dict:
    """Train and evaluate a stage; return the entries that this adds to its record."""
    checkpoint = train(cfg, resume='auto')
    stop.check()  # it may have come in the last step, which ends a training by itself
    predictions = checkpoint.with_name('predictions.npz') if writes_predictions(cfg) else None
    metrics = evaluate(_named(cfg), checkpoint, dump=predictions)
    name = None if predictions is None else predictions.name
    return dict(metrics=metrics, checkpoint=checkpoint.name, predictions=name, finished=time.time())


def _choose_config(stage: Stage, record: dict) -> Path:
    """Return the path of the config that a stage runs; for a finished one, that which ran, whose data may be gone."""
    if stage.otherwise is None or (record.get('metrics') and record.get('config') == stage.config.name):
        return stage.config
    # A config that does not run need not be valid: the options may fit the other one only.
    root = load_config(stage.config, stage.options, only='stages').train_dataloader.dataset.get('data_root')
    if root is None or Path(root).is_dir():
        return stage.config
    print(f'{stage.label}: the folder {root} is missing, so {stage.otherwise} runs instead of {stage.config}')
    return stage.otherwise


def _stage_config(stage: Stage, path: Path, folder: Path, seed: int, done: dict[str, StageResult]) -> Config:
    """Return the config at a path with the stage's options, checkpoints and seed."""
    options = _seeded_options(stage, seed)
    options |= {key: str(done[source].checkpoint) for key, source in stage.paths.items()}
    if stage.start is not None:
        options['load_from'] = str(done[stage.start].checkpoint)
    cfg = derived_config(load_config(path, options), stage.baseline, stage.teacher)
    cfg.work_dir = str(folder)
    return _named(cfg)


def data_config(stage: Stage, seed: int) -> Config:
    """Return a stage's config with its options and seed, but no checkpoint: its data, not its networks, can be built.

    Args:
        stage: The stage.
        seed: The random seed.
    """
    config = load_config(_choose_config(stage, {}), _seeded_options(stage, seed))
    return derived_config(config, stage.baseline, stage.teacher)


def _seeded_options(stage: Stage, seed: int) -> dict[str, object]:
    return {**stage.options, **dict.fromkeys(['randomness.seed', *stage.seeds], seed)}


def _named(cfg: Config) -> Config:
    """Give a run a unique name: MMEngine keeps loggers and visualizers by name while the process lives."""
    cfg.experiment_name = f'{Path(cfg.work_dir).name}_{time.time_ns()}'
    return cfg
