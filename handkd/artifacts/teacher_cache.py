"""Outputs of frozen teachers on the training set: computed once, kept in a folder, and checked on use."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from mmengine.config import Config
from mmengine.logging import print_log

from handkd.files import locked
from handkd.hints import ConfigError, check_choice, check_keys
from handkd.registry import ARTIFACTS

from .base import Artifact, Need, progress_bar

if TYPE_CHECKING:  # it loads the models, and every config that is read imports this module
    from .teacher_outputs import TeacherRun

_REPLAYS = ('exact', 'warp')


@ARTIFACTS.register_module()
class TeacherCacheFolder(Artifact):
    """Stored outputs of a config's frozen teachers: ``teacher_cache`` of a config.

    ``--cfg-options teacher_cache.folder=work_dirs/cache`` is enough: the outputs of all layers that distillers read are
    computed before the training, which then does not run the teachers. An interrupted run is continued; a cache that
    another process is making is waited for; one of other weights, settings, data or layers is refused.

    The outputs are those of a training without the cache where its pipeline gives a teacher the same input in every
    epoch: random changes of images that it does not see are allowed, mirrored samples have rows of their own, and all
    other random changes are refused (:mod:`handkd.datasets.transforms.replay`).

    Args:
        cfg: The config.
        folder: Folder of the cache, with one folder per teacher; may contain ``{labels}``.
        teachers: Names of the teachers whose outputs are stored. Defaults to None: all frozen ones.
        dtype: Type of the stored numbers: 'float16', 'bfloat16', 'float32', or 'exact', the type that the teacher
            gives, with which losses are the same to the last bit. Defaults to 'float16'.
        shard_mb: Approximate size of the outputs that are computed, written and found again after an interruption
            together, in MB. Defaults to 64.
        replay: 'exact', or 'warp': heat maps and joints of the layer 'head' are warped from the crop without noise to
            that of the training, which is not what the teacher would give there. Defaults to 'exact'.

    Raises:
        ConfigError: If a teacher, type or replay is unknown, or ``shard_mb`` is not positive.
    """

    entry, key, turn = 'teacher_cache', 'folder', 3
    waits = True

    def __init__(
        self,
        cfg: Config,
        folder: str,
        teachers: Collection[str] | None = None,
        dtype: str = 'float16',
        shard_mb: float = 64,
        replay: str = 'exact',
    ) -> None:
        from handkd.models.teacher_cache import STORED

        super().__init__(folder)
        check_choice(dtype, STORED, 'teacher_cache.dtype')
        check_choice(replay, _REPLAYS, 'teacher_cache.replay')
        if not shard_mb > 0:
            raise ConfigError(f'teacher_cache.shard_mb must be positive, found {shard_mb!r}')
        self.cfg, self.dtype, self.shard_bytes, self.warp = cfg, dtype, shard_mb * 1e6, replay == 'warp'
        frozen = {name: spec for name, spec in cfg.model.get('teachers', {}).items() if spec and spec.get('model')}
        check_keys(teachers or (), frozen, 'teacher_cache.teachers')
        self.specs = {name: spec for name, spec in frozen.items() if teachers is None or name in teachers}
        self._runs: dict[str, TeacherRun] = {}

    @classmethod
    def collect(cls, cfg: Config, needs: Collection[Need], entries: Collection[str]) -> Iterable[Artifact]:
        """Return the cache of a training that a config describes, if it has teachers."""
        given = cfg.get(cls.entry) or {}
        if given.get(cls.key) is None or 'train_dataloader' not in entries or not cfg.get('train_dataloader'):
            return []
        artifact = cls.from_config(cfg) if (cfg.get('model') or {}).get('teachers') else None
        return [artifact] if artifact is not None and artifact.specs else []

    def fingerprint(self) -> Mapping:
        """Return, by the teacher's name, its weights, settings and layers, and settings and labels of the set.

        Raises:
            ConfigError: If a random step of the pipeline can't be replayed, or the set is not one of numbered samples.
            FileNotFoundError: If a checkpoint is missing.
        """
        from .teacher_outputs import runs_of

        self._runs = runs_of(self.cfg, self.specs, self.dtype, self.warp)
        return {name: run.fingerprint for name, run in self._runs.items()}

    def is_made(self, fingerprint: Mapping) -> bool:
        """Whether the outputs of all teachers are stored; see :meth:`Artifact.is_made`."""
        return all(self._is_made(name, wanted) for name, wanted in fingerprint.items())

    def _is_made(self, name: str, wanted: Mapping) -> bool:
        """Whether the outputs of a teacher are stored."""
        from handkd.models.teacher_cache import check_files, check_source, read_manifest

        folder = self.path / name
        manifest = read_manifest(folder)
        if manifest is None:
            return False
        remedy = 'delete it, or choose another with --cfg-options teacher_cache.folder=PATH, where {labels} stands for '
        check_source(folder, manifest.fingerprint, wanted, f'{remedy}a name of its own for each teacher and set')
        recorded = dict(manifest.files)
        check_files(folder, manifest)
        if manifest.files != recorded:
            manifest.write(folder)
        return not manifest.missing()

    def make(self, fingerprint: Mapping) -> None:
        """Compute and store the missing outputs; see :meth:`Artifact.make`.

        Raises:
            OSError: If the disk has not enough space.
        """
        from handkd.models.teacher_cache import said_size

        for name, run in self._runs.items():
            folder = self.path / name
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder, wait=True):
                if self._is_made(name, fingerprint[name]):
                    continue
                writer, steps, needed = run.prepare(folder, self.shard_bytes)
                total = writer.manifest.length * len(writer.manifest.variants)
                count = sum(step.count for step in steps)
                print_log(
                    f'{folder}: storing {count} outputs of the teacher {name!r} ({", ".join(run.layers)}), '
                    f'{said_size(needed)} in {self.dtype}',
                    'current',
                )
                with progress_bar(f'teacher {name}', total, total - count) as bar:
                    run.compute(steps, writer, bar.update)

    def ensure_from(self, fingerprint: Mapping) -> None:
        """Make the cache unless it exists, and name it in the settings of its teachers."""
        from .teacher_outputs import number_samples

        super().ensure_from(fingerprint)
        for name, spec in self.specs.items():
            spec['cache'] = str(self.path / name)
        number_samples(self.cfg.train_dataloader.dataset)
