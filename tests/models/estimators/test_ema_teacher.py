import copy

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import load_state_dict
from torch import nn

from handkd.hints import ConfigError
from handkd.models import CheckpointError, load_weights
from handkd.models.estimators import ema_teacher
from handkd.models.estimators.ema_teacher import EmaTeacher
from handkd.registry import MODELS

from .conftest import estimator_cfg, topdown_cfg


def self_distilled(ema=0.999, student=None):
    mimic = dict(type='FeatureMimic', layer='neck', teacher='average', weight=0.01)
    return dict(
        type='DistilledEstimator',
        student=student or estimator_cfg(),
        teachers=dict(average=dict(ema=ema)),
        distillers=dict(self=mimic),
    )


class Net(nn.Module):
    """A weight under two names, a running statistic and a counter."""

    modality = 'rgb'

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(1, 1, bias=False)
        self.second = nn.Linear(1, 1, bias=False)
        self.second.weight = self.first.weight
        self.register_buffer('mean', torch.zeros(1))
        self.register_buffer('count', torch.zeros((), dtype=torch.long))

    def set(self, value):
        self.first.weight.data.fill_(value)
        self.mean.fill_(10 * value)
        self.count.fill_(value)


@pytest.mark.parametrize(
    ('alpha', 'expected'),
    [
        (0.999, [1, (1 + 2) / 2, (1 + 2 + 4) / 3, (1 + 2 + 4 + 8) / 4]),
        (0.5, [1, 1.5, (1.5 + 4) / 2, ((1.5 + 4) / 2 + 8) / 2]),
        (0, [1, 2, 4, 8]),
    ],
)
def test_the_average_in_closed_form(alpha, expected):
    student = Net()
    teacher = EmaTeacher('average', dict(ema=alpha), student, None)
    student.set(1)  # after the teacher was built, as weights are initialised and loaded
    teacher.start()
    for step, wanted in enumerate(expected):
        if step:
            student.set(2**step)
            teacher.update()
        for name in ('first', 'second'):
            assert getattr(teacher.network, name).weight.item() == pytest.approx(wanted)
        assert teacher.network.mean.item() == pytest.approx(10 * wanted)
        assert teacher.network.count.item() == 2**step
        teacher.start()  # as when a run is resumed
    assert student.first.weight.item() == 8


def test_statistics_are_those_of_the_first_process(monkeypatch):
    monkeypatch.setattr(ema_teacher, 'get_world_size', lambda: 2)
    monkeypatch.setattr(ema_teacher, 'broadcast', lambda values: values.fill_(7))
    teacher = EmaTeacher('average', dict(ema=0.9), Net(), None)
    teacher.update()
    assert teacher.network.mean.tolist() == [7]


def test_it_sees_the_students_batch_and_is_no_part_of_the_student(batch):
    model = MODELS.build(self_distilled())
    model.init_weights()
    model.start_teachers()
    average = model.teachers['average']
    losses = model.train()(**model.data_preprocessor(batch, True), mode='loss')
    assert losses['loss_self_mimic'] > 0  # the student's batch statistics against running ones
    sum(losses.values()).backward()
    model.requires_grad_(True)
    assert not average.training and not any(p.requires_grad or p.grad is not None for p in average.parameters())
    assert not {id(p) for p in model.parameters()} & {id(p) for p in average.parameters()}
    assert len(list(model.parameters())) == len(list(model.student.parameters()))
    plain = MODELS.build(estimator_cfg())
    assert len(list(plain.parameters())) == len(list(model.parameters()))
    model.to(torch.float64)
    assert next(average.parameters()).dtype == torch.float64


def test_an_estimator_of_mmpose_teaches_itself(mmpose_batch):
    init_default_scope('handkd')  # as a run does: MMEngine itself builds MMPose's preprocessor
    cfg = self_distilled(student=topdown_cfg())
    cfg['distillers']['self']['layer'] = 'backbone'
    model = MODELS.build(cfg)
    model.start_teachers()
    losses = model.train()(**model.data_preprocessor(mmpose_batch(), True), mode='loss')
    assert {'loss_kpt', 'loss_self_mimic'} <= set(losses)
    model.update_teachers()
    assert model.training_only['average'].updates == 1


@pytest.mark.parametrize('load', [lambda m, s: m.load_state_dict(s), lambda m, s: load_state_dict(m, s, strict=True)])
def test_its_state_is_in_checkpoints_and_dropped_by_the_plain_student(load, tmp_path):
    model = MODELS.build(self_distilled())
    model.start_teachers()
    with torch.no_grad():
        for parameter in model.student.parameters():
            parameter.add_(1)
    model.update_teachers()
    state = copy.deepcopy(model.state_dict())
    key = 'backbone.conv1.weight'
    torch.testing.assert_close(state[f'training_only.average.network.{key}'], state[key] - 0.5)
    other = MODELS.build(self_distilled())
    load(other, state)
    other.start_teachers()
    assert all(torch.equal(value, state[name]) for name, value in other.state_dict().items())
    torch.save(dict(state_dict=state), tmp_path / 'student.pth')
    for target in (MODELS.build(estimator_cfg()), MODELS.build(self_distilled())):
        load_weights(target, tmp_path / 'student.pth')
        assert torch.equal(target.state_dict()[key], state[key])


def test_a_state_that_does_not_fit_is_named(tmp_path):
    model = MODELS.build(self_distilled())
    key = 'training_only.average.network.backbone.conv1.weight'
    for fault, said in ((lambda s: s.pop(key), 'missing'), (lambda s: s.update({key: s[key][:1]}), 'conv1')):
        state = dict(model.state_dict())
        fault(state)
        torch.save(dict(state_dict=state), tmp_path / 'student.pth')
        with pytest.raises(CheckpointError, match=said):
            load_weights(model, tmp_path / 'student.pth')
        with pytest.raises(RuntimeError, match=key if said == 'missing' else 'size mismatch'):
            model.load_state_dict(state)
    with pytest.raises(RuntimeError, match='Unexpected key.*training_only.average.network.more'):
        model.load_state_dict(model.state_dict() | {'training_only.average.network.more': torch.zeros(1)})


@pytest.mark.parametrize('ema', [1, 1.5, -0.1, True, '0.9', None])
def test_a_wrong_average_is_refused(ema):
    with pytest.raises(ConfigError, match=r'model\.teachers\.average\.ema must be at least 0 and less than 1, found'):
        MODELS.build(self_distilled(ema))


def test_other_keys_and_names_are_refused():
    cfg = self_distilled()
    cfg['teachers']['average']['model'] = estimator_cfg()
    with pytest.raises(ConfigError, match="teacher 'average': unknown key 'model'"):
        MODELS.build(cfg)
    cfg = self_distilled()
    cfg['distillers'] = dict(average=cfg['distillers']['self'])
    with pytest.raises(ConfigError, match="both have 'average', .*: rename one"):
        MODELS.build(cfg)
    cfg = self_distilled()
    cfg['distillers']['self']['layer'] = 'nekc'
    with pytest.raises(ValueError, match="'nekc'; did you mean 'neck'"):
        MODELS.build(cfg)
