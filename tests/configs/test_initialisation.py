"""Every shipped config: what its parts' ``init_cfg`` ask for happens, wherever in the model a part is kept."""

import json

import pytest
import torch

from handkd.apis.stages import read_stages
from handkd.hints import ConfigError
from handkd.models import init_weights
from handkd.models.initialisation import is_pretrained, own_random_numbers
from handkd.registry import MODELS

from .test_train_step import ROOT

pytestmark = pytest.mark.usefixtures('no_earlier_stages')


def pretrained_parts(model):
    return {name: part for name, part in model.named_modules() if is_pretrained(part)}


def write_weights(part, path):
    """Write weights for a part that differ from any random ones, and let it load them."""
    part.init_cfg['checkpoint'] = str(path)
    state = {key: torch.full_like(value, 0.125) for key, value in part.state_dict().items()}
    torch.save({part.init_cfg.get('prefix', '') + key: value for key, value in state.items()}, path)
    return state


def test_every_init_cfg_is_followed_and_pretrained_weights_arrive(models, tmp_path):
    names = set()
    for path, settings in models:
        model = MODELS.build(settings)
        for part in model.modules():
            if getattr(part, 'checkpoint', '') is None:
                part.checkpoint = 'of no matter'
        expected = {
            name: write_weights(part, tmp_path / f'{name}.pth') for name, part in pretrained_parts(model).items()
        }
        init_weights(model)
        left = [n for n, part in model.named_modules() if getattr(part, 'init_cfg', None) and not part.is_init]
        assert left == [], path
        for name, state in expected.items():
            found = model.get_submodule(name).state_dict()
            assert [key for key, value in state.items() if not torch.equal(found[key], value)] == [], path
        names |= expected.keys()
    assert names == {'training_only.feature_loss.network'}


def test_a_missing_file_ends_the_training_before_it_begins(models, tmp_path):
    settings = [cfg for _, cfg in models if 'torchvision' in json.dumps(cfg.to_dict(), default=str)]
    assert settings
    for cfg in settings:
        model = MODELS.build(cfg)
        for part in pretrained_parts(model).values():
            part.init_cfg['checkpoint'] = str(tmp_path / 'none.pth')
        with pytest.raises(FileNotFoundError, match=r'none\.pth'):
            init_weights(model)


def first_weights(settings):
    """The weights that a model of seed 0 begins with, those of its student under the names of the plain student."""
    torch.manual_seed(0)
    model = MODELS.build(settings)
    for part in model.modules():
        if getattr(part, 'checkpoint', '') is None:
            part.checkpoint = 'of no matter'
    init_weights(model)
    return {name: weight for name, weight in model.state_dict().items() if not name.startswith('training_only.')}


def pairs_of_networks(read_model):
    """Each method's baseline and the networks that are compared with it, one for all that differ in the data alone."""
    found = {}
    for path in sorted((ROOT / 'configs').glob('*/*_studio.py')):
        try:
            stages = read_stages(path)
        except ConfigError:  # a single run
            continue
        baseline = next(stage for stage in stages if stage.role == 'baseline')
        for stage in stages:
            if stage.role in ('student', 'variant'):
                models = [read_model(one.config, one.options, one.baseline, one.teacher) for one in (baseline, stage)]
                found.setdefault(repr(models), (f'{path.name}: {stage.name}', *models))
    pairs = [pair for pair in found.values() if pair[1] != pair[2]]
    # Heads with other layers; a teacher, which sees depth; and a student whose backbone an earlier stage trains.
    other_networks = ('single', 'cascade', 'dwpose_head')
    return [pair for pair in pairs if not pair[0].endswith(other_networks)]


def test_students_begin_with_the_weights_of_their_baseline(read_model):
    pairs, weights = pairs_of_networks(read_model), {}
    assert {name.split('_')[0] for name, *_ in pairs} >= {'ablation', 'cpm8', 'inception', 'resnet18quarter', 'ts20g'}
    for name, *settings in pairs:
        for cfg in settings:
            if repr(cfg) not in weights:
                weights[repr(cfg)] = first_weights(cfg)
        baseline, student = (weights[repr(cfg)] for cfg in settings)
        common = [key for key in baseline if key in student and baseline[key].shape == student[key].shape]
        assert common, name
        assert [key for key in common if not torch.equal(baseline[key], student[key])] == [], name


def test_a_stream_of_random_numbers_of_ones_own():
    def draw(seed, *names):
        torch.manual_seed(seed)
        first, own = torch.rand(3), []
        for name in names:
            with own_random_numbers(name):
                own.append(torch.rand(3).tolist())
        return first.tolist(), torch.rand(3).tolist(), own

    before, after, none = draw(0)
    assert draw(0, 'a', 'b')[:2] == (before, after) and none == []
    first, second = draw(0, 'a', 'b')[2]
    assert first != second and draw(0, 'b')[2] == [second]
    assert draw(1, 'a')[2] != [first] and before != first
