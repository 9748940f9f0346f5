"""The median backgrounds that a config's pipelines load."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from os import PathLike

import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log

from handkd.datasets import Captures
from handkd.datasets.backgrounds import Camera, build_backgrounds, missing_backgrounds, spread_over
from handkd.datasets.packed import load_manifest, source_config, stored_source
from handkd.hints import ConfigError
from handkd.lookup import LOADERS
from handkd.registry import ARTIFACTS, DATASETS

from .base import Artifact, Need, progress_bar, settings_digest
from .finding import find_artifacts
from .packs import is_packed

_NOT_BEHIND = (
    'data_root', 'split', 'pipeline', 'modalities', 'on_corrupt', 'sequences', 'test_sequences', 'frames', 'subjects',
    'cameras', 'pace', 'min_joints_inside', 'min_score', 'use_validity', 'every_nth_frame', 'people', 'allow_outside',
    'keep_unlabelled',
)  # fmt: skip
"""Settings of a set that the backgrounds don't depend on: its folder, which of its images, which labels are read."""


@ARTIFACTS.register_module()
class Backgrounds(Artifact):
    """A folder of the backgrounds of cameras that pipelines load (``LoadBackground``).

    A background is the pixel-wise median over frames of one camera in one sequence (Mueller et al., section 3.1). The
    frames are equally spaced among those of all sets that load from the folder. Backgrounds of a pack are made from the
    whole images of its source. An interrupted run is continued; another process that is making them is waited for.

    Existing files are not read again by :meth:`ensure`, and may be medians of other frames; sources of packs are opened
    only if some backgrounds are missing.

    Args:
        folder: The folder.
        sets: Configs of the sets, without pipelines; their packs must exist.
        frames: Maximum number of frames of a median. Defaults to 50.
        memory: Memory limit in bytes. Defaults to 256 << 20: 256 MiB.

    Raises:
        ConfigError: If ``frames`` or ``memory`` is not positive.
    """

    turn = 1
    waits = True

    def __init__(
        self, folder: str | PathLike, sets: Sequence[Mapping], frames: int = 50, memory: int = 256 << 20
    ) -> None:
        super().__init__(folder)
        for name, value in (('frames', frames), ('memory', memory)):
            if value < 1:
                raise ConfigError(f'{name} must be at least 1, found {value!r}')
        self.sets, self.frames, self.memory = sets, frames, memory

    @classmethod
    def collect(cls, cfg: Config, needs: Collection[Need], entries: Collection[str]) -> Iterable[Artifact]:
        """Return the folders that pipelines load backgrounds from, with the sets of these pipelines, each once."""
        folders: dict[str, dict[str, dict]] = {}
        for need in needs:
            owner = next((node for node in reversed(need.owners) if 'pipeline' in node), None)
            if owner is not None:
                settings = {key: value for key, value in owner.items() if key != 'pipeline'}
                sets = folders.setdefault(need.node[need.argument], {})
                sets[json.dumps(settings, sort_keys=True, default=str)] = settings
        return [cls(folder, list(sets.values())) for folder, sets in folders.items()]

    def fingerprint(self) -> dict[tuple[str, int], list[str]]:
        """Return the digests of the sets by sequence and view.

        Raises:
            ConfigError: If a set does not give camera and sequence.
            OSError: If it can't be read.
        """
        places: dict[tuple[str, int], set[str]] = {}
        for settings in self.sets:
            digest = settings_digest(_whole_images(settings), _NOT_BEHIND)
            captures = _captures(_build_set(settings))
            for sequence, view in np.unique(np.stack([captures.sequence, captures.view], 1), axis=0).tolist():
                places.setdefault((captures.names[sequence], view), set()).add(digest)
        return {place: sorted(digests) for place, digests in places.items()}

    def is_made(self, fingerprint: Mapping) -> bool:
        """Whether no background is missing; see :meth:`Artifact.is_made`.

        Raises:
            ValueError: If one was made from another set, or their list is damaged.
        """
        return not missing_backgrounds(self.path, fingerprint)

    def make(self, fingerprint: Mapping) -> None:
        """Make the missing backgrounds; see :meth:`Artifact.make`."""
        missing = missing_backgrounds(self.path, fingerprint)
        print_log(f'{self.path}: making {len(missing)} of {len(fingerprint)} backgrounds', 'current')
        self._build([camera for camera in self._cameras() if camera[:2] in set(missing)])

    def make_all(self) -> tuple[int, int]:
        """Make the missing backgrounds, and check frames and content of the existing ones.

        Returns:
            The number of backgrounds, and how many of them were made.

        Raises:
            ConfigError: If a set does not give camera and sequence.
            ValueError: If a background was made from another set or other frames.
            OSError: If an image can't be read, or a background can't be written.
        """
        cameras = self._cameras()
        return len(cameras), self._build(cameras)

    def _cameras(self) -> list[Camera]:
        return _cameras([_whole_images(settings) for settings in self.sets], self.frames)

    def _build(self, cameras: Sequence[Camera]) -> int:
        """Make those of some backgrounds that are missing; return their number."""
        with progress_bar(str(self.path), len(cameras)) as bar:
            return build_backgrounds(self.path, cameras, self.memory, bar.update)


def make_backgrounds(cfg: Config, frames: int = 50, memory: int = 256 << 20) -> dict[str, tuple[int, int]]:
    """Make the missing backgrounds that the pipelines of all loaders of a config load, and check the existing ones.

    Args:
        cfg: The config; its packs must exist.
        frames: Maximum number of frames of a median. Defaults to 50.
        memory: Memory limit in bytes. Defaults to 256 << 20: 256 MiB.

    Returns:
        By folder: the number of backgrounds in it that the config needs, and how many of them were made.

    Raises:
        ConfigError: If no pipeline loads backgrounds, or a set does not give camera and sequence; or ``frames`` or
            ``memory`` is not positive.
        ValueError: If a folder has a background of another set or other frames.
        OSError: If an image can't be read, or a background can't be written.
    """
    folders = [artifact for artifact in find_artifacts(cfg, *LOADERS) if isinstance(artifact, Backgrounds)]
    if not folders:
        raise ConfigError('no pipeline of the config has LoadBackground: it needs no backgrounds')
    return {str(folder.path): Backgrounds(folder.path, folder.sets, frames, memory).make_all() for folder in folders}


def _whole_images(settings: Mapping) -> Mapping:
    """Return a set's settings, or those of a pack's source."""
    if not is_packed(settings):
        return settings
    if settings.get('recipe') is not None:
        return source_config(settings['recipe']['source'])
    return stored_source(load_manifest(settings['data_root']), str(settings['data_root']))


def _build_set(settings: Mapping) -> object:
    return DATASETS.build(dict(settings, pipeline=[]))


def _captures(dataset: object) -> Captures:
    """Return where a set's samples come from."""
    if not hasattr(dataset, 'captures'):
        raise ConfigError(
            f'{type(dataset).__name__} has no camera and sequence for its samples, so it has no backgrounds; expected '
            'a set of synchronised cameras, such as StudioRigDataset, PanopticHandDataset or HandFolderDataset'
        )
    return dataset.captures()


def _cameras(sets: Sequence[Mapping], count: int) -> list[Camera]:
    """Return the cameras of sets of whole images; frames of a camera that several sets have are joined."""
    images: dict[tuple[str, int], dict[int, tuple[object, int]]] = {}
    sources: dict[tuple[str, int], set[str]] = {}
    for settings in sets:
        dataset, digest = _build_set(settings), settings_digest(settings, _NOT_BEHIND)
        captures = _captures(dataset)
        for index, (sequence, view, frame) in enumerate(
            zip(captures.sequence.tolist(), captures.view.tolist(), captures.frame.tolist())
        ):
            place = captures.names[sequence], view
            images.setdefault(place, {})[frame] = (dataset, index)
            sources.setdefault(place, set()).add(digest)
    cameras = []
    for (sequence, view), by_frame in sorted(images.items()):
        frames = spread_over(by_frame, count)
        read = _reader([by_frame[frame] for frame in frames])
        cameras.append(Camera(sequence, view, frames, read, sorted(sources[sequence, view])))
    return cameras


def _reader(samples: list) -> Callable[[int], np.ndarray]:
    """Return a function that reads the image of the i-th of some samples, each (data set, index)."""

    def read(i: int) -> np.ndarray:
        dataset, index = samples[i]
        return dataset.get_data_info(index)['img']

    return read
