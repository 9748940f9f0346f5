"""Real inputs for an exported graph: crops of a config's data sets, or of a folder of images."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset

from handkd.apis.found_hands import found_pipeline
from handkd.apis.inference_network import HandNetwork
from handkd.apis.trained import spread_indices
from handkd.artifacts import ensure_artifacts
from handkd.datasets.transforms import PackHandInputs
from handkd.image_files import read_picture
from handkd.inference.crops import HandView
from handkd.registry import DATASETS
from handkd.size_checks import leaf_datasets, type_name

from .ports import Port

IN_CUBE = ('HandMaskFromCube', 'DepthToCube')
"""Transforms after the last one that moves pixels."""

SUFFIXES = ('.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff')
"""Suffixes of image files in a folder."""


class RealCrops:
    """Crops of a data set of a config, as a graph and as the network of inference take them.

    Depth is taken before the steps that scale it to a cube, which are in the graph; the cube is around the hand found
    in the depth, as in inference.

    Args:
        cfg: The config.
        network: The network with the steps of its test pipeline.
        loader: 'test_dataloader' or 'train_dataloader'. Defaults to 'test_dataloader'.

    Raises:
        ValueError: If the data set can't be read; says how to give one.
        OSError: Likewise.
    """

    def __init__(self, cfg: Config, network: HandNetwork, loader: str = 'test_dataloader') -> None:
        cfg = copy.deepcopy(cfg)
        self._network = network
        try:
            if network.facts.depth is not None:
                _keep_millimetres(cfg, loader)
            ensure_artifacts(cfg, loader)
            self._data: BaseDataset = DATASETS.build(cfg[loader].dataset)
        except (ValueError, OSError) as error:
            remedy = 'or give crops with --images FOLDER' if loader == 'test_dataloader' else 'or leave out --int8'
            raise type(error)(
                f'{loader} of {cfg.filename} has no images for the check of the export: {error}; name the data set '
                f'with --cfg-options {loader}.dataset...=..., {remedy}'
            ) from error

    def __len__(self) -> int:
        return len(self._data)

    @property
    def metainfo(self) -> dict:
        """The description of the data set, for metrics."""
        return self._data.metainfo

    def spread(self, num: int) -> Iterator[dict]:
        """Yield evenly spaced packed samples of the data set, at most ``num``."""
        for index in spread_indices(len(self._data), num):
            yield self._data[index]

    def view(self, item: dict) -> HandView:
        """Return a packed sample as a crop for :class:`handkd.apis.inference_network.HandNetwork`."""
        intrinsics = item['data_samples'].get('camera', {}).get('K')
        camera = None if intrinsics is None else dict(K=np.asarray(intrinsics, np.float32).astype(np.float64))
        if self._network.facts.depth is None:
            image = item['inputs']['rgb'] if isinstance(item['inputs'], Mapping) else item['inputs']  # MMPose packs one
            pixels, center = np.ascontiguousarray(image.permute(1, 2, 0).numpy()), None
        else:
            pixels = item['inputs']['depth'][0].numpy().copy()
            center = np.asarray(item['data_samples'].hand_center, np.float32).astype(np.float64)[0, 0]
        return HandView(pixels, camera, np.eye(3), np.eye(3), camera, (np.zeros(2), 1.0), center)


def folder_views(folder: str | Path, network: HandNetwork, num: int) -> list[HandView]:
    """Return the images of a folder as crops, each scaled to the network's input as a whole.

    Args:
        folder: The folder.
        network: The network.
        num: Maximum number of images.

    Raises:
        ValueError: If the network takes depth, or there are no images in the folder; names it.
        OSError: If the folder or an image can't be read; names it.
    """
    if network.facts.depth is not None:
        raise ValueError('--images is for networks of colour images, this one takes depth: leave it out')
    files = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(f'{folder}: no images in this folder: name one with crops of hands ({", ".join(SUFFIXES)})')
    crop = replace(network.facts.crop, border=0, turns=False)
    views = []
    for index in spread_indices(len(files), num):
        pixels = read_picture(files[index])
        height, width = pixels.shape[:2]
        middle = (np.array([width, height]) - 1) / 2
        views.append(crop.cut(pixels, middle, float(max(width, height))))
    return views


def graph_inputs(
    views: Sequence[HandView], ports: Sequence[Port], scales: Sequence[float] | None = None
) -> dict[str, np.ndarray]:
    """Return crops as a batch of a graph's inputs.

    Args:
        views: B crops.
        ports: The graph's inputs.
        scales: Lengths of the scale bone in mm, B numbers. Defaults to None: not known, 0.

    Returns:
        Input -> array of the shape that its port says, after the batch.
    """
    arrays = {
        'image': lambda view: view.pixels,
        'depth': lambda view: view.pixels,
        'K': lambda view: view.seen_from['K'],
        'center_mm': lambda view: view.center,
    }
    filled = np.zeros(len(views)) if scales is None else np.asarray(scales)
    return {
        port.name: (
            filled if port.name == 'scale_mm' else np.stack([arrays[port.name](view) for view in views])
        ).astype(port.dtype)
        for port in ports
    }


def _keep_millimetres(cfg: Config, loader: str) -> None:
    """Change the data sets of a loader so that their depth is cut around the hand found, but not scaled to a cube."""
    for where, dataset in leaf_datasets(cfg, loader):
        steps = found_pipeline(cfg, where, dataset)
        names = [type_name(step) for step in steps]
        first = min(names.index(name) for name in IN_CUBE if name in names)
        pack = dict(type='PackHandInputs', modalities=['depth'], meta_keys=(*PackHandInputs.META_KEYS, 'hand_center'))
        dataset['pipeline'] = [*steps[:first], pack]
