"""The feature loss of view synthesis."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor

from handkd.needs import needs
from handkd.registry import MODELS

from ..initialisation import is_pretrained, mark_initialised
from .pixel_l1_loss import mean_difference


@MODELS.register_module()
@needs(checkpoint='feature_network.checkpoint')
class FeatureL1Loss(BaseModule):
    """Mean absolute difference of a frozen ResNet's early feature maps of images: Mueller et al. 2020, Eq. 3.

    The paper uses a ResNet-18 trained on ImageNet and does not state which maps. Here they are those of Rhodin et al.
    2018: after the ReLU of the stem, after the first stage and after the second; the loss is the mean over the three.
    The rest of the network is left out. It stays in evaluation mode.

    The paper's network is ``dict(type='HandResNet', depth=18, stem='imagenet')`` with the checkpoint
    'torchvision://resnet18', or that file. Without a checkpoint the network has torch's random weights; or its
    ``init_cfg`` loads the backbone of a network that was trained on hands (``dict(type='Pretrained', checkpoint=PATH,
    prefix='backbone.')``).

    Args:
        network (dict): Config of a ``HandResNet``; its images have the normalisation of the encoder's.
        checkpoint (str, optional): Its weights, a path or 'torchvision://resnet18'; configs name it once, as
            ``feature_network.checkpoint``. Defaults to None: the network's own ``init_cfg``.
        loss_weight (float): Multiplies the loss. Defaults to 2.0, as in Rhodin et al.; Mueller et al. write a plain
            sum.
    """

    def __init__(self, network: dict, checkpoint: str | None = None, loss_weight: float = 2.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        if checkpoint is not None:
            network = dict(network, init_cfg=dict(type='Pretrained', checkpoint=checkpoint))
        self.network = MODELS.build(network).requires_grad_(False)
        del self.network.layer3, self.network.layer4
        self.eval()

    def init_weights(self) -> None:
        """Load the network's weights if its config names some; otherwise keep torch's random weights.

        MMPose's initialisation would set its residual branches to 0. They would stay 0, since nothing trains them, and
        the maps would be those of the shortcuts alone.

        Raises:
            FileNotFoundError: If the file of the weights is missing.
        """
        if is_pretrained(self.network):
            super().init_weights()
        mark_initialised(self)

    def train(self, mode: bool = True) -> FeatureL1Loss:
        """Stay in evaluation mode, whatever the mode of the surrounding network."""
        super().train(False)
        return self

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the three feature maps of images.

        Args:
            images: Normalised images of the crop, shape (B, 3, H, W).
        """
        net = self.network
        stem = net.relu(net.norm1(net.conv1(images)))
        first = net.layer1(net.maxpool(stem))
        return [stem, first, net.layer2(first)]

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Return the weighted loss; it has a gradient for ``pred`` alone.

        Args:
            pred: Predicted normalised images of the crop, shape (B, 3, H, W).
            target: True images, of the same shape.
        """
        with torch.no_grad():
            wanted = self.features(target)
        found = self.features(pred)
        return self.loss_weight * torch.stack([mean_difference(*maps) for maps in zip(found, wanted)]).mean()
