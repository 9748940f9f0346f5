"""Common base of the data sets in files: locating the tree, a memory-mapped index, and unreadable images."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature
from pathlib import Path
from typing import TypedDict

import numpy as np
from mmengine.logging import MMLogger

from handkd.hints import check_choice, did_you_mean
from handkd.image_files import ImageReadError, read_image
from handkd.units import wrong_unit

from .base import ReproducibleDataset
from .damaged_labels import DamagedLabels, LabelError, refusal
from .index import open_index
from .label_digests import digest_index
from .sampling.seeding import SampleKey
from .skipped import SkippedSamples

KEYS = {'rgb': 'img', 'depth': 'depth', 'mask': 'hand_mask', 'parts': 'part_seg'}
"""Modality -> key in a sample."""
_LAYOUT = '; docs/datasets.md has the layout'


class CommonArguments(TypedDict, total=False):
    """Optional arguments of all readers, which a reader passes on; see :class:`HandFileDataset`."""

    modalities: Sequence[str]
    pipeline: Sequence[dict]
    on_corrupt: str


class HandFileDataset(ReproducibleDataset):
    """Base of the data sets in files: a reader. Images are read on demand, and only those of ``modalities``.

    A new reader is a registered subclass, one file in ``handkd/datasets/readers``, that provides

    - ``METAINFO`` with ``dataset_name`` and ``joint_names``, :attr:`SPLITS`, :attr:`MODALITIES` and :attr:`SIGNATURE`;
      :attr:`PUBLISHED` if its owners publish numbers, :attr:`DEFAULT_MODALITIES` if it is not 'rgb';
    - :meth:`sources`: the files and folders that its index is built from;
    - :meth:`build_index`: the columns of the index, from the label files, with everything that can be checked checked;
    - :meth:`get_record`: sample i by :func:`~.records.hand_record`, with ``img_id``, ``img_path`` and, if it has them,
      ``depth_path``, ``mask_path`` and ``parts_path``;
    - ``load_depth``, ``load_mask`` and ``load_parts``, of those that are in ``MODALITIES``: they take the record and
      return the map of the sample.

    A reader with arguments of its own also has a constructor that declares these alone and passes on the others, and
    names those that decide the index in :meth:`index_settings`::

        def __init__(
            self, data_root: str, split: str, *, hand: str = 'mask', **common: Unpack[CommonArguments]
        ) -> None:
            check_choice(hand, ('mask', 'both'), 'RHDDataset(hand=...)')
            self.hand = hand  # before the index is built
            super().__init__(data_root, split, **common)

    Its signature then shows all arguments, and a config is checked against them. Its docstring describes the tree, its
    own arguments, and the meaning of ``data_root`` and ``split``. If it offers a choice of joint 0, it sets
    :attr:`joint0`.

    Args:
        data_root: The folder of the data set, in its original form.
        split: One of ``SPLITS``.
        modalities: Which of ``MODALITIES`` to load. Defaults to None: ``DEFAULT_MODALITIES``.
        pipeline: Configs of the transforms. Defaults to ().
        on_corrupt: 'stop' or 'skip' on missing or damaged images, and on damaged labels of single samples (a
            file, line or row). 'stop' raises an error that names them, missing images and damaged labels when the set
            is opened. 'skip' reads the next sample instead of one with an unreadable image, leaves out samples with
            damaged labels, and reports their number at the end of the training. A training is recognised by its
            sampler: it must be ReproducibleSampler. With any other, as in evaluation, these are always errors: results
            on fewer samples are not comparable. So is a damaged file of many samples: all labels of a set or sequence,
            or a calibration. Defaults to 'stop'.

    Raises:
        FileNotFoundError: If the tree is missing; names what was expected where and describes the folder.
        ValueError: If a split, modality or other choice does not exist; names the nearest right one. Or if a label
            is damaged, and may not be skipped; names the file.
    """

    SPLITS: tuple[str, ...] = ()
    MODALITIES: tuple[str, ...] = ('rgb',)
    """Modalities of the set, of the keys of :data:`KEYS`."""
    DEFAULT_MODALITIES: tuple[str, ...] = ('rgb',)
    """Modalities that are loaded unless others are requested."""
    SIGNATURE: tuple[str, ...] = ()
    """Glob patterns below ``data_root``, each of which identifies this set."""
    PUBLISHED: Mapping[str, int] = {}
    """Number of samples in each split, by its owners or the usual protocol."""
    joint0: str = 'wrist'
    """Point that is labelled as joint 0."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Show a reader's arguments with those that its constructor passes on to its base."""
        super().__init_subclass__(**kwargs)
        cls.__signature__ = _whole_signature(cls)

    def __init__(
        self,
        data_root: str,
        split: str,
        modalities: Sequence[str] | None = None,
        pipeline: Sequence[dict] = (),
        on_corrupt: str = 'stop',
    ) -> None:
        super().__init__(pipeline)
        self.data_root = Path(data_root)
        name = type(self).__name__
        check_choice(split, self.SPLITS, f'{name}(split=...)')
        check_choice(on_corrupt, ('stop', 'skip'), f'{name}(on_corrupt=...)')
        modalities = self.DEFAULT_MODALITIES if modalities is None else modalities
        if isinstance(modalities, str) or not modalities:
            raise ValueError(f"{name}: modalities must be a tuple such as ('rgb',), found {modalities!r}")
        for modality in modalities:
            check_choice(modality, self.MODALITIES, f'{name}(modalities=...)')
        self.split, self.modalities = split, tuple(modalities)
        sources = [self.expect(path) for path in self.sources()]
        settings = dict(self.index_settings(), data_root=os.path.realpath(self.data_root), split=split)
        self.index = open_index(type(self), settings, sources, lambda scratch: self._build(on_corrupt, scratch))
        self._heed_mismatches(on_corrupt)
        self._heed_damage(on_corrupt)
        self.skipped = SkippedSamples(len(self)) if on_corrupt == 'skip' else None

    def _heed_mismatches(self, on_corrupt: str) -> None:
        """Raise an error if images and labels do not match, or warn if ``on_corrupt`` allows it."""
        for mismatch in self.mismatches:
            if on_corrupt == 'stop':
                raise ValueError(
                    f"{mismatch}; unpack the whole archive again, or leave these out with on_corrupt='skip'"
                )
            MMLogger.get_current_instance().warning(mismatch)

    def _build(self, on_corrupt: str, scratch: Path) -> dict[str, np.ndarray]:
        """Build the index, with the errors of damaged labels and a folder for intermediate results."""
        self.damage, self.scratch = DamagedLabels(on_corrupt), scratch
        try:
            columns = {**self.build_index(), **self.damage.columns()}
            if self.damage and not len(columns['sample']):
                raise ValueError(f'{str(self.data_root)!r}: split {self.split!r} has no sample')
            files = [self.data_root / path for path in self.label_files()]
            return {**columns, 'label_digest': np.array(digest_index(columns, files))}
        except ValueError as error:
            if not self.damage:
                raise
            raise ValueError(f'{error}; {len(self.damage)} labels are damaged, first: {self.damage.first}') from error
        finally:
            del self.damage, self.scratch  # are not sent to workers

    def _heed_damage(self, on_corrupt: str) -> None:
        """Raise an error if labels are damaged, or warn if ``on_corrupt`` allows it."""
        if self.damaged and on_corrupt == 'stop':
            raise ValueError(refusal(self.damaged[0]))
        if self.damaged:
            MMLogger.get_current_instance().warning(
                f'{self.data_root}: {len(self.damaged)} damaged labels are left out, first: {self.damaged[0]}'
            )

    @property
    def metainfo(self) -> dict:
        """The data set's name, joint names and, unless it is the wrist, the name of joint 0."""
        return dict(self.METAINFO) if self.joint0 == 'wrist' else dict(self.METAINFO, joint0=self.joint0)

    @property
    def mismatches(self) -> list[str]:
        """Differences between files and labels that ``on_corrupt='skip'`` allows, such as missing files."""
        return np.atleast_1d(self.index.get('mismatches', [])).tolist()

    @property
    def limits(self) -> list[str]:
        """What the labels on disk can't be used for, and the remedy, for the check of the set; here nothing."""
        return []

    @property
    def damaged(self) -> list[str]:
        """Errors of the damaged labels that were left out, each with its file."""
        return list(map(str, self.index.get('damaged', ())))

    @classmethod
    def offers(cls, settings: Mapping) -> tuple[str, ...]:
        """Return the modalities of the set with a config's ``settings``: all of ``MODALITIES``."""
        return cls.MODALITIES

    def sources(self) -> list[str]:
        """Return the files and folders below ``data_root`` that the index is built from, with '/' between names."""
        raise NotImplementedError

    def label_files(self) -> list[str]:
        """Return the files below ``data_root`` with labels that the index does not contain."""
        return []

    def index_settings(self) -> dict:
        """Return the settings, besides root and split, that the index depends on."""
        return {}

    def build_index(self) -> dict[str, np.ndarray]:
        """Read the label files and return the columns of the index by name; 'sample' has one row per sample.

        'mismatches', if present, describes differences between images and labels. During the call, ``self.damage`` is
        a :class:`~.damaged_labels.DamagedLabels` that guards the reading of single samples' labels, and
        ``self.scratch`` the folder for :func:`~.scanning.scan`, which reads sets with one label file per sample.
        """
        raise NotImplementedError

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its images: labels, camera, side and the paths of its files."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.index['sample'])

    def label_digest(self) -> str:
        """Return a digest of the index and of the label files, computed when the index was built."""
        return str(self.index['label_digest'])

    def get_labels(self, index: int) -> dict:
        """Return sample ``index`` without its images.

        Raises:
            IndexError: If ``index`` is out of range.
            LabelError: A ValueError, if its labels are invalid, or in metres; names the sample.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'{type(self).__name__} has {len(self)} samples, found index {index}')
        try:
            record = self.get_record(int(index))
            self._check_unit(record)
        except ValueError as error:
            raise LabelError(f'{self.data_root}, {self.split}, sample {index}: {error}') from error
        return record

    def _check_unit(self, record: dict) -> None:
        """Refuse joints in metres, which train without an error and score as hundredths of a mm."""
        if 'keypoints_cam' in record:
            wrong = wrong_unit(record['keypoints_cam'], record['keypoints_valid'] > 0)
            if wrong is not None:
                raise ValueError(f'{wrong} in {", ".join(self.sources()[:3])}')

    def get_data_info(self, index: int) -> dict:
        """Return sample ``index`` with the images of ``modalities``.

        Raises:
            IndexError: If ``index`` is out of range.
            ValueError: If its labels are invalid; names the sample.
            OSError: If an image is missing or damaged; names it.
        """
        record = self.get_labels(index)
        self.load(record)
        return record

    def load(self, record: dict) -> None:
        """Read the images of ``modalities`` into a record: ``img``, ``depth``, ``hand_mask``, ``part_seg``."""
        for modality in self.modalities:
            record[KEYS[modality]] = getattr(self, f'load_{modality}')(record)

    def load_rgb(self, record: dict) -> np.ndarray:
        """Return the image of a record, shape (H, W, 3), uint8, BGR."""
        return read_image(record['img_path'])

    def fetch(self, key: int) -> dict:
        """Return the sample of a key, or the next readable one in a training with ``on_corrupt='skip'``."""
        if not isinstance(key, SampleKey):
            if 'damaged' in self.index:
                raise ValueError(
                    f'{self.data_root}: {len(self.damaged)} samples have damaged labels, and only a training may '
                    f'leave them out, first: {self.damaged[0]}'
                )
            return self.get_data_info(int(key))
        if self.skipped is not None:
            return self._next_readable(int(key))
        try:
            return self.get_data_info(int(key))
        except OSError as error:
            raise ImageReadError(f"{error} (on_corrupt='skip' trains without such samples)") from error

    def _next_readable(self, start: int) -> dict:
        """Return the first sample from ``start`` on that can be read."""
        for step in range(len(self)):
            index = (start + step) % len(self)
            try:
                return self.get_data_info(index)
            except (OSError, LabelError) as error:
                self.skipped.add(index, error)
        raise OSError(f'{self.data_root}: none of the {len(self)} samples of {self.split!r} can be read')

    def expect(self, path: str) -> Path:
        """Return a path below ``data_root`` that must exist.

        Raises:
            FileNotFoundError: If it is missing; describes the folder.
        """
        full = self.data_root / path
        if full.exists():
            return full
        raise FileNotFoundError(
            f'{type(self).__name__}(data_root={str(self.data_root)!r}) expects {path!r} there; '
            f'{describe_folder(self.data_root, type(self))}'
        )


def _whole_signature(reader: type[HandFileDataset]) -> Signature:
    """Return a reader's own arguments, then those that its constructor passes on, with the reader's modalities."""
    arguments: dict[str, Parameter] = {}
    for constructor in (vars(cls)['__init__'] for cls in reader.__mro__ if '__init__' in vars(cls)):
        every = list(inspect.signature(constructor).parameters.values())[1:]
        named = [one for one in every if one.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)]
        passed_on = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in named if one.name not in arguments]
        arguments |= {one.name: one for one in (passed_on if arguments else named)}
        if all(one.kind is not Parameter.VAR_KEYWORD for one in every):
            break
    if 'modalities' in arguments:
        arguments['modalities'] = arguments['modalities'].replace(default=reader.DEFAULT_MODALITIES)
    return Signature(list(arguments.values()))


def describe_folder(folder: Path, wanted: type[HandFileDataset]) -> str:
    """Describe a folder in words: the wanted set's real root, the other set that it is, or its content."""
    if not folder.is_dir():
        if folder.is_file():
            return 'it is a file, not a folder'
        others = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
        return 'there is no such folder' + (f'; {did_you_mean(folder.name, others)}' if others else '') + _LAYOUT
    inside = sorted(path for path in folder.iterdir() if path.is_dir())[:50]
    others = [(path, repr(str(path))) for path in (Path(os.path.realpath(folder)).parent, *inside)]
    kinds = HandFileDataset.__subclasses__()
    looks = [(kind, folder, 'the folder') for kind in kinds]  # the folder itself, then the location of the wanted set
    looks += [(kind, path, where) for kind in (wanted, *kinds) for path, where in others]
    for kind, path, where in looks:
        if any(next(path.glob(pattern), None) for pattern in kind.SIGNATURE):
            if kind is wanted and path is folder:
                return f'the folder is incomplete, it holds {_listing(folder)}'
            return f'{where} looks like the root of {kind.__name__}'
    return (f'the folder holds {_listing(folder)}' if any(folder.iterdir()) else 'the folder is empty') + _LAYOUT


def _listing(folder: Path) -> str:
    """Return the first names in a folder."""
    names = sorted(path.name for path in folder.iterdir())
    return ', '.join(repr(name) for name in names[:8]) + (', ...' if len(names) > 8 else '')
