import errno
import os
import zlib

import pytest
import torch
from mmengine.runner import save_checkpoint

import handkd.engine  # noqa: F401 (its backend 'atomic')
from handkd.files import cache_root, checksum_of, locked, write_atomically


def test_writes_and_replaces(tmp_path):
    path = tmp_path / 'new' / 'a.bin'
    for data in (b'one', b'two'):
        write_atomically(path, data)
        assert path.read_bytes() == data
    assert os.listdir(path.parent) == ['a.bin']


@pytest.mark.parametrize('call', ['fsync', 'replace'])
def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch, call):
    path = tmp_path / 'iter_10.pth'
    torch.save(dict(state_dict={'w': torch.ones(3)}), path)

    def full(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match=r'No space left.*free some space.*iter_10\.pth'):
        save_checkpoint(dict(state_dict={'w': torch.zeros(3)}), str(path), backend_args=dict(backend='atomic'))
    assert torch.load(path)['state_dict']['w'].sum() == 3
    assert os.listdir(tmp_path) == ['iter_10.pth']


def test_a_folder_that_can_not_be_written_is_named(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='file'):
        write_atomically(tmp_path / 'file' / 'a.bin', b'')


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert cache_root() == tmp_path / 'handkd'
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setenv('HOME', '/home/me')
    assert str(cache_root()) == '/home/me/.cache/handkd'


@pytest.mark.parametrize('size', [0, 1000, (1 << 20) + 7])
def test_a_checksum_is_the_whole_files(tmp_path, size):
    data = os.urandom(size)
    (tmp_path / 'a').write_bytes(data)
    assert checksum_of(tmp_path / 'a') == zlib.crc32(data)


def test_a_folder_is_one_writers(tmp_path):
    taken = pytest.raises(OSError, match=f'{tmp_path}: another process is writing into this folder')
    with locked(tmp_path), taken, locked(tmp_path):
        pass
    with locked(tmp_path):  # it ended
        pass
