"""Untrusted files: opened only if they are regular files; errors of libraries become one line with the file's name."""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from reprlib import Repr
from typing import BinaryIO

from .hints import one_line

BYTE_ORDER_MARKS: dict[bytes, str] = {
    codecs.BOM_UTF8: 'utf-8',
    codecs.BOM_UTF32_LE: 'utf-32-le',  # starts like that of UTF-16, so it comes first
    codecs.BOM_UTF32_BE: 'utf-32-be',
    codecs.BOM_UTF16_LE: 'utf-16-le',
    codecs.BOM_UTF16_BE: 'utf-16-be',
}
"""Byte-order mark -> encoding; many programs on Windows write such marks."""

MAX_TEXT = 1 << 30
"""Maximum size in bytes of a text that is read at once: as Python objects it takes several times as much."""

CUT_OFF = 'the file seems to be cut off: copy or download it again'
"""Remedy for a file that ends too early."""

_KINDS = (
    (stat.S_ISFIFO, 'a pipe'),
    (stat.S_ISCHR, 'a device'),
    (stat.S_ISBLK, 'a device'),
    (stat.S_ISSOCK, 'a socket'),
)
_PART = re.compile(r'[-.eE+]{1,3}|t|tr|tru|f|fa|fal|fals|n|nu|nul')  # of a number or a word, at the end of a text
_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 200
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 10


@contextmanager
def reading(path: str | PathLike, what: str = 'was not read') -> Iterator[None]:
    """Turn any error of a library about a damaged file into a ValueError of one line that names the file.

    The errors of libraries for unexpected bytes are not documented and change: KeyError, EOFError, zlib's,
    RecursionError, MemoryError and so on. So the block must contain only that call, where no other error can occur.

    Args:
        path: The file, or a position in it.
        what: Text between the file's name and the error. Defaults to 'was not read'.

    Raises:
        OSError: That of the block; one without a file gets this file's name.
        ValueError: For all other errors of the block.
    """
    name = os.fspath(path)
    try:
        yield
    except Exception as error:
        reason = str(error) or type(error).__name__
        if name in reason and isinstance(error, (ValueError, OSError)):
            raise
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, name) from error
        raise ValueError(f'{name!r} {what}: {one_line(error)}') from error


def open_file(path: str | PathLike) -> BinaryIO:
    """Open a file to read its bytes, but no pipe, device or socket: these may never end, or block for ever.

    Raises:
        OSError: If it is missing, or is a folder, pipe, device or socket; names it.
    """
    with reading(path, 'can not be opened'):  # a null or half a surrogate in a name is a ValueError without it
        mode = os.stat(path).st_mode
        kind = next((kind for is_one, kind in _KINDS if is_one(mode)), None)
        if kind is not None:
            raise OSError(f'{os.fspath(path)!r} is {kind}, not a regular file: name a file')
        return open(path, 'rb')


def read_bytes(path: str | PathLike) -> bytes:
    """Return the content of a file of at most :data:`MAX_TEXT` bytes.

    Raises:
        OSError: If it can't be read; see :func:`open_file`.
        ValueError: If it is larger.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_TEXT:
            raise ValueError(f'{os.fspath(path)!r} has {size} bytes, expected at most {MAX_TEXT}: split it')
        with reading(path):
            return file.read()


def read_text(path: str | PathLike) -> str:
    """Return the text of a file in UTF-8, or in the encoding of its byte-order mark, without that mark.

    Raises:
        OSError: If it can't be read; see :func:`open_file`.
        ValueError: If it is not such a text, or too large; names the file.
    """
    data = read_bytes(path)
    mark = next((mark for mark in BYTE_ORDER_MARKS if data.startswith(mark)), b'')
    try:
        return data[len(mark) :].decode(BYTE_ORDER_MARKS.get(mark, 'utf-8'))
    except UnicodeDecodeError as error:
        raise ValueError(f'{os.fspath(path)}: not a text file in UTF-8 ({error})') from error


def parse_json(text: str | bytes, where: str, constants: bool = False) -> object:
    """Read JSON.

    Args:
        text: The JSON.
        where: File, and line if useful, for the error.
        constants: Whether NaN and Infinity, which Python's own writer makes, are accepted. Defaults to False.

    Raises:
        ValueError: If it is invalid, or nested too deeply; names the place.
    """
    try:
        return json.loads(text, parse_constant=None if constants else _refuse)
    except (ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f'{where}: not valid JSON: {one_line(error)}') from error


def _refuse(word: str) -> None:
    raise ValueError(f'{word} is not a JSON number; write null for unknown values')


def read_json(path: str | PathLike, constants: bool = False) -> object:
    """Read a JSON file, in UTF-8 or in the encoding of its byte-order mark; see :func:`parse_json`.

    Args:
        path: The file.
        constants: Whether NaN and Infinity are accepted. Defaults to False.

    Raises:
        OSError: If it can't be read; names it.
        ValueError: If it is not valid JSON; names it.
    """
    text = read_text(path)
    try:
        return parse_json(text, os.fspath(Path(path)), constants)
    except ValueError as error:
        if _ends_too_early(text, error.__cause__):
            raise ValueError(f'{error}; {CUT_OFF}') from error
        raise


def _ends_too_early(text: str, error: BaseException | None) -> bool:
    """Whether a JSON text is the beginning of a valid one, judged by the place of its error."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    rest = text[error.pos :].strip()
    return not rest or error.msg.startswith('Unterminated string') or (error.pos > 0 and bool(_PART.fullmatch(rest)))


def check_name(name: str, where: str) -> None:
    """Refuse a name from a file that is not a plain name of a file or folder: joined to a path it could leave a folder.

    Args:
        name: The name.
        where: Its description in the error.

    Raises:
        ValueError: If it is empty, '.', '..' or contains a slash, a backslash or a null character.
    """
    if name in ('', '.', '..') or any(sign in name for sign in '/\\\0'):
        raise ValueError(f'{where} must be a plain name, without folders, found {name!r}')


def leaves_folder(path: str) -> bool:
    """Whether a relative path from a file, joined to a folder, would lead out of it, or is absolute."""
    return os.path.isabs(path) or ('..' in path and os.path.normpath(path).split(os.sep)[0] == '..')


def shown(value: object) -> str:
    """Return a value as text for errors, shortened if it is long or deep, as data from a file may be."""
    return _SHORT.repr(value)
