"""The cached kind of teacher: neither built nor loaded. Its numbers are tested in tests/artifacts."""

import pytest
import torch

from handkd.hints import ConfigError
from handkd.models.estimators.cached_teacher import CachedTeacher
from handkd.models.teacher_cache import ShardWriter, describe, digest_of_file, plan
from handkd.registry import MODELS


def test_a_model_with_cached_teachers_has_none_of_their_networks(distilled_cfg, batch, tmp_path):
    spec = distilled_cfg['teachers']['depth']
    uncached = MODELS.build(distilled_cfg).train()
    data = uncached.data_preprocessor(batch, True)
    expected = uncached(**data, mode='loss')
    for index, sample in enumerate(data['data_samples']):
        sample.set_metainfo(dict(sample_idx=index))
    outputs = uncached._teachers.run(data['inputs'], data['data_samples'])['depth'].taps
    fingerprint = dict(weights=digest_of_file(spec['checkpoint']), modalities=['depth'])
    number = len(data['data_samples'])
    manifest = describe(fingerprint, number, ['none'], outputs, number, 'exact', 1e6)
    ShardWriter(tmp_path / 'depth', manifest).add(next(plan(manifest, number)), outputs)

    spec['cache'] = str(tmp_path / 'depth')
    cached = MODELS.build(distilled_cfg).train()
    assert cached.teachers == {} and cached._teachers.modalities(['depth']) == ['depth']
    cached.student.load_state_dict(uncached.student.state_dict())
    found = cached(**data, mode='loss')
    assert found.keys() == expected.keys()
    assert all(torch.equal(loss, expected[name]) for name, loss in found.items())


def test_it_names_what_is_missing(tmp_path):
    with pytest.raises(ConfigError, match="cache of the teacher 'depth' in .* is missing"):
        CachedTeacher('depth', dict(model={}, checkpoint='x', cache=str(tmp_path)), None, None)
