import os

import pytest

from handkd.apis.resuming import latest_checkpoint, refuse_to_overwrite


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
