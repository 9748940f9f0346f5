"""Published checkpoints are loaded as they are, strictly, under the names of current networks."""

import pytest
import torch
from mmengine.registry import init_default_scope
from torch import nn

from handkd.models import CheckpointError, load_weights
from handkd.models.weight_names import averages_in, usual_names
from handkd.registry import MODELS
from tests.models.estimators.conftest import topdown_cfg


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('handkd')


def pair():
    return [nn.ModuleDict(dict(backbone=nn.Linear(2, 3), head=nn.Linear(3, 1))) for _ in range(2)]


def is_loaded(network, state):
    return all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    ('student', 'others'),
    [
        ('architecture.', ['teacher.backbone.weight', 'distiller.connectors.a.weight', 'data_preprocessor.mean']),
        ('student.', ['teacher.backbone.weight', 'distill_losses.loss_mgd.align.weight']),
    ],
)
@pytest.mark.parametrize('outer', ['', 'module.'])
def test_the_student_of_another_distiller(tmp_path, student, others, outer):
    (source, network), other = pair(), {name: torch.zeros(1) for name in others}
    state = {f'{student}{key}': value for key, value in source.state_dict().items()} | other
    torch.save(dict(state_dict={f'{outer}{key}': value for key, value in state.items()}), tmp_path / 'a.pth')
    load_weights(network, tmp_path / 'a.pth')
    assert is_loaded(network, source.state_dict())
    assert 'student.x' in usual_names({'student.x': torch.zeros(1), 'x': torch.zeros(1)})


@pytest.mark.parametrize('prefix', ['ema_', 'module.ema_'])
def test_averages_alone(tmp_path, prefix):
    source, network = pair()
    torch.save({f'{prefix}{key}': value for key, value in source.state_dict().items()}, tmp_path / 'a.pth')
    load_weights(network, tmp_path / 'a.pth')
    assert is_loaded(network, source.state_dict())


def emas(source):
    """Files with two kinds of weights, whose averages are those of ``source``."""
    average, last = source.state_dict(), {key: value + 1 for key, value in source.state_dict().items()}
    copies = {f'ema_{key.replace(".", "_")}': value for key, value in last.items()}
    return {
        'MMEngine': dict(state_dict=average, ema_state_dict={f'module.{k}': v for k, v in last.items()} | {'steps': 1}),
        'MMCV 1': dict(state_dict=average | copies),
        'timm': dict(state_dict=last, state_dict_ema=average),
    }


@pytest.mark.parametrize('kind', ['MMEngine', 'MMCV 1', 'timm'])
def test_averages_are_taken_and_the_log_says_so(tmp_path, kind, monkeypatch):
    said = []
    monkeypatch.setattr('handkd.models.checkpoint.print_log', lambda text, *_: said.append(text))
    source, network = pair()
    torch.save(emas(source)[kind], tmp_path / 'a.pth')
    load_weights(network, tmp_path / 'a.pth', "the teacher 'big'")
    assert is_loaded(network, source.state_dict())
    assert said == [
        f"{tmp_path / 'a.pth'}: the teacher 'big' has the weights averaged in training (EMA), not the last ones"
    ]


def test_a_file_of_last_weights_alone_says_nothing():
    assert averages_in(dict(state_dict={'head.weight': torch.zeros(1)})) is None


def test_the_layers_of_an_old_head_of_mmpose(tmp_path):
    """Before MMPose 1.0 its final layer had the convolutions before it, too, in a head called keypoint_head."""
    cfg = topdown_cfg()
    cfg['head'].update(conv_out_channels=(8,), conv_kernel_sizes=(1,))
    source, network = (MODELS.build(cfg) for _ in range(2))
    old = {}
    for key, value in source.state_dict().items():
        key = key.replace('head.conv_layers.', 'head.final_layer.').replace('head.', 'keypoint_head.')
        old[key.replace('final_layer.weight', 'final_layer.3.weight').replace('layer.bias', 'layer.3.bias')] = value
    assert 'keypoint_head.final_layer.0.weight' in old and 'keypoint_head.final_layer.3.weight' in old
    torch.save(dict(state_dict=old), tmp_path / 'a.pth')
    load_weights(network, tmp_path / 'a.pth')
    assert is_loaded(network, source.state_dict())
    old.pop('keypoint_head.final_layer.3.bias')
    torch.save(dict(state_dict=old), tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=r'1 missing \(head\.final_layer\.bias\)'):
        load_weights(network, tmp_path / 'a.pth')


@pytest.mark.parametrize(('prefix', 'said'), [('backbone.', r", prefix='backbone\.'\)\)$"), ('', r"a\.pth'\)\)$")])
def test_a_backbone_alone_is_no_teacher(tmp_path, prefix, said):
    source, network = pair()
    torch.save(
        dict(state_dict={f'{prefix}{key}': value for key, value in source.backbone.state_dict().items()}),
        tmp_path / 'a.pth',
    )
    with pytest.raises(CheckpointError, match='has the weights of a backbone alone, but the network.*' + said):
        load_weights(network, tmp_path / 'a.pth')
