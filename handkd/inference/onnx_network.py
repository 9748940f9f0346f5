"""An exported network in ONNX Runtime, on crops of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike

import numpy as np

from .crops import CropSpec, HandView
from .depth import DepthSpec
from .networks import NetworkFacts
from .onnx_metadata import OnnxMetadata, open_onnx

_CROP = ('rule', 'factor', 'cube', 'root', 'size', 'border', 'margin', 'turns')
_JOINTS = ('keypoints_xyz', 'keypoints', 'keypoint_scores', 'keypoints_cam', 'left')


class OnnxNetwork:
    """A network that ``handkd export`` has written; needs neither torch nor MMEngine.

    Args:
        file: The ONNX file.
        threads: Number of threads of one run. Defaults to None: as many as there are cores.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is truncated, no ONNX file, or not exported by handkd or by a newer version of it.
        ImportError: If onnxruntime is missing; says how to install it.

    Attributes:
        facts: Facts about the network.
        metadata: Description in the file.
    """

    def __init__(self, file: str | PathLike, threads: int | None = None) -> None:
        self._session, self.metadata = open_onnx(file, threads)
        self.facts = facts_of(self.metadata)
        self._outputs = [name for name in self.metadata.output_names() if name in _JOINTS]

    def __call__(self, views: Sequence[HandView]) -> list[dict[str, np.ndarray]]:
        """Return the joints in crops; see :class:`.networks.CropNetwork`."""
        if not views:
            return []
        given = {name: self._input(name, views) for name in self.metadata.input_names()}
        found = dict(zip(self._outputs, self._session.run(self._outputs, given)))
        joints = [{key: values[i].astype(np.float64) for key, values in found.items()} for i in range(len(views))]
        if self.metadata.task == '2.5d':
            for one in joints:
                if not one['keypoints_cam'].any():  # not trained: it knows no mean hand
                    del one['keypoints_cam']
        return joints

    def _input(self, name: str, views: Sequence[HandView]) -> np.ndarray:
        """Return one input of the graph for a batch."""
        if name == self.metadata.input['name']:
            return np.stack([view.pixels for view in views]).astype(self.metadata.input['dtype'], copy=False)
        if name == 'K':
            return np.stack([view.seen_from['K'] for view in views]).astype(np.float32)
        if name == 'center_mm':
            return np.stack([view.center for view in views]).astype(np.float32)
        if name == 'scale_mm':
            return np.zeros(len(views), np.float32)  # the mean hand
        raise ValueError(f'{self.facts.name}: needs the input {name!r}, which this handkd does not know: update handkd')


def facts_of(metadata: OnnxMetadata) -> NetworkFacts:
    """Return the facts about an exported network.

    Raises:
        ValueError: If its crop or side is invalid.
    """
    depth = _depth_of(metadata.crop) if metadata.modality == 'depth' else None
    crop = CropSpec(**{key: metadata.crop[key] for key in _CROP if metadata.crop.get(key) is not None})
    trained_on = metadata.side.get('trained_on') or 'both'
    pixels = metadata.task != '3d' or 'keypoints' in metadata.output_names()
    return NetworkFacts(metadata.name, metadata.modality, crop, depth, metadata.joints, trained_on, pixels)


def _depth_of(crop: Mapping) -> DepthSpec:
    """Return the depth steps of an exported network; the graph scales and masks the depth itself."""
    cube = float(crop['depth_cube_mm'])
    return DepthSpec(cube, cube, cube if crop.get('hand_only') else None)
