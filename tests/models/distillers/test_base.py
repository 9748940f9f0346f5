"""The base of all distillers."""

import inspect

import pytest
import torch

from handkd.models import distillers
from handkd.models.distillers.base import BaseDistiller, DistillContext, last_level


class Ten(BaseDistiller):
    student_taps = ('neck',)

    def forward(self, context):
        return dict(ten=10 * last_level(context.student['neck']).sum())


def test_a_distiller_must_give_losses():
    with pytest.raises(TypeError, match='forward'):
        BaseDistiller()


def test_of_a_pyramid_the_last_level_is_read():
    small, large = torch.ones(1, 2, 2, 2), torch.ones(1, 2, 4, 4)
    for output in ((large, small), [large, small], small):
        losses = Ten()(DistillContext(dict(neck=output), {}, {}, []))
        assert losses['ten'].item() == 80


def test_the_pair_of_a_simcc_head_is_no_pyramid():
    with pytest.raises(ValueError, match=r'two tensors, \(2, 21, 8\) and \(2, 21, 6\), .*SimCCResponse'):
        last_level((torch.zeros(2, 21, 8), torch.zeros(2, 21, 6)))


@pytest.mark.parametrize('name', ['AttentionTransfer', 'ChannelWise', 'Relational', 'SimilarityPreserving'])
def test_distillers_of_layers_hand_their_schedule_on(name):
    distiller = getattr(distillers, name)('backbone', 'big', schedule=dict(type='linear', start_factor=0.3))
    assert distiller.factor() == 0.3 and getattr(distillers, name)('backbone', 'big').factor() == 1


OWN = [one for one in vars(distillers).values() if inspect.isclass(one) and issubclass(one, BaseDistiller)]


@pytest.mark.parametrize('kind', [one for one in OWN if one is not BaseDistiller])
def test_every_distiller_takes_a_schedule(kind):
    assert inspect.signature(kind).parameters['schedule'].default is None
