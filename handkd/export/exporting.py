"""Export of a trained network: its graph, the check against torch, and the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
from mmengine.config import Config

from handkd.apis.inference_network import HandNetwork
from handkd.files import write_atomically
from handkd.inference.crops import HandView
from handkd.inference.onnx_metadata import OnnxMetadata, import_runtime

from .describing import describe
from .graph import ExportGraph
from .parity import USUAL_SCALE, Parity, compare
from .samples import RealCrops, folder_views
from .writing import operators, trace, with_metadata


class ParityError(ValueError):
    """An exported file does not give what torch gives."""


@dataclass(frozen=True)
class ExportSettings:
    """Settings of an export.

    Attributes:
        opset: Version of ONNX's operators. Defaults to 17.
        samples: Number of real inputs of the check. Defaults to 64.
        images: Folder of crops for the check. Defaults to None: the config's test set.
        licence: Licence of the weights. Defaults to 'not stated'.
    """

    opset: int = 17
    samples: int = 64
    images: str | PathLike | None = None
    licence: str = 'not stated'


@dataclass(frozen=True)
class Exported:
    """An exported network.

    Attributes:
        content: Content of the file.
        metadata: Its description.
        parity: The result of the check.
        graph: The graph that was traced.
        network: The network, as in inference.
    """

    content: bytes
    metadata: OnnxMetadata
    parity: Parity
    graph: ExportGraph
    network: HandNetwork


def export_network(cfg: Config, checkpoint: str | PathLike, settings: ExportSettings = ExportSettings()) -> Exported:
    """Return a trained network as an ONNX file that was checked against torch; nothing is written.

    Args:
        cfg: Its config. Of a distilled model only the student is exported.
        checkpoint: Its weights.
        settings: The settings.

    Raises:
        FileNotFoundError: If the checkpoint is missing.
        CheckpointError: If it is damaged or of another architecture.
        ConfigError: If the network can't be exported.
        ParityError: If the file does not give what torch gives.
        OSError, ValueError: If there are no real inputs for the check, or a package is missing; says what to do.
    """
    import_runtime()
    network = HandNetwork(cfg, checkpoint, 'cpu')
    graph = ExportGraph(network)
    views, scales = real_inputs(cfg, network, graph, settings)
    model = trace(graph, settings.opset)
    metadata = describe(cfg, checkpoint, network, graph, settings.opset, settings.licence)
    parity = compare(open_content(model.SerializeToString()), graph, network, views, scales)
    if not parity.passed:
        raise ParityError(f'{cfg.filename}: the exported network differs from torch: {parity}; no file was written')
    checked = dict(samples=parity.samples, max_mm=parity.max_mm, max_px=parity.max_px)
    metadata = replace(metadata, parity=checked, operators=operators(model))
    return Exported(with_metadata(model, metadata), metadata, parity, graph, network)


def real_inputs(
    cfg: Config, network: HandNetwork, graph: ExportGraph, settings: ExportSettings
) -> tuple[list[HandView], np.ndarray]:
    """Return crops for the check, and the lengths of their scale bones in mm, shape (N,)."""
    if settings.images is not None:
        views = folder_views(settings.images, network, settings.samples)
        return views, np.full(len(views), USUAL_SCALE)
    crops = RealCrops(cfg, network)
    items = list(crops.spread(settings.samples))
    scales = np.array([_scale_of(item, graph) for item in items])
    return [crops.view(item) for item in items], scales


def _scale_of(item: dict, graph: ExportGraph) -> float:
    """Return the length of the scale bone of a labelled sample in mm, or :data:`USUAL_SCALE`."""
    labels = item['data_samples'].get('gt_instances', ())
    if graph.decoder.scale_bone is None or 'keypoints_cam' not in labels:
        return USUAL_SCALE
    ends = list(graph.decoder.head.codec.scale_bone)
    if not (labels.keypoints_valid[0, ends] > 0).all():
        return USUAL_SCALE
    return float(np.linalg.norm(np.subtract(*labels.keypoints_cam[0, ends])))


def open_content(content: bytes) -> object:
    """Return the content of an ONNX file opened in ONNX Runtime."""
    runtime = import_runtime()
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    return runtime.InferenceSession(content, options, providers=['CPUExecutionProvider'])


def write_files(contents: dict[Path, bytes], report: Callable[[str], None]) -> None:
    """Write files, each atomically, after all of them are made.

    Args:
        contents: Path -> content.
        report: Called with a line for each file.

    Raises:
        OSError: If one can't be written; names it.
    """
    for path, content in contents.items():
        write_atomically(path, content)
        report(f'{path}: {len(content) / 1e6:.2f} MB')
