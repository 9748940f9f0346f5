"""ONNX files: the trace of a graph, its check, and its metadata."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import torch

from handkd.hints import ConfigError
from handkd.importing import optional_package
from handkd.inference.onnx_metadata import PROPERTY, OnnxMetadata

from .graph import ExportGraph

if TYPE_CHECKING:
    from onnx import ModelProto

OPSETS = (17, 18)
"""Versions of ONNX's operators that a graph can have."""


def trace(graph: ExportGraph, opset: int) -> ModelProto:
    """Return a graph as an ONNX model with a free batch and plain operators.

    PyTorch's exporter of traces is used rather than the newer one of ``torch.export``: it folds batch normalisation
    into the convolutions, needs no further package, and takes half a second instead of ten.

    Args:
        graph: The graph.
        opset: Version of the operators, one of :data:`OPSETS`.

    Raises:
        ConfigError: If a layer has no form in ONNX, or one with operators of another domain.
    """
    onnx = optional_package('onnx')
    if opset not in OPSETS:
        raise ConfigError(f'opset must be one of {OPSETS}, found {opset}')
    inputs, outputs = ([port.name for port in ports] for ports in (graph.inputs, graph.outputs))
    content = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')  # branches on shapes and settings are meant to be fixed; parity is checked
        try:
            torch.onnx.export(
                graph,
                graph.example(),
                content,
                dynamo=False,
                opset_version=opset,
                input_names=inputs,
                output_names=outputs,
                dynamic_axes={name: {0: 'B'} for name in (*inputs, *outputs)},
            )
        except torch.onnx.errors.OnnxExporterError as error:
            text = str(error).strip().splitlines()[0]
            raise ConfigError(f'the network has a layer without a form in ONNX: {text}') from error
    model = onnx.load_from_string(content.getvalue())
    _name_outputs(model, graph)
    foreign = sorted({node.domain for node in model.graph.node} - {'', 'ai.onnx'})
    if foreign:
        raise ConfigError(f'the network needs operators of {foreign}, which not every runtime has')
    onnx.checker.check_model(model)
    return model


def _name_outputs(model: ModelProto, graph: ExportGraph) -> None:
    """Give the outputs their shapes, which a trace does not always know."""
    for value, port in zip(model.graph.output, graph.outputs):
        shape = value.type.tensor_type.shape
        del shape.dim[:]
        shape.dim.add().dim_param = 'B'
        for size in port.shape:
            shape.dim.add().dim_value = size


def operators(model: ModelProto) -> tuple[str, ...]:
    """Return the names of a model's operators, sorted."""
    return tuple(sorted({node.op_type for node in model.graph.node}))


def with_metadata(model: ModelProto, metadata: OnnxMetadata) -> bytes:
    """Return the content of an ONNX file: a model with its description."""
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = PROPERTY, metadata.to_json()
    model.producer_name, model.producer_version = 'handkd', metadata.handkd_version
    return model.SerializeToString()
