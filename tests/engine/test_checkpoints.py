"""A run's checkpoints, whose old ones go only when the new one is there; and the step that ends a run."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub

from handkd.engine import LAST, CheckpointHook, FinalCheckpointHook, save_step


class Run(SimpleNamespace):
    """What the hooks see of a runner; its checkpoints are empty files, and writing the next one may fail."""

    def __init__(self, folder, name):
        super().__init__(work_dir=str(folder), message_hub=MessageHub.get_instance(name), iter=0, epoch=0, hooks=[])
        self.logger = SimpleNamespace(info=print, warning=print)
        self.fails = False

    def save_checkpoint(self, folder, name=None, *_, filename=None, **__):
        if self.fails:
            raise OSError('disk full')
        (self.folder / (name or filename)).write_bytes(b'')

    @property
    def folder(self):
        return Path(self.work_dir)

    @property
    def saved(self):
        return sorted(path.name for path in self.folder.glob('*.pth'))


@pytest.fixture
def run(tmp_path, request):
    return Run(tmp_path, f'{request.node.name}_{tmp_path}')


def saver(run, **settings):
    hook = CheckpointHook(by_epoch=False, **settings)
    hook.before_train(run)
    run.hooks.append(hook)
    return hook


def test_an_old_checkpoint_goes_when_the_new_one_is_there(run):
    hook = saver(run, interval=1, max_keep_ckpts=1)
    hook.after_train_iter(run, 0)
    assert run.saved == ['iter_1.pth']
    run.iter, run.fails = 1, True
    with pytest.raises(OSError, match='disk full'):
        hook.after_train_iter(run, 0)
    assert run.saved == ['iter_1.pth']
    run.fails = False
    hook.after_train_iter(run, 0)
    hook.after_train_iter(run, 0)  # the same step once more
    assert run.saved == ['iter_2.pth'] and run.message_hub.get_info('keep_ckpt_ids') == [2]


@pytest.mark.parametrize('watched', ['error', ['error', 'other']])
def test_a_best_checkpoint_goes_when_the_next_one_is_there(run, watched):
    hook = saver(run, interval=-1, save_last=False, save_best=watched, rule='less')
    run.iter = 1
    hook.after_val_epoch(run, dict(error=2.0, other=1.0))
    first = run.saved
    assert first == ['best_error_iter_1.pth', 'best_other_iter_1.pth'][: len(first)]
    run.iter, run.fails = 2, True
    with pytest.raises(OSError, match='disk full'):
        hook.after_val_epoch(run, dict(error=1.0, other=9.0))
    assert run.saved == first
    run.iter, run.fails = 3, False
    hook.after_val_epoch(run, dict(error=0.5, other=9.0))
    assert run.saved == ['best_error_iter_3.pth', *first[1:]]


@pytest.mark.parametrize('watched', ['error', ['error', 'other']])
@pytest.mark.parametrize('best', ['victim', 'moved/best_error_iter_1.pth'])
def test_no_file_elsewhere_is_removed_as_the_best_so_far(run, watched, best):
    """It is a resumed checkpoint that says which one is the best so far."""
    victim, own = run.folder / 'elsewhere' / best, run.folder / 'best_error_iter_1.pth'
    victim.parent.mkdir(parents=True)
    for path in (victim, own):
        path.touch()
    for key in ('best_ckpt', 'best_ckpt_error', 'best_ckpt_other'):
        run.message_hub.update_info(key, str(victim))
    hook = saver(run, interval=-1, save_last=False, save_best=watched, rule='less')
    run.iter = 2
    hook.after_val_epoch(run, dict(error=1.0, other=1.0))
    assert victim.exists()
    assert own.exists() == (victim.name != own.name), 'the folder may have been moved'


def test_what_is_not_finite_is_not_the_best(run):
    hook = saver(run, interval=-1, save_last=False, save_best=['psnr'], rule='greater')
    for value in (float('nan'), float('inf')):
        hook.after_val_epoch(run, dict(psnr=value))
    assert run.saved == []


def test_a_step_is_saved_among_those_that_the_hook_keeps(run):
    hook = saver(run, interval=100, max_keep_ckpts=1)
    for step in (3, 5):
        assert save_step(run, False, step, dict(epoch=0, iter=step)) == run.folder / f'iter_{step}.pth'
    assert run.saved == ['iter_5.pth'] and list(hook.keep_ckpt_ids) == [5]
    run.fails = True
    save_step(run, False, 5, {})  # it is there
    with pytest.raises(OSError, match='disk full'):
        save_step(run, False, 5, {}, again=True)


@pytest.mark.parametrize('by_epoch', [True, False])
def test_the_end_is_saved_without_such_a_hook(run, by_epoch):
    FinalCheckpointHook(by_epoch).after_train(run)
    assert run.saved == []  # nothing was learnt
    run.iter, run.epoch = 8, 2
    FinalCheckpointHook(by_epoch).after_train(run)
    assert run.saved == ['epoch_2.pth' if by_epoch else 'iter_8.pth']
    assert (run.folder / LAST).read_text().endswith(run.saved[0])
