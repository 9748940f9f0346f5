"""First part of an exported graph: from the pixels of a crop to the network's input."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handkd.geometry import viewing_rays
from handkd.inference.depth import DepthSpec
from handkd.models.data_preprocessors.normalisation import Normalisation

from .ports import CAMERA, CENTER, Port


class ColourInput(nn.Module):
    """Normalises crops as the network's data preprocessor does.

    Args:
        size: Side of the crop in px.
        normalisation: That of the data preprocessor.

    Attributes:
        ports: The inputs of the graph, the crop first.
    """

    modality = 'rgb'

    def __init__(self, size: int, normalisation: Normalisation) -> None:
        super().__init__()
        self.ports = (Port('image', (size, size, 3), 'grey levels', 'uint8', meaning='crop, channels B, G, R'),)
        self.reverse = normalisation.reverse
        scale, shift = normalisation.scale or (1.0,) * 3, normalisation.shift or (0.0,) * 3
        for name, values in (('scale', scale), ('shift', shift)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float64).float()[:, None, None])

    def forward(self, image: Tensor) -> Tensor:
        """Return the network's input (B, 3, S, S), float32, from a crop (B, S, S, 3), BGR, uint8."""
        pixels = image.permute(0, 3, 1, 2).float()
        if self.reverse:
            pixels = pixels.flip(1)
        return pixels * self.scale + self.shift


class DepthInput(nn.Module):
    """Scales the depth of crops to a metric cube as the config's test pipeline does, and normalises it.

    Args:
        size: Side of the crop in px.
        normalisation: That of the data preprocessor.
        steps: The steps of the config's test pipeline.

    Attributes:
        ports: The inputs of the graph, the crop first.
    """

    modality = 'depth'

    def __init__(self, size: int, normalisation: Normalisation, steps: DepthSpec) -> None:
        super().__init__()
        self.cube, self.hand_only = steps.cube, steps.mask is not None
        crop = Port('depth', (size, size), 'mm', meaning='crop of the depth along the optical axis; 0: no reading')
        self.ports = (crop, CENTER, CAMERA) if self.hand_only else (crop, CENTER)
        self.scale, self.shift = (normalisation.scale or (1.0,))[0], (normalisation.shift or (0.0,))[0]
        rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing='ij')
        self.register_buffer('pixels', torch.stack([columns, rows], -1).reshape(1, -1, 2).double())

    def forward(self, depth: Tensor, center: Tensor, intrinsics: Tensor | None = None) -> Tensor:
        """Return the network's input.

        Args:
            depth: Crops, mm, shape (B, S, S); 0 or NaN without a reading.
            center: Centres of the cubes, mm, frame of the crop's camera, shape (B, 3).
            intrinsics: K of the crop's camera, px, shape (B, 3, 3). Defaults to None: there is no mask.

        Returns:
            Shape (B, 1, S, S), float32, -1 to 1 in the cube, normalised.
        """
        scaled = ((depth - center[:, 2, None, None]) * (2 / self.cube)).clamp(-1, 1)
        kept = depth > 0  # false for NaN
        if self.hand_only:
            kept = kept & self._in_cube(depth, center, intrinsics)
        scaled = torch.where(kept, scaled, 1.0)
        return (scaled * self.scale + self.shift)[:, None]

    def _in_cube(self, depth: Tensor, center: Tensor, intrinsics: Tensor) -> Tensor:
        """Return which pixels (B, S, S) see a point in the cube, as :func:`handkd.geometry.in_cube` in float64."""
        size = self.ports[0].shape[0]
        rays = viewing_rays(self.pixels, intrinsics.double())
        # Sizes as numbers: a trace can lose the free batch where shapes are computed from shapes.
        points = rays * depth.double().reshape(-1, size * size, 1)
        inside = ((points - center.double()[:, None]).abs() <= self.cube / 2).all(-1)
        return inside.reshape(-1, size, size)
