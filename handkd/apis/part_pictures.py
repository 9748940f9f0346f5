"""Part maps of trained networks side by side, and maps whose restoration the quality check rejected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import pseudo_collate

from handkd.datasets import ReproducibleDataset
from handkd.evaluation import segmentation_counts
from handkd.hand import JOINTS, NUM_JOINTS
from handkd.registry import DATASETS
from handkd.restoration import RejectionStatistics, Restorer, Round, latest_round, open_search
from handkd.visualization import Picture, draw_skeleton, enlarge, part_legend, part_picture

from .pictures import TILE, Column, hand_column, input_picture, lay_columns, predict_samples
from .trained import TrainedNetwork, read_samples, spread_indices

_HOOK = ('PartRestorationHook', 'handkd.PartRestorationHook')
_COLORS = "Parts are in the fingers' colours, paler towards the tip."


def part_sheet(
    networks: Sequence[TrainedNetwork], indices: Sequence[int], dictionary: str | Path | None = None
) -> Picture:
    """Draw part maps side by side, one row per image: Fig. 5 of Neverova et al. 2017.

    From left to right the input of the first network that predicts parts, its map, the restored map, the maps of the
    others, the true map if the test set has it, and for each network that predicts joints these over the true ones.

    Args:
        networks: The networks, each on its own test set.
        indices: Which test images.
        dictionary: Folder of the patches. Defaults to None: no map is restored. Search and voting use the settings of
            the first config that has a ``PartRestorationHook``; if none has one, their defaults.

    Raises:
        FileNotFoundError: If the dictionary is missing.
        ValueError: If the test sets do not show the same images, no network predicts parts, or the dictionary is
            damaged.
    """
    samples = read_samples(networks, indices)
    maps, hands, items = [], [], None
    for network, given in zip(networks, samples):
        with torch.no_grad():
            found = network.build().test_step(pseudo_collate(given))
        if 'part_seg' in found[0].get('pred_fields', ()):
            if items is None:
                items, truth = given, _true_maps(found)
            predicted = np.concatenate([sample.pred_fields.part_seg for sample in found])
            maps.append(_map_column(network.label, predicted, _true_maps(found)))
            if dictionary is not None and len(maps) == 1:
                restored = _restorer(networks, dictionary)(predicted)
                maps.append(_map_column(f'{network.label}, restored', restored, truth))
        if 'pred_instances' in found[0]:
            hands.append(hand_column(network.label, predict_samples(network, given), given, [None] * len(given)))
    if items is None:
        labels = ', '.join(network.label for network in networks)
        raise ValueError(f"no network predicts parts ('part_seg'), found {labels}: show their joints with `poses`")
    depth = [enlarge(input_picture(item['inputs']), TILE) for item in items]
    columns = [Column('input', depth, [f'image {item["data_samples"].img_id}' for item in items]), *maps]
    if truth is not None:
        columns.append(Column('truth', [_map_tile(one) for one in truth], [''] * len(truth)))
    text = f'{_COLORS} Below a map is the share of the hand that has its true part.'
    if hands:
        text += ' Joints are over the true ones in grey, with their mean error.'
    return Picture(_with_legend(lay_columns([*columns, *hands], max(depth[0].shape))), text)


def _restorer(networks: Sequence[TrainedNetwork], dictionary: str | Path) -> Restorer:
    """Return a restorer with the settings of the first weakly supervised network."""
    hooks = (hook for network in networks for hook in network.cfg.get('custom_hooks') or ())
    hook = next((hook for hook in hooks if hook.get('type') in _HOOK), {})

    def settings(*names: str) -> dict:
        return {name: hook[name] for name in names if name in hook}

    return Restorer(open_search(dictionary, **settings('probes', 'rerank')), **settings('window', 'stride'))


def rejection_sheet(network: TrainedNetwork, num: int = 8, indices: Sequence[int] | None = None) -> Picture:
    """Draw restorations that a weakly supervised run rejected, one column per image: Fig. 7 of Neverova et al. 2017.

    From top to bottom the input, the map that the network predicted, and the restored map, with the sum of the
    distances from the joints to the barycentres of their parts. A ring marks the true position of the joint whose
    distance grew most. The caption begins with how many of the run's newest restored maps were rejected, and why.

    Args:
        network: The run's network, whose checkpoint is in the run's work dir.
        num: How many images to show, evenly spaced among the rejected ones. Defaults to 8.
        indices: Which images of the real training set to show instead. Defaults to None.

    Raises:
        FileNotFoundError: If the run has no restored maps.
        ValueError: If no map was rejected, a named image was not, or the training set is not the run's.
    """
    made = latest_round(Path(network.checkpoint).parent / 'restored')
    dataset = _restored_set(network)
    if len(dataset) != made.settings.images:
        raise ValueError(
            f'{made.folder} has maps of {made.settings.images} images, but the real training set has {len(dataset)}: '
            'use the config and data of the run'
        )
    statistics = RejectionStatistics()
    statistics.add(made.verdict)
    rejected = np.flatnonzero(~made.verdict.accepted).tolist()
    if indices is None:
        if not rejected:
            raise ValueError(f'{made.folder}: no rejected map to show, {statistics}')
        indices = [rejected[i] for i in spread_indices(len(rejected), num)]
    elif others := sorted(set(indices) - set(rejected)):
        found = f'choose among the {len(rejected)} of {statistics.maps} that were, such as {rejected[:8]}'
        raise ValueError(f'{made.folder}: image {others[0]} was not rejected; {found}')
    reasons = made.verdict.reasons
    columns = [_rejected_column(index, dataset[index], made, reasons[index]) for index in indices]
    text = (
        f'{statistics}. {_COLORS} From top to bottom the input, the predicted map and the restored one, with the '
        'distances of the joints from their parts, summed. The ring is where the joint that lost most really is.'
    )
    return Picture(_with_legend(lay_columns(columns, max(columns[0].tiles[0].shape))), text)


def _restored_set(network: TrainedNetwork) -> ReproducibleDataset:
    """The data set whose maps a run restores: the second one of its mixture."""
    mixed = network.cfg.train_dataloader.dataset
    if len(mixed.get('datasets', ())) != 2:
        raise ValueError(f'{network.label}: its training set must be a mixture of two sets, found {mixed.type}')
    return DATASETS.build(mixed.datasets[1])


def _rejected_column(index: int, item: dict, made: Round, reason: str) -> Column:
    """Return a column with the input of an image, its map and the restored one, from top to bottom."""
    before, after, worst = made.verdict.before[index], made.verdict.after[index], made.verdict.worst[index]
    tiles = [
        enlarge(input_picture(item['inputs']), TILE),
        *map(_map_tile, (made.predicted[index], made.restored[index])),
    ]
    if (before != after).any():  # else no joint moved
        joints = item['data_samples'].gt_instances.keypoints[0]
        tiles = [_ring(tile, joints, worst, made.predicted.shape[2]) for tile in tiles]
        reason = f'{JOINTS[worst]} {reason}'
    texts = [f'predicted: {before.sum():.1f} px off', f'restored: {after.sum():.1f} px off']
    return Column(f'image {index}', tiles, [reason, *texts])


def _true_maps(samples: Sequence) -> np.ndarray | None:
    """Return the true maps (N, H, W), uint8, of some samples; None if they have none."""
    if 'part_seg' not in samples[0].get('gt_fields', ()):
        return None
    return np.concatenate([np.asarray(sample.gt_fields.part_seg) for sample in samples])


def _map_column(header: str, maps: np.ndarray, truth: np.ndarray | None) -> Column:
    """Return a column of maps (N, H, W), each with its accuracy if the truth is known."""
    texts = [''] * len(maps) if truth is None else [_accuracy(*pair) for pair in zip(maps, truth)]
    return Column(header, [_map_tile(one) for one in maps], texts)


def _map_tile(part_seg: np.ndarray) -> np.ndarray:
    return enlarge(part_picture(part_seg), TILE)


def _accuracy(pred: np.ndarray, truth: np.ndarray) -> str:
    correct, total = (count.sum() for count in segmentation_counts(pred, truth))
    return f'{100 * correct / total:.1f} %' if total else 'no part is known'


def _ring(tile: np.ndarray, joints: np.ndarray, joint: int, width: int) -> np.ndarray:
    """Mark one joint on an enlarged map; ``joints`` are in px of the map, whose width is given."""
    marked = np.arange(NUM_JOINTS) == joint
    points = np.where(marked[:, None], (joints + 0.5) * tile.shape[1] / width - 0.5, np.nan)
    return draw_skeleton(tile, points, min_size=1, marked=marked)


def _with_legend(sheet: np.ndarray) -> np.ndarray:
    """Add the legend of the part colours below a sheet."""
    parts = sheet, part_legend()
    width = max(part.shape[1] for part in parts)
    return np.vstack([np.pad(p, ((0, 0), (0, width - p.shape[1]), (0, 0)), constant_values=255) for p in parts])
