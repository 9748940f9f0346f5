"""Where numba keeps the studio's compiled kernels.

Numba notices when a kernel's own file has changed, but not when a kernel that it calls has, in another file: it would
go on running, or crash on, a stale one. So the kernels are kept in a folder named after all of the studio's sources.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from numba import config

from handkd.files import cache_root


def cache_folder(sources: Path) -> Path:
    """Return the folder for kernels compiled from the ``.py`` files in ``sources``.

    It lies in ``NUMBA_CACHE_DIR`` if that is set, else in the user's cache folder.
    """
    digest = hashlib.sha256()
    for path in sorted(sources.glob('*.py')):
        digest.update(path.name.encode() + path.read_bytes())
    return Path(config.CACHE_DIR or cache_root()) / f'studio-{digest.hexdigest()[:16]}'


@contextmanager
def kernels_cached_by_source() -> Iterator[None]:
    """Make kernels that are defined in here use :func:`cache_folder`; other users of numba are left alone."""
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder(Path(__file__).parent))
    try:
        yield
    finally:
        config.CACHE_DIR = before
