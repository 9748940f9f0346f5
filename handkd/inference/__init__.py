"""Inference on images and videos; nothing here imports torch, but for networks that need it.

A name is imported at its first use.
"""

from importlib import import_module

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


def __getattr__(name: str) -> object:
    """Import a public name from its module (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, imported or not, and the modules imported so far."""
    return sorted({*globals(), *__all__})
