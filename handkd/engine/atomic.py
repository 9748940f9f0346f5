"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from os import PathLike
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend


def write_atomically(path: str | PathLike, data: bytes) -> None:
    """Write a file through a temporary one beside it, so that whoever reads ``path`` finds the old or the new content.

    Args:
        path: Where it goes; the folder is made if need be.
        data: Its content.

    Raises:
        OSError: If it can't be written (disk full, folder read-only); names the path. The old file is left as it was.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f'.{path.name}.', dir=path.parent)
        with os.fdopen(handle, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise OSError(
            error.errno,
            f'{error.strerror}: {len(data)} bytes could not be written and nothing was changed; '
            'free some space or name a writable folder with --work-dir',
            str(path),
        ) from error


class AtomicBackend(LocalBackend):
    """MMEngine's local files, written by :func:`write_atomically`: ``backend_args=dict(backend='atomic')``."""

    def put(self, obj: bytes, filepath: str | PathLike) -> None:
        """Write bytes to a file."""
        write_atomically(filepath, obj)

    def put_text(self, obj: str, filepath: str | PathLike, encoding: str = 'utf-8') -> None:
        """Write text to a file."""
        write_atomically(filepath, obj.encode(encoding))


register_backend('atomic', AtomicBackend, force=True)
