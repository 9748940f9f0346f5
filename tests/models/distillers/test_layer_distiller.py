"""Layers that a distiller reads of both networks."""

import pytest

from handkd.hints import ConfigError
from handkd.models.distillers import AttentionTransfer, DistillContext, LayerDistiller, SimilarityPreserving


class Plain(LayerDistiller):
    def forward(self, context):
        return {}


class Several(Plain):
    several = True


def test_one_layer_is_read_of_each_network():
    one = Plain('backbone', 'big', 'backbone.layer3', 0.5, dict(type='window', end=3))
    assert (one.layer, one.teacher_layer, one.weight) == ('backbone', 'backbone.layer3', 0.5)
    assert one.student_taps == ('backbone',) and one.teacher_taps == dict(big=('backbone.layer3',))
    assert len(one.schedules) == 1 and Plain('neck', 'big').teacher_layer == 'neck'
    context = DistillContext(dict(backbone=1, neck=2), dict(big={'backbone.layer3': 3, 'neck': 4}), {}, [])
    assert one.outputs(context) == [(1, 3)]


def test_several_layers_are_pairs_in_their_order():
    several = Several(['b', 'a', 'b'], 'big', ['x', 'x', 'y'])
    assert several.student_taps == ('b', 'a') and several.teacher_taps == dict(big=('x', 'y')), 'each is read once'
    context = DistillContext(dict(a=1, b=2), dict(big=dict(x=3, y=4), other=dict(x=5)), {}, [])
    assert several.outputs(context) == [(2, 3), (1, 3), (2, 4)]


def test_several_layers_where_one_is_compared_are_refused():
    with pytest.raises(ConfigError, match=r"Plain compares one layer, found \['a', 'b'\]: use one distiller for each"):
        Plain(['a', 'b'], 'big')
    assert Plain(['a'], 'big').layer == 'a'
    assert AttentionTransfer.several and SimilarityPreserving.several
