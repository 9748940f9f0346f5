"""What a linear map can read off a representation: poses from the appearance and from the geometry of an encoder."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from torch import nn
from torch.optim.swa_utils import update_bn
from tqdm import tqdm

from handkd.evaluation import n_mpjpe
from handkd.models.backbones import Latents
from handkd.registry import DATASETS, MODELS
from handkd.visualization import Table

from .trained import BATCH, TrainedNetwork, spread_indices

STRENGTHS = np.logspace(-6, 2, 17)
"""Strengths of ridge regression to choose from, in units of the mean variance of a feature."""
HELD_OUT = 0.2
"""Share of the probe's training images, the last ones, on which the strength is chosen."""
WRIST = 0
ROWS = (
    'chance: the mean pose',
    'from L_app of another moment',
    'from L_app',
    'from L_3D',
    'images: fitted / tested',
)


class Encoded(NamedTuple):
    """N images with all labels, as an encoder has them.

    Attributes:
        appearance: L_app, shape (N, A).
        geometry: L_3D, shape (N, 3 * P).
        poses: Joints relative to the wrist, shape (N, 21, 3), mm.
        others: For each image another one of the same hand at another time, by any camera, shape (N,).
    """

    appearance: np.ndarray
    geometry: np.ndarray
    poses: np.ndarray
    others: np.ndarray


def probe_table(networks: Sequence[TrainedNetwork], num: int = 4000, untrained: bool = False) -> Table:
    """Return how well linear maps find poses in what encoders make of images, as N-MPJPE relative to the wrist.

    A view is made of the appearance of another moment: a map from that should be no better than chance, the mean pose,
    and a map from L_3D should be. What the appearance of the very image tells does no harm. A map is fitted
    (:func:`fit_linear`) on images of the training set of the network's config, all of which may be used, whatever
    labels the network was given; it is measured on the test set. Hands that lack a label of a joint are left out.

    Args:
        networks: The networks, with a ``GeometryEncoder`` each.
        num: How many images of each set are taken, at even distances. Defaults to 4000.
        untrained: Whether to add each network's encoder with random weights. Defaults to False.

    Raises:
        ValueError: If a network's encoder gives no appearance and geometry, or a set has too few hands with all labels,
            or a hand at one time only.
    """
    columns = {}
    for network in networks:
        settings, encoders = _training_set(network.cfg.train_dataloader.dataset), {network.label: network.build()}
        if untrained:
            encoders[f'{network.label}, untrained'] = _build_untrained(network, settings)
        train = _encode(encoders, settings, num, network.label)
        test = _encode(encoders, network.cfg.test_dataloader.dataset, num, network.label)
        for label in encoders:
            columns[label] = [f'{error:.2f}' for error in _errors(train[label], test[label])]
            columns[label].append(f'{len(train[label].poses)} / {len(test[label].poses)}')
    rows = zip(ROWS, *columns.values())
    return Table(('N-MPJPE (mm)', *columns), list(rows))


def fit_linear(features: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit a linear map by ridge regression, in closed form.

    Features are standardised; those that are constant count for nothing. The strength of the regression is the one of
    :data:`STRENGTHS` with the least squared error on the last :data:`HELD_OUT` of the samples, of a map of the others;
    the map is then fitted to all.

    Args:
        features: Shape (N, D).
        targets: Shape (N, T).

    Returns:
        Weights (D, T) and offset (T,): ``features @ weights + offset`` are the predictions.

    Raises:
        ValueError: If there are fewer than ten samples.
    """
    features, targets = np.asarray(features, np.float64), np.asarray(targets, np.float64)
    if len(features) < 10:
        raise ValueError(f'a linear map needs at least 10 samples, found {len(features)}')
    split = len(features) - round(HELD_OUT * len(features))
    errors = [
        np.square(features[split:] @ weights + offset - targets[split:]).mean()
        for weights, offset in _ridge(features[:split], targets[:split], STRENGTHS)
    ]
    ((weights, offset),) = _ridge(features, targets, STRENGTHS[[int(np.argmin(errors))]])
    return weights, offset


def _ridge(features: np.ndarray, targets: np.ndarray, strengths: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights and offset for each strength, from one decomposition."""
    mean, middle = features.mean(0), targets.mean(0)
    spread = features.std(0)
    scale = np.where(spread > 1e-6 * np.abs(mean) + 1e-12, 1 / np.maximum(spread, 1e-12), 0.0)
    standard = (features - mean) * scale
    values, vectors = np.linalg.eigh(standard.T @ standard / len(features))
    projected = vectors.T @ (standard.T @ (targets - middle) / len(features))
    maps = []
    for strength in strengths:
        weights = scale[:, None] * (vectors @ (projected / (np.maximum(values, 0) + strength)[:, None]))
        maps.append((weights, middle - mean @ weights))
    return maps


def _errors(train: Encoded, test: Encoded) -> list[float]:
    """N-MPJPE of the mean pose, and of linear maps from appearance and geometry: the numbers of :data:`ROWS`."""
    errors = [n_mpjpe(np.broadcast_to(train.poses.mean(0), test.poses.shape), test.poses, WRIST)]
    known, seen = ((x.appearance[x.others], x.appearance, x.geometry) for x in (train, test))
    for features, unseen in zip(known, seen):
        weights, offset = fit_linear(features, train.poses.reshape(len(train.poses), -1))
        errors.append(n_mpjpe((unseen @ weights + offset).reshape(test.poses.shape), test.poses, WRIST))
    return errors


def find_others(track: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Return for each sample another one of its track at another time, drawn at random, the same each time.

    Args:
        track: Which hand samples show, shape (N,).
        frame: At which time, shape (N,).

    Raises:
        ValueError: If a hand is seen at one time only.
    """
    rng, others = np.random.default_rng(0), np.empty(len(track), np.int64)
    for hand in np.unique(track):
        members = np.flatnonzero(track == hand)
        for member in members:
            choice = members[frame[members] != frame[member]]
            if not len(choice):
                raise ValueError('a hand is seen at one time only: there is no other moment; take more images')
            others[member] = rng.choice(choice)
    return others


def _training_set(settings: ConfigDict) -> ConfigDict:
    """The settings of a training set below those that take labels away."""
    while settings.type.rpartition('.')[2] == 'LabelBudget':
        settings = settings.dataset
    return settings


def _build_untrained(network: TrainedNetwork, settings: ConfigDict) -> nn.Module:
    """A network of random weights, which sees some images of a set for the statistics of its normalisation alone."""
    model = copy.deepcopy(network.cfg.model)
    if 'frozen' in model.backbone:
        model.backbone.frozen = 'none'
    torch.manual_seed(0)
    module = MODELS.build(model).to('cuda' if torch.cuda.is_available() else 'cpu').eval()
    dataset = DATASETS.build(settings)
    items = dataset.__getitems__(spread_indices(len(dataset), 4 * BATCH))
    update_bn([module.data_preprocessor(pseudo_collate(items))['inputs']['rgb']], module.backbone)
    return module


@torch.no_grad()
def _encode(encoders: dict[str, nn.Module], settings: ConfigDict, num: int, owner: str) -> dict[str, Encoded]:
    """What each encoder makes of images of a set of synchronised cameras."""
    dataset = DATASETS.build(settings)
    if not hasattr(dataset, 'captures'):
        raise ValueError(
            f'{owner}: {settings.type} does not say which hand its samples show, and when; the probe needs '
            'StudioRoomDataset, PanopticHandDataset, or a pack of one'
        )
    indices, captures, kept = spread_indices(len(dataset), num), dataset.captures(), []
    found: dict[str, list[Latents]] = {label: [] for label in encoders}
    poses: list[np.ndarray] = []
    for start in tqdm(range(0, len(indices), BATCH), desc=owner, leave=False, disable=None):
        batch = indices[start : start + BATCH]
        items = {index: item for index, item in zip(batch, dataset.__getitems__(batch)) if _is_labelled(item)}
        if not items:
            continue
        kept += list(items)
        items = list(items.values())
        for label, module in encoders.items():
            images = module.data_preprocessor(pseudo_collate(items))['inputs']['rgb']
            latents = module.backbone(images)
            if not isinstance(latents, Latents):
                raise ValueError(
                    f'{label}: its backbone must be a GeometryEncoder, found {type(module.backbone).__name__}'
                )
            found[label].append(Latents(*(part.float().cpu() for part in latents)))
        joints = np.concatenate([item['data_samples'].gt_instances.keypoints_cam for item in items])
        poses.append((joints - joints[:, [WRIST]]).astype(np.float64))
    if not poses:
        raise ValueError(f'{owner}: none of {len(indices)} images of {settings.type} has labels of all joints')
    others = find_others(captures.track[kept], captures.frame[kept])
    return {
        label: Encoded(
            *(torch.cat(part).numpy().astype(np.float64) for part in zip(*parts)), np.concatenate(poses), others
        )
        for label, parts in found.items()
    }


def _is_labelled(item: dict) -> bool:
    """Whether a packed sample says where all of its joints are in space."""
    labels = item['data_samples'].gt_instances
    return 'keypoints_cam' in labels and bool((np.asarray(labels.get('keypoints_valid', 1)) > 0).all())
