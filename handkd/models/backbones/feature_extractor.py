"""Common base of the backbones that other packages define."""

from __future__ import annotations

from mmengine.model import BaseModule, initialize
from torch import nn


class FeatureExtractor(BaseModule):
    """A network of another package as a backbone.

    The package itself has initialised its layers. ``init_cfg`` is applied to the network inside, so that a file of that
    package's own weights fits: ``init_cfg=dict(type='Pretrained', checkpoint='resnet18.pth')``.

    Args:
        net: The network.
        init_cfg (dict, optional): MMEngine initialisation. Defaults to None: as the package does.
    """

    def __init__(self, net: nn.Module, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.net = net

    def init_weights(self) -> None:
        """Apply ``init_cfg`` once, and nothing else: some networks have an ``init_weights`` for other purposes."""
        if self.init_cfg and not self._is_init:
            initialize(self.net, self.init_cfg)
        self._is_init = True
