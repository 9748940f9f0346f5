"""Rows of a batch, found by number and mirroring."""

import pytest
import torch
from mmpose.structures import PoseDataSample

from handkd.hints import ConfigError
from handkd.models.teacher_cache import ShardWriter, TeacherCache, describe, digest_of_file, plan


def sample(index, direction=None):
    return PoseDataSample(metainfo=dict(sample_idx=index, flip=direction is not None, flip_direction=direction))


@pytest.fixture
def cache(tmp_path):
    """Ten samples in three shards; a row is 10 times its number, plus 1 if mirrored."""

    def outputs(step):
        return dict(
            neck=10.0 * torch.tensor(step.indices)[:, None] + step.variant, head=(torch.zeros(4, 2), torch.ones(4, 1))
        )

    (tmp_path / 'weights').write_bytes(b'1')
    fingerprint = dict(weights=digest_of_file(tmp_path / 'weights'), modalities=['rgb'])
    first = dict(neck=torch.zeros(4, 1), head=(torch.zeros(4, 2), torch.ones(4, 1)))
    manifest = describe(fingerprint, 10, ['none', 'horizontal'], first, 4, 'float32', 0)
    writer = ShardWriter(tmp_path / 'big', manifest)
    with pytest.raises(ConfigError, match="cache of the teacher 'big' in .* is unfinished: `handkd train` makes it"):
        TeacherCache(tmp_path / 'big', 'big')
    for step in list(plan(manifest, 4)):
        writer.add(step, outputs(step))
    return TeacherCache(tmp_path / 'big', 'big')


def test_rows_are_found_by_number_and_mirroring(cache):
    samples = [sample(9), sample(0, 'horizontal'), sample(5), sample(5)]
    found = cache.read(samples, ['neck', 'head'], torch.device('cpu'))
    assert found['neck'].flatten().tolist() == [90, 1, 50, 50]
    assert [tuple(part.shape) for part in found['head']] == [(4, 2), (4, 1)]
    assert list(cache.read(samples, ['neck'], torch.device('cpu'))) == ['neck']


def test_samples_of_another_set_are_refused(cache):
    for strange in (sample(10), PoseDataSample()):
        with pytest.raises(ConfigError, match=r"10 samples, but .* the number (10|None) \('sample_idx'"):
            cache.read([strange], ['neck'], torch.device('cpu'))
    with pytest.raises(ConfigError, match="mirrored as 'vertical', found"):
        cache.read([sample(1, 'vertical')], ['neck'], torch.device('cpu'))


def test_layers_and_weights_are_checked(cache, tmp_path):
    cache.check_layers(['neck'])
    cache.check_weights(tmp_path / 'weights')
    with pytest.raises(ConfigError, match=r"lacks the layer 'necks'.*\['head', 'neck'\]"):
        cache.check_layers(['necks'])
    (tmp_path / 'weights').write_bytes(b'2')
    with pytest.raises(ConfigError, match=r"stale: the weights of the teacher 'big'"):
        cache.check_weights(tmp_path / 'weights')
    with pytest.raises(ConfigError, match="cache of the teacher 'x' in .* is missing"):
        TeacherCache(tmp_path / 'x', 'x')


def test_a_file_of_another_shape_is_named(cache, tmp_path):
    cache.read([sample(1)], ['neck'], torch.device('cpu'))
    (tmp_path / 'big/00000_0.npy').rename(tmp_path / 'big/00001_2.npy')
    with pytest.raises(ValueError, match=r'00001_2\.npy is damaged: .*\(4, 2, 2\).*expected \(4, 2, 1\)'):
        cache.read([sample(5)], ['neck'], torch.device('cpu'))
