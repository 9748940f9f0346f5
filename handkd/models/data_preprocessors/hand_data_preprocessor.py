"""Data preprocessor that stacks, moves and normalises a batch, all images at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from handkd.registry import MODELS

from .normalisation import Normalisation

IMAGENET_RGB = dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))
"""Mean and standard deviation of R, G and B over ImageNet, in grey levels."""

_CHANNELS = {'rgb': 3, 'background': 3, 'depth': 1}
_STATISTICS = {'rgb': 'rgb', 'background': 'rgb', 'depth': 'depth'}
"""Modality -> modality whose statistics normalise it: a background is a colour image without the hand."""


@MODELS.register_module()
class HandDataPreprocessor(BaseDataPreprocessor):
    """Converts the collated output of ``PackHandInputs`` to normalised float batches on the device.

    Pixels are copied to the device unchanged (one byte per value for colour) and converted to float there, as a batch:
    MMPose's preprocessor works image by image and costs more than a small network. The data samples are passed on
    unchanged; their labels stay in main memory, where each head stacks the labels that it needs and moves them once.

    Args:
        rgb (dict, optional): ``mean`` and ``std`` of three channels, in grey levels, in the network's channel order
            (R, G, B unless ``bgr_to_rgb`` is False), for the modalities 'rgb' and 'background'; None keeps the values
            from 0 to 255. Defaults to ``IMAGENET_RGB``.
        depth (dict, optional): ``mean`` and ``std`` of the single channel, in the unit of the pipeline's output.
            Defaults to None: depth is not changed, since DepthToCube has scaled it already.
        bgr_to_rgb (bool): Whether to reverse the colour channels. Defaults to True.
        channels_last (bool): Whether batches lie in memory as (B, H, W, C), which is faster for convolutions on CPUs
            and on GPUs with tensor cores. The shape is (B, C, H, W) in any case. Defaults to True.
        non_blocking (bool): Whether copies to the device may overlap with computing (from pinned memory). Defaults to
            False.
        only (str, optional): Modality whose images alone are the network's input, as one tensor: 'rgb' for an estimator
            of MMPose without a ``DistilledEstimator`` around it. Defaults to None: images by modality.

    Raises:
        ValueError: If ``only`` is no modality, statistics lack a key or have the wrong number of channels, or a std is
            not positive.
    """

    def __init__(
        self,
        rgb: Mapping | None = IMAGENET_RGB,
        depth: Mapping | None = None,
        bgr_to_rgb: bool = True,
        channels_last: bool = True,
        non_blocking: bool = False,
        only: str | None = None,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        if only is not None:
            _check_modality(only)
        self.only = only
        self.bgr_to_rgb, self.channels_last = bgr_to_rgb, channels_last
        self._statistics: dict[str, tuple[list[float], list[float]] | None] = {}
        self._register('rgb', rgb)
        self._register('depth', depth)
        self.register_buffer('order', torch.tensor([2, 1, 0]), persistent=False)

    def _register(self, modality: str, statistics: Mapping | None) -> None:
        """Store (x - mean) / std as x * scale + shift."""
        scale = shift = None
        if statistics is not None:
            channels = _CHANNELS[modality]
            if set(statistics) != {'mean', 'std'} or any(len(values) != channels for values in statistics.values()):
                raise ValueError(
                    f'HandDataPreprocessor: {modality} must be dict(mean=..., std=...) with {channels} numbers each, '
                    f'found {dict(statistics)}'
                )
            mean, std = (torch.tensor(tuple(statistics[key]), dtype=torch.float64) for key in ('mean', 'std'))
            if not (std > 0).all():
                raise ValueError(f'HandDataPreprocessor: the std of {modality} must be positive, found {std.tolist()}')
            scale, shift = (1 / std).float(), (-mean / std).float()
        self._statistics[modality] = None if statistics is None else (mean.tolist(), std.tolist())
        self.register_buffer(f'{modality}_scale', scale, persistent=False)
        self.register_buffer(f'{modality}_shift', shift, persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Normalise a collated batch.

        Args:
            data: ``inputs``: modality -> list of tensors (C, H, W), or one tensor (B, C, H, W); and ``data_samples``,
                if any.
            training: Not used: nothing here is random. Defaults to False.

        Returns:
            ``inputs``: modality -> float32 tensor (B, C, H, W) on the device, or the tensor of ``only``;
            ``data_samples`` unchanged, or None.

        Raises:
            ValueError: If there are no inputs, a modality is unknown, or sizes or numbers of images differ.
        """
        inputs = data.get('inputs')
        if not isinstance(inputs, Mapping) or not inputs:
            found = type(inputs).__name__ if not isinstance(inputs, Mapping) else 'none'
            raise ValueError(
                'HandDataPreprocessor: the batch needs inputs by modality (a dict such as rgb -> images), '
                f'found {found}; the pipeline must end with PackHandInputs'
            )
        if self.only is not None:
            if self.only not in inputs:
                raise ValueError(f'HandDataPreprocessor(only={self.only!r}): the batch holds {sorted(inputs)} alone')
            inputs = {self.only: inputs[self.only]}
        samples = data.get('data_samples')
        batch = {}
        for modality, images in inputs.items():
            _check_modality(modality)
            if samples is not None and len(images) != len(samples):
                raise ValueError(
                    f'HandDataPreprocessor: {len(images)} images of modality {modality!r} for {len(samples)} samples; '
                    'every sample of a batch needs every modality'
                )
            batch[modality] = self._normalise(modality, _stack(modality, images))
        return dict(inputs=batch if self.only is None else batch[self.only], data_samples=samples)

    def _normalise(self, modality: str, images: Tensor) -> Tensor:
        """Move a batch (B, C, H, W) of any type to the device, convert it to float32 and normalise it."""
        pixels = images.to(self.device, non_blocking=self._non_blocking).permute(0, 2, 3, 1)
        kind = _STATISTICS[modality]
        if kind == 'rgb' and self.bgr_to_rgb:
            pixels = pixels.index_select(3, self.order)
        scale, shift = getattr(self, f'{kind}_scale'), getattr(self, f'{kind}_shift')
        pixels = pixels.contiguous()
        if scale is not None:
            batch, height, width, _ = pixels.shape
            pixels = pixels.to(torch.float32, copy=True)
            # Whole rows with the statistics repeated along a row: six times as fast as broadcasting over 3 channels.
            pixels.view(batch * height, -1).mul_(scale.repeat(width)).add_(shift.repeat(width))
        pixels = pixels.float().permute(0, 3, 1, 2)
        return pixels if self.channels_last else pixels.contiguous()

    def normalisation(self, modality: str) -> Normalisation:
        """Return the normalisation of a modality.

        Args:
            modality: 'rgb', 'background' or 'depth'.

        Raises:
            ValueError: If it is another modality.
        """
        _check_modality(modality)
        kind = _STATISTICS[modality]
        statistics, reverse = self._statistics[kind], kind == 'rgb' and self.bgr_to_rgb
        return Normalisation(reverse=reverse) if statistics is None else Normalisation.of(*statistics, reverse)

    def to_pixels(self, images: Tensor) -> Tensor:
        """Convert normalised colour images back to pixels: the inverse of the normalisation of 'rgb'.

        Args:
            images: Images normalised as 'rgb', crop of the pipeline, shape (B, 3, H, W).

        Returns:
            The same shape, uint8, rounded and clipped to 0..255; channels in the pipeline's order.
        """
        images = images.float()
        if self.rgb_scale is not None:
            images = (images - self.rgb_shift[:, None, None]) / self.rgb_scale[:, None, None]
        if self.bgr_to_rgb:
            images = images.index_select(1, self.order)
        return images.round().clamp(0, 255).to(torch.uint8)


def _check_modality(modality: str) -> None:
    """Raise a ValueError for a modality that cannot be normalised."""
    if modality not in _CHANNELS:
        raise ValueError(f'HandDataPreprocessor: no modality {modality!r}; expected some of {tuple(_CHANNELS)}')


def _stack(modality: str, images: Sequence[Tensor] | Tensor) -> Tensor:
    """Return one tensor (B, C, H, W)."""
    channels = _CHANNELS[modality]
    shapes = {tuple(image.shape) for image in images}
    if len(shapes) > 1:
        sizes = ', '.join(sorted(f'{shape[-1]} x {shape[-2]}' for shape in shapes))
        raise ValueError(
            f'HandDataPreprocessor: the {modality} images of a batch must have one size, found {sizes} '
            '(width x height); put WarpCrop or HandResize into the pipeline'
        )
    if not shapes or len(shape := next(iter(shapes))) != 3 or shape[0] != channels:
        raise ValueError(f'HandDataPreprocessor: {modality} must be images ({channels}, H, W), found {sorted(shapes)}')
    if isinstance(images, Tensor):
        return images
    # Stacked in their memory layout (H, W, C), which is a plain copy.
    return torch.stack([image.permute(1, 2, 0) for image in images]).permute(0, 3, 1, 2)
