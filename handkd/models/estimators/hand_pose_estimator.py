"""The plain estimator: one network on one or several modalities."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads.base_head import BaseHead
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from handkd.registry import MODELS

from .. import heads
from ..backbones.frozen_estimator import FrozenEstimator
from ..rows import check_inputs
from ..weight_names import TRAINING_ONLY, rename_training_only
from .network_inputs import modalities_of
from .teacher_inputs import check_same_normalisation


@MODELS.register_module()
class HandPoseEstimator(BaseModel):
    """A modality, a backbone, a neck and a head, without distillation.

    An RGB network and a depth network are this same class with another ``modality``.

    Args:
        backbone (dict): Config of the backbone.
        head (dict): Config of the head, with methods ``loss(feats, data_samples)``, which returns a dict of scalars,
            and ``predict(feats, data_samples)``, which returns a dict of arrays over the batch.
        neck (dict, optional): Config of the neck. Defaults to None.
        modality (str | list[str]): Key of the input among ``inputs``; several are concatenated along the channels.
            Defaults to 'rgb'.
        data_preprocessor (dict): Config of the preprocessor. Defaults to dict(type='HandDataPreprocessor').
        init_cfg (dict, optional): MMEngine initialisation. Defaults to None.

    Raises:
        ValueError: If the head is one of MMPose, whose predictions have another form, or a frozen network in the
            backbone was trained with another normalisation.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        neck: dict | None = None,
        modality: str | list[str] = 'rgb',
        data_preprocessor: dict = dict(type='HandDataPreprocessor'),  # noqa: B006 (never changed)
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(MODELS.build(data_preprocessor), init_cfg)
        self.modality = modality
        self.backbone = MODELS.build(backbone)
        check_frozen_parts(self)
        self.neck = MODELS.build(neck) if neck is not None else nn.Identity()
        self.head = build_head(head)
        self._register_load_state_dict_pre_hook(_drop_training_only)

    def forward(
        self, inputs: dict[str, Tensor], data_samples: list | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | list | Tensor:
        """Run the network.

        Args:
            inputs: Normalised images of the crop by modality, each of shape (B, C, H, W).
            data_samples: One ``PoseDataSample`` per image; needed by 'loss' and 'predict'. Defaults to None.
            mode: 'loss' for the named losses, 'predict' for the samples with predictions, 'tensor' for the head's
                output. Defaults to 'tensor'.

        Raises:
            ValueError: If ``mode`` is unknown, or in mode 'loss' an image is a filler of ``MixedDataset``.
        """
        if mode == 'loss':
            check_inputs(data_samples, modalities_of(self))
            return self.head.loss(self.extract_feat(inputs), data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode == 'tensor':
            return self.head(self.extract_feat(inputs))
        raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', found {mode!r}")

    def extract_feat(self, inputs: dict[str, Tensor]) -> Tensor | tuple[Tensor, ...]:
        """Return the features that the head takes.

        Args:
            inputs: Normalised images of the crop by modality, each of shape (B, C, H, W).

        Raises:
            ValueError: If a modality is missing; names it and the existing ones.
        """
        images = choose_inputs(inputs, [self.modality] if isinstance(self.modality, str) else self.modality)
        return self.neck(self.backbone(images[0] if len(images) == 1 else torch.cat(images, dim=1)))

    def predict(self, inputs: dict[str, Tensor], data_samples: list) -> list[PoseDataSample]:
        """Add the head's predictions to each sample, as arrays with a leading dimension of 1.

        Maps, of shape (B, C, H, W), go to ``pred_fields``: ``part_seg`` (1, H, W), uint8, of segmentation heads.
        Everything else goes to ``pred_instances``.

        Heads in space give ``keypoints_xyz`` (1, 21, 3), root-relative, in units of the codec's scale bone, along the
        camera's axes, and with ground truth also ``keypoints_cam`` (1, 21, 3), mm, camera frame; heads in the metric
        cube give ``keypoints_cam`` alone, or ``keypoints_cam_native``; heads in the image give ``keypoints``
        (1, 21, 2), px of the network's input, and ``keypoint_scores`` (1, 21); 2.5D heads, which need the crop's
        camera, give ``keypoints`` and joints in space.
        """
        return add_predictions(data_samples, self.head.predict(self.extract_feat(inputs), data_samples))


def check_frozen_parts(network: HandPoseEstimator) -> None:
    """Check that the frozen networks in a backbone get images normalised as in their own training.

    Raises:
        ConfigError: If not; names both statistics.
    """
    for part in network.backbone.modules():
        if isinstance(part, FrozenEstimator):
            modalities = modalities_of(network)
            check_same_normalisation(
                part.network, network.data_preprocessor, modalities, part.name, 'the network around it'
            )


def build_head(head: dict) -> nn.Module:
    """Build a head whose ``predict`` gives a dict of arrays over the batch.

    Raises:
        ValueError: If it is one of MMPose, whose ``predict`` gives a list of MMPose's own structures.
    """
    made = MODELS.build(head)
    if isinstance(made, BaseHead) and made.predict.__module__.startswith('mmpose.'):
        own = sorted(name for name in heads.__all__ if name.endswith('Head') and name != 'PoseHead')
        raise ValueError(
            f"the head {type(made).__name__} is one of MMPose, whose predictions handkd's estimators cannot use; use "
            f"one of {own}, or MMPose's own estimator around it, such as TopdownPoseEstimator"
        )
    return made


def choose_inputs(inputs: dict[str, Tensor], names: Sequence[str]) -> list[Tensor]:
    """Return the images of some modalities, each of shape (B, C, H, W).

    Args:
        inputs: Normalised images of the crop by modality, each of shape (B, C, H, W).
        names: The modalities.

    Raises:
        ValueError: If a modality is missing; names it and the existing ones.
    """
    missing = [name for name in names if name not in inputs]
    if missing:
        raise ValueError(
            f'the network takes {missing}, but the batch holds {sorted(inputs)}: '
            'name every modality in PackHandInputs(modalities=...)'
        )
    return [inputs[name] for name in names]


def add_predictions(data_samples: list[PoseDataSample], results: dict[str, Tensor]) -> list[PoseDataSample]:
    """Add a batch's predictions to its samples, and return these.

    Args:
        data_samples: One per image.
        results: Arrays over the batch, any unit, any frame: maps (B, C, H, W), which go to ``pred_fields``, and others,
            which go to ``pred_instances`` with a leading dimension of 1.
    """
    arrays = {key: value.detach().cpu().numpy() for key, value in results.items()}
    fields = {key: arrays.pop(key) for key in list(arrays) if arrays[key].ndim == 4}
    for i, sample in enumerate(data_samples):
        if arrays:
            sample.pred_instances = InstanceData(**{key: value[i : i + 1] for key, value in arrays.items()})
        if fields:
            sample.pred_fields = PixelData(**{key: value[i] for key, value in fields.items()})
    return data_samples


def _drop_training_only(state_dict: dict, prefix: str, *_args: object) -> None:
    """Drop the training-only weights from a distilled student's checkpoint, so that it loads into the plain student."""
    rename_training_only(state_dict, prefix)
    for key in [key for key in state_dict if key.startswith(prefix + TRAINING_ONLY)]:
        del state_dict[key]
