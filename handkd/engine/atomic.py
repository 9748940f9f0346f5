"""Atomic writing of MMEngine's checkpoints."""

from __future__ import annotations

from os import PathLike

from mmengine.fileio import LocalBackend, register_backend

from handkd.files import write_atomically


class AtomicBackend(LocalBackend):
    """MMEngine's local file backend, writing with ``write_atomically``; ``backend_args=dict(backend='atomic')``."""

    def put(self, obj: bytes, filepath: str | PathLike) -> None:
        """Write bytes to a file."""
        write_atomically(filepath, obj)

    def put_text(self, obj: str, filepath: str | PathLike, encoding: str = 'utf-8') -> None:
        """Write text to a file."""
        write_atomically(filepath, obj.encode(encoding))


register_backend('atomic', AtomicBackend, force=True)
