"""A frozen, trained network inside another network."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from handkd.registry import MODELS

from ..checkpoint import load_weights
from ..initialisation import mark_initialised, own_random_numbers


class FrozenEstimator(BaseModule):
    """A trained estimator whose weights and statistics are frozen.

    Its weights are part of the surrounding network's, so a checkpoint is complete. It gets the images of that network,
    without its own preprocessor; the surrounding estimator refuses one with another normalisation.

    Args:
        estimator: Config of the estimator.
        checkpoint: Path of its weights, loaded when a training begins, or None.
        name: Name of the network in errors.
    """

    def __init__(self, estimator: dict, checkpoint: str | None, name: str) -> None:
        super().__init__()
        self.checkpoint, self.name = checkpoint, name
        with own_random_numbers(name):
            self.network = MODELS.build(estimator).requires_grad_(False)
        self.eval()

    @property
    def head(self) -> nn.Module:
        """The estimator's head."""
        return self.network.head

    def init_weights(self) -> None:
        """Load the weights; every name and shape must match.

        Raises:
            ValueError: If there is no checkpoint, or it does not fit.
            FileNotFoundError: If the file is missing.
        """
        if self.checkpoint is None:
            raise ValueError(
                f'{self.name} has no checkpoint: train it first and pass --cfg-options model.backbone.checkpoint=PATH, '
                'or run the stages in order with `handkd stages`'
            )
        load_weights(self.network, self.checkpoint, owner=self.name)
        mark_initialised(self)

    def train(self, mode: bool = True) -> FrozenEstimator:
        """Stay in evaluation mode, whatever the mode of the surrounding network."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return the features that the estimator's head takes.

        Args:
            images: Normalised images of the crop, shape (B, C, H, W).
        """
        return self.network.neck(self.network.backbone(images))
