"""Files: text of any origin; written whole or not at all, by one process at a time; and where handkd keeps its own."""

from __future__ import annotations

import codecs
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
from os import PathLike
from pathlib import Path

BYTE_ORDER_MARKS: dict[bytes, str] = {
    codecs.BOM_UTF8: 'utf-8',
    codecs.BOM_UTF32_LE: 'utf-32-le',  # begins as UTF-16's, so it comes first
    codecs.BOM_UTF32_BE: 'utf-32-be',
    codecs.BOM_UTF16_LE: 'utf-16-le',
    codecs.BOM_UTF16_BE: 'utf-16-be',
}
"""What files begin with that name their encoding, as many programs on Windows write them."""


def read_text(path: str | PathLike) -> str:
    """Return the text of a file in UTF-8, or in the encoding that its byte-order mark says, without that mark.

    Raises:
        OSError: If it can't be read.
        ValueError: If it is no such text; names the file.
    """
    data = Path(path).read_bytes()
    mark = next((mark for mark in BYTE_ORDER_MARKS if data.startswith(mark)), b'')
    try:
        return data[len(mark) :].decode(BYTE_ORDER_MARKS.get(mark, 'utf-8'))
    except UnicodeDecodeError as error:
        raise ValueError(f'{os.fspath(path)}: not a text file in UTF-8 ({error})') from error


def cache_root() -> Path:
    """Return the folder for what can be made again, which nobody else can write to: compiled code is kept in it.

    It is ``handkd`` in ``XDG_CACHE_HOME``, or in ``~/.cache`` where that is not set; where this can't be written, or
    belongs to or can be written by others, ``handkd-<user id>`` in the system's folder of temporary files. Where that
    is no good either, it is the first one again: what is written there fails with its name.
    """
    return _cache_root(os.environ.get('XDG_CACHE_HOME', ''), os.path.expanduser('~'), tempfile.gettempdir())


@lru_cache
def _cache_root(named: str, home: str, temporary: str) -> Path:
    """Return the cache folder, once for each environment: what is wrong with the first choice is said once."""
    # As the XDG specification has it, a relative path is none; nor is the '~' of a user without a home.
    base = Path(named) if os.path.isabs(named) else Path(home) / '.cache'
    first, second = base / 'handkd', Path(temporary) / f'handkd-{os.geteuid()}'
    if base.is_absolute() and make_private(first):
        return first
    if not make_private(second, links=False):
        return first
    if first.is_dir() and os.access(first, os.W_OK):
        print(
            f'{first} can be written by other users, who could put code there: {second} is used instead; '
            f'take it over with chmod 700, or set XDG_CACHE_HOME to a folder of your own',
            file=sys.stderr,
        )
    return second


def make_private(folder: Path, links: bool = True) -> bool:
    """Make a folder that only this user can write to, or check that there is such a one.

    Args:
        folder: The folder.
        links: Whether it may be a symbolic link, which in a folder of everybody's may be anybody's. Defaults to True.

    Returns:
        Whether it is there, this user's own, writable, and writable for nobody else.
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
        temporary = path.with_name(f'.{path.name}.{secrets.token_hex(4)}.tmp')
        with open(temporary, 'xb') as file:  # with the rights that the umask leaves, which mkstemp's lack
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
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


def remove_leftovers(folder: str | PathLike, *names: str) -> list[Path]:
    """Remove what :func:`write_atomically` left behind in processes that were killed while they wrote.

    Only for a folder, or for names, that no other process is writing: its unfinished files look the same.

    Args:
        folder: The folder; it need not be there.
        *names: Patterns of the names of the files that were being written, such as '*.pth'.

    Returns:
        What was removed.
    """
    token = '[0-9a-f]' * 8
    found = [path for name in names for path in sorted(Path(folder).glob(f'.{name}.{token}.tmp'))]
    for path in found:
        path.unlink(missing_ok=True)
    return found


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
