"""Files: written atomically, by one process at a time; and the cache folder of handkd."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import RawIOBase
from os import PathLike
from pathlib import Path


def cache_root() -> Path:
    """Return the cache folder, which no other user can write to, since it holds compiled code.

    It is ``handkd`` in ``XDG_CACHE_HOME``, or in ``~/.cache`` if that is not set; if this can't be written, or belongs
    to or is writable for other users, ``handkd-<user id>`` in the system's temporary folder. If that is not usable
    either, it is the first one again: writing to it then fails with its name.
    """
    return _cache_root(os.environ.get('XDG_CACHE_HOME', ''), os.path.expanduser('~'), tempfile.gettempdir())


@lru_cache
def _cache_root(named: str, home: str, temporary: str) -> Path:
    """Return the cache folder, once for each environment, so that a warning about the first choice is printed once."""
    # By the XDG specification a relative path is invalid; so is the '~' of a user without a home.
    base = Path(named) if os.path.isabs(named) else Path(home) / '.cache'
    first, second = base / 'handkd', Path(temporary) / f'handkd-{os.geteuid()}'
    if base.is_absolute() and make_private(first):
        return first
    if not make_private(second, links=False):
        return first
    if first.is_dir() and os.access(first, os.W_OK):
        print(
            f'{first} can be written by other users, who could put code there: {second} is used instead; '
            f'take it over with chmod 700, or set XDG_CACHE_HOME to your own folder',
            file=sys.stderr,
        )
    return second


def make_private(folder: Path, links: bool = True) -> bool:
    """Make a folder that only this user can write to, or check that an existing one is such.

    Args:
        folder: The folder.
        links: Whether it may be a symbolic link, which in a shared folder may belong to anybody. Defaults to True.

    Returns:
        Whether it exists, belongs to this user, and is writable for this user only.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat() if links else folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            return False
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def write_atomically(path: str | PathLike, data: bytes) -> None:
    """Write a file through a temporary one beside it, so that readers of ``path`` find the old or the new content.

    Args:
        path: The file; its folder is made if needed. A device or a pipe is written to directly.
        data: Its content.

    Raises:
        OSError: If it can't be written (disk full, folder read-only); names the path. The old file is left as it was.
    """
    if os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe is not to be replaced by a file
        with open(path, 'wb', buffering=0) as file:
            write_fully(file, data)
        return
    final, temporary = Path(os.path.realpath(path)), None  # the target of a link is written, not the link
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f'.{final.name}.{secrets.token_hex(4)}.tmp')
        with open(temporary, 'xb') as file:  # with the permissions of the umask, unlike mkstemp
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, final)
    except OSError as error:
        raise OSError(
            error.errno,
            f'{error.strerror or error}: {len(data)} bytes could not be written and the file was not changed; '
            'free some space or name a writable folder',
            str(path),
        ) from error
    finally:  # also after an interrupt
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


@contextmanager
def naming(path: str | PathLike) -> Iterator[None]:
    """Add the path to errors of writing: those of a full disk have none if an open file is written to.

    Args:
        path: The file written in the block, which must not write or read any other file.

    Raises:
        OSError: That of the block; a system error without a path gets this one, and a remedy.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:  # it has a path already, or is not a system error
            raise
        raise OSError(
            error.errno,
            f'{error.strerror}: could not be written; free some space or name another folder',
            os.fspath(path),
        ) from error


def write_fully(file: RawIOBase, data: bytes | memoryview) -> None:
    """Write all data to an unbuffered file, whose ``write`` may write only a part of it.

    Args:
        file: Opened with ``buffering=0``.
        data: Bytes, or an object with the buffer protocol.

    Raises:
        OSError: If it can't be written; names the file.
    """
    rest = memoryview(data).cast('B')
    with naming(file.name):
        while rest:
            rest = rest[file.write(rest) :]


def remove_leftovers(folder: str | PathLike, *names: str) -> list[Path]:
    """Remove temporary files of :func:`write_atomically` from processes that were killed while writing.

    Only for a folder, or for names, that no other process is writing: its unfinished files look the same.

    Args:
        folder: The folder; it may be missing.
        *names: Patterns of the names of the files that were being written, such as '*.pth'.

    Returns:
        The removed files.
    """
    token = '[0-9a-f]' * 8
    found = [path for name in names for path in sorted(Path(folder).glob(f'.{name}.{token}.tmp'))]
    for path in found:
        path.unlink(missing_ok=True)
    return found


def checksum_of(path: str | PathLike) -> int:
    """Return the CRC-32 of a file, which detects damage but not forgery."""
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
        wait: Whether to wait if another process holds the lock. Defaults to False.

    Raises:
        OSError: If another process holds it, and ``wait`` is False.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f'{folder}: another process is writing into this folder; wait, or name another') from None
        try:
            yield
        finally:  # closing alone would leave the lock to processes that were forked meanwhile
            fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)
