"""What is told about the trainings of a student."""

import pytest

from handkd.config import load_config
from handkd.export.training_facts import changed_settings, training_facts
from handkd.export.trainings import Training, read_settings

NAME = 'photo/resnet18half_studio'


def test_the_commands_repeat_the_trainings():
    cfg = load_config(NAME, {'train_cfg.max_iters': 7, 'load_from': 'elsewhere/iter_9.pth'})
    parts = [
        Training(stem, seed, steps, 64 * steps, read_settings(load_config(f'photo/{stem}').pretty_text), start)
        for stem, seed, steps, start in (
            ('resnet18half_studio_first', 0, 9, None),
            ('resnet18half_studio', 3, 7, 'elsewhere/iter_9.pth'),
        )
    ]
    options = {'train_cfg.max_iters': 7, 'load_from': 'elsewhere/iter_9.pth'}
    facts = training_facts(NAME, cfg, parts, options)
    shared = dict(different=10_000_000, auxiliary=['PartSegmentation'])
    first = 'work_dirs/resnet18half_studio_first'
    assert facts == dict(config=NAME, images=1024, parts=[
        shared | dict(
            config=f'{NAME}_first', seed=0, steps=9, images=576, other_settings=[],
            command=f'handkd train {NAME}_first --work-dir {first}',
        ),
        shared | dict(
            config=NAME, seed=3, steps=7, images=448, other_settings=['train_cfg'],
            command=f'handkd train {NAME} --work-dir work_dirs/resnet18half_studio '
            f'--cfg-options train_cfg.max_iters=7 load_from={first}/iter_9.pth randomness.seed=3',
        ),
    ])  # fmt: skip
    with pytest.raises(FileNotFoundError, match='photo/other'):
        training_facts(NAME, cfg, [Training('other', 0, 9, 9, {}, None), parts[1]], options)


def test_settings_are_compared_whatever_the_order_of_their_keys():
    one = "model = dict(a=1, b=[dict(c='x', d=(1, 2))])\nwork_dir = 'a'\ntrain_cfg = dict(max_iters=3)\n"
    other = "train_cfg = dict(max_iters=4)\nmodel = dict(b=[dict(d=[1, 2], c='x')], a=1)\nwork_dir = 'b'\n"
    one, other = read_settings(one), read_settings(other)
    assert changed_settings(one, one) == [] and changed_settings(one, other) == ['train_cfg']
