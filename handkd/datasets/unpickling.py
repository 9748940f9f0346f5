"""Reading other people's pickles without running their code."""

from __future__ import annotations

import os
import pickle

_ADMITTED = {
    ('_codecs', 'encode'),  # how Python 3 writes bytes for Python 2
    ('builtins', 'bytearray'),
    ('builtins', 'frozenset'),
    ('builtins', 'set'),
    ('__builtin__', 'bytearray'),
    ('__builtin__', 'frozenset'),
    ('__builtin__', 'set'),
    ('collections', 'OrderedDict'),
    ('numpy', 'dtype'),
    ('numpy', 'ndarray'),
    *((f'numpy.{core}.multiarray', name) for core in ('core', '_core') for name in ('_reconstruct', 'scalar')),
    *((f'numpy.{core}.numeric', '_frombuffer') for core in ('core', '_core')),
}
"""(module, name) of all that a pickle may ask for: arrays of numpy, and plain containers."""


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        """Return what a pickle asks for by name, if it is harmless."""
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f'it asks for {module}.{name}, and only numpy arrays and plain containers do')
        return super().find_class(module, name)


def load_arrays(path: str | os.PathLike) -> object:
    """Read a pickle of numpy arrays and plain containers, of Python 2 or 3.

    A pickle is a program. This one may only make arrays, numbers, text, lists, tuples, dicts and sets; a file that asks
    for anything else is refused before it gets it.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file asks for anything else, or is no pickle; names the file and what it asks for.
    """
    try:
        with open(path, 'rb') as file:
            return _ArrayUnpickler(file, encoding='latin1').load()
    except OSError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise ValueError(f'{os.fspath(path)!r} was not read: {error}') from error
