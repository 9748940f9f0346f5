"""Comparison of an exported file with torch on real inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from handkd.apis.inference_network import HandNetwork
from handkd.inference.crops import HandView

from .decoders import HeatmapDecoder
from .graph import ExportGraph
from .samples import graph_inputs

LIMIT_MM = 1e-3
LIMIT_PX = 1e-3
"""Largest differences from torch that an export may have."""
LIMIT_ESTIMATED_MM = 2e-2
"""Likewise of joints at a depth that is estimated from their pixels (2.5D): a pixel moves it by centimetres, and the
pixels of a network in float32 differ by 1e-4."""
USUAL_SCALE = 100.0
"""Length of the scale bone for differences of hands of unknown size, mm: more than that of most hands."""
_TIE = 1e-5
"""Relative difference of the two largest pixels of a map below which either may be its maximum."""
_FAR = 500.0
"""Depth in mm beyond which joints at an estimated depth are compared in proportion to it."""
_BATCHES = (1, 5)
"""Sizes of the first batches; the rest follows in batches of 16."""


@dataclass
class Parity:
    """Largest differences between an exported file and torch.

    Attributes:
        samples: Number of inputs.
        max_mm: Largest difference of a coordinate in mm; None if the network gives none.
        max_px: Likewise in px of the crop.
        max_estimated_mm: Likewise of joints in space at an estimated depth (2.5D).
        ties: Joints whose two largest pixels of a map are equal but for rounding, and which differ; they do not count.
    """

    samples: int
    max_mm: float | None = None
    max_px: float | None = None
    max_estimated_mm: float | None = None
    ties: int = 0

    @property
    def passed(self) -> bool:
        """Whether the differences are within the limits; a NaN is not."""
        pairs = (
            (self.max_mm, LIMIT_MM),
            (self.max_px, LIMIT_PX),
            (self.max_estimated_mm, LIMIT_ESTIMATED_MM),
        )
        return all(value is None or value <= limit for value, limit in pairs)

    def note(self, name: str, differences: np.ndarray) -> None:
        """Take differences, of any shape, into account; a NaN stays.

        Args:
            name: The attribute whose unit they have.
            differences: Not negative.
        """
        before = getattr(self, name)
        setattr(self, name, float(np.max(differences, initial=0.0 if before is None else before)))

    def __str__(self) -> str:
        parts = [f'{self.max_mm:.2g} mm'] if self.max_mm is not None else []
        parts += [f'{self.max_px:.2g} px'] if self.max_px is not None else []
        if self.max_estimated_mm is not None:
            parts.append(f'{self.max_estimated_mm:.2g} mm at the estimated depth')
        text = f'largest difference from torch on {self.samples} inputs: {" and ".join(parts)}'
        return text + f' ({self.ties} joints between two equal pixels left out)' * bool(self.ties)


def run_file(
    session: object, graph: ExportGraph, views: Sequence[HandView], scales: Sequence[float] | None = None
) -> dict[str, np.ndarray]:
    """Run an exported file on crops, in batches of several sizes.

    Args:
        session: The file in ONNX Runtime.
        graph: Its graph.
        views: The crops.
        scales: Lengths of the scale bone in mm. Defaults to None: not known.

    Returns:
        Output -> array over the crops, float64.
    """
    names = [port.name for port in graph.outputs]
    parts, start = [], 0
    while start < len(views):
        end = start + (_BATCHES[len(parts)] if len(parts) < len(_BATCHES) else 16)
        given = None if scales is None else scales[start:end]
        parts.append(session.run(names, graph_inputs(views[start:end], graph.inputs, given)))
        start = end
    return {name: np.concatenate(arrays).astype(np.float64) for name, arrays in zip(names, zip(*parts))}


def compare(
    session: object, graph: ExportGraph, network: HandNetwork, views: Sequence[HandView], scales: Sequence[float]
) -> Parity:
    """Compare an exported file with the network of inference on real crops.

    Args:
        session: The file in ONNX Runtime.
        graph: Its graph.
        network: The network, which runs as in inference.
        views: The crops.
        scales: Length of each hand's scale bone in mm, which turns units of the scale into mm.
    """
    found, wanted = run_file(session, graph, views), network(views)
    wanted = {name: np.stack([joints[name] for joints in wanted]) for name in wanted[0]}
    ties = _ties(graph, views) if isinstance(graph.decoder, HeatmapDecoder) else False
    parity = Parity(len(views))
    for port in graph.outputs:
        if port.name not in wanted or port.name in ('keypoint_scores', 'left'):
            continue
        difference = np.abs(found[port.name] - wanted[port.name])
        if port.unit == 'hand_scale':
            difference *= np.reshape(scales, (-1, 1, 1))
        moved = (difference.max(-1) > LIMIT_PX) & ties
        parity.ties += int(moved.sum())
        difference[moved] = 0
        if port.name == 'keypoints':
            parity.note('max_px', difference)
        elif graph.decoder.task != '2.5d':
            parity.note('max_mm', difference)
        elif port.name == 'keypoints_xyz':
            parity.note('max_mm', difference[..., 2])  # Z^r, which the network itself predicts
            parity.note('max_estimated_mm', difference[..., :2])
        else:
            depth = np.abs(wanted[port.name][..., 2:]).clip(1)
            parity.note('max_estimated_mm', difference * np.minimum(1, _FAR / depth))
    return parity


@torch.no_grad()
def _ties(graph: ExportGraph, views: Sequence[HandView]) -> np.ndarray:
    """Return the joints (N, 21) whose map has two maxima, but for rounding, by torch."""
    images = torch.from_numpy(np.stack([view.pixels for view in views]))
    maps = graph.decoder.searched(graph.run(graph.first(images))).flatten(2)
    first, second = maps.topk(2).values.unbind(-1)
    return (first - second <= _TIE * maps.abs().amax(-1)).numpy()
