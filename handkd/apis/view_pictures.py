"""Pictures of a view-synthesis network: synthesised views, its points in space, and poses."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor

from handkd.artifacts import ensure_artifacts
from handkd.datasets import ReproducibleDataset, ViewGroupSampler
from handkd.geometry import axis_angle_to_matrix
from handkd.geometry.camera import VIEW_GROUP
from handkd.hints import ConfigError
from handkd.lookup import LOADERS
from handkd.models.backbones import Latents
from handkd.models.estimators import ViewSynthesizer
from handkd.models.estimators.view_groups import relative_rotations, turn_points
from handkd.models.targets import stack_rotations
from handkd.registry import DATASETS
from handkd.visualization import Picture, draw_points

from .pictures import TILE, Column, hand_column, input_picture, lay_columns, predict_samples
from .privileged import PACKING
from .trained import TrainedNetwork

_TURNED_TILE = 160
"""Side of a tile of an animation, in px."""
_INPUT, _TARGET, _APPEARANCE = 0, 1, 3
"""Positions of the input, the target and the image for the appearance in a group, as in ``predict``."""


class _Encoded(NamedTuple):
    """Images with the network's latents of them."""

    items: list[dict]
    latents: Latents
    rotations: Tensor
    """From the world's axes to each camera's, shape (B, 3, 3)."""
    backgrounds: Tensor
    """Normalised, shape (B, 3, H, W)."""


def view_sheet(network: TrainedNetwork, num: int = 8, groups: Sequence[int] | None = None) -> Picture:
    """Draw views that a network synthesises from others, one row per group of views: Fig. 4 of Mueller et al. 2020.

    From left to right: the input, the image of another moment for the appearance, the target view, and the view
    synthesised from the input's points, rotated into the target's camera, and the target's background. Then the points
    as seen by the input's camera and by the target's; and with a head the predicted hand over the true one.

    Groups are those that :class:`~handkd.datasets.ViewGroupSampler` draws from the test set with seed 0.

    Args:
        network: The network, a ``ViewSynthesizer``.
        num: How many groups to show, the first ones. Defaults to 8.
        groups: Numbers of the groups to show instead, from 0 on. Defaults to None.

    Raises:
        ValueError: If the network synthesises no views, or the test set has no groups.
        ConfigError: If the config loads no backgrounds.
    """
    numbers = list(range(num) if groups is None else groups)
    if min(numbers) < 0:
        raise ValueError(f'groups must be numbers from 0 on, found {min(numbers)}')
    module, dataset = _synthesizer(network), _test_set(network.cfg)
    sampler = ViewGroupSampler(dataset, groups=1, seed=0)
    seen = _encode(module, [dataset[int(key)] for number in numbers for key in sampler.batch(number)])
    inputs, targets, donors = (
        list(range(place, len(seen.items), VIEW_GROUP)) for place in (_INPUT, _TARGET, _APPEARANCE)
    )
    geometry = seen.latents.take(inputs)
    turns = relative_rotations(seen.rotations[targets], seen.rotations[inputs])
    made = _views(
        module, geometry._replace(appearance=seen.latents.appearance[donors]), turns, seen.backgrounds[targets]
    )
    truth = [input_picture(seen.items[i]['inputs']) for i in targets]
    errors = [f'{np.abs(one.astype(float) - true).mean():.1f} grey levels off' for one, true in zip(made, truth)]
    names = [f'group {number}' for number in numbers]
    columns = [
        _image_column('input', seen.items, inputs, names),
        _image_column('appearance of', seen.items, donors),
        _image_column('target', seen.items, targets),
        Column('synthesised', made, errors),
        _point_column('points', geometry.points),
        _point_column("in the target's camera", turn_points(geometry.points, turns)),
    ]
    text = (
        'A view is made of the points of the input, turned into the camera of the target, of the appearance of another '
        "moment, and of the target's background. Each point has its own colour; far points are paler."
    )
    if module.head is not None:
        items = [dict(seen.items[i], inputs=dict(rgb=seen.items[i]['inputs']['rgb'])) for i in inputs]
        columns.append(hand_column('pose', predict_samples(network, items), items, [None] * len(items)))
        text += ' The predicted hand is over the true one in grey, with its mean error.'
    return Picture(lay_columns(columns), text)


def turntable(
    network: TrainedNetwork, indices: Sequence[int], frames: int = 36, swing: float | None = None
) -> list[np.ndarray]:
    """Draw test images rotated once round, or to and fro, about the y axis of their camera, vertical in the image.

    Beside each input are the view synthesised from its rotated points, its own appearance and its own background, and
    the points. The camera and the background do not move.

    Args:
        network: The network, a ``ViewSynthesizer``.
        indices: Which test images, one row each.
        frames: Number of pictures of one turn. Defaults to 36.
        swing: Largest angle to either side, in degrees: a network learns no rotations that its cameras did not show.
            Defaults to None: once round.

    Returns:
        The pictures, BGR, uint8, all of one shape (H, W, 3).

    Raises:
        ValueError: If the network synthesises no views, an image does not exist, or ``swing`` is not in (0, 180].
        ConfigError: If the config loads no backgrounds.
    """
    if swing is not None and not 0 < swing <= 180:
        raise ValueError(f'swing must be above 0 and at most 180 degrees, found {swing}')
    module, dataset = _synthesizer(network), _test_set(network.cfg)
    beyond = [i for i in indices if not 0 <= i < len(dataset)]
    if beyond:
        raise ValueError(f'{network.label}: no test image {beyond[0]}: indices must be from 0 to {len(dataset) - 1}')
    seen = _encode(module, [dataset[i] for i in indices])
    reach = seen.latents.points.norm(dim=-1).amax(1).tolist()
    own = _image_column('input', seen.items, range(len(seen.items)))
    pictures = []
    for phase in 2 * np.pi * np.arange(frames) / frames:
        angle = phase if swing is None else np.radians(swing) * np.sin(phase)
        turn = torch.as_tensor(axis_angle_to_matrix(np.array([0.0, angle, 0.0])), dtype=torch.float32)
        turns = turn.to(seen.rotations).expand_as(seen.rotations)
        made = _views(module, seen.latents, turns, seen.backgrounds)
        points = turn_points(seen.latents.points, turns)
        columns = [
            own,
            Column(f'turned by {round(np.degrees(angle))} deg', made, [''] * len(made)),
            _point_column('points', points, reach),
        ]
        pictures.append(lay_columns(columns, _TURNED_TILE))
    return pictures


def with_background(cfg: Config) -> Config:
    """Return a config of a test set whose samples also have their camera's background.

    If the test set loads no backgrounds, as for networks with a head, they are loaded from the folder that another
    loader's pipeline names.

    Args:
        cfg: The config; it is not changed.

    Returns:
        A config with only ``test_dataloader``.

    Raises:
        ConfigError: If no pipeline loads backgrounds, or that of the test set does not end with PackHandInputs.
    """
    loader = copy.deepcopy(cfg.test_dataloader)
    settings = loader.dataset
    steps = list(settings.get('pipeline') or ())
    if not steps or steps[-1].type != PACKING:
        raise ConfigError(
            f'{settings.type}: the pipeline of the test set must end with {PACKING}, '
            f'found {steps[-1].type if steps else None!r}'
        )
    if _background_folder(steps) is None:
        folder = next(filter(None, (_background_folder(cfg.get(loader)) for loader in LOADERS)), None)
        if folder is None:
            raise ConfigError('no pipeline of the config has LoadBackground, but synthesised views need backgrounds')
        steps.insert(0, dict(type='LoadBackground', folder=folder))
    steps[-1] = dict(steps[-1], modalities=[*dict.fromkeys([*steps[-1].get('modalities', ['rgb']), 'background'])])
    settings.pipeline = steps
    return Config(dict(test_dataloader=loader))


def _background_folder(node: object) -> str | None:
    """Return the first folder that a LoadBackground below a node of a config names."""
    if isinstance(node, Mapping):
        if str(node.get('type')).rpartition('.')[2] == 'LoadBackground':
            return node['folder']
        node = node.values()
    elif not isinstance(node, (list, tuple)):
        return None
    return next(filter(None, map(_background_folder, node)), None)


def _test_set(cfg: Config) -> ReproducibleDataset:
    """Return the test set of a config with backgrounds; missing ones are made."""
    cfg = with_background(cfg)
    ensure_artifacts(cfg, 'test_dataloader')
    return DATASETS.build(cfg.test_dataloader.dataset)


def _synthesizer(network: TrainedNetwork) -> ViewSynthesizer:
    module = network.build()
    if not isinstance(module, ViewSynthesizer):
        raise ValueError(f'{network.label}: views need a ViewSynthesizer, found a {type(module).__name__}')
    return module


@torch.no_grad()
def _encode(module: ViewSynthesizer, items: list[dict]) -> _Encoded:
    data = module.data_preprocessor(pseudo_collate(items))
    images, backgrounds = data['inputs']['rgb'], data['inputs']['background']
    rotations = stack_rotations(data['data_samples'], images.device)
    return _Encoded(items, module.backbone(images), rotations, backgrounds)


@torch.no_grad()
def _views(module: ViewSynthesizer, latents: Latents, turns: Tensor, backgrounds: Tensor) -> list[np.ndarray]:
    """Return the synthesised images, BGR, uint8, (H, W, 3) each."""
    pixels = module.data_preprocessor.to_pixels(module.synthesise(latents, turns, backgrounds))
    return [np.ascontiguousarray(image) for image in pixels.permute(0, 2, 3, 1).cpu().numpy()]


def _image_column(
    header: str, items: Sequence[dict], places: Sequence[int], captions: Sequence[str] | None = None
) -> Column:
    """Return a column of some of the input images, by default with their numbers."""
    if captions is None:
        captions = [f'image {items[i]["data_samples"].img_id}' for i in places]
    return Column(header, [input_picture(items[i]['inputs']) for i in places], captions)


def _point_column(header: str, points: Tensor, reach: Sequence[float] | None = None) -> Column:
    """Return a column of point clouds (B, N, 3), each of which fills its tile unless its scale is given."""
    clouds = points.cpu().numpy()
    reach = [None] * len(clouds) if reach is None else reach
    return Column(header, [draw_points(*pair) for pair in zip(clouds, [TILE] * len(clouds), reach)], [''] * len(clouds))
