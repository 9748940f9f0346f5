"""Files gathered from labels: what a kind inherits; its messages and fallbacks are tested with the limits of angles."""

import json

import numpy as np
import pytest
from mmengine.config import Config

from handkd.artifacts import settings_digest
from handkd.artifacts.label_file import LabelFile, complete_hands, describe, label_fingerprint, open_labels
from handkd.hints import ConfigError
from handkd.registry import DATASETS

HANDS = dict(type='StudioDataset', split='train', length=6)


class CountFile(LabelFile):
    """The number of hands of a training set."""

    entry = 'count'
    noun = 'counts'

    def stored(self):
        return json.loads(self.path.read_text())['source']

    def make(self, fingerprint):
        number = sum(1 for _ in complete_hands(open_labels(self.dataset_cfg, self.noun), False))
        self.path.write_text(json.dumps(dict(number=number, source=dict(fingerprint))))


def config(path, **options):
    return Config(dict(count=dict(file=str(path), **options), train_dataloader=dict(dataset=HANDS)))


def test_a_kind_needs_only_its_making_and_reading(tmp_path):
    artifact = CountFile.from_config(config(tmp_path / '{labels}.json'))
    artifact.ensure()
    assert json.loads(artifact.path.read_text())['number'] == 6
    assert artifact.path.stem == settings_digest(artifact.fingerprint())
    cfg = config(artifact.path)
    cfg.train_dataloader.dataset.length = 7
    with pytest.raises(ConfigError, match=r'comes from another set.*cfg-options count\.file=PATH.*count\.foreign=True'):
        CountFile.from_config(cfg).ensure()
    cfg.count.foreign = True
    CountFile.from_config(cfg).ensure()
    with pytest.raises(ConfigError, match='count: .*none is missing; foreign counts are not gathered'):
        CountFile.from_config(config(tmp_path / 'none', foreign=True)).ensure()
    with pytest.raises(FileNotFoundError, match='count: the config has no train_dataloader'):
        CountFile.from_config(Config(dict(count=dict(file=str(tmp_path / 'none'))))).ensure()


def test_it_is_made_in_a_training_and_needed_in_an_evaluation(tmp_path):
    cfg = config(tmp_path / 'x')
    assert len(CountFile.collect(cfg, [], ['train_dataloader', 'model'])) == 1
    assert len(CountFile.collect(cfg, ['a need'], ['test_evaluator'])) == 1
    assert CountFile.collect(cfg, [], ['test_evaluator']) == []
    assert CountFile.collect(Config(), [], ['train_dataloader']) == []


def test_the_fingerprint_is_that_of_the_labels_alone():
    dataset = open_labels(dict(HANDS, pipeline=[dict(type='NoSuchStep')]), 'counts')
    found = label_fingerprint(dataset, HANDS)
    assert found == label_fingerprint(dataset, dict(HANDS, pipeline=[1], modalities=['rgb'], data_root='elsewhere'))
    assert found['digest'] != label_fingerprint(dataset, dict(HANDS, seed=1))['digest']
    assert describe(dataset, HANDS) == dict(dataset='StudioDataset', split='train')


def test_complete_hands_are_joints_and_sides():
    dataset = DATASETS.build(HANDS)
    joints, left = zip(*complete_hands(dataset, False))
    assert np.shape(joints) == (6, 21, 3) and joints[0].dtype == np.float64
    assert list(left) == [dataset.get_labels(i)['hand_side'] == 'left' for i in range(6)]
