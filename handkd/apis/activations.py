"""Activation maps of networks side by side, and the share of activation energy on the background."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn
from tqdm import tqdm

from handkd.models.distillers import (
    background_energy,
    background_mask,
    check_taps,
    last_level,
    record_taps,
    stack_masks,
)
from handkd.registry import DATASETS
from handkd.visualization import Picture, Table, activation_map, activation_picture, contact_sheet

from .cells import cell
from .pictures import TILE, input_picture
from .privileged import with_depth, with_hand_mask
from .trained import BATCH, TrainedNetwork, check_same_images, identify, read_samples


def feature_maps(network: nn.Module, items: Sequence[dict], layer: str, owner: str = 'the network') -> Tensor:
    """Return a layer's output for some samples; of a pyramid, its last level.

    Args:
        network: The network, in eval mode.
        items: B packed samples, as its test pipeline gives them.
        layer: Dotted name of the layer, such as 'backbone'.
        owner: What the network is called in the error. Defaults to 'the network'.

    Returns:
        float32, shape (B, C, h, w), any unit, feature map of the crop.

    Raises:
        ValueError: If the layer does not exist, or its output is not a feature map.
    """
    check_taps(network, [layer], owner)
    with torch.no_grad(), record_taps(network, [layer]) as taps:
        network.test_step(pseudo_collate(list(items)))
    features = last_level(taps.get(layer))
    if not isinstance(features, Tensor) or features.ndim != 4:
        found = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(f'{owner}: the layer {layer!r} gives {found}, not a feature map (B, C, h, w)')
    return features.float()


def activation_sheet(networks: Sequence[TrainedNetwork], indices: Sequence[int], layer: str = 'backbone') -> Picture:
    """Draw activation maps side by side, one row per image: Fig. 4 of Yuan et al. 2018.

    From left to right: the colour image, for each network the maximum over the layer's channels, overlaid on its own
    input, and the depth image. Images that no network sees are left out, except for the depth that the first network's
    test set has.

    Args:
        networks: The networks, each on its own test set.
        indices: Which test images.
        layer: Dotted name of the layer in every network. Defaults to 'backbone'.

    Raises:
        ValueError: If the test sets do not show the same images, or a network has no such feature map.
    """
    samples = read_samples(networks, indices)
    columns = []
    for network, items in zip(networks, tqdm(samples, desc='activation maps', leave=False)):
        maps = map(activation_map, feature_maps(network.build(), items, layer, network.label).cpu().numpy())
        columns.append((network.label, [activation_picture(_tile(item), one) for item, one in zip(items, maps)]))
    seen = {kind: next((items for items in samples if kind in items[0]['inputs']), None) for kind in ('rgb', 'depth')}
    if seen['depth'] is None:
        seen['depth'] = _depth_samples(networks[0], indices)
    if seen['rgb'] is not None:
        columns.insert(0, ('image', [_tile(item, 'rgb') for item in seen['rgb']]))
    if seen['depth'] is not None:
        columns.append(('depth image', [_tile(item, 'depth') for item in seen['depth']]))
    headers = [header for header, _ in columns]
    tiles = [tile for row in zip(*(column for _, column in columns)) for tile in row]
    return Picture(
        contact_sheet(tiles, len(headers), TILE, headers=headers),
        f'The output of `{layer}`, reduced to the maximum over its channels and stretched to its own range, over what '
        'the network sees: red is active, blue is not.',
    )


def background_shares(features: Tensor, hand_masks: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share of activation energy, the sum of squares over the channels, that lies outside the hand.

    Args:
        features: Feature map of the crop, shape (B, C, h, w), any unit.
        hand_masks: Where the hand is in the crop, shape (B, 1, H, W), bool.

    Returns:
        Share of the energy on cells without any pixel of the hand, shape (B,), in [0, 1], NaN where nothing is active;
        and those cells' share of all cells, shape (B,), in [0, 1]: the value for activation that is spread evenly.
    """
    outside = background_mask(hand_masks, features.shape[2:])
    energy = background_energy(features, outside) / background_energy(features, torch.ones_like(outside))
    return energy, outside.mean((1, 2, 3))


def energy_table(networks: Sequence[TrainedNetwork], layer: str = 'backbone') -> Table:
    """Return the share of each network's activation energy on the background, mean over the test images.

    Images without a hand in their mask don't count. Networks with the same label are runs that differ in their seeds;
    they make one row, with the mean of their shares and its 95 % interval.

    Args:
        networks: The networks, each on its own test set.
        layer: Dotted name of the layer in every network. Defaults to 'backbone'.

    Raises:
        ValueError: If a test set has neither depth nor masks, they do not show the same images, or a network has no
            such feature map.
    """
    shares: dict[str, list[tuple[float, float]]] = {}
    images: dict[str, list[tuple[int, int]]] = {}
    sizes: dict[str, tuple[int, int]] = {}
    first = None
    for network in networks:
        marks, size, energy, cells = _measure(network, layer)
        if first is not None:
            check_same_images(first, marks, networks[0].label, network.label)
        first = marks
        counts = np.isfinite(energy)
        if not counts.any():
            raise ValueError(f'{network.label}: no test image has a hand in its mask and an active {layer!r}')
        shares.setdefault(network.label, []).append((100 * energy[counts].mean(), 100 * cells[counts].mean()))
        images.setdefault(network.label, []).append((counts.sum(), len(marks)))
        sizes[network.label] = size
    rows = []
    for label, runs in shares.items():
        counted = '{} of {}'.format(*np.sum(images[label], 0))
        cells = '{1} x {0} cells'.format(*sizes[label])
        rows.append((label, str(len(runs)), *(cell(values, 1, ' %') for values in zip(*runs)), f'{counted}, {cells}'))
    return Table((layer, 'runs', 'energy on background', 'cells that are background', 'images'), rows)


def _measure(network: TrainedNetwork, layer: str) -> tuple[list, tuple[int, int], np.ndarray, np.ndarray]:
    """Return keys of the test images, the layer's (h, w), and each image's two shares; NaN for images without hand."""
    test_set = DATASETS.build(with_hand_mask(network.cfg.test_dataloader.dataset))
    module = network.build()
    marks, shares = [], []
    for start in tqdm(range(0, len(test_set), BATCH), desc=network.label, leave=False):
        items = [test_set[i] for i in range(start, min(start + BATCH, len(test_set)))]
        features = feature_maps(module, items, layer, network.label)
        masks = stack_masks([item['data_samples'] for item in items]).to(features.device)
        empty = ~masks.flatten(1).any(1)
        shares.append(torch.stack(background_shares(features, masks)).masked_fill(empty, torch.nan).cpu())
        marks += [identify(item) for item in items]
    energy, cells = torch.cat(shares, 1).double().numpy()
    return marks, tuple(features.shape[2:]), energy, cells


def _depth_samples(network: TrainedNetwork, indices: Sequence[int]) -> list[dict] | None:
    """A network's test images with their depth, or None if the set has none."""
    settings = with_depth(network.cfg.test_dataloader.dataset)
    if settings is None:
        return None
    cfg = copy.deepcopy(network.cfg)
    cfg.test_dataloader.dataset = settings
    return read_samples([replace(network, cfg=cfg)], indices)[0]


def _tile(item: dict, modality: str | None = None) -> np.ndarray:
    """Return a network's input at the size of a tile, so that maps over it are smooth."""
    return cv2.resize(input_picture(item['inputs'], modality), (TILE, TILE), interpolation=cv2.INTER_CUBIC)
