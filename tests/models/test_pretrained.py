import pytest
import torch
from mmengine.model import BaseModule
from torch import nn

from handkd.models import CheckpointError, init_weights, pretrained


class Layer(BaseModule):
    """A linear layer that may have pretrained weights."""

    def __init__(self, init_cfg=None):
        super().__init__(init_cfg)
        self.linear = nn.Linear(2, 2)


@pytest.fixture
def build(tmp_path):
    """A function that makes a model whose head names a file, in which the layer stands under ``saved_under``."""

    def make(saved_under='', extra=0, **options):
        weights = {f'{saved_under}linear.{key}': torch.full((2,) * n, 3.0) for key, n in (('weight', 2), ('bias', 1))}
        weights |= {f'other.{i}': torch.zeros(1) for i in range(extra)}
        torch.save(dict(state_dict=weights), tmp_path / 'layer.pth')
        model = BaseModule()
        model.head = nn.ModuleList([Layer(dict(type='Pretrained', checkpoint=str(tmp_path / 'layer.pth'), **options))])
        return model

    return make


@pytest.mark.parametrize(
    ('saved_under', 'prefix', 'said'),
    [
        (
            'backbone.',
            'student.backbone.',
            r"no weight under prefix='student\.backbone\.'; try prefix='backbone\.'$",
        ),
        ('backbone.', None, r"none of its weights; try prefix='backbone\.'$"),
        ('', 'backbone', r"no weight under prefix='backbone\.'; try no prefix$"),
        ('a.b.', 'a', r"none of its weights; try prefix='a\.b\.'$"),
    ],
)
def test_a_wrong_prefix_names_the_part_the_file_and_the_right_one(build, saved_under, prefix, said):
    with pytest.raises(CheckpointError, match=rf'^init_cfg of head\.0 \(Layer\): \S+layer\.pth has {said}'):
        init_weights(build(saved_under, prefix=prefix))


def test_of_many_prefixes_the_one_that_fits_most_is_named(tmp_path):
    network = nn.ModuleDict(dict(backbone=nn.Sequential(Layer(), nn.Linear(2, 2)), linear=nn.Linear(2, 2)))
    torch.save(network.state_dict(), tmp_path / 'whole.pth')
    part = nn.Sequential(Layer(), nn.Linear(2, 2))
    model = BaseModule(dict(type='Pretrained', checkpoint=str(tmp_path / 'whole.pth'), prefix='student'))
    for name, child in part.named_children():
        model.add_module(name, child)
    with pytest.raises(CheckpointError, match=r"try prefix='backbone\.'$"):
        init_weights(model)


def test_a_file_of_another_network_says_how_its_names_begin(build):
    with pytest.raises(CheckpointError, match=r'its names begin with linear\.: check the file'):
        model = build(prefix='x')
        model.head[0].linear, model.head[0].dense = None, nn.Linear(3, 3)
        init_weights(model)


@pytest.mark.parametrize('prefix', ['backbone', 'backbone.'])
def test_what_fits_is_loaded_and_said_in_one_line(build, prefix, monkeypatch):
    lines = []
    for module in ('mmengine.runner.checkpoint', 'mmengine.model.weight_init', 'handkd.models.pretrained'):
        monkeypatch.setattr(
            f'{module}.print_log',
            lambda line, logger=None, *_, **__: logger == 'silent' or lines.append(line),
        )
    model = build('backbone.', extra=300, prefix=prefix)
    init_weights(model)
    assert (model.head[0].linear.weight == 3).all() and (model.head[0].linear.bias == 3).all()
    (line,) = [line for line in lines if 'other.' in line or 'layer.pth' in line]
    assert line.startswith('2 of 2 weights of Layer are from') and line.endswith("under 'backbone.'")


def test_the_place_that_is_asked_for_reaches_the_reader(build, monkeypatch):
    """Weights of a GPU must not come back to one where there is none."""
    asked, read = [], pretrained.CheckpointLoader.load_checkpoint

    def load(path, map_location=None, logger='current'):
        asked.append(map_location)
        return read(path, map_location, logger)

    monkeypatch.setattr(pretrained.CheckpointLoader, 'load_checkpoint', load)
    init_weights(build())
    init_weights(build(map_location='meta'))
    assert asked == ['cpu', 'meta']
