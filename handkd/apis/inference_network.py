"""A trained network on crops of images."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData

from handkd.datasets.transforms import PackHandInputs

from .inference_crops import ConfigCrop, HandView
from .inference_depth import ConfigDepth
from .trained import BATCH, TrainedNetwork, student_config


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
        modality: 'rgb' or 'depth'.
        crop: The crops of the config.
        depth: Its depth steps; None for colour images.
    """

    def __init__(self, cfg: Config, checkpoint: str | PathLike, device: str | torch.device | None = None) -> None:
        trained = TrainedNetwork(f'the network of {cfg.filename}', student_config(cfg), checkpoint)
        self.model = trained.build(device)
        self.modality = _modality_of(self.model, cfg)
        self.crop = ConfigCrop(cfg)
        self.depth = ConfigDepth(cfg) if self.modality == 'depth' else None
        self._pack = PackHandInputs(modalities=(self.modality,))

    def __call__(self, views: Sequence[HandView]) -> list[dict[str, np.ndarray]]:
        """Predict the joints of the hands in crops, in batches.

        Args:
            views: The crops.

        Returns:
            For each crop, from a 3D network ``keypoints_xyz`` (21, 3), normalised, along the axes of the image's
            camera; from a 2D network ``keypoints`` (21, 2) in px of the crop; from a 2.5D network both, and with a
            camera ``keypoints_cam`` (21, 3), mm, in the frame of the image's camera; from one that gives joints in a
            cube only the last, (J, 3).

        Raises:
            ValueError: If a predicted joint is not finite.
        """
        samples, joints = [self._pack.transform(self._prepare(view)) for view in views], []
        for start in range(0, len(samples), BATCH):
            results = self.model.test_step(pseudo_collate(samples[start : start + BATCH]))
            joints += [
                _joints_of(result.pred_instances, view) for result, view in zip(results, views[start : start + BATCH])
            ]
        return joints

    def _prepare(self, view: HandView) -> dict:
        """Return a crop as a sample after the test pipeline, except for the packing."""
        sample = dict(view.sample, camera=view.camera or far_camera(self.crop.size))
        return sample if self.depth is None else self.depth.scale(sample)


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


def _joints_of(found: InstanceData, view: HandView) -> dict[str, np.ndarray]:
    """Return the predicted joints of a crop, those in space along the axes of the image's camera."""
    joints = {key: found[key][0].astype(np.float64) for key in ('keypoints_xyz', 'keypoints') if key in found}
    if not joints:
        native = 'keypoints_cam_native' in found
        joints['keypoints_cam'] = found['keypoints_cam_native' if native else 'keypoints_cam'][0].astype(np.float64)
    if not all(np.isfinite(values).all() for values in joints.values()):
        raise ValueError('the network predicts non-finite joints: its training diverged, use other weights')
    if 'keypoints_xyz' in joints:
        if len(joints) == 2 and view.original is not None and 'keypoints_cam' in found:
            joints['keypoints_cam'] = view.to_camera(found['keypoints_cam'][0].astype(np.float64))
        joints['keypoints_xyz'] = view.to_camera(joints['keypoints_xyz'])
    return joints


def far_camera(size: int) -> dict[str, np.ndarray]:
    """Return a camera so far from the crop that perspective hardly matters, for images of an unknown camera.

    Args:
        size: Side of the crop in px.
    """
    focal, middle = 20.0 * size, (size - 1) / 2
    return dict(K=np.array([[focal, 0.0, middle], [0.0, focal, middle], [0.0, 0.0, 1.0]]))
