"""Reading MATLAB label files, and saying what is wrong with one."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from scipy.io import loadmat


def load_mat(path: str | os.PathLike, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Read variables of a MATLAB file of version 4 to 7.

    Args:
        path: The file.
        keys: Names of the variables, all of which must be there.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, of version 7.3, or has not all variables; names the file.
    """
    name = os.fspath(path)
    with open(path, 'rb') as file:
        try:
            data = loadmat(file, variable_names=tuple(keys))
        except NotImplementedError:
            raise ValueError(
                f"{name!r} is a MATLAB file of version 7.3; the data sets' owners ship version 5: take their file, or "
                "save it again in MATLAB with save(..., '-v7')"
            ) from None
        except Exception as error:  # a damaged file can raise nearly anything
            raise ValueError(f'{name!r} was not read: {error}; copy or download it again') from error
    missing = [key for key in keys if key not in data]
    if missing:
        raise ValueError(f'{name!r} has no {missing[0]!r}, which is expected there')
    return {key: data[key] for key in keys}
