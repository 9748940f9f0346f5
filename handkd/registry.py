"""handkd's registries: children of MMPose's, under the scope ``handkd``.

A config with ``default_scope = 'handkd'`` finds handkd's own classes first and then MMPose's and MMEngine's, all by
plain class name. A class of a third-party package registers itself here and is imported by ``custom_imports``.
"""

from . import compat  # isort: skip

compat.require()

from mmpose import registry as mmpose_registry  # noqa: E402  # isort: skip
from mmengine.registry import Registry  # noqa: E402  # isort: skip


def _child(name: str, parent: Registry, *locations: str) -> Registry:
    """Make a child that imports its own ``locations`` and the parent's modules before its first lookup.

    MMEngine imports the locations of the child, but not those of the parents in which it then looks.
    """
    return Registry(name, parent=parent, scope='handkd', locations=[*locations, *parent._locations])


MODELS = _child('model', mmpose_registry.MODELS, 'handkd.models', 'mmpose.engine.hooks')
"""Backbones, necks, heads, losses, distillers, estimators, data preprocessors, and the averages of `EMAHook`."""
KEYPOINT_CODECS = _child('keypoint codec', mmpose_registry.KEYPOINT_CODECS, 'handkd.codecs')
"""Network output <-> keypoints in millimetres or pixels."""
DATASETS = _child('dataset', mmpose_registry.DATASETS, 'handkd.datasets', 'handkd.studio')
DATA_SAMPLERS = _child('data sampler', mmpose_registry.DATA_SAMPLERS, 'handkd.datasets')
TRANSFORMS = _child('transform', mmpose_registry.TRANSFORMS, 'handkd.datasets.transforms')
METRICS = _child('metric', mmpose_registry.METRICS, 'handkd.evaluation')
HOOKS = _child('hook', mmpose_registry.HOOKS, 'handkd.engine')
OPTIM_WRAPPERS = _child('optimizer wrapper', mmpose_registry.OPTIM_WRAPPERS, 'handkd.engine')
PARAM_SCHEDULERS = _child('parameter scheduler', mmpose_registry.PARAM_SCHEDULERS, 'handkd.engine')
_KINDS = ('packs', 'backgrounds', 'angle_limits', 'patch_dictionary', 'feature_network', 'teacher_cache')
ARTIFACTS = Registry('artifact', scope='handkd', locations=[f'handkd.artifacts.{kind}' for kind in _KINDS])
"""Kinds of files and folders that must exist before a training starts; not looked up by ``type``."""

# handkd registers no classes below, but MMEngine looks these up by scope and warns if a child is missing.
EVALUATORS = _child('evaluator', mmpose_registry.EVALUATORS)
INFERENCERS = _child('inferencer', mmpose_registry.INFERENCERS)
LOG_PROCESSORS = _child('log processor', mmpose_registry.LOG_PROCESSORS)
LOOPS = _child('loop', mmpose_registry.LOOPS, 'mmengine.runner')
MODEL_WRAPPERS = _child('model wrapper', mmpose_registry.MODEL_WRAPPERS)
OPTIMIZERS = _child('optimizer', mmpose_registry.OPTIMIZERS)
OPTIM_WRAPPER_CONSTRUCTORS = _child('optimizer wrapper constructor', mmpose_registry.OPTIM_WRAPPER_CONSTRUCTORS)
RUNNERS = _child('runner', mmpose_registry.RUNNERS, 'mmengine.runner')
TASK_UTILS = _child('task util', mmpose_registry.TASK_UTILS)
VISBACKENDS = _child('vis_backend', mmpose_registry.VISBACKENDS)
VISUALIZERS = _child('visualizer', mmpose_registry.VISUALIZERS)
WEIGHT_INITIALIZERS = _child('weight initializer', mmpose_registry.WEIGHT_INITIALIZERS)
