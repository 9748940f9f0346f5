"""handkd's registries find handkd's, MMPose's and MMEngine's classes by plain name."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from mmengine.registry import DefaultScope, Registry

from handkd import registry

ALL = {name: value for name, value in vars(registry).items() if isinstance(value, Registry)}


@pytest.mark.parametrize('name', ALL)
def test_every_registry_is_a_child_of_mmposes_in_scope_handkd(name):
    parent = None if name == 'ARTIFACTS' else 'mmpose'  # MMPose has no artifacts
    assert (ALL[name].scope, getattr(ALL[name].parent, 'scope', None)) == ('handkd', parent)


@pytest.mark.parametrize(
    ('name', 'kind', 'package'),
    [
        ('MODELS', 'DistilledEstimator', 'handkd'),
        ('MODELS', 'ResNet', 'mmpose'),
        ('MODELS', 'GlobalAveragePooling', 'mmpose'),
        ('TRANSFORMS', 'PackHandInputs', 'handkd'),
        ('TRANSFORMS', 'LoadImage', 'mmpose'),
        ('KEYPOINT_CODECS', 'RootRelativeXYZ', 'handkd'),
        ('KEYPOINT_CODECS', 'MSRAHeatmap', 'mmpose'),
        ('DATASETS', 'FreiHandDataset', 'mmpose'),
        ('DATA_SAMPLERS', 'DefaultSampler', 'mmengine'),
        ('METRICS', 'HandKeypointMetric', 'handkd'),
        ('METRICS', 'EPE', 'mmpose'),
        ('HOOKS', 'CheckpointHook', 'handkd'),
        ('HOOKS', 'LoggerHook', 'mmengine'),
        ('LOOPS', 'IterBasedTrainLoop', 'mmengine'),
        ('OPTIM_WRAPPERS', 'AutocastOptimWrapper', 'handkd'),
        ('OPTIM_WRAPPERS', 'OptimWrapper', 'mmengine'),
        ('VISUALIZERS', 'Visualizer', 'mmengine'),
    ],
)
def test_plain_names_reach_all_three_packages(name, kind, package):
    with DefaultScope.overwrite_default_scope('handkd'):
        assert ALL[name].get(kind).__module__.split('.')[0] == package


LOOKUPS = {
    'MODELS': ['ExpMomentumEMA', 'ResNet', 'BN', 'ExponentialMovingAverage'],
    'LOOPS': ['IterBasedTrainLoop', 'TestLoop'],
    'VISBACKENDS': ['TensorboardVisBackend'],
}
FIRST = """
import os
from handkd import registry
for name, kinds in {lookups}.items():
    if not os.fork():
        assert None not in [getattr(registry, name).get(kind) for kind in kinds]
        os._exit(0)
    assert os.wait()[1] == 0, name
"""
"""Each registry's lookups in a process that has done nothing but import the registries."""


def test_a_lookup_needs_no_other_import_before():
    done = subprocess.run([sys.executable, '-c', FIRST.format(lookups=LOOKUPS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_an_error_that_repeats_it():
    with pytest.raises(KeyError, match='NoSuchNet'):
        registry.MODELS.build(dict(type='NoSuchNet'))


@pytest.mark.parametrize('name', ALL)
def test_what_a_registry_imports_on_demand_can_be_imported(name):
    for location in ALL[name]._locations:
        importlib.import_module(location)
