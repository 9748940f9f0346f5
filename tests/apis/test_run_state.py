from mmengine.hooks import Hook

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


def test_batches_of_another_size_go_on_behind_the_samples_that_were_seen(tiny_cfg, monkeypatch, tmp_path):
    monkeypatch.setattr(SeenImagesHook, 'seen', [])

    def run(max_iters, batch_size, **resume):
        cfg = tiny_cfg(max_iters, watch=dict(type='SeenImagesHook'))
        cfg.train_dataloader.batch_size = batch_size
        return read_checkpoint(train(cfg, **resume))['meta']

    assert run(3, 2)['samples'] == 6
    assert run(4, 4, resume='auto')['samples'] == 10
    assert 'a step has 4 samples (was 2); the run continues after the 6 samples' in logged(tmp_path)
    assert sorted(SeenImagesHook.seen) == list(range(10))  # one pass, each image once
    assert run(5, 4, resume='auto')['samples'] == 14  # not said again, and still behind them
    assert logged(tmp_path).count('a step has') == 1 and len(set(SeenImagesHook.seen[10:])) == 4


def test_a_resumed_run_that_is_at_its_end_says_so(tiny_cfg, tmp_path):
    train(tiny_cfg(2))
    assert 'nothing to train' not in logged(tmp_path)
    train(tiny_cfg(2), resume='auto')
    assert 'already at step 2 of 2: nothing to train' in logged(tmp_path)
