"""The file backend of checkpoints: a write that fails leaves the old file."""

import os

import pytest
from mmengine.fileio import get_file_backend

from handkd.engine.atomic import AtomicBackend


def test_it_is_registered_and_replaces_a_file_as_a_whole(tmp_path, monkeypatch):
    backend = get_file_backend(backend_args=dict(backend='atomic'))
    assert isinstance(backend, AtomicBackend)
    path = tmp_path / 'iter_1.pth'
    backend.put(b'first', path)
    backend.put_text('zweites, ü', tmp_path / 'last_checkpoint', encoding='latin-1')
    assert path.read_bytes() == b'first' and (tmp_path / 'last_checkpoint').read_bytes() == 'zweites, ü'.encode(
        'latin-1'
    )

    def full(*_args, **_kwargs):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'replace', full)
    with pytest.raises(OSError, match='No space left'):
        backend.put(b'second', path)
    assert path.read_bytes() == b'first' and sorted(p.name for p in tmp_path.iterdir()) == [
        'iter_1.pth',
        'last_checkpoint',
    ]
