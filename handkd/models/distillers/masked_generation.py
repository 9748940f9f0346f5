"""Masked generative distillation (MGD): the student's features, partly masked, must generate the teacher's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import get_rank
from mmengine.logging import MessageHub
from torch import Tensor, nn

from handkd.hashing import mix
from handkd.hints import ConfigError
from handkd.registry import MODELS

from .base import DistillContext, last_level
from .feature_adapter import FeatureAdapter
from .feature_mimic import feature_distance
from .layer_distiller import LayerDistiller


def draw_masks(shape: Sequence[int], ratio: float, seed: int = 0) -> Tensor:
    """Draw masks of the cells of feature maps (MGD, Yang et al. 2022).

    They depend on ``seed``, torch's seed, the step of the run and the process's rank, and on nothing drawn before, nor
    does drawing them change the numbers drawn after: so they are the same in a resumed run, on any device, and others
    in other processes.

    Args:
        shape: (B, h, w) of the feature maps.
        ratio: Probability that a cell is masked: lambda.
        seed: Distinguishes several distillers. Defaults to 0.

    Returns:
        0 where masked and 1 elsewhere, shape (B, 1, h, w), float32, on the CPU.
    """
    step = MessageHub.get_current_instance().get_info('iter') or 0
    key = mix(mix(mix(torch.initial_seed(), seed), step), get_rank())
    numbers = torch.rand(tuple(shape), generator=torch.Generator().manual_seed(key))
    return (numbers >= ratio)[:, None].float()


@MODELS.register_module()
class MaskedGeneration(LayerDistiller):
    """Generates a teacher's feature map from the student's, of which random cells are masked (MGD, Yang et al. 2022).

    The student's map goes through a :class:`~handkd.models.distillers.FeatureAdapter`; a share ``mask_ratio`` of its
    cells is set to 0 in all channels, drawn anew for each image and step; and a block of 3x3 convolution, ReLU and 3x3
    convolution generates the teacher's map from the rest (arXiv 2205.01529). The loss is the sum of squared differences
    over a sample's features, averaged over the batch. The adapter and the block are dropped at test time.

    The first stage of DWPose as released with MMPose (``FeaLoss``) has neither masks nor a generator: use
    ``FeatureMimic(norm='l2', adapter=...)`` for it.

    Typical weights: 2e-5 with ``mask_ratio=0.65`` are the authors' for detectors with one stage, and with 0.75 for
    segmentation. The loss grows with the size of the map; ``GradientLogHook`` compares its gradient with that of the
    pose loss where both meet, and the two should have about the same size.

    Args:
        teacher (str): The teacher's name.
        layer (str): Dotted name of the student's layer, such as 'backbone'; of a pyramid, the last level is read.
        in_channels (int): Channels of the student's layer.
        out_channels (int): Channels of the teacher's layer.
        teacher_layer (str, optional): Dotted name of the teacher's layer. Defaults to None: the same as ``layer``.
        mask_ratio (float): Share of masked cells, lambda of the paper. Defaults to 0.65.
        weight (float): Multiplies the loss, alpha of the paper. Defaults to 2e-5.
        seed (int): Gives distillers on several layers other masks. Defaults to 0.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.

    Raises:
        ConfigError: If ``mask_ratio`` is not in [0, 1).
    """

    takes_sample_weights = True

    def __init__(
        self,
        teacher: str,
        layer: str,
        in_channels: int,
        out_channels: int,
        teacher_layer: str | None = None,
        mask_ratio: float = 0.65,
        weight: float = 2e-5,
        seed: int = 0,
        schedule: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(layer, teacher, teacher_layer, weight, schedule)
        if not 0 <= mask_ratio < 1:
            raise ConfigError(f'MaskedGeneration: mask_ratio must be in [0, 1), found {mask_ratio!r}')
        self.mask_ratio, self.seed = mask_ratio, seed
        self.adapter = FeatureAdapter(in_channels, out_channels)
        self.generation = nn.Sequential(
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
        )

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'generated': weight * squared distance of the generated map from the teacher's}``.

        Raises:
            ConfigError: If the layers are not feature maps with the channels of the config.
        """
        ((student, teacher),) = (map(last_level, pair) for pair in self.outputs(context))
        if student.ndim != 4:
            raise ConfigError(
                f"MaskedGeneration: the student's {self.layer!r} gives {tuple(student.shape)}, expected a feature map "
                '(B, C, H, W): name another layer'
            )
        adapted = self.adapter(student, teacher)
        masks = draw_masks((len(adapted), *adapted.shape[2:]), self.mask_ratio, self.seed)
        generated = self.generation(adapted * masks.to(adapted))
        weight = context.sample_weight(student.device)
        return {'generated': self.weight * feature_distance(generated, teacher, 'l2', sample_weight=weight)}
