"""Networks of torchvision as backbones."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from handkd.hints import ConfigError, did_you_mean
from handkd.importing import optional_package
from handkd.registry import MODELS

from .feature_extractor import FeatureExtractor


@MODELS.register_module()
class TorchvisionBackbone(FeatureExtractor):
    """Outputs of named layers of a network of torchvision, for heads of handkd and MMPose.

    Layers after the last named one are left out. It needs the torchvision that belongs to the installed torch.

    Args:
        name (str): Its name in torchvision, such as 'mobilenet_v3_small'.
        layers (Sequence[str]): Names of its layers whose outputs are returned, such as ('features.12',).
        weights (str, optional): Weights that torchvision downloads, such as 'DEFAULT' or 'IMAGENET1K_V1'. Defaults to
            None: random ones.
        init_cfg (dict, optional): MMEngine initialisation; a file of torchvision's weights fits. Defaults to None: as
            torchvision does.

    Raises:
        ModuleNotFoundError: If torchvision is missing.
        ConfigError: If torchvision has no network of this name, or the network no such layer.
    """

    def __init__(
        self, name: str, layers: Sequence[str], weights: str | None = None, init_cfg: dict | None = None
    ) -> None:
        models, extraction = (
            optional_package(f'torchvision.{module}') for module in ('models', 'models.feature_extraction')
        )
        known = models.list_models()
        if name not in known:
            raise ConfigError(f'TorchvisionBackbone: torchvision has no network {name!r}; {did_you_mean(name, known)}')
        whole = models.get_model(name, weights=weights)
        parts = [part for part, _ in whole.named_modules() if part]
        for layer in layers:
            if layer not in parts:
                raise ConfigError(f'TorchvisionBackbone: {name} has no layer {layer!r}; {did_you_mean(layer, parts)}')
        super().__init__(extraction.create_feature_extractor(whole, list(layers)), init_cfg)
        self.layers = tuple(layers)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the layers.

        Args:
            images: Normalised images of the crop, shape (B, 3, H, W).

        Returns:
            Feature maps of the crop, each of shape (B, C, H', W').
        """
        outputs = self.net(images)
        return tuple(outputs[layer] for layer in self.layers)
