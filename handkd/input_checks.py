"""Checks that a network's preprocessor and the end of its pipelines belong together."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.config import Config

from .hints import ConfigError
from .lookup import LOADERS, is_mmpose_estimator
from .size_checks import leaf_datasets, type_name


def check_inputs(cfg: Config) -> None:
    """Check that an estimator of MMPose on handkd's pipelines gets its images and labels.

    ``PackHandInputs`` gives images by modality, which ``HandDataPreprocessor`` takes and MMPose's preprocessor does
    not; and what MMPose's heads and metrics read only with ``mmpose=True``.

    Raises:
        ConfigError: If not; names the pipeline's step and what to set.
    """
    model = cfg.get('model') or {}
    network = model.get('student', model)
    if not isinstance(network, Mapping) or not is_mmpose_estimator(network):
        return
    preprocessor = model.get('data_preprocessor') or network.get('data_preprocessor') or {}
    for loader in LOADERS:
        for where, dataset in leaf_datasets(cfg, loader):
            steps = dataset.get('pipeline') or ()
            if not steps or type_name(steps[-1]) != 'PackHandInputs':
                continue
            step = f'{where}.pipeline[{len(steps) - 1}] (PackHandInputs)'
            if type_name(preprocessor) != 'HandDataPreprocessor':
                raise ConfigError(
                    f'{step} gives images by modality, but model.data_preprocessor is {type_name(preprocessor)}'
                    ": set model.data_preprocessor=dict(type='HandDataPreprocessor', rgb=dict(mean=..., std=...)) with "
                    "the student's statistics, and without a DistilledEstimator also only='rgb'"
                )
            if not steps[-1].get('mmpose'):
                raise ConfigError(f'{step}: set mmpose=True, since the network is {type_name(network)} of MMPose')
