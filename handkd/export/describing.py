"""Description of an exported network: the metadata of its file."""

from __future__ import annotations

import datetime
import hashlib
import json
from os import PathLike
from pathlib import Path

from mmengine.config import Config

from handkd import __version__
from handkd.apis.inference_network import HandNetwork
from handkd.inference.crops import CropSpec
from handkd.inference.onnx_metadata import OnnxMetadata

from .graph import ExportGraph

CONVENTION = 'as trained; a network trained on one side serves the other by mirroring the crop'


def describe(
    cfg: Config,
    checkpoint: str | PathLike,
    network: HandNetwork,
    graph: ExportGraph,
    opset: int,
    licence: str,
) -> OnnxMetadata:
    """Return the metadata of a network's file, without those of the check.

    Args:
        cfg: Its config.
        checkpoint: The file of its weights.
        network: The network.
        graph: Its graph.
        opset: Version of the operators.
        licence: Licence of the weights.
    """
    decoder, first, size = graph.decoder, graph.inputs[0], network.facts.crop.size
    image = dict(name=first.name, size=size, dtype=first.dtype)
    colour = network.facts.modality == 'rgb'
    image |= dict(layout='BHWC', color='BGR') if colour else dict(layout='BHW', unit='mm')
    return OnnxMetadata(
        name=config_name(cfg.filename),
        task=decoder.task,
        modality=network.facts.modality,
        joints=decoder.joints,
        bones=decoder.bones,
        root=decoder.joints[0],
        unit=decoder.unit,
        scale_bone=decoder.scale_bone,
        mean_scale_mm=decoder.mean_scale_mm,
        input=image,
        inputs=tuple(port.described() for port in graph.inputs),
        outputs=tuple(port.described() for port in graph.outputs),
        crop=_crop(network.facts.crop) | ({} if colour else _depth(graph)),
        side=dict(trained_on=network.facts.trained_on, convention=CONVENTION),
        opset=opset,
        config=Path(cfg.filename).name,
        config_sha256=hashlib.sha256(json.dumps(cfg.to_dict(), sort_keys=True, default=str).encode()).hexdigest(),
        checkpoint_sha256=hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest(),
        licence=licence,
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        handkd_version=__version__,
    )


def config_name(file: str | PathLike) -> str:
    """Return the name of a config: its path within a folder ``configs``, or else its file's name, without suffix."""
    path = Path(file).with_suffix('')
    places = [i for i, part in enumerate(path.parts) if part == 'configs']
    return '/'.join(path.parts[places[-1] + 1 :]) if places else path.name


def _crop(crop: CropSpec) -> dict:
    """Return the rule of the crop; a value that the rule does not use is None."""
    return dict(
        rule=crop.rule,
        factor=crop.factor if crop.rule in ('square', 'box') else None,
        cube=crop.cube if crop.rule == 'cube' else None,
        root=crop.root if crop.rule in ('zb', 'cube') else None,
        size=crop.size,
        border=crop.border,
        margin=crop.margin,
        turns=crop.turns,
    )


def _depth(graph: ExportGraph) -> dict:
    """Return the cube to which depth is cut."""
    return dict(depth_cube_mm=graph.first.cube, hand_only=graph.first.hand_only, background=0)
