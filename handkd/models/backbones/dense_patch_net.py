"""Dense classifier of 32x32 patches: features of the patch around every pixel, all at once."""

from __future__ import annotations

from collections import OrderedDict

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from handkd.registry import MODELS

from .local_contrast import local_contrast

PATCH = 32
"""Side of the patch by which a pixel is classified, in px; the pixel is its 17th in both directions."""
_BEFORE, _AFTER = PATCH // 2, PATCH // 2 - 1


@MODELS.register_module()
class DensePatchNet(BaseModule):
    """The segmentation network f_s of Neverova et al. 2017 (Table 1, section 4) without its last layer.

    A 32x32 patch goes through a 5x5 convolution, 2x2 pooling, a 5x5 convolution, 2x2 pooling, a 5x5 convolution, which
    leave one pixel, and two fully connected layers. For the patches around all pixels the same network has convolutions
    without padding, poolings of stride 1, dilations of 2 and 4 after them, and 1x1 convolutions: the paper's pooling
    over shifted regions, without splitting and merging maps. The image is padded once, by 16 px on the left and above
    and 15 px on the right and below, with the value of the background.

    Each layer has batch normalisation "across all pixels from the same image, for both training and test samples", i.e.
    instance normalisation without running statistics, and ReLU. The biases are those of the normalisation. With
    ``PartSegmentationHead`` the network has 582,044 parameters, besides 1,224 scales of the normalisation, and needs
    1.446 G MAC at 48x48. Layers are ``conv1`` to ``conv3``, ``hidden.hidden1``, ``hidden.hidden2``.

    Args:
        stride (int): 1 for features of every pixel, 2 for those of every second row and column: pooling over shifted
            regions at the second level only, which is the paper's faster variant with 24x24 outputs (section 5.3).
            Defaults to 1.
        channels (tuple[int, ...]): Widths of the three 5x5 convolutions. Defaults to (32, 64, 128).
        hidden (tuple[int, ...]): Widths of the fully connected layers. Defaults to (500, 500).
        contrast (int, optional): Side of the box of local contrast normalisation; None for the depth itself. Defaults
            to 9.
        background (float): Depth of the background, the largest depth: the back of ``DepthToCube``. Defaults to 1.0.
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.

    Raises:
        ValueError: If the stride is neither 1 nor 2, or there are not three convolutions.
    """

    def __init__(
        self,
        stride: int = 1,
        channels: tuple[int, int, int] = (32, 64, 128),
        hidden: tuple[int, ...] = (500, 500),
        contrast: int | None = 9,
        background: float = 1.0,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if stride not in (1, 2):
            raise ValueError(f'DensePatchNet: stride must be 1 or 2, found {stride!r}')
        if len(channels) != 3:
            raise ValueError(f'DensePatchNet: channels must be three widths, found {channels!r}')
        self.stride, self.contrast, self.background = stride, contrast, background
        first, second, third = channels
        dilation = 2 // stride
        self.conv1 = _layer(1, first, 5)
        self.pool1 = nn.MaxPool2d(2, stride)
        self.conv2 = _layer(first, second, 5, dilation)
        self.pool2 = nn.MaxPool2d(2, 1, dilation=dilation)
        self.conv3 = _layer(second, third, 5, 2 * dilation)
        self.hidden = nn.Sequential(
            OrderedDict(
                (f'hidden{i}', _layer(before, width, 1))
                for i, (before, width) in enumerate(zip((third, *hidden), hidden), start=1)
            )
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the foreground, and the features of the patches.

        Args:
            images: Depth in the cube, shape (B, 1, H, W); H and W are multiples of the stride.

        Returns:
            The foreground, i.e. pixels nearer than the background, shape (B, 1, H, W), bool; and features, not
            negative, shape (B, C, H, W), or (B, C, H / 2, W / 2) with ``stride=2``, of the pixels (2 i, 2 j).

        Raises:
            ValueError: If H or W is odd and the stride is 2.
        """
        if any(size % self.stride for size in images.shape[2:]):
            raise ValueError(
                f'DensePatchNet: with stride=2 the sides of the input must be even, found {tuple(images.shape[2:])}'
            )
        foreground, outside = images < self.background, self.background
        if self.contrast is not None:
            images, outside = local_contrast(images, self.contrast), 0.0
        feat = F.pad(images, (_BEFORE, _AFTER, _BEFORE, _AFTER), value=outside)
        feat = self.pool1(self.conv1(feat))
        feat = self.pool2(self.conv2(feat))
        return foreground, self.hidden(self.conv3(feat))


def _layer(in_channels: int, channels: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    """Return a convolution without padding, with normalisation of each image and ReLU."""
    conv = nn.Conv2d(in_channels, channels, kernel, dilation=dilation, bias=False)  # the norm would subtract a bias
    norm = nn.InstanceNorm2d(channels, affine=True)
    return nn.Sequential(OrderedDict(conv=conv, norm=norm, relu=nn.ReLU()))
