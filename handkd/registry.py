"""handkd's registries: children of MMPose's, under the scope ``handkd``.

A config with ``default_scope = 'handkd'`` finds handkd's own classes first and MMPose's and MMEngine's behind them, all
by plain class name. A class of a third-party package registers itself here and is imported by ``custom_imports``.
"""

from mmpose import registry as mmpose_registry  # isort: skip
from mmengine.registry import Registry  # isort: skip


def _child(name: str, parent: Registry, *locations: str) -> Registry:
    return Registry(name, parent=parent, scope='handkd', locations=[f'handkd.{where}' for where in locations])


MODELS = _child('model', mmpose_registry.MODELS, 'models')
"""Backbones, necks, heads, losses, distillers, estimators and data preprocessors."""
KEYPOINT_CODECS = _child('keypoint codec', mmpose_registry.KEYPOINT_CODECS, 'codecs')
"""Network output <-> keypoints in millimetres or pixels."""
DATASETS = _child('dataset', mmpose_registry.DATASETS, 'datasets')
DATA_SAMPLERS = _child('data sampler', mmpose_registry.DATA_SAMPLERS, 'datasets')
TRANSFORMS = _child('transform', mmpose_registry.TRANSFORMS, 'datasets.transforms')
METRICS = _child('metric', mmpose_registry.METRICS, 'evaluation')
HOOKS = _child('hook', mmpose_registry.HOOKS, 'engine')
LOOPS = _child('loop', mmpose_registry.LOOPS, 'engine')
OPTIM_WRAPPERS = _child('optimizer wrapper', mmpose_registry.OPTIM_WRAPPERS, 'engine')
VISUALIZERS = _child('visualizer', mmpose_registry.VISUALIZERS, 'visualization')
