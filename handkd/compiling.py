"""numba's ``njit`` with a place for compiled code that is this user's alone, and current.

numba itself would keep what it compiles beside the sources or in the home, and refuse to work for a user who can write
to neither. It also notices when a kernel's own file has changed, but not when a kernel that it calls has, in another
file: it would go on running, or crash on, a stale one. So the kernels of a package are kept in a folder named after all
of its sources, in :func:`handkd.files.cache_root`; ``NUMBA_CACHE_DIR``, if it is set, takes that one's place unless
others could put code there, which would be run.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import event

from handkd.files import cache_root, make_private

__all__ = ['announce', 'cache_folder', 'njit']


def njit(*, cache: bool, **options: object) -> Callable[[Callable], Any]:
    """Compile a function as ``numba.njit`` does; other users of numba are left alone.

    Args:
        cache: Whether to keep the compiled code for the next process, if there is a folder to keep it in.
        options: numba's own.

    Returns:
        The decorator.
    """

    def decorate(function: Callable) -> Any:
        folder = cache_folder(Path(inspect.getfile(function)).parent) if cache else None
        if folder is None:
            return numba.njit(**options)(function)
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(folder)
        try:
            return numba.njit(cache=True, **options)(function)
        finally:
            numba.config.CACHE_DIR = before

    return decorate


def cache_folder(sources: Path) -> Path | None:
    """Return the folder for kernels compiled from the ``.py`` files in ``sources``; None if none can be written.

    It must be this user's alone, since what lies in it is run: where ``NUMBA_CACHE_DIR``, or the folder in it, is not
    so, :func:`handkd.files.cache_root` is taken. Where it is no folder at all, none is.
    """
    name = f'{sources.name}-{_digest(sources)}'
    if numba.config.CACHE_DIR:
        named = Path(numba.config.CACHE_DIR)
        if not named.exists():
            make_private(named)
        if not named.is_dir():
            return None
        if _keeps_others_out(named) and make_private(named / name):
            return named / name
        _warn_of_others(str(named))
    folder = cache_root() / name
    return folder if make_private(folder) else None


def _keeps_others_out(folder: Path) -> bool:
    """Whether nobody else but root can replace what is in a folder.

    It is not theirs, nor can they write to it, or by its sticky bit, as /tmp has, only to what is their own.
    """
    status = folder.stat()
    return status.st_uid in (0, os.geteuid()) and (not status.st_mode & 0o022 or bool(status.st_mode & stat.S_ISVTX))


@functools.lru_cache
def _warn_of_others(folder: str) -> None:
    """Say, once, that a folder is not used."""
    print(
        f'NUMBA_CACHE_DIR={folder} is not used: other users could put code there, or it can not be written; take it '
        f'over with chmod 700, or name a folder of your own',
        file=sys.stderr,
    )


@functools.lru_cache
def _digest(sources: Path) -> str:
    """Return a digest of the sources as they were when the first of their kernels was defined."""
    digest = hashlib.sha256()
    for path in sorted(sources.glob('*.py')):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


class _Announcement(event.Listener):
    """Says on the standard error, once, that the kernels of a package are being compiled."""

    def __init__(self, package: str, what: str) -> None:
        self._package, self._what, self._said = package, what, False

    def on_start(self, event: event.Event) -> None:
        """Say so at the package's first kernel that the cache does not have."""
        module = event.data['dispatcher'].py_func.__module__
        if self._said or not module.startswith(f'{self._package}.') or not _speaks():
            return
        self._said = True
        folder = cache_folder(Path(sys.modules[self._package].__file__).parent)
        kept = 'once for this machine' if folder else 'at every start, as no folder to keep them in can be written'
        print(
            f'compiling the kernels of {self._what}, {kept}: it takes about a minute ...', file=sys.stderr, flush=True
        )

    def on_end(self, event: event.Event) -> None:
        """Say nothing."""


def _speaks() -> bool:
    """Whether this is the process that reports: of several that train, and of a loader's workers, the first one."""
    if int(os.environ.get('LOCAL_RANK', 0)):
        return False
    workers = sys.modules.get('torch.utils.data')
    worker = workers.get_worker_info() if workers else None
    return worker is None or worker.id == 0


def announce(package: str, what: str) -> None:
    """Have it said on the standard error when the kernels of a package are being compiled, which takes long.

    Args:
        package: Full name of the package.
        what: What the line calls it.
    """
    event.register('numba:compile', _Announcement(package, what))
