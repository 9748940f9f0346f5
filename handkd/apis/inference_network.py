"""A trained network of a config, on crops of images."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData

from handkd.datasets.transforms import PackHandInputs
from handkd.hand import JOINTS
from handkd.inference.crops import HandView
from handkd.inference.networks import NetworkFacts

from .inference_config import crop_of, depth_of, trained_side
from .trained import TrainedNetwork, student_config


class HandNetwork:
    """A trained network, with the steps of its config's test pipeline on crops.

    Args:
        cfg: Its config. Of a distilled model only the student is built.
        checkpoint: Its weights; those of a distilled model fit.
        device: Device to run on. Defaults to None: the GPU if there is one, else the CPU.

    Raises:
        FileNotFoundError: If the checkpoint is missing.
        CheckpointError: If it is damaged or of another architecture.
        ValueError: If the device can't be used, the network takes neither RGB images nor depth or predicts no joints,
            or the config's test pipeline cuts no square around the hand.

    Attributes:
        model: The network, in eval mode.
        facts: Facts about it.
    """

    def __init__(self, cfg: Config, checkpoint: str | PathLike, device: str | torch.device | None = None) -> None:
        trained = TrainedNetwork(f'the network of {cfg.filename}', student_config(cfg), checkpoint)
        self.model = trained.build(device)
        modality = _modality_of(self.model, cfg)
        depth = depth_of(cfg) if modality == 'depth' else None
        joints = _joints_of(self.model)
        self.facts = NetworkFacts(
            str(cfg.filename), modality, crop_of(cfg), depth, joints, trained_side(cfg), _has_pixels(self.model)
        )
        self._pack = PackHandInputs(modalities=(modality,))

    def __call__(self, views: Sequence[HandView]) -> list[dict[str, np.ndarray]]:
        """Return the joints in crops; see :class:`handkd.inference.networks.CropNetwork`."""
        if not views:
            return []
        samples = [self._pack.transform(self._prepare(view)) for view in views]
        return [_found(result.pred_instances) for result in self.model.test_step(pseudo_collate(samples))]

    def _prepare(self, view: HandView) -> dict:
        """Return a crop as a sample after the test pipeline, except for the packing."""
        sample = dict(camera=view.seen_from, img_shape=view.pixels.shape[:2])
        if view.matrix is not None:
            sample['warp_matrix'] = view.matrix
        depth = self.facts.depth
        if depth is None:
            return sample | dict(img=view.pixels)
        return sample | dict(depth=depth.scale(view), depth_cube=(float(view.center[2]), depth.cube))


def _modality_of(model: torch.nn.Module, cfg: Config) -> str:
    """Return the modality of a network, which must take one image and predict joints."""
    from handkd.models.heads import PartSegmentationHead  # imports MMPose's networks, and with them matplotlib

    if model.modality not in ('rgb', 'depth'):
        raise ValueError(
            f"{cfg.filename}: the network takes {model.modality!r}, expected 'rgb' or 'depth' for one image"
        )
    head = getattr(model, 'head', model)
    if head is None or isinstance(head, PartSegmentationHead):
        made = 'views' if head is None else 'parts of the hand'
        raise ValueError(f'{cfg.filename}: the network predicts {made} and no joints: train it with a head for them')
    return model.modality


def _has_pixels(model: torch.nn.Module) -> bool:
    """Return whether a network determines the joints' pixels; a 3D head gives joints up to their position alone."""
    from handkd.models.heads import LatentPoseHead, PixelPoseHead, XYZHead

    head = getattr(model, 'head', None)
    return isinstance(head, PixelPoseHead) or not isinstance(head, (LatentPoseHead, XYZHead))


def _joints_of(model: torch.nn.Module) -> tuple[str, ...]:
    """Return the names of a network's joints: the 21, or NYU's 14 by their numbers in that data set."""
    native = getattr(getattr(getattr(model, 'head', None), 'joints', None), 'native', None)
    return JOINTS if native is None else tuple(f'nyu_{joint}' for joint in native)


def _found(found: InstanceData) -> dict[str, np.ndarray]:
    """Return the predicted joints of a crop, in the frame of its camera."""
    names = [key for key in ('keypoints_xyz', 'keypoints') if key in found]
    joints = {key: found[key][0].astype(np.float64) for key in names}
    if 'keypoints' in found and 'keypoint_scores' in found:
        joints['keypoint_scores'] = found.keypoint_scores[0].astype(np.float64)
    if 'left' in found:
        joints['left'] = found.left[0].astype(np.float64)
    if not names:
        native = 'keypoints_cam_native' in found
        joints['keypoints_cam'] = found['keypoints_cam_native' if native else 'keypoints_cam'][0].astype(np.float64)
    elif len(names) == 2 and 'keypoints_cam' in found:  # 2.5D
        joints['keypoints_cam'] = found['keypoints_cam'][0].astype(np.float64)
    return joints
