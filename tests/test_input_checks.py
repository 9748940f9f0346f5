"""A network of MMPose on handkd's pipelines needs handkd's preprocessor and MMPose's labels."""

from pathlib import Path

import pytest

from handkd.config import load_config
from handkd.hints import ConfigError
from handkd.models.distillers import FeatureMimic
from handkd.registry import MODELS

CONFIG = Path(__file__).parent / 'configs/simcc_studio.py'


@pytest.fixture(autouse=True)
def a_distiller(monkeypatch):
    monkeypatch.setitem(MODELS.module_dict, 'PooledMimic', FeatureMimic)  # of the test that trains this config


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (
            {'model.data_preprocessor': None},
            r'train_dataloader\.dataset\.pipeline\[2\] \(PackHandInputs\) gives images by modality, but '
            r'model\.data_preprocessor is PoseDataPreprocessor: set model\.data_preprocessor=dict\(type=.HandData',
        ),
        (
            {'test_dataloader.dataset.pipeline': [dict(type='PackHandInputs')]},
            r'pipeline\[0\] \(PackHandInputs\): set mmpose=True, since the network is TopdownPoseEstimator of MMPose',
        ),
    ],
)
def test_what_is_missing_is_named(options, said):
    layer = {'model.distillers.feature.layer': 'neck'}
    load_config(CONFIG, layer)
    with pytest.raises(ConfigError, match=said):
        load_config(CONFIG, layer | options)
