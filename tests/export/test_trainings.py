"""Which trainings gave a checkpoint its weights, and which of them a released student may have."""

import pytest
import torch

from handkd.config import load_config
from handkd.export.trainings import check_studio_alone, read_settings, read_training, studio_trainings
from handkd.hints import ConfigError

TEXT = """model = dict(type='HandPoseEstimator')
train_dataloader = dict(dataset=dict(type='StudioDataset', length=9))
load_from = {!r}
resume = {}
"""


def write(file, start=None, resume=False, **meta):
    """Write a checkpoint whose training began with, or was resumed from, another one."""
    file.parent.mkdir(exist_ok=True)
    known = dict(seed=3, iter=7, samples=448, cfg=TEXT.format(start, resume), experiment_name='a_b_20261201_034557')
    torch.save(dict(state_dict={}, meta=known | meta), file)
    return str(file)


def test_trainings_are_followed_to_random_weights(tmp_path):
    first = write(tmp_path / 'first/iter_7.pth')
    last = write(tmp_path / 'last/iter_9.pth', first, iter=9)
    parts = studio_trainings(last, first)
    assert [(part.config, part.seed, part.steps, part.images) for part in parts] == [
        ('a_b', 3, 7, 448),
        ('a_b', 3, 9, 448),
    ]
    assert [part.start for part in parts] == [None, first]
    moved = write(tmp_path / 'moved/iter_7.pth')
    assert [part.start for part in studio_trainings(last, moved)] == [None, first]


def test_what_a_training_began_with_must_be_stated(tmp_path):
    first = write(tmp_path / 'iter_7.pth')
    with pytest.raises(ConfigError, match='iter_7.pth: load_from: expected None: its training began with random'):
        studio_trainings(first, 'other.pth')
    with pytest.raises(ConfigError, match='load_from: expected a.pth, found None: use --cfg-options load_from=a.pth'):
        studio_trainings(write(tmp_path / 'b.pth', 'a.pth'), None)
    for start in ('https://example.org/a.pth', str(tmp_path / 'c.pth')):
        with pytest.raises(ConfigError, match=f'handkd train has written before, found {start}'):
            studio_trainings(write(tmp_path / 'c.pth', start), start)


def test_a_resumed_training_began_as_the_log_of_its_beginning_tells(tmp_path):
    file = write(tmp_path / 'run/iter_9.pth', 'run/iter_7.pth', True)
    with pytest.raises(ConfigError, match=r'iter_9.pth: load_from: its training was resumed.*config.py with resume'):
        read_training(file)
    starts = [('20261201_01', 'old.pth', False), ('20261201_02', 'a.pth', False), ('20261201_03', 'iter_7.pth', True)]
    for date, start, resume in starts:
        log = tmp_path / 'run' / date / 'vis_data/config.py'
        log.parent.mkdir(parents=True)
        log.write_text(TEXT.format(start, resume))
    assert read_training(file).start == 'a.pth'


def test_only_trainings_on_the_studio_without_other_weights_are_admitted():
    name = 'photo/resnet18half_studio'
    check_studio_alone(name, load_config(name))
    first = 'train_dataloader.dataset.datasets.0.'
    weights = dict(type='Pretrained', checkpoint='imagenet.pth')
    for options, message in (
        ({first + 'backgrounds': 'photos'}, r"datasets\[0\].backgrounds: .*: expected None, found 'photos'"),
        (
            {'model.student.backbone.init_cfg': weights},
            'model.student.backbone.init_cfg.checkpoint: a released',
        ),
    ):
        with pytest.raises(ConfigError, match=message):
            check_studio_alone(name, load_config(name, options))
    with pytest.raises(ConfigError, match=r'dataset.*type: .* expected StudioDataset, found '):
        check_studio_alone('ekd/resnet50_lm', load_config('ekd/resnet50_lm'))
    with pytest.raises(ConfigError, match='a: train_dataloader.dataset.type: .* expected StudioDataset, found None'):
        check_studio_alone('a', {})


def test_weights_of_an_unknown_training_are_refused(tmp_path):
    torch.save({'state_dict': {}}, tmp_path / 'a.pth')
    with pytest.raises(ConfigError, match=r"a.pth: its training is unknown, \['seed', 'iter', 'samples', 'cfg', 'exp"):
        read_training(tmp_path / 'a.pth')


def test_settings_are_read_and_not_run():
    text = "a = dict(b=[dict(c='x', d=(1, -2.5))], e={'f': None})\ng = print('run')\n"
    assert read_settings(text) == dict(a=dict(b=[dict(c='x', d=[1, -2.5])], e=dict(f=None)), g="print('run')")
