"""Labels of any kind go into rows and come back."""

import numpy as np
import pytest

from handkd.datasets.packed.labels import LabelSchema


def sample(name='a', **changes):
    return (
        dict(
            img=np.zeros((4, 4, 3), np.uint8),
            keypoints=np.arange(42, dtype=np.float32).reshape(1, 21, 2),
            camera=dict(K=np.eye(3) / 3, dist=np.arange(5.0)),
            img_id=7,
            weight=0.1,
            crowd=True,
            hand_side='left',
            img_path=f'color/{name}.png',
            ori_shape=(480, 640),
            nothing=None,
        )
        | changes
    )


def test_all_kinds_come_back(assert_same_labels):
    samples = [sample(), sample('ß' * 20, img_id=8, hand_side='right'), sample('')]
    schema = LabelSchema.of(samples[0])
    table = schema.table([schema.row(s) for s in samples])
    batch = schema.batch(table)
    for i, expected in enumerate(samples):
        del expected['nothing']
        assert_same_labels(batch.sample(i), expected)


def test_the_schema_survives_json(assert_same_labels):
    schema = LabelSchema.of(sample())
    again = LabelSchema([[key, kind, dtype, list(shape)] for key, kind, dtype, shape in schema.fields])
    expected = sample()
    del expected['nothing']
    assert_same_labels(again.batch(again.table([again.row(sample())])).sample(0), expected)


def test_columns_of_a_batch_are_arrays_of_their_own():
    schema = LabelSchema.of(sample())
    table = schema.table([schema.row(sample())] * 2)
    batch = schema.batch(table)
    for column in (batch['camera']['K'], batch['keypoints']):
        assert column.flags.c_contiguous and column.flags.aligned and not np.shares_memory(column, table)
    assert batch['keypoints'].shape == (2, 21, 2)


def test_samples_that_differ_are_refused():
    schema = LabelSchema.of(sample())
    with pytest.raises(ValueError, match=r"same labels; only some have \['bbox'\]"):
        schema.row(sample(bbox=np.zeros((1, 4))))
    with pytest.raises(ValueError, match=r"'weight'"):
        schema.row(sample(weight=None))
    with pytest.raises(ValueError, match=r"'keypoints' has shape \(1, 20, 2\)"):
        schema.row(sample(keypoints=np.zeros((1, 20, 2), np.float32)))
    with pytest.raises(ValueError, match=r"'img_id' has shape \(\) and type float64"):
        schema.row(sample(img_id=0.5))


def test_what_can_not_be_packed_is_named():
    with pytest.raises(ValueError, match=r"'odd' is a set"):
        LabelSchema.of(sample(odd={1}))
    with pytest.raises(ValueError, match='nested only once'):
        LabelSchema.of(sample(camera=dict(lens=dict(k=1))))
