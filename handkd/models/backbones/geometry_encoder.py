"""Encoder of an image to an appearance and a point cloud: the representation learnt from several views of a hand."""

from __future__ import annotations

from typing import NamedTuple

from mmpose.models.backbones import ResNet
from torch import Tensor, nn

from handkd.hints import check_choice
from handkd.registry import MODELS

from ..checkpoint import load_weights

FROZEN = ('none', 'early', 'all')
"""Frozen parts of :class:`GeometryEncoder`."""

_BOTTLENECK = 128
"""Channels after the sigmoid, for every width of the trunk."""


class Latents(NamedTuple):
    """Output of :class:`GeometryEncoder`.

    The geometry is the last item, and flat: heads that take a vector, or the last item of a tuple, accept this.

    Attributes:
        appearance: L_app, shape (B, A).
        geometry: L_3D, shape (B, 3 * N): x, y and z of one point, then of the next.
    """

    appearance: Tensor
    geometry: Tensor

    @property
    def points(self) -> Tensor:
        """The geometry as N points, shape (B, N, 3), camera axes, unit learnt."""
        return self.geometry.unflatten(1, (-1, 3))

    def take(self, places: list[int]) -> Latents:
        """Return the latents of the images at the indices ``places`` of the batch."""
        return Latents(self.appearance[places], self.geometry[places])


@MODELS.register_module()
class GeometryEncoder(ResNet):
    """The encoder of Mueller et al. 2020, section 2, in the form of Rhodin et al. 2018, whose work it extends.

    A ResNet whose last stage is as wide as the one before and has stride 1; a 3x3 convolution (no padding, BN, ReLU)
    and a 5x5 convolution of stride 2 (no padding, BN, sigmoid); and a fully connected layer, whose outputs are first
    the appearance, then the points. Mueller et al. don't state which ResNet they use. At 128x128, where the output of
    the sigmoid is a map of 1x1 (so the latents are an affine function of 128 numbers):

    ===== ========== ======= ============================
    depth parameters MAC     features of the trunk
    ===== ========== ======= ============================
    50    18,347,544 1.456 G 1024x8x8 (Rhodin et al.)
    18    8,057,880  0.653 G 256x8x8
    ===== ========== ======= ============================

    For an input below 128 px the third stage has stride 1: 64x64 gives maps of the same size from the third stage on,
    and the same parameters.

    It is a backbone like any other: the last item of its output is a vector of 3 * ``num_points``, which
    ``LatentPoseHead``, ``PMDHead`` or ``Regression25DHead`` take without a neck.

    ImageNet weights load with ``init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')``, except those
    of the last stage of a ResNet-50, whose shape differs. The complete encoder of a trained ``ViewSynthesizer`` or
    another estimator loads with ``checkpoint``.

    Args:
        depth (int): 18, 34, 50, 101 or 152. Defaults to 50.
        input_size (int): Side of the images in px, a multiple of 16; at least 64. Defaults to 128.
        num_points (int): Number N of points. Defaults to 200.
        appearance (int): Length A of the appearance. Defaults to 128.
        base_channels (int): Width of the stem and of the first stage; 64 is the usual ResNet. Defaults to 64.
        frozen (str): 'early' freezes the weights of the stem and of the first two stages, as Rhodin et al. do with
            those of ImageNet; their normalisation statistics are still updated. 'all' freezes everything, including
            statistics: the "pre-trained" network of Mueller et al., section 3.2. Defaults to 'none'.
        checkpoint (str, optional): Path of an estimator whose ``backbone`` is such an encoder; its weights are loaded
            when a training begins. Defaults to None.
        init_cfg (dict, optional): MMEngine initialisation. Defaults to None: Kaiming, as in MMPose.

    Raises:
        ValueError: If ``frozen`` or ``input_size`` is invalid.
    """

    map_layer = 'layer4'
    """The last layer whose output is a feature map, for pictures; other backbones give one themselves."""

    def __init__(
        self,
        depth: int = 50,
        input_size: int = 128,
        num_points: int = 200,
        appearance: int = 128,
        base_channels: int = 64,
        frozen: str = 'none',
        checkpoint: str | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        check_choice(frozen, FROZEN, 'GeometryEncoder(frozen=...)')
        if input_size < 64 or input_size % 16:
            raise ValueError(f'GeometryEncoder: input_size must be 64 or more, a multiple of 16, found {input_size!r}')
        stride = 16 if input_size >= 128 else 8
        super().__init__(
            depth,
            stem_channels=base_channels,
            base_channels=base_channels,
            num_stages=3,
            strides=(1, 2, stride // 8),
            dilations=(1, 1, 1),
            out_indices=(2,),
            **({} if init_cfg is None else {'init_cfg': init_cfg}),
        )
        self.input_size, self.num_points, self.appearance = input_size, num_points, appearance
        self.frozen, self.checkpoint = frozen, checkpoint
        self.layer4 = self.make_res_layer(
            block=self.block,
            num_blocks=self.arch_settings[depth][1][3],
            in_channels=self.feat_dim,
            out_channels=self.feat_dim,
            expansion=self.expansion,
            norm_cfg=self.norm_cfg,
        )
        reduced = 8 * base_channels
        self.reduce = nn.Sequential(
            nn.Conv2d(self.feat_dim, reduced, 3),
            nn.BatchNorm2d(reduced),
            nn.ReLU(),
            nn.Conv2d(reduced, _BOTTLENECK, 5, stride=2, bias=False),
            nn.BatchNorm2d(_BOTTLENECK),
            nn.Sigmoid(),
        )
        side = (input_size // stride - 7) // 2 + 1
        self.fc = nn.Linear(_BOTTLENECK * side * side, appearance + 3 * num_points)
        if frozen == 'early':
            for part in (self.conv1, self.norm1, self.layer1, self.layer2):
                part.requires_grad_(False)
        elif frozen == 'all':
            self.requires_grad_(False)
            self.eval()

    def init_weights(self) -> None:
        """Initialise the weights, and load the checkpoint, whose names and shapes must all match.

        Raises:
            ValueError: If untrained weights would be frozen, or the checkpoint does not fit.
            FileNotFoundError: If the checkpoint is missing.
        """
        pretrained = isinstance(self.init_cfg, dict) and self.init_cfg['type'] == 'Pretrained'
        if self.frozen != 'none' and self.checkpoint is None and not pretrained:
            raise ValueError(
                f'GeometryEncoder(frozen={self.frozen!r}) would keep weights that nothing has trained: pass '
                '--cfg-options model.backbone.checkpoint=PATH, run the stages in order with `handkd stages`, or give '
                "it init_cfg=dict(type='Pretrained', ...)"
            )
        super().init_weights()
        if self.checkpoint is not None:
            load_weights(self, self.checkpoint, owner='the encoder', prefix='backbone.')

    def train(self, mode: bool = True) -> GeometryEncoder:
        """Set the mode and return the encoder; an entirely frozen one stays in evaluation mode."""
        super().train(mode and self.frozen != 'all')
        return self

    def forward(self, images: Tensor) -> Latents:
        """Encode images.

        Args:
            images: Normalised images of the crop, shape (B, 3, ``input_size``, ``input_size``).

        Raises:
            ValueError: If the images have another size.
        """
        if tuple(images.shape[2:]) != (self.input_size, self.input_size):
            raise ValueError(
                f'GeometryEncoder(input_size={self.input_size}) takes images of that side, found '
                f'{images.shape[3]} x {images.shape[2]}: input_size must be what the pipeline crops to'
            )
        (feat,) = super().forward(images)
        latents = self.fc(self.reduce(self.layer4(feat)).flatten(1))
        return Latents(latents[:, : self.appearance], latents[:, self.appearance :])
