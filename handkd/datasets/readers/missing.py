"""Warning about labelled samples whose images are missing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice

from mmengine.logging import MMLogger

_NAMED = 3
"""Number of images that a warning names."""


def warn_of_missing(root: str | os.PathLike, missing: int, names: Iterable[str]) -> None:
    """Log one warning with the number of missing images and the first names, if there are any.

    Args:
        root: The data set's folder.
        missing: Number of missing images.
        names: Their paths.
    """
    if missing:
        first = ', '.join(repr(name) for name in islice(names, _NAMED))
        MMLogger.get_current_instance().warning(
            f'{os.fspath(root)}: {missing} labelled samples have no image and are left out, first {first}'
        )
