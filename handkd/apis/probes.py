"""Linear probes of a representation: poses from the appearance and from the geometry of an encoder."""

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

from .cells import cell
from .trained import BATCH, TrainedNetwork, spread_indices

STRENGTHS = np.logspace(-6, 2, 17)
"""Candidate strengths of ridge regression, relative to the mean variance of a feature."""
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
    """Latents and poses of N images with all labels.

    Attributes:
        appearance: L_app, shape (N, A), any unit.
        geometry: L_3D, shape (N, 3 * P), any unit, camera axes.
        poses: Joints relative to the wrist, shape (N, 21, 3), mm, camera axes.
        others: For each image the index of another one of the same hand at another time, from any camera, shape (N,).
    """

    appearance: np.ndarray
    geometry: np.ndarray
    poses: np.ndarray
    others: np.ndarray


def probe_table(networks: Sequence[TrainedNetwork], num: int = 4000, untrained: bool = False) -> Table:
    """Return the N-MPJPE, relative to the wrist, of poses that linear maps predict from encoders' latents.

    A view is synthesised with the appearance of another moment: a map from that appearance should be no better than
    chance, the mean pose, and a map from L_3D should be better. Pose information in the appearance of the same image
    does no harm. A map is fitted (:func:`fit_linear`) on images of the training set of the network's config, with all
    of its labels, including those that the network was not given; it is measured on the test set. Hands without the
    label of a joint are left out.

    Args:
        networks: The networks, each with a ``GeometryEncoder``.
        num: How many images of each set are used, evenly spaced. Defaults to 4000.
        untrained: Whether to add each network's encoder with random weights. Defaults to False.

    Raises:
        ValueError: If a network's encoder gives no appearance and geometry, a set has too few hands with all labels,
            or a hand is seen at one time only.
    """
    columns = {}
    for network in networks:
        settings, encoders = _training_set(network.cfg.train_dataloader.dataset), {network.label: network.build()}
        if untrained:
            encoders[f'{network.label}, untrained'] = _build_untrained(network, settings)
        train = _encode(encoders, settings, num, network.label)
        test = _encode(encoders, network.cfg.test_dataloader.dataset, num, network.label)
        for label in encoders:
            columns[label] = [cell(error) for error in _errors(train[label], test[label])]
            columns[label].append(f'{len(train[label].poses)} / {len(test[label].poses)}')
    rows = zip(ROWS, *columns.values())
    return Table(('N-MPJPE (mm)', *columns), list(rows))


def fit_linear(features: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit a linear map by ridge regression, in closed form.

    Features are standardised; constant ones get no weight. The strength of the regression is the one of
    :data:`STRENGTHS` with the smallest squared error on the last :data:`HELD_OUT` of the samples, for a map fitted to
    the others; the map is then fitted to all.

    Args:
        features: Shape (N, D), any unit, any frame.
        targets: Shape (N, T), any unit, any frame.

    Returns:
        Weights (D, T) and offset (T,): ``features @ weights + offset`` are the predictions, in the unit of ``targets``.

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
    """N-MPJPE in mm of the mean pose, and of linear maps from appearance and geometry: the numbers of :data:`ROWS`."""
    errors = [n_mpjpe(np.broadcast_to(train.poses.mean(0), test.poses.shape), test.poses, WRIST)]
    known, seen = ((x.appearance[x.others], x.appearance, x.geometry) for x in (train, test))
    for features, unseen in zip(known, seen):
        weights, offset = fit_linear(features, train.poses.reshape(len(train.poses), -1))
        errors.append(n_mpjpe((unseen @ weights + offset).reshape(test.poses.shape), test.poses, WRIST))
    return errors


def find_others(track: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Return for each sample another one of its track at another time, drawn at random with a fixed seed.

    Args:
        track: Number of the hand that each sample shows, shape (N,), any unit, any frame of reference.
        frame: Number of its video frame, shape (N,), any unit.

    Returns:
        Indices of the other samples, shape (N,), int64.

    Raises:
        ValueError: If a hand is seen at one time only.
    """
    rng, others = np.random.default_rng(0), np.empty(len(track), np.int64)
    for hand in np.unique(track):
        members = np.flatnonzero(track == hand)
        for member in members:
            choice = members[frame[members] != frame[member]]
            if not len(choice):
                raise ValueError('a hand is seen at one time only, so there is no other moment: use more images')
            others[member] = rng.choice(choice)
    return others


def _training_set(settings: ConfigDict) -> ConfigDict:
    """Return the settings of a training set without the wrappers that remove labels."""
    while settings.type.rpartition('.')[2] == 'LabelBudget':
        settings = settings.dataset
    return settings


def _build_untrained(network: TrainedNetwork, settings: ConfigDict) -> nn.Module:
    """Return a network with random weights; some images of a set only set the statistics of its normalisation."""
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
    """Return each encoder's latents of images of a set of synchronised cameras."""
    dataset = DATASETS.build(settings)
    if not hasattr(dataset, 'captures'):
        raise ValueError(
            f'{owner}: {settings.type} has no hand and time for its samples; the probe needs '
            'StudioRigDataset, PanopticHandDataset, HandFolderDataset, or a pack of one'
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
    """Whether a packed sample has labels of all joints in space."""
    labels = item['data_samples'].gt_instances
    return 'keypoints_cam' in labels and bool((np.asarray(labels.get('keypoints_valid', 1)) > 0).all())
