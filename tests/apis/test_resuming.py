import os

import pytest
import torch

from handkd.apis.resuming import find_checkpoint, latest_checkpoint, refuse_to_overwrite
from handkd.apis.runs import train
from handkd.models import CheckpointError, read_checkpoint


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
        (
            ['iter_2.pth', 'iter_99.best.pth', 'iter_x.pth', 'xiter_98.pth', 'epoch_x.pth', 'iter_97.pth.pth'],
            'iter_2.pth',
        ),
        (['other.pth'], None),
        ([], None),
    ],
)
def test_without_that_file_it_is_the_one_of_the_highest_step(tmp_path, names, newest):
    touch(tmp_path, *names)
    found = latest_checkpoint(tmp_path)
    assert (found and found.name) == newest


def cut(path):
    """Leave the first half of a file, as a full disk may."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tiny_cfg, tmp_path):
    expected = train(tiny_cfg(6, 'whole'))
    folder = train(tiny_cfg(4)).parent
    cut(folder / 'iter_4.pth')
    ended = train(tiny_cfg(6), resume='auto')
    weights = [read_checkpoint(path)['state_dict'] for path in (expected, ended)]
    assert all(torch.equal(value, weights[1][key]) for key, value in weights[0].items())
    for path in folder.glob('iter_*.pth'):
        cut(path)
    with pytest.raises(CheckpointError, match=r'iter_6\.pth is damaged'):
        train(tiny_cfg(8), resume='auto')


def test_the_damaged_one_and_the_one_before_are_both_named(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('handkd.apis.resuming.print_log', lambda text, *_: said.append(text))
    torch.save(dict(meta={}), tmp_path / 'iter_9.pth')
    torch.save(dict(meta={}), tmp_path / 'iter_30.pth')  # of another run
    touch(tmp_path, 'iter_10.pth', 'epoch_3.pth')
    (tmp_path / 'last_checkpoint').write_text('iter_10.pth')
    assert find_checkpoint(tmp_path) == tmp_path / 'iter_9.pth'
    assert (
        len(said) == 1
        and 'iter_10.pth is not a checkpoint: it is empty' in said[0]
        and said[0].endswith(f'{tmp_path}/iter_9.pth')
    )


def test_checkpoints_of_two_runs_are_not_taken_for_one(tiny_cfg, tmp_path):
    old, new = (train(tiny_cfg(steps, name)) for steps, name in ((6, 'old'), (3, 'new')))
    os.utime(old, (1000, 1000))
    moved = old.rename(new.parent / old.name)
    assert find_checkpoint(new.parent) == new  # it is the one that last_checkpoint names
    (new.parent / 'last_checkpoint').unlink()
    with pytest.raises(CheckpointError, match=r'iter_6\.pth and iter_3\.pth, .*from two runs.*--resume PATH'):
        train(tiny_cfg(8, 'new'), resume='auto')
    moved.unlink()
    train(tiny_cfg(5, 'new'), resume='auto')
    (new.parent / 'last_checkpoint').unlink()
    os.utime(new.parent / 'iter_5.pth', (1000, 1000))
    assert find_checkpoint(new.parent).name == 'iter_5.pth'  # a resumed run stays what it is


def test_a_folder_with_any_weights_is_not_begun_anew(tmp_path):
    refuse_to_overwrite(tmp_path)
    refuse_to_overwrite(tmp_path / 'none')
    touch(tmp_path, 'best_EPE.pth', 'other.pth')
    with pytest.raises(FileExistsError, match=r'best_EPE\.pth and 1 more checkpoints.*--resume'):
        refuse_to_overwrite(tmp_path)
