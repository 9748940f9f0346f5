"""The hash of a config does not depend on seed and machine, but on everything else."""

import pytest

from handkd.apis.stage_hashes import config_hash, fingerprint, portable
from handkd.apis.stages import data_config, read_stages


@pytest.fixture
def baseline(stages_config):
    return read_stages(stages_config)[1]


def test_the_hash_is_the_fingerprint_at_seed_0(baseline):
    cfg = data_config(baseline, 0)
    assert config_hash(cfg, baseline, {}) == fingerprint(cfg, baseline, {})
    assert fingerprint(data_config(baseline, 1), baseline, {}) != fingerprint(cfg, baseline, {})


def test_the_hash_depends_on_the_config_but_not_on_the_folder_of_the_data(baseline):
    cfg = data_config(baseline, 0)
    first = config_hash(cfg, baseline, {})
    cfg.train_dataloader.dataset.data_root = '/mnt/here/nyu'
    here = config_hash(cfg, baseline, {})
    cfg.train_dataloader.dataset.data_root = '/data/nyu'
    assert here == config_hash(cfg, baseline, {}) != first


def test_portable():
    value = dict(root='/mnt/here/nyu', name='nyu/rgb', sizes=(1, ['/a/b']), none=None)
    assert portable(value) == dict(root='nyu', name='nyu/rgb', sizes=[1, ['b']], none=None)
