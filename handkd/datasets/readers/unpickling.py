"""Reading untrusted pickles without running their code."""

from __future__ import annotations

import io
import os

from handkd.hints import one_line
from handkd.reading import CUT_OFF, open_file
from handkd.unpickling import PLAIN, PlainUnpickler, RefusedPickleError


def load_arrays(path: str | os.PathLike) -> object:
    """Read a pickle of numpy arrays and plain containers, of Python 2 or 3.

    A pickle is a program. Here it may only make numbers, strings, lists, tuples, dicts and sets, and arrays of numbers,
    bools and strings whose size matches the bytes in the file; a file that requests anything else is refused before
    anything is called.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file requests anything else, or is not a pickle; names the file and the request.
    """
    with open_file(path) as file:
        data = file.read()
    try:
        return PlainUnpickler(io.BytesIO(data), PLAIN).load()
    except RefusedPickleError as error:
        raise ValueError(
            f'{os.fspath(path)!r} was not read: {error}; only numpy arrays and plain containers are accepted'
        ) from error
    except Exception as error:  # a damaged pickle can raise nearly anything
        remedy = '' if data.endswith(b'.') else f'; {CUT_OFF}'  # the opcode that ends a pickle
        raise ValueError(f'{os.fspath(path)!r} was not read: {one_line(error)[:200]}{remedy}') from error
