"""The kinds of teacher behind one student, and the rows of a batch on which they run."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from handkd.hints import ConfigError
from handkd.models.estimators.teacher import NetworkTeacher
from handkd.models.estimators.teachers import KINDS, Teachers


class Sum(nn.Module):
    """A network of depth with one layer."""

    modality = 'depth'

    def __init__(self):
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, inputs, data_samples, mode):
        return self.layer(inputs['depth'].sum((1, 2, 3)))


class Doubled(NetworkTeacher):
    """Sees twice the student's depth."""

    KEYS = ('doubled',)

    def __init__(self, name, spec, student, preprocessor):
        super().__init__(name, Sum())

    def convert(self, inputs):
        return {key: 2 * images for key, images in inputs.items()}


class Following(Doubled):
    KEYS, follows = ('following',), True
    calls = 0

    def start(self):
        self.calls += 1

    def update(self):
        self.calls += 10


@pytest.fixture
def teachers(monkeypatch):
    monkeypatch.setitem(KINDS, 'doubled', Doubled)
    monkeypatch.setitem(KINDS, 'following', Following)
    specs = dict(a=dict(doubled=True), b=dict(following=True))
    return Teachers(specs, nn.Identity(), nn.Identity())


def test_a_teacher_runs_on_the_rows_that_have_its_inputs(teachers):
    teachers.set_taps(dict(x=dict(a=('layer',))))
    depth = torch.arange(3.0).reshape(3, 1, 1, 1).expand(3, 1, 2, 2)
    samples = [SimpleNamespace(absent=()), SimpleNamespace(absent=('depth',)), SimpleNamespace(absent=())]
    outputs = teachers.run(dict(depth=depth), samples)
    assert list(outputs) == ['a'], 'b has no reader'
    assert outputs['a'].rows == [0, 2] and outputs['a'].taps['layer'].tolist() == [0, 16]
    whole = teachers.run(dict(depth=depth), [samples[0]] * 3)['a']
    assert whole.rows is None and whole.taps['layer'].tolist() == [0, 8, 16]
    assert teachers.run(dict(depth=depth), [samples[1]] * 3)['a'].taps == {}


def test_those_that_follow_are_started_and_updated(teachers):
    assert teachers.follow and not Teachers({}, nn.Identity(), nn.Identity()).follow
    teachers.start(), teachers.update()
    assert teachers._teachers['b'].calls == 11
    assert set(teachers.networks) == {'a', 'b'} and teachers.stored == {} and teachers.modalities(['a']) == ['depth']


def test_networks_move_with_the_student(teachers):
    teachers.networks['a'].register_buffer('number', torch.ones(1))
    teachers.move(lambda tensor: tensor.double())
    assert teachers.networks['a'].number.dtype == torch.float64


def test_names_that_do_not_exist_are_refused_with_the_nearest(teachers):
    with pytest.raises(ConfigError, match=r"distillers\.x reads the teacher 'c', which does not exist"):
        teachers.set_taps(dict(x=dict(c=('layer',))))
    with pytest.raises(ValueError, match="the teacher 'a' has no layer named 'layre'; did you mean 'layer'"):
        teachers.set_taps(dict(x=dict(a=('layre',))))
    with pytest.raises(ConfigError, match="teacher 'a': unknown key 'dobled'"):
        Teachers(dict(a=dict(dobled=True, doubled=True)), nn.Identity(), nn.Identity())
