import errno
import os
import tempfile
import zlib

import pytest
import torch
from mmengine.runner import save_checkpoint

import handkd.engine  # noqa: F401 (its backend 'atomic')
from handkd.files import cache_root, checksum_of, locked, read_text, remove_leftovers, write_atomically


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


@pytest.mark.parametrize(('umask', 'mode'), [(0o002, 0o664), (0o022, 0o644), (0o077, 0o600)])
def test_the_umask_decides_who_may_read(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / 'a.bin', b'')
        write_atomically(tmp_path / 'a.bin', b'')
    finally:
        os.umask(before)
    assert (tmp_path / 'a.bin').stat().st_mode & 0o777 == mode


def test_what_killed_writers_left_is_removed(tmp_path, monkeypatch):
    write_atomically(tmp_path / 'iter_1.pth', b'')
    with monkeypatch.context() as patch:
        patch.setattr(os, 'unlink', lambda _: None)
        patch.setattr(os, 'replace', lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, 'as if killed')))
        for name in ('iter_2.pth', 'last_checkpoint', 'other.npz'):
            with pytest.raises(OSError, match='as if killed'):
                write_atomically(tmp_path / name, b'')
    (tmp_path / '.mine.pth.tmp').write_bytes(b'')
    assert len(remove_leftovers(tmp_path, '*.pth', 'last_checkpoint')) == 2
    (other,) = tmp_path.glob('.other.npz.*')
    assert sorted(os.listdir(tmp_path)) == sorted(['.mine.pth.tmp', other.name, 'iter_1.pth'])
    assert remove_leftovers(tmp_path / 'none', '*') == []


def test_a_folder_that_can_not_be_written_is_named(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='file'):
        write_atomically(tmp_path / 'file' / 'a.bin', b'')


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert cache_root() == tmp_path / 'handkd'
    monkeypatch.setenv('XDG_CACHE_HOME', 'relative')
    monkeypatch.setenv('HOME', str(tmp_path / 'me'))
    assert cache_root() == tmp_path / 'me' / '.cache' / 'handkd'


@pytest.fixture
def scratch(monkeypatch, tmp_path):
    """Stand in for the system's temporary folder, beside a home that is a file."""
    (tmp_path / 'file').write_text('')
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    monkeypatch.setenv('HOME', str(tmp_path / 'file'))
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path / 'tmp'))
    return tmp_path / 'tmp'


def test_without_a_home_the_cache_is_a_private_temporary_folder(scratch):
    scratch.mkdir()
    found = cache_root()
    assert found == scratch / f'handkd-{os.geteuid()}' and found.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize('trap', ['writable', 'link', 'owner'])
def test_a_folder_that_others_can_write_to_is_no_cache(scratch, tmp_path, trap):
    folder = scratch / f'handkd-{os.geteuid()}'
    if trap == 'link':
        scratch.mkdir()
        (tmp_path / 'elsewhere').mkdir()
        folder.symlink_to(tmp_path / 'elsewhere')
    else:
        folder.mkdir(parents=True)
        folder.chmod(0o777 if trap == 'writable' else 0o755)
        if trap == 'owner':
            if os.geteuid() != 0:
                pytest.skip('gives a folder to another user')
            os.chown(folder, 65534, 65534)
    assert cache_root() == tmp_path / 'file' / '.cache' / 'handkd'  # what is written there fails with its name


def test_an_unsafe_cache_of_ones_own_is_named(monkeypatch, scratch, tmp_path, capsys):
    (tmp_path / 'shared' / 'handkd').mkdir(parents=True)
    (tmp_path / 'shared' / 'handkd').chmod(0o777)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'shared'))
    for _ in range(2):
        assert cache_root().parent == scratch
    err = capsys.readouterr().err
    assert err.count('\n') == 1 and str(tmp_path / 'shared' / 'handkd') in err and 'chmod 700' in err


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


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-32'])
def test_text_is_read_whatever_its_byte_order_mark_says(tmp_path, encoding):
    path = tmp_path / 'a.txt'
    path.write_bytes('höhe 1 2 3\r\n'.encode(encoding))
    assert read_text(path) == 'höhe 1 2 3\r\n'
    path.write_bytes('höhe'.encode('latin-1'))
    with pytest.raises(ValueError, match=r'a.txt: not a text file in UTF-8 \('):
        read_text(path)
