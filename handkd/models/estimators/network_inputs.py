"""Input of a network: images by modality for handkd's estimators, one tensor for those of MMPose."""

from __future__ import annotations

from mmpose.models.pose_estimators.base import BasePoseEstimator
from torch import Tensor, nn

from ..rows import check_inputs


def is_mmpose(network: nn.Module) -> bool:
    """Whether a network is an estimator of MMPose, which takes one tensor of colour images."""
    return isinstance(network, BasePoseEstimator)


def modalities_of(network: nn.Module) -> tuple[str, ...]:
    """Return the modalities that a network takes.

    They are its attribute ``modality``; 'rgb' for an estimator of MMPose; none for other networks without the
    attribute.
    """
    named = getattr(network, 'modality', ('rgb',) if is_mmpose(network) else ())
    return (named,) if isinstance(named, str) else tuple(named)


def by_modality(inputs: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a batch's images by modality.

    Args:
        inputs: Normalised images of the crop, shape (B, C, H, W): by modality, as ``HandDataPreprocessor`` gives them,
            or one tensor of colour images, as MMPose's ``PoseDataPreprocessor`` does.
    """
    return {'rgb': inputs} if isinstance(inputs, Tensor) else inputs


def run_network(network: nn.Module, inputs: dict[str, Tensor], data_samples: list | None, mode: str) -> object:
    """Run an estimator of handkd or MMPose.

    Args:
        network: The estimator.
        inputs: Normalised images of the crop by modality, each of shape (B, C, H, W).
        data_samples: One ``PoseDataSample`` per image; needed by 'loss' and 'predict'.
        mode: 'loss', 'predict' or 'tensor'.

    Returns:
        The network's result in that mode.

    Raises:
        ValueError: If the modality of an estimator of MMPose is missing, or in mode 'loss' an image is a filler.
    """
    if not is_mmpose(network):
        return network(inputs, data_samples, mode)
    if 'rgb' not in inputs:
        raise ValueError(
            f"the network {type(network).__name__} of MMPose takes 'rgb', but the batch holds {sorted(inputs)}: name "
            "'rgb' in PackHandInputs(modalities=...)"
        )
    images = inputs['rgb']
    if mode == 'loss':
        check_inputs(data_samples, modalities_of(network))
        if images.device.type != 'cpu':  # MMPose's preprocessor moves labels there, handkd's leaves them to the heads
            data_samples = [sample.to(images.device) for sample in data_samples]
    return network(images, data_samples, mode)
