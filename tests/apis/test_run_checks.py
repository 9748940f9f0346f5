import pytest
from mmengine.config import Config

from handkd.apis.run_checks import use_reproducible_sampler
from handkd.apis.runs import evaluate, train
from handkd.hints import ConfigError


@pytest.mark.parametrize('number', [-1, 0, 1.5, True])
@pytest.mark.parametrize('key', ['max_iters', 'max_epochs'])
def test_a_training_of_no_steps_is_refused(tiny_cfg, key, number):
    cfg = tiny_cfg()
    cfg.train_cfg = {'by_epoch': key == 'max_epochs', key: number, 'val_interval': 1}
    cfg.default_hooks.checkpoint.by_epoch = key == 'max_epochs'
    with pytest.raises(ConfigError, match=rf'train_cfg\.{key} must be a whole number of 1 or more, found {number}'):
        train(cfg)


def test_another_runner_is_refused(tiny_cfg):
    cfg = tiny_cfg()
    cfg.runner_type = 'FlexibleRunner'
    with pytest.raises(ConfigError, match=r"runner_type='FlexibleRunner' is not supported"):
        train(cfg)


@pytest.mark.parametrize(
    ('sampler', 'remedy'),
    [
        (dict(type='ReproducibleSampler'), 'DefaultSampler'),
        (dict(type='InfiniteSampler'), 'DefaultSampler'),
        (dict(type='ViewGroupSampler', groups=1), 'batches'),
    ],
)
def test_an_evaluation_without_end_is_refused(tiny_cfg, sampler, remedy):
    cfg = tiny_cfg()
    cfg.val_dataloader.sampler = cfg.test_dataloader.sampler = sampler
    with pytest.raises(ConfigError, match=rf'val_dataloader\.sampler: {sampler["type"]} never ends.*{remedy}'):
        train(cfg)
    with pytest.raises(ConfigError, match=rf'test_dataloader\.sampler: {sampler["type"]} never ends.*{remedy}'):
        evaluate(cfg, 'nothing.pth')


def test_epochs_with_checkpoints_by_step_or_groups_without_end_are_refused(tiny_cfg):
    cfg = tiny_cfg()
    cfg.train_cfg = dict(by_epoch=True, max_epochs=2)
    with pytest.raises(ConfigError, match=r'set default_hooks\.checkpoint\.by_epoch=True'):
        train(cfg)
    cfg.default_hooks.checkpoint.by_epoch = True
    cfg.train_dataloader.sampler = dict(type='ViewGroupSampler')
    with pytest.raises(ConfigError, match=r'ViewGroupSampler .* has no epochs: set train_cfg\.by_epoch=False'):
        train(cfg)


@pytest.mark.parametrize(
    ('sampler', 'said'),
    [
        (dict(type='DefaultSampler', shuffle=False), 'DefaultSampler is replaced by ReproducibleSampler'),
        (dict(type='mypackage.WeightedSampler'), 'WeightedSampler is not one of ReproducibleSampler, ViewGroupSampler'),
        (dict(type='handkd.ViewGroupSampler'), ''),
    ],
)
def test_what_is_said_of_a_sampler(sampler, said, monkeypatch):
    lines = []
    monkeypatch.setattr('handkd.apis.run_checks.print_log', lambda line, *_: lines.append(line))
    use_reproducible_sampler(Config(dict(train_dataloader=dict(sampler=sampler))))
    assert len(lines) == bool(said) and said in ''.join(lines)


@pytest.mark.parametrize(
    ('entry', 'value', 'said'),
    [
        (
            'custom_hooks',
            ['EMAHook'],
            r"custom_hooks\[0\] must be a dict .*\(type='EMAHook'\), found 'EMAHook'",
        ),
        ('custom_hooks', dict(type='EMAHook'), r'custom_hooks must be a list of dicts'),
        (
            'default_hooks',
            dict(checkpoint='CheckpointHook'),
            r'default_hooks\.checkpoint must be a dict',
        ),
        ('param_scheduler', ['LinearLR'], r"param_scheduler\[0\] must be a dict such as dict\(type='LinearLR'\)"),
    ],
)
def test_a_name_where_settings_are_expected_is_named_with_its_place(tiny_cfg, entry, value, said):
    cfg = tiny_cfg()
    cfg[entry] = value
    with pytest.raises(ConfigError, match=said):
        train(cfg)
    if entry.endswith('hooks'):
        with pytest.raises(ConfigError, match=said):
            evaluate(cfg, 'nothing.pth')


def test_checkpoints_elsewhere_than_in_the_work_dir_are_refused(tiny_cfg, tmp_path):
    cfg = tiny_cfg()
    cfg.default_hooks.checkpoint.out_dir = str(tmp_path / 'elsewhere')
    with pytest.raises(ConfigError, match=r'checkpoint\.out_dir=.*elsewhere.*set work_dir'):
        train(cfg)
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(
    ('train_cfg', 'said'),
    [
        (dict(by_epoch=True, max_iters=5), r'counts epochs .* needs max_epochs without max_iters.*max_epochs=N'),
        (dict(by_epoch=True, max_iters=5, max_epochs=2), r'counts epochs .*_delete_=True, by_epoch=True, max_epochs=2'),
        (dict(by_epoch=False, max_iters=5, max_epochs=2), r'counts steps .*_delete_=True, by_epoch=False, max_iters=5'),
        (dict(by_epoch=False), r'counts steps .* needs max_iters'),
    ],
)
def test_a_training_of_two_lengths_or_none_is_refused_with_what_to_write(tiny_cfg, train_cfg, said):
    cfg = tiny_cfg()
    cfg.train_cfg = train_cfg
    with pytest.raises(ConfigError, match=said):
        train(cfg)
