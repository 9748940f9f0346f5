"""Inference on images and videos; nothing here imports torch, but for networks that need it.

A name is imported at its first use.
"""

from handkd.importing import lazy_names

_MODULES = {
    'BONES': 'handkd.hand',
    'CropSpec': 'handkd.inference.crops',
    'HandInferencer': 'handkd.inference.inferencer',
    'InferenceImage': 'handkd.inference.images',
    'JOINTS': 'handkd.hand',
    'OnnxNetwork': 'handkd.inference.onnx_network',
    'VERSION': 'handkd.inference.records',
    'open_network': 'handkd.inference.opening',
    'open_source': 'handkd.inference.sources',
    'to_json': 'handkd.inference.records',
}
"""Public name -> module that defines it."""

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
