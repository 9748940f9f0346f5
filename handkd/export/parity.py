"""Comparison of an exported file with torch on real inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
USUAL_SCALE = 100.0
"""Length of the scale bone for differences of hands of unknown size, mm: more than that of most hands."""
_TIE = 1e-5
"""Relative difference of two pixels of a map below which either may be its maximum."""
_BATCHES = (1, 5)
"""Sizes of the first batches; the rest follows in batches of 16."""


@dataclass
class Parity:
    """Largest differences between an exported file and torch.

    Attributes:
        samples: Number of inputs.
        max_mm: Largest difference of a coordinate in mm; None if the network gives none.
        max_px: Likewise in px of the crop.
        ties: Joints whose two largest pixels of a map are equal but for rounding, and which differ; they do not count.
    """

    samples: int
    max_mm: float | None = None
    max_px: float | None = None
    ties: int = 0
    by_output: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the differences are within the limits; a NaN is not."""
        pairs = ((self.max_mm, LIMIT_MM), (self.max_px, LIMIT_PX))
        return all(value is None or value <= limit for value, limit in pairs)

    def __str__(self) -> str:
        parts = [f'{self.max_mm:.2g} mm'] if self.max_mm is not None else []
        parts += [f'{self.max_px:.2g} px'] if self.max_px is not None else []
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
    parity = Parity(len(views))
    ties = np.zeros((len(views), len(graph.decoder.joints)), bool)
    if isinstance(graph.decoder, HeatmapDecoder):
        ties = _ties(graph, views, found['keypoints'])
    for port in graph.outputs:
        if port.name not in wanted[0] or port.name == 'keypoint_scores':
            continue
        difference = np.abs(found[port.name] - np.stack([joints[port.name] for joints in wanted]))
        if port.unit == 'hand_scale':
            difference *= np.reshape(scales, (-1, 1, 1))
        moved = (difference.max(-1) > LIMIT_PX) & ties
        parity.ties += int(moved.sum())
        value = float(difference[~moved].max(initial=0.0)) if np.isfinite(difference).all() else np.nan
        parity.by_output[port.name] = value
        key = 'max_px' if port.name == 'keypoints' else 'max_mm'
        before = getattr(parity, key)
        setattr(parity, key, value if before is None else float(np.maximum(before, value)))  # keeps a NaN
    return parity


@torch.no_grad()
def _ties(graph: ExportGraph, views: Sequence[HandView], pixels: np.ndarray) -> np.ndarray:
    """Return the joints (N, 21) whose value in torch's map at the file's pixel is the maximum but for rounding."""
    images = torch.from_numpy(np.stack([view.pixels for view in views]))
    codec, maps = graph.decoder.head.codec, graph.model({'rgb': graph.first(images)}, None, 'tensor')[-1]
    maps = codec.enlarged(maps).numpy()
    x, y = np.rint(pixels).astype(int).clip(0, maps.shape[-1] - 1).transpose(2, 0, 1)
    rows, joints = np.indices(x.shape)
    best = maps.max((2, 3))
    return best - maps[rows, joints, y, x] <= _TIE * np.abs(maps).max((2, 3))
