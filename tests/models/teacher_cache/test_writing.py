"""Which batches are computed, and how their outputs become shards."""

import pytest
import torch

from handkd.hints import ConfigError
from handkd.models.teacher_cache.manifest import read_manifest
from handkd.models.teacher_cache.writing import ShardWriter, describe, plan, said_size


def outputs(indices, width=3):
    """Rows that hold the number of their sample."""
    return {'neck': torch.tensor(indices, dtype=torch.float32)[:, None].repeat(1, width)}


def described(length=10, variants=('none',), batch_size=4, shard_bytes=0.0):
    first = outputs(range(batch_size))
    return describe({}, length, list(variants), first, batch_size, 'float32', shard_bytes)


def test_a_shard_has_whole_batches():
    assert [described(100, shard_bytes=size).rows for size in (0, 95, 96, 1e9)] == [4, 4, 8, 100]


def test_batches_have_one_size_and_finished_shards_are_left_out(tmp_path):
    manifest = described(variants=('none', 'horizontal'))
    steps = list(plan(manifest, 4))
    assert [(step.shard, step.variant, step.count) for step in steps] == [
        (0, 0, 4), (0, 1, 4), (1, 0, 4), (1, 1, 4), (2, 0, 2), (2, 1, 2),
    ]  # fmt: skip
    assert steps[-1].indices == [8, 9, 8, 9]
    writer = ShardWriter(tmp_path, manifest)
    for step in steps[:3]:
        writer.add(step, outputs(step.indices))
    assert list(plan(read_manifest(tmp_path), 4)) == steps[2:]


def test_outputs_of_another_form_are_refused(tmp_path):
    manifest = described()
    writer, step = ShardWriter(tmp_path, manifest), next(plan(manifest, 4))
    with pytest.raises(ConfigError, match=r'neck has rows of shape \(2,\) and type float32, .* first batch had \(3,\)'):
        writer.add(step, outputs(step.indices, 2))
    with pytest.raises(ConfigError, match=r'neck has shape \(3,\), expected a first dimension of 4'):
        describe({}, 10, ['none'], dict(neck=torch.zeros(3)), 4, 'float32', 1)


def test_sizes_are_said_in_the_right_unit():
    assert [said_size(n) for n in (7, 2500, 3_400_000, 1.24e9, 5e12)] == [
        '7 bytes', '2.5 kB', '3.4 MB', '1.2 GB', '5000.0 GB',
    ]  # fmt: skip
