import os

import pytest
from mmengine.hooks import Hook

from handkd.apis.resuming import latest_checkpoint, refuse_to_overwrite
from handkd.apis.runs import train
from handkd.models import read_checkpoint
from handkd.registry import HOOKS


@HOOKS.register_module()
class SeenImagesHook(Hook):
    """Writes down which images a run is given."""

    seen: list = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.seen += [sample.img_id for sample in data_batch['data_samples']]


def logged(folder):
    """All that the runs below a folder have logged."""
    return ''.join(path.read_text() for path in folder.rglob('*.log'))


def touch(folder, *names):
    for age, name in enumerate(names):
        (folder / name).write_bytes(b'')
        os.utime(folder / name, (1000 + age, 1000 + age))


def test_the_newest_is_the_one_that_last_checkpoint_names(tmp_path):
    touch(tmp_path, 'iter_10.pth', 'iter_9.pth')
    assert latest_checkpoint(tmp_path).name == 'iter_10.pth'
    (tmp_path / 'last_checkpoint').write_text('/moved/since/iter_9.pth')
    assert latest_checkpoint(tmp_path) == tmp_path / 'iter_9.pth'
    (tmp_path / 'last_checkpoint').write_text('/elsewhere/planted.pth')  # no file of this folder
    assert latest_checkpoint(tmp_path).name == 'iter_10.pth'


@pytest.mark.parametrize(
    ('names', 'newest'),
    [
        (['iter_2.pth', 'iter_10.pth', 'best_EPE_iter_8.pth'], 'iter_10.pth'),
        (['epoch_12.pth', 'epoch_9.pth'], 'epoch_12.pth'),
        (['iter_5000.pth', 'epoch_3.pth'], 'epoch_3.pth'),
        (['other.pth'], None),
        ([], None),
    ],
)
def test_without_that_file_it_is_the_one_of_the_highest_step(tmp_path, names, newest):
    touch(tmp_path, *names)
    found = latest_checkpoint(tmp_path)
    assert (found and found.name) == newest


def test_a_folder_with_any_weights_is_not_begun_anew(tmp_path):
    refuse_to_overwrite(tmp_path)
    refuse_to_overwrite(tmp_path / 'none')
    touch(tmp_path, 'best_EPE.pth', 'other.pth')
    with pytest.raises(FileExistsError, match=r'best_EPE\.pth and 1 more checkpoints.*--resume'):
        refuse_to_overwrite(tmp_path)


def test_batches_of_another_size_go_on_behind_the_samples_that_were_seen(tiny_cfg, monkeypatch, tmp_path):
    monkeypatch.setattr(SeenImagesHook, 'seen', [])

    def run(max_iters, batch_size, **resume):
        cfg = tiny_cfg(max_iters, watch=dict(type='SeenImagesHook'))
        cfg.train_dataloader.batch_size = batch_size
        return read_checkpoint(train(cfg, **resume))['meta']

    assert run(3, 2)['samples'] == 6
    assert run(4, 4, resume='auto')['samples'] == 10
    assert 'a step has 4 samples (was 2); the run goes on behind the 6 samples' in logged(tmp_path)
    assert sorted(SeenImagesHook.seen) == list(range(10))  # one pass, each image once
    assert run(5, 4, resume='auto')['samples'] == 14  # not said again, and still behind them
    assert logged(tmp_path).count('a step has') == 1 and len(set(SeenImagesHook.seen[10:])) == 4


def test_a_resumed_run_that_is_at_its_end_says_so(tiny_cfg, tmp_path):
    train(tiny_cfg(2))
    assert 'nothing to train' not in logged(tmp_path)
    train(tiny_cfg(2), resume='auto')
    assert 'already at step 2 of 2: nothing to train' in logged(tmp_path)
