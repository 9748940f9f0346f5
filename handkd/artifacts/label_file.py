"""Files gathered from the labels of a config's training set."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log

from handkd.datasets import ReproducibleDataset
from handkd.datasets.transforms import check_sample
from handkd.hints import ConfigError
from handkd.registry import DATASETS

from .base import LABELS, Artifact, Need, progress_bar, settings_digest

_NOT_LABELS = ('pipeline', 'modalities', 'on_corrupt', 'data_root')
"""Settings of a data set that its labels don't depend on, or that give its folder."""


class LabelFile(Artifact):
    """A file gathered from the labels of the training set, such as statistics of poses.

    A subclass sets :attr:`entry` and :attr:`noun`, and defines :meth:`stored` and :meth:`make`; settings of its own
    are further arguments of its constructor and further keys of :meth:`fingerprint`. Its entry in a config is then
    ``dict(file=PATH, foreign=False)``. The file is made in every training whose config has the entry, since a later
    evaluation may lack the training set. If that is missing, the only file that matches the path is used unchecked,
    with a warning.

    Args:
        cfg: The config.
        file: Path of the file. ``{labels}`` in it stands for a digest of the fingerprint: of settings and labels of the
            training set, so that each set has its own file, whatever data are at its ``data_root``.
        foreign: Whether the file is from other data on purpose: it must exist, and is not checked. Defaults to False.

    Attributes:
        noun: What the file has, for messages: 'limits of joint angles'.
    """

    key = 'file'
    noun: str

    def __init__(self, cfg: Config, file: str, foreign: bool = False) -> None:
        super().__init__(file)
        self.dataset_cfg = (cfg.get('train_dataloader') or {}).get('dataset')
        self.foreign = foreign

    @classmethod
    def collect(cls, cfg: Config, needs: Collection[Need], entries: Collection[str]) -> Iterable[Artifact]:
        """Return the file, if a training needs it or has the entry, or an evaluation needs it."""
        wanted = cfg.get(cls.entry) is not None and (needs or 'train_dataloader' in entries)
        return [cls.from_config(cfg)] if wanted else []

    @abstractmethod
    def stored(self) -> Mapping:
        """Return the fingerprint stored in the file, possibly with more keys.

        Raises:
            ValueError: If the file is damaged.
        """

    def fingerprint(self) -> dict[str, object]:
        """Return ``digest`` of the training set's settings, and ``labels``, the digest of its labels.

        Raises:
            ConfigError: If the set is streamed, or is not a :class:`~handkd.datasets.ReproducibleDataset`.
            FileNotFoundError: If it is missing.
        """
        if not self.dataset_cfg:
            raise FileNotFoundError(
                f'{self.entry}: the config has no train_dataloader, whose set they are gathered from'
            )
        return label_fingerprint(open_labels(self.dataset_cfg, self.noun), self.dataset_cfg)

    def is_made(self, fingerprint: Mapping) -> bool:
        """Whether the file exists; see :meth:`Artifact.is_made`."""
        if not self.path.is_file():
            return False
        self.compare(self.stored(), fingerprint, f', or accept it with {self.entry}.foreign=True')
        return True

    def ensure(self) -> None:
        """Gather the file unless it exists; see :meth:`Artifact.ensure`.

        Raises:
            ConfigError: If it was gathered from other labels, or is foreign and missing; or if the training set is
                missing and several files match the path.
            ValueError: If it is damaged, or nothing can be gathered.
            OSError: If the training set can't be read, or the file can't be written.
        """
        if self.foreign:
            if not self.path.is_file():
                raise ConfigError(
                    f'{self.entry}: {self.path} is missing; foreign {self.noun} are not gathered: name an existing file'
                )
            return
        try:
            fingerprint = self.fingerprint()
        except FileNotFoundError as error:
            self._use_unchecked(error)
            return
        self.ensure_from(fingerprint)

    def _use_unchecked(self, error: FileNotFoundError) -> None:
        """Use the only file that matches the path, though the training set is missing."""
        files = sorted(self.path.parent.glob(self.path.name.replace(LABELS, '*')))
        if len(files) > 1:
            raise ConfigError(
                f'{self.entry}: the training set is missing ({error}), and several files of {self.noun} match: '
                f'choose one of {[str(file) for file in files]} with --cfg-options {self.entry}.file=PATH'
            ) from error
        if not files:
            raise error
        self.path = files[0]
        print_log(f'{self.path} is used unchecked, since its labels are missing: {error}', 'current', logging.WARNING)


def open_labels(dataset_cfg: Mapping, noun: str) -> ReproducibleDataset:
    """Open a set for reading its labels, without its pipeline.

    Args:
        dataset_cfg: The config of the set.
        noun: What is gathered from it, for the error.

    Raises:
        ConfigError: If it is streamed, or is not a :class:`~handkd.datasets.ReproducibleDataset`.
        OSError: If it can't be read.
    """
    dataset = DATASETS.build({key: value for key, value in dataset_cfg.items() if key != 'pipeline'})
    if not isinstance(dataset, ReproducibleDataset):
        raise ConfigError(
            f'{", ".join(describe(dataset, dataset_cfg).values())}: {noun} need a data set with indexed samples '
            '(ReproducibleDataset); for a streamed set, gather them from the data set that was packed'
        )
    return dataset


def describe(dataset: object, dataset_cfg: Mapping) -> dict[str, str]:
    """Return a set's class as ``dataset``, and its ``data_root`` and ``split`` if it has them, for human readers."""
    given = {key: str(dataset_cfg[key]) for key in ('data_root', 'split') if dataset_cfg.get(key) is not None}
    return {'dataset': type(dataset).__name__} | given


def label_fingerprint(dataset: ReproducibleDataset, dataset_cfg: Mapping) -> dict[str, object]:
    """Return ``digest`` and ``labels``: two sets that agree in both have the same labels.

    Args:
        dataset: The set.
        dataset_cfg: Its config.
    """
    return dict(digest=settings_digest(dataset_cfg, _NOT_LABELS), labels=dataset.label_digest())


def complete_hands(dataset: ReproducibleDataset, skip: bool) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield the joints (21, 3), float64, mm, camera frame, of each fully labelled hand, and whether it is a left hand.

    Args:
        dataset: The set, as :func:`open_labels` returns it.
        skip: Whether to leave out hands whose files can't be read.

    Raises:
        ValueError: If a label is invalid; names the sample.
        OSError: If a file can't be read, and ``skip`` is False.
    """
    with progress_bar('gathering labels', len(dataset)) as bar:
        for index in range(len(dataset)):
            bar.update()
            try:
                sample = dataset.get_labels(index)
            except OSError:
                if skip:
                    continue
                raise
            check_sample(sample)
            joints, side = sample.get('keypoints_cam'), sample.get('hand_side')
            if joints is not None and side is not None and (sample['keypoints_valid'] > 0).all():
                yield joints[0].astype(np.float64), side == 'left'
