"""Files that handkd writes: whole or not at all, one process at a time; and where it keeps what it can make again."""

from __future__ import annotations

import fcntl
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path


def cache_root() -> Path:
    """Return the folder for what can be made again: ``handkd`` in ``XDG_CACHE_HOME`` or in ``~/.cache``."""
    return Path(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')) / 'handkd'


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
        raise OSError(
            error.errno,
            f'{error.strerror}: {len(data)} bytes could not be written and nothing was changed; '
            'free some space or name a writable folder',
            str(path),
        ) from error
    finally:  # also where somebody interrupts it
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


def checksum_of(path: str | PathLike) -> int:
    """Return the CRC-32 of a file: it need not resist forgery, only find damage, and every Python has it."""
    checksum = 0
    with open(path, 'rb') as file:
        while chunk := file.read(1 << 20):
            checksum = zlib.crc32(chunk, checksum)
    return checksum


@contextmanager
def locked(folder: Path, wait: bool = False) -> Iterator[None]:
    """Keep other processes from writing into a folder; the lock ends with this process, however that ends.

    Args:
        folder: The folder.
        wait: Whether to wait where another process has it. Defaults to False.

    Raises:
        OSError: If another process has it, and it is not waited for.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise OSError(f'{folder}: another process is writing into this folder; wait, or name another') from None
    finally:
        os.close(handle)
