"""Reading other people's pickles without running their code."""

from __future__ import annotations

import io
import os

from handkd.hints import one_line
from handkd.reading import open_file
from handkd.unpickling import PLAIN, PlainUnpickler, RefusedPickleError


def load_arrays(path: str | os.PathLike) -> object:
    """Read a pickle of numpy arrays and plain containers, of Python 2 or 3.

    A pickle is a program. This one may only make numbers, text, lists, tuples, dicts and sets, and arrays of numbers,
    bools and text that are as large as the bytes that the file has for them; a file that asks for anything else is
    refused before it gets it.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file asks for anything else, or is no pickle; names the file and what it asks for.
    """
    with open_file(path) as file:
        data = file.read()
    try:
        return PlainUnpickler(io.BytesIO(data), PLAIN).load()
    except RefusedPickleError as error:
        raise ValueError(
            f'{os.fspath(path)!r} was not read: {error}, and only numpy arrays and plain containers are read'
        ) from error
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise ValueError(f'{os.fspath(path)!r} was not read: {one_line(error)[:200]}') from error
