"""Smaller files: weights in half precision, or 8-bit weights and activations."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handkd.hints import ConfigError
from handkd.importing import optional_package

if TYPE_CHECKING:
    from onnx import ModelProto

_SMALLEST = 64
"""Arrays with fewer values keep their type: they are settings and biases."""
_QUANTISED = ('Conv', 'Gemm', 'MatMul', 'Add', 'MaxPool', 'GlobalAveragePool', 'AveragePool', 'Concat')
"""Operators of a network that are computed in 8 bits; those of its normalisation and decoding are not."""
_EXACT = ('/first/', '/decoder/')
"""First part of the names of a graph's nodes outside of the network."""


def half_weights(model: ModelProto) -> ModelProto:
    """Return a model whose weights are float16, each converted to float32 by the graph itself.

    A runtime converts them once, when it loads the file. Everything is computed in float32, so no runtime needs
    arithmetic in half precision, and nothing overflows.

    Args:
        model: The model in float32; it is not changed.
    """
    onnx = optional_package('onnx')
    half = onnx.ModelProto()
    half.CopyFrom(model)
    nodes = []
    for weight in half.graph.initializer:
        if weight.data_type != onnx.TensorProto.FLOAT or np.prod(weight.dims) < _SMALLEST:
            continue
        name, values = weight.name, onnx.numpy_helper.to_array(weight)
        limit = np.finfo(np.float16).max
        weight.CopyFrom(onnx.numpy_helper.from_array(values.clip(-limit, limit).astype(np.float16), f'{name}_half'))
        nodes.append(onnx.helper.make_node('Cast', [weight.name], [name], to=onnx.TensorProto.FLOAT))
    others = list(half.graph.node)
    del half.graph.node[:]
    half.graph.node.extend([*nodes, *others])
    onnx.checker.check_model(half)
    return half


def quantise(model: ModelProto, batches: Sequence[dict[str, np.ndarray]]) -> ModelProto:
    """Return a model with 8-bit weights and activations, whose ranges are those of the batches (static QDQ).

    Args:
        model: The model in float32; it is not changed.
        batches: Inputs of the graph by name, as of :func:`handkd.export.samples.graph_inputs`.

    Raises:
        ConfigError: If the result needs operators of another domain than ``ai.onnx``.
    """
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    onnx = optional_package('onnx')
    before = logging.root.level
    logging.root.setLevel(logging.ERROR)  # its advice to do what is done here
    try:
        with tempfile.TemporaryDirectory() as folder:
            plain, prepared, made = (str(Path(folder) / f'{name}.onnx') for name in ('plain', 'prepared', 'int8'))
            onnx.save(model, plain)
            quant_pre_process(plain, prepared, skip_symbolic_shape=True)
            names = [node.name for node in onnx.load(prepared).graph.node]
            quantization.quantize_static(
                prepared,
                made,
                _Batches(batches),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=list(_QUANTISED),
                nodes_to_exclude=[name for name in names if name.startswith(_EXACT)],
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
            )
            quantised = onnx.load(made)
    finally:
        logging.root.setLevel(before)
    foreign = sorted({node.domain for node in quantised.graph.node} - {'', 'ai.onnx'})
    if foreign:
        raise ConfigError(f'the quantised network needs operators of {foreign}, which not every runtime has')
    kept = [opset for opset in quantised.opset_import if opset.domain in ('', 'ai.onnx')]
    del quantised.opset_import[:]
    quantised.opset_import.extend(kept)
    return quantised


class _Batches:
    """Batches for ONNX Runtime's calibration, which asks for one after the other."""

    def __init__(self, batches: Sequence[dict[str, np.ndarray]]) -> None:
        self._left: Iterator[dict[str, np.ndarray]] = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next batch; None after the last one."""
        return next(self._left, None)
