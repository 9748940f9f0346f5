"""Errors of an exported student on its config's test set beside the mean pose's, of all hands and of groups."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator

from handkd.apis.trained import student_config
from handkd.hand import JOINT_INDEX
from handkd.hints import ConfigError
from handkd.inference.crops import HandView
from handkd.inference.onnx_network import OnnxNetwork
from handkd.models.estimators.hand_pose_estimator import add_predictions
from handkd.registry import MODELS

from .decoders import Decoder, decoder_of
from .samples import RealCrops

_BATCH = 32
_TRAINING_HANDS = 2000
"""Hands of the training set whose mean is the mean pose."""
_RUNS, _WARM_UP = 200, 20
_NUMBERS = {
    'mm': ('rel-wrist_gt-scale', 'EPE_mean'),
    'pa_mm': ('pa', 'EPE_mean'),
    'px': ('px', 'EPE_mean'),
    'side': ('side', 'accuracy'),
}
"""Number -> first and last part of its name among the metrics' results."""
_TONES = ('light (Monk 1 to 3)', 'medium (Monk 4 to 7)', 'dark (Monk 8 to 10)')
_EDGE = 0.5
"""Cosine of the angle between the palm's normal and the direction to the camera below which a hand is seen edge-on."""


def measure_figures(cfg: Config, network: OnnxNetwork) -> dict[str, dict[str, dict]]:
    """Measure an exported student on the test set of its config.

    Args:
        cfg: The config.
        network: The exported file of the config's network.

    Returns:
        Kind of groups ('all', 'skin', 'side', 'view') -> group -> 'hands', their number, and 'student' and 'mean_pose',
        each with 'mm', the mean error with wrist and scale known; 'pa_mm', after Procrustes; 'px', of the visible
        joints in the crop; and 'side', the share of hands whose side is told rightly. Of a network that gives no pixels
        or no side these are missing.

    Raises:
        ConfigError: If the network does not give joints of colour images relative to a root.
        ValueError: If a data set of the config can't be read.
    """
    data = network.metadata
    if data.task != '3d' or data.modality != 'rgb':
        raise ConfigError(
            f"{data.name}: figures are for students of colour images with task '3d', found {data.modality} and "
            f'{data.task!r}'
        )
    cfg = student_config(cfg)
    decoder, crops = decoder_of(MODELS.build(cfg.model).head), RealCrops(cfg, network)
    outputs, samples = _run(network, crops)
    mean = mean_outputs(network, RealCrops(cfg, network, 'train_dataloader'))
    groups, metrics = groups_of(samples), _metrics(outputs)
    found = _measure(decoder, outputs, samples, groups, metrics, crops.metainfo)
    constant = {name: np.broadcast_to(mean[name], values.shape) for name, values in outputs.items()}
    expected = _measure(decoder, constant, samples, groups, metrics, crops.metainfo)
    return {
        kind: {
            name: dict(
                hands=int(mine.sum()), student=found[kind][name], mean_pose=expected[kind][name]
            )
            for name, mine in members.items()
        }
        for kind, members in groups.items()
    }  # fmt: skip


def _run(network: OnnxNetwork, crops: RealCrops) -> tuple[dict[str, np.ndarray], list]:
    """Return a file's outputs on a test set, arrays over the hands, and the samples with their labels."""
    items, parts, samples = crops.spread(len(crops)), [], []
    while batch := list(islice(items, _BATCH)):
        parts += network([crops.view(item) for item in batch])
        samples += [item['data_samples'] for item in batch]
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}, samples


def mean_outputs(network: OnnxNetwork, crops: RealCrops) -> dict[str, np.ndarray]:
    """Return the outputs that are right on average in a training set, whatever the image shows.

    Args:
        network: The exported network.
        crops: The training set.

    Returns:
        ``keypoints_xyz`` (21, 3), relative to the network's root, in units of the scale bone, camera axes;
        ``keypoints`` (21, 2), px of the crop; ``left``, the share of left hands.
    """
    root = next(output['root'] for output in network.metadata.outputs if output['name'] == 'keypoints_xyz')
    start, end = (JOINT_INDEX[joint] for joint in network.metadata.scale_bone)
    poses, places, left = [], [], []
    for item in crops.spread(_TRAINING_HANDS):
        labels = item['data_samples'].gt_instances
        joints = labels.keypoints_cam[0]
        poses.append((joints - joints[JOINT_INDEX[root]]) / np.linalg.norm(joints[end] - joints[start]))
        places.append(labels.keypoints[0])
        left.append(item['data_samples'].get('hand_side') == 'left')
    return dict(keypoints_xyz=np.mean(poses, 0), keypoints=np.mean(places, 0), left=np.mean(left))


def groups_of(samples: Sequence) -> dict[str, dict[str, np.ndarray]]:
    """Return the groups of hands.

    Args:
        samples: The hands' ``PoseDataSample``.

    Returns:
        Kind -> name -> bool, shape (N,), which hands belong to it; without empty groups, and without kinds that the
        labels do not tell.
    """
    kinds = {'all': ['all'] * len(samples)}
    if all('skin_tone' in sample for sample in samples):
        tones = [1 + round(9 * sample.skin_tone) for sample in samples]
        kinds['skin'] = [_TONES[(tone > 3) + (tone > 7)] for tone in tones]
    if all('hand_side' in sample for sample in samples):
        kinds['side'] = [sample.hand_side for sample in samples]
        kinds['view'] = [view_of(sample.gt_instances.keypoints_cam[0], sample.hand_side) for sample in samples]
    order = ('all', *_TONES, 'left', 'right', 'palm', 'back', 'edge')
    return {
        kind: {name: np.array([one == name for one in names]) for name in order if name in names}
        for kind, names in kinds.items()
    }


def view_of(joints: np.ndarray, side: str) -> str:
    """Return what a camera sees of a hand: 'palm', 'back' or 'edge', within 30 degrees of the palm's plane.

    Args:
        joints: Shape (21, 3), any unit, camera frame.
        side: 'left' or 'right'.
    """
    wrist, index, middle, little = (joints[[0, 5, 9, 17]]).astype(np.float64)
    out = np.cross(little - index, middle - wrist) * (1 if side == 'left' else -1)  # out of the palm, to where it bends
    toward = -(wrist + middle)
    cosine = float(out @ toward / (np.linalg.norm(out) * np.linalg.norm(toward)))
    return 'edge' if abs(cosine) < _EDGE else 'palm' if cosine > 0 else 'back'


def _metrics(outputs: dict[str, np.ndarray]) -> list[dict]:
    """Return the metrics of what a network gives."""
    metrics = [dict(type='HandKeypointMetric', root='wrist', scale='gt', also=('pa',))]
    if 'keypoints' in outputs:
        metrics.append(dict(type='HandPixelMetric'))
    if 'left' in outputs:
        metrics.append(dict(type='HandSideMetric'))
    return metrics


def _measure(
    decoder: Decoder,
    outputs: dict[str, np.ndarray],
    samples: list,
    groups: dict[str, dict[str, np.ndarray]],
    metrics: list[dict],
    metainfo: dict,
) -> dict[str, dict[str, dict[str, float]]]:
    """Return the numbers of all groups, kind -> name -> number -> value."""
    tensors = {name: torch.from_numpy(np.array(values)).float() for name, values in outputs.items()}
    predicted = [sample.to_dict() for sample in add_predictions(samples, decoder.predictions(tensors, samples))]
    return {
        kind: {name: _numbers([predicted[i] for i in np.flatnonzero(mine)], metrics, metainfo)
               for name, mine in members.items()}
        for kind, members in groups.items()
    }  # fmt: skip


def _numbers(predicted: list[dict], metrics: list[dict], metainfo: dict) -> dict[str, float]:
    evaluator = Evaluator(metrics)
    evaluator.dataset_meta = metainfo
    evaluator.process(predicted)
    found = evaluator.evaluate(len(predicted))
    return {number: value for number, parts in _NUMBERS.items() for value in _named(found, *parts)}


def _named(found: dict[str, float], first: str, last: str) -> Iterator[float]:
    """Yield the value whose name has a first and a last part, if there is one."""
    yield from (float(value) for key, value in found.items() if key.startswith(first) and key.endswith(f'/{last}'))


def time_per_crop(network: OnnxNetwork) -> float:
    """Return the time of a network for one crop in ms: the median of 200 runs."""
    size = network.facts.crop.size
    camera = dict(K=np.eye(3))
    crop = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    view = HandView(crop, camera, np.eye(3), np.eye(3), camera, (np.zeros(2), 1.0), None)
    times = []
    for _ in range(_WARM_UP + _RUNS):
        start = time.perf_counter()
        network([view])
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times[_WARM_UP:]))
