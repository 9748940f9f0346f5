"""The median backgrounds that a config's pipelines load."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log
from tqdm import tqdm

from handkd.config import LOADERS
from handkd.datasets import Captures
from handkd.datasets.backgrounds import Camera, build_backgrounds, missing_backgrounds, spread_over
from handkd.datasets.packed import load_manifest, source_config, stored_source
from handkd.hints import ConfigError
from handkd.registry import DATASETS

from .packs import is_packed

_NOT_BEHIND = (
    'data_root', 'split', 'pipeline', 'modalities', 'on_corrupt', 'sequences', 'test_sequences', 'frames', 'subjects',
    'cameras', 'pace', 'min_joints_inside', 'min_score', 'use_validity', 'every_nth_frame', 'people',
)  # fmt: skip
"""Settings of a set that the backgrounds don't depend on: its folder, which of its images, which labels are read."""


def make_backgrounds(
    cfg: Config, frames: int = 50, memory: int = 256 << 20, progress: bool = True
) -> dict[str, tuple[int, int]]:
    """Make the missing backgrounds that the pipelines of a config load (``LoadBackground``).

    A background is the pixel-wise median over frames of one camera in one sequence (Mueller et al., section 3.1). The
    frames are equally spaced among those of the sets of all loaders, whatever their splits. Backgrounds of a pack are
    made from the whole images of its source. An interrupted run is continued.

    Args:
        cfg: The config.
        frames: Maximum number of frames of a median. Defaults to 50.
        memory: Memory limit in bytes. Defaults to 256 << 20: 256 MiB.
        progress: Whether to show a bar, where stderr is a terminal. Defaults to True.

    Returns:
        By folder: the number of backgrounds in it that the config needs, and how many of them were made.

    Raises:
        ConfigError: If no pipeline loads backgrounds, or a set does not give camera and sequence; or ``frames`` or
            ``memory`` is not positive.
        ValueError: If a folder has a background of another set or other frames.
        OSError: If an image can't be read, or a background can't be written.
    """
    for name, value in (('frames', frames), ('memory', memory)):
        if value < 1:
            raise ConfigError(f'{name} must be at least 1, found {value!r}')
    folders = _folders(cfg, LOADERS)
    if not folders:
        raise ConfigError('no pipeline of the config has LoadBackground: it needs no backgrounds')
    made = {}
    for folder, sets in folders.items():
        cameras = _cameras([_whole_images(settings) for settings in sets], frames)
        made[folder] = len(cameras), _build(folder, cameras, memory, progress)
    return made


def ensure_backgrounds(cfg: Config, *loaders: str) -> None:
    """Make the backgrounds that pipelines of a config load, unless they exist.

    Existing files are not read again, and may be medians of other frames; sources of packs are opened only if some
    backgrounds are missing. Waits for another process that is making them.

    Args:
        cfg: The config; its packs must exist.
        *loaders: Which dataloaders' sets, such as 'train_dataloader'.

    Raises:
        ConfigError: If a set does not give camera and sequence.
        ValueError: If a folder has a background of another set.
        OSError: If an image can't be read, or a background can't be written.
    """
    for folder, sets in _folders(cfg, loaders).items():
        places: dict[tuple[str, int], set[str]] = {}
        for settings in sets:
            digest = _digest(_whole_images(settings))
            captures = _captures(_build_set(settings))
            for sequence, view in np.unique(np.stack([captures.sequence, captures.view], 1), axis=0).tolist():
                places.setdefault((captures.names[sequence], view), set()).add(digest)
        missing = missing_backgrounds(folder, {place: sorted(digests) for place, digests in places.items()})
        if missing:
            print_log(f'{folder}: making {len(missing)} of {len(places)} backgrounds', 'current')
            cameras = _cameras([_whole_images(settings) for settings in sets], 50)
            _build(folder, [camera for camera in cameras if camera[:2] in set(missing)], 256 << 20, True)


def _folders(cfg: Config, loaders: Sequence[str]) -> dict[str, list[dict]]:
    """Return the folders that pipelines load backgrounds from, and the sets with such pipelines, each once."""
    folders: dict[str, dict[str, dict]] = {}
    for loader in loaders:
        for settings, folder in _loading((cfg.get(loader) or {}).get('dataset')):
            folders.setdefault(folder, {})[json.dumps(settings, sort_keys=True, default=str)] = settings
    return {folder: list(sets.values()) for folder, sets in folders.items()}


def _loading(node: object) -> Iterator[tuple[dict, str]]:
    """Yield the sets below a node of a config whose pipeline loads backgrounds, and the folder that it names."""
    if isinstance(node, Mapping):
        pipeline = node.get('pipeline') or ()
        for step in pipeline:
            if str(step.get('type')).rpartition('.')[2] == 'LoadBackground':
                yield {key: value for key, value in node.items() if key != 'pipeline'}, step['folder']
        for key, value in node.items():
            if key != 'pipeline':
                yield from _loading(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _loading(value)


def _whole_images(settings: Mapping) -> Mapping:
    """Return a set's settings, or those of a pack's source."""
    if not is_packed(settings):
        return settings
    if settings.get('recipe') is not None:
        return source_config(settings['recipe']['source'])
    return stored_source(load_manifest(settings['data_root']), str(settings['data_root']))


def _digest(settings: Mapping) -> str:
    """Return the digest that identifies the images of a set."""
    content = {key: value for key, value in settings.items() if key not in _NOT_BEHIND}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _build_set(settings: Mapping) -> object:
    return DATASETS.build(dict(settings, pipeline=[]))


def _captures(dataset: object) -> Captures:
    """Return where a set's samples come from."""
    if not hasattr(dataset, 'captures'):
        raise ConfigError(
            f'{type(dataset).__name__} has no camera and sequence for its samples, so it has no backgrounds; expected '
            'a set of synchronised cameras, such as StudioRigDataset or PanopticHandDataset'
        )
    return dataset.captures()


def _cameras(sets: Sequence[Mapping], count: int) -> list[Camera]:
    """Return the cameras of sets of whole images; frames of a camera that several sets have are joined."""
    images: dict[tuple[str, int], dict[int, tuple[object, int]]] = {}
    sources: dict[tuple[str, int], set[str]] = {}
    for settings in sets:
        dataset, digest = _build_set(settings), _digest(settings)
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


def _build(folder: str, cameras: Sequence[Camera], memory: int, progress: bool) -> int:
    """Make missing backgrounds, with a progress bar."""
    disable = None if progress and not int(os.environ.get('LOCAL_RANK', 0)) else True
    with tqdm(desc=folder, total=len(cameras), disable=disable) as bar:
        return build_backgrounds(folder, cameras, memory, bar.update)


def _reader(samples: list) -> Callable[[int], np.ndarray]:
    """Return a function that reads the image of the i-th of some samples, each (data set, index)."""

    def read(i: int) -> np.ndarray:
        dataset, index = samples[i]
        return dataset.get_data_info(index)['img']

    return read
