"""Contract of an artifact: a file or folder that is made from data before a network is trained, and checked on use.

A kind of artifact is a subclass of :class:`Artifact`, registered in ``handkd.registry.ARTIFACTS``. It provides

* where it is: ``path``; for a kind with its own top-level entry in configs, ``entry`` and ``key`` name it;
* what it is made from: :meth:`~Artifact.fingerprint`, a description of data and settings;
* whether it exists: :meth:`~Artifact.is_made`, which refuses one with another fingerprint (:meth:`~Artifact.compare`);
* how it is made: :meth:`~Artifact.make`, which shows :func:`progress_bar`, resumes what an interrupted run left, and
  writes so that an unfinished artifact is never taken for a finished one.

The rest is common: keys of the entry are the constructor's arguments and are checked as such; a class that takes the
path declares it with :func:`handkd.needs.needs`; :func:`~handkd.artifacts.ensure_artifacts` finds what a config needs;
and :meth:`~Artifact.ensure` makes it once, while other processes wait.

A kind in a package of its own needs nothing else: the package is named in ``custom_imports``.
"""

from __future__ import annotations

import hashlib
import json
import os
from abc import ABCMeta, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import ClassVar

from mmengine.config import Config
from tqdm import tqdm

from handkd.files import locked
from handkd.hints import ConfigError, check_keys
from handkd.reading import shown
from handkd.signatures import signature_of

LABELS = '{labels}'
"""Placeholder in a path for the digest of the fingerprint: data of another fingerprint have another path."""


@dataclass(frozen=True)
class Need:
    """A setting of a config that is the path of an artifact.

    Attributes:
        where: Dotted key of the dict with the setting.
        node: That dict, as it is in the config.
        argument: The setting's name.
        reference: 'entry.key' that it is taken from, or the name of a kind without an entry.
        owners: The dicts around ``node``, the outermost first.
    """

    where: str
    node: dict
    argument: str
    reference: str
    owners: tuple[dict, ...]


class Artifact(metaclass=ABCMeta):
    """A file or folder that must exist before a network is built; see :mod:`handkd.artifacts.base`.

    Args:
        path: Where it is; may contain ``{labels}``.

    Attributes:
        entry: Top-level key of configs whose keys are the arguments of the constructor, besides the config. Defaults to
            '': the kind has none, and overrides :meth:`collect`.
        key: Key of the entry with the path.
        turn: Artifacts with a smaller number are made first: 0 for data sets, 1 for what pipelines load, 2 for what
            is made from the samples.
        waits: Whether :meth:`make` itself waits for other processes and then makes only what is still missing, as a
            builder of a folder does that keeps it locked. Otherwise :meth:`ensure` locks the folder around ``path``.
    """

    entry: ClassVar[str] = ''
    key: ClassVar[str] = ''
    turn: ClassVar[int] = 2
    waits: ClassVar[bool] = False

    def __init__(self, path: str | PathLike) -> None:
        self.path = Path(path)

    @classmethod
    def from_config(cls, cfg: Config) -> Artifact:
        """Return the artifact that a config's entry describes.

        Raises:
            ConfigError: If one of the entry's keys is unknown or missing.
        """
        cls.check_entry(cfg)
        return cls(cfg, **cfg[cls.entry].to_dict())

    @classmethod
    def check_entry(cls, cfg: Config) -> None:
        """Check a config's entry against the constructor.

        Raises:
            ConfigError: If the entry is not a dict; if a key is unknown, with the nearest right one, or missing; for a
                string where a number is expected.
        """
        given = cfg[cls.entry]
        if not isinstance(given, Mapping):
            raise ConfigError(f'{cls.entry} must be a dict, found {shown(given)}')
        signature = signature_of(cls)
        check_keys(given, set(signature.arguments) - {'cfg'}, cls.entry)
        for name in signature.required:
            if name != 'cfg' and name not in given:
                raise ConfigError(f'{cls.entry}: {name!r} is missing')
        for name, text in signature.no_numbers(given).items():
            raise ConfigError(f'{cls.entry}: {name} must be a number, found {text!r}')

    @classmethod
    def collect(cls, cfg: Config, needs: Collection[Need], entries: Collection[str]) -> Iterable[Artifact]:
        """Return the artifacts of this kind that some entries of a config need.

        Args:
            cfg: The config.
            needs: The settings in these entries that are paths of this kind.
            entries: The top-level keys.
        """
        return [cls.from_config(cfg)] if needs else []

    @abstractmethod
    def fingerprint(self) -> Mapping:
        """Return a description of the data and settings that it is made from.

        Raises:
            ConfigError: If it can't be made from them.
            OSError: If they can't be read.
        """

    @abstractmethod
    def is_made(self, fingerprint: Mapping) -> bool:
        """Whether it exists and is finished.

        Args:
            fingerprint: As :meth:`fingerprint` returns it.

        Raises:
            ConfigError: If it exists, but was made from something else (:meth:`compare`).
            ValueError: If it is damaged.
        """

    @abstractmethod
    def make(self, fingerprint: Mapping) -> None:
        """Make it, or the missing part.

        Args:
            fingerprint: As :meth:`fingerprint` returns it; to be stored with the artifact.

        Raises:
            ValueError: If nothing can be made from the data.
            OSError: If they can't be read, or it can't be written.
        """

    def ensure(self) -> None:
        """Make it unless it exists; if another process is making it, wait.

        Raises:
            ConfigError, ValueError, OSError: As :meth:`fingerprint`, :meth:`is_made` and :meth:`make` do.
        """
        self.ensure_from(self.fingerprint())

    def ensure_from(self, fingerprint: Mapping) -> None:
        """Fill the placeholder of ``path`` in, and make the artifact unless it exists.

        Args:
            fingerprint: As :meth:`fingerprint` returns it.
        """
        self.fill_in(fingerprint)
        if self.is_made(fingerprint):
            return
        if self.waits:
            self.make(fingerprint)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path.parent, wait=True):
            if not self.is_made(fingerprint):  # by the process that was waited for
                self.make(fingerprint)

    def fill_in(self, fingerprint: Mapping) -> None:
        """Replace ``{labels}`` in the path by the digest of the fingerprint."""
        if LABELS in str(self.path):
            self.path = Path(str(self.path).replace(LABELS, settings_digest(fingerprint)))

    def compare(self, found: Mapping, wanted: Mapping, remedy: str = '') -> None:
        """Refuse an existing artifact that was made from something else.

        Args:
            found: The fingerprint stored with it, possibly with more keys.
            wanted: The present one.
            remedy: Appended to the remedies in the error. Defaults to ''.

        Raises:
            ConfigError: If a key of ``wanted`` differs.
        """
        if all(found.get(key) == value for key, value in wanted.items()):
            return
        other = f'choose another with --cfg-options {self.entry}.{self.key}=PATH' if self.entry else 'name another path'
        raise ConfigError(
            f'{self.path} comes from another set, from other labels, or from other settings than the config names: '
            f'found {dict(found) or "no source"}, expected {dict(wanted)}; delete it, or {other}{remedy}'
        )


def settings_digest(settings: Mapping, without: Collection[str] = ()) -> str:
    """Return a digest of settings, 12 hexadecimal digits; the order of keys does not matter.

    Args:
        settings: For example the config of a data set.
        without: Keys that do not count. Defaults to (): all count.
    """
    content = {key: value for key, value in settings.items() if key not in without}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:12]


def progress_bar(text: str, total: int, done: int = 0) -> tqdm:
    """Return a progress bar, shown by the first process of a machine if stderr is a terminal.

    Args:
        text: What is being made.
        total: Number of steps.
        done: Steps that an earlier run has done. Defaults to 0.
    """
    return tqdm(desc=text, total=total, initial=done, disable=True if int(os.environ.get('LOCAL_RANK', 0)) else None)
