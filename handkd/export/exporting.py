"""Export of a trained network: its graph, the check against torch, and the file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike

import numpy as np
from mmengine.config import Config

from handkd.apis.inference_network import HandNetwork
from handkd.apis.topdown_network import TopdownNetwork, is_topdown, open_network_of
from handkd.hints import ConfigError
from handkd.importing import optional_package
from handkd.inference.crops import HandView
from handkd.inference.onnx_metadata import OnnxMetadata

from .costs import measure
from .describing import describe
from .graph import ExportGraph
from .parity import USUAL_SCALE, Parity, compare
from .quantising import half_weights, quantise
from .samples import RealCrops, folder_views, graph_inputs
from .writing import operators, trace, with_metadata

_BATCH = 32


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
        fp16: Whether to make a file with weights in half precision, too. Defaults to False.
        int8: Whether to make a file with 8-bit weights and activations, too. Defaults to False.
        calibrate: Number of samples of the config's training set from which the ranges of the activations are taken.
            Defaults to 256.
    """

    opset: int = 17
    samples: int = 64
    images: str | PathLike | None = None
    licence: str = 'not stated'
    fp16: bool = False
    int8: bool = False
    calibrate: int = 256


@dataclass(frozen=True)
class Exported:
    """An exported network.

    Attributes:
        parity: The result of the check of the file in float32.
        contents: Precision ('fp32', 'fp16', 'int8') -> content of the file.
        metadata: Precision -> description in the file.
        errors: Precision -> mean error on the config's test set, mm, of a 2D network px; empty for float32 alone.
    """

    parity: Parity
    contents: dict[str, bytes]
    metadata: dict[str, OnnxMetadata]
    errors: dict[str, float]


def export_network(cfg: Config, checkpoint: str | PathLike, settings: ExportSettings = ExportSettings()) -> Exported:
    """Return a trained network as ONNX files, that in float32 checked against torch; nothing is written.

    Args:
        cfg: Its config. Of a distilled model only the student is exported.
        checkpoint: Its weights.
        settings: The settings.

    Raises:
        FileNotFoundError: If the checkpoint is missing.
        CheckpointError: If it is damaged or of another architecture.
        ConfigError: If the network can't be exported.
        ParityError: If the file does not give what torch gives.
        OSError, ValueError: If there are no real inputs for the check; says what to do.
        ImportError: If a package is missing; says how to install it.
    """
    optional_package('onnx')  # a missing package is reported before anything is computed
    optional_package('onnxruntime')
    if is_topdown(cfg) and (settings.fp16 or settings.int8):
        raise ConfigError("--fp16 and --int8 are for handkd's networks, this is one of MMPose: leave them out")
    network = open_network_of(cfg, checkpoint, 'cpu')
    graph = ExportGraph(network)
    views, scales = real_inputs(cfg, network, graph, settings)
    models = {'fp32': trace(graph, settings.opset)}
    metadata = describe(cfg, checkpoint, network, graph, settings.opset, settings.licence)
    parity = compare(open_content(models['fp32'].SerializeToString()), graph, network, views, scales)
    if not parity.passed:
        raise ParityError(f'{cfg.filename}: the exported network differs from torch: {parity}; no file was written')
    if settings.fp16:
        models['fp16'] = half_weights(models['fp32'])
    if settings.int8:
        crops = RealCrops(cfg, network, 'train_dataloader')
        found = [crops.view(item) for item in crops.spread(settings.calibrate)]
        batches = [found[start : start + _BATCH] for start in range(0, len(found), _BATCH)]
        models['int8'] = quantise(models['fp32'], [graph_inputs(batch, graph.inputs) for batch in batches])
    checked = {key: getattr(parity, key) for key in ('samples', 'max_mm', 'max_px', 'max_estimated_mm')}
    described = {
        name: replace(metadata, precision=name, operators=operators(model), parity=checked if name == 'fp32' else {})
        for name, model in models.items()
    }
    contents = {name: with_metadata(model, described[name]) for name, model in models.items()}
    errors = {}
    if len(models) > 1:
        sessions = {name: open_content(content) for name, content in contents.items()}
        errors = measure(cfg, RealCrops(cfg, network), graph, sessions)
    return Exported(parity, contents, described, errors)


def real_inputs(
    cfg: Config, network: HandNetwork | TopdownNetwork, graph: ExportGraph, settings: ExportSettings
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
    runtime = optional_package('onnxruntime')
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    return runtime.InferenceSession(content, options, providers=['CPUExecutionProvider'])
