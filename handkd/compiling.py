"""numba's ``njit``, loaded at the first call of a kernel, with a private and up-to-date cache of compiled code.

numba itself would keep compiled code beside the sources or in the home folder, and fail for a user who can write to
neither. It also detects changes of a kernel's own file, but not of a kernel that it calls from another file: it would
continue to run, or crash on, a stale one. So the kernels of a package are kept in a folder named after a digest of all
its sources, in :func:`handkd.files.cache_root`; ``NUMBA_CACHE_DIR``, if it is set, replaces that unless other users
could put code into it, which would be run.

Importing numba takes longer than most of handkd, and many a program calls no kernel: this module imports it only when
one is called.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handkd.files import cache_root, make_private

if TYPE_CHECKING:
    from numba.core.event import Event, Listener

__all__ = ['Kernel', 'announce', 'cache_folder', 'njit']

_LOCK = threading.RLock()
"""Held while a kernel is given to numba, whose setting of the cache's folder is global."""
_UNLISTENED: list[tuple[str, str]] = []
"""Arguments of :func:`announce` that numba does not know of yet."""


def njit(*, cache: bool, **options: object) -> Callable[[Callable], Kernel]:
    """Compile a function as ``numba.njit`` does, from its first call on; other users of numba are left alone.

    Args:
        cache: Whether to keep the compiled code for the next process, if there is a writable folder for it.
        options: numba's own.

    Returns:
        The decorator.
    """
    return lambda function: Kernel(function, cache, options)


class Kernel:
    """A function that numba compiles; it has the attributes of numba's dispatcher.

    Kernels that it calls are found by name when numba compiles it, and numba must find dispatchers there, not objects
    of this class. So all kernels among the globals of its module are replaced by their dispatchers before.

    Args:
        function: The function.
        cache: Whether to keep the compiled code.
        options: Options of ``numba.njit``.
    """

    def __init__(self, function: Callable, cache: bool, options: dict[str, object]) -> None:
        functools.update_wrapper(self, function)
        self._function, self._cache, self._options = function, cache, options
        self._made: Any = None
        self._ready = False
        if cache:
            _digest(_sources_of(function))  # now: the sources may have changed by the first call

    def __call__(self, *args: object) -> Any:
        """Return the result of the compiled function."""
        return self.dispatcher(*args)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of numba's dispatcher."""
        if name.startswith('__') or '_ready' not in self.__dict__:
            raise AttributeError(name)  # special names are no reason to load numba
        return getattr(self.dispatcher, name)

    @property
    def dispatcher(self) -> Any:
        """Dispatcher of numba for the function, with those of the kernels that it may call."""
        if not self._ready:  # another thread must not call it before the kernels that it calls are made
            with _LOCK:
                if self._made is None:
                    self._made = _make_dispatcher(self._function, self._cache, self._options)
                    _use_dispatchers(self._function.__globals__)
                    self._ready = True
        return self._made


def _use_dispatchers(names: dict[str, Any]) -> None:
    """Replace the kernels among the globals of a module by their dispatchers, all at once."""
    names.update({name: value.dispatcher for name, value in list(names.items()) if isinstance(value, Kernel)})


def _make_dispatcher(function: Callable, cache: bool, options: dict[str, object]) -> Any:
    """Give a function to numba, which compiles it for the types of its arguments when it is called."""
    import numba

    while _UNLISTENED:
        numba.core.event.register('numba:compile', _listener(*_UNLISTENED.pop(0)))
    folder = cache_folder(_sources_of(function)) if cache else None
    if folder is None:
        return numba.njit(**options)(function)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        return numba.njit(cache=True, **options)(function)
    finally:
        numba.config.CACHE_DIR = before


def _sources_of(function: Callable) -> Path:
    """Return the folder of the file that defines a function."""
    return Path(inspect.getfile(function)).parent


def cache_folder(sources: Path) -> Path | None:
    """Return the folder for kernels compiled from the ``.py`` files in ``sources``; None if none can be written.

    It must be private to this user, since code in it is run: if ``NUMBA_CACHE_DIR``, or the folder in it, is not,
    :func:`handkd.files.cache_root` is used. If ``NUMBA_CACHE_DIR`` is not a folder, the result is None.
    """
    import numba

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
    """Whether only this user and root can replace files in a folder.

    No other user owns it or can write to it, or its sticky bit, as that of /tmp, limits them to their own files.
    """
    status = folder.stat()
    return status.st_uid in (0, os.geteuid()) and (not status.st_mode & 0o022 or bool(status.st_mode & stat.S_ISVTX))


@functools.lru_cache
def _warn_of_others(folder: str) -> None:
    """Warn, once, that a folder is not used."""
    print(
        f'NUMBA_CACHE_DIR={folder} is not used: other users could put code there, or it can not be written; take it '
        f'over with chmod 700, or name your own folder',
        file=sys.stderr,
    )


@functools.lru_cache
def _digest(sources: Path) -> str:
    """Return a digest of the sources as they were when the first of their kernels was defined."""
    digest = hashlib.sha256()
    for path in sorted(sources.glob('*.py')):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _listener(package: str, what: str) -> Listener:
    """Return a listener that prints to the standard error, once, that the kernels of a package are being compiled."""
    from numba.core.event import Listener

    class Announcement(Listener):
        said = False

        def on_start(self, event: Event) -> None:
            """Print it at the package's first kernel that is not in the cache."""
            module = event.data['dispatcher'].py_func.__module__
            if self.said or not module.startswith(f'{package}.') or not _speaks():
                return
            self.said = True
            folder = cache_folder(Path(sys.modules[package].__file__).parent)
            kept = 'once for this machine' if folder else 'at every start, as no folder to keep them in can be written'
            print(f'compiling the kernels of {what}, {kept}: it takes about a minute ...', file=sys.stderr, flush=True)

        def on_end(self, event: Event) -> None:
            """Do nothing."""

    return Announcement()


def _speaks() -> bool:
    """Whether this process reports: the first of several that train, and the first of a loader's workers."""
    if int(os.environ.get('LOCAL_RANK', 0)):
        return False
    workers = sys.modules.get('torch.utils.data')
    worker = workers.get_worker_info() if workers else None
    return worker is None or worker.id == 0


def announce(package: str, what: str) -> None:
    """Print to the standard error when the kernels of a package are being compiled, which takes long.

    Args:
        package: Full name of the package.
        what: Its name in the message.
    """
    _UNLISTENED.append((package, what))
