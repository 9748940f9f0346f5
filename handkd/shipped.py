"""Files that come with handkd, such as its configs and trained students, in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Return the path of a folder that comes with handkd.

    A wheel has it inside the package, where ``setup.py`` copies it; a checkout has it beside the package.

    Args:
        name: 'configs', 'requirements' or 'zoo'.

    Raises:
        FileNotFoundError: If it is in neither place.
    """
    for folder in (PACKAGE / name, PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f'{PACKAGE / name}: the folder is missing from this installation of handkd; install it again from a wheel '
        'or a checkout'
    )
