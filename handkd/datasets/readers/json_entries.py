"""Entries of JSON files of gigabytes, read one after the other in little memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import ijson
from tqdm import tqdm

from handkd.reading import CUT_OFF, open_file

_BLOCK = 1 << 18
"""Bytes read at once."""
_LARGE = 1 << 25
"""Size in bytes from which progress is shown."""
_DEEPEST = 32
_MOST = 100_000
"""Upper bounds of the nesting of an entry, and of its numbers, texts and brackets: it is kept in memory."""
_MARK = b'\xef\xbb\xbf'

Key = str | int


class _Source:
    """A file as the parser reads it: without a byte-order mark, with a progress bar in bytes."""

    def __init__(self, path: Path) -> None:
        self._file = open_file(path)
        size = os.fstat(self._file.fileno()).st_size
        self._bar = tqdm(
            total=size, desc=f'{path.name}, once', unit='B', unit_scale=True, disable=size < _LARGE, mininterval=1.0
        )
        self._first = True

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        block = self._file.read(size)
        self._bar.update(len(block))
        if self._first and size:
            self._first = False
            return block.removeprefix(_MARK) or self._file.read(size)
        return block

    def close(self) -> None:
        """Close the file and the bar."""
        self._file.close()
        self._bar.close()


def read_entries(path: Path, depth: int) -> Iterator[tuple[tuple[Key, ...], object]]:
    """Yield the values at a depth of a JSON file, which must be in UTF-8, one after the other.

    Args:
        path: The file.
        depth: Number of keys (of objects) and positions (in lists) that lead to a value: with 2, ``{"images": [5, 6]}``
            has ``('images', 0)`` and ``('images', 1)``. Values at a smaller depth are left out.

    Yields:
        The keys and the value, of Python's types; numbers with a point or an exponent are floats.

    Raises:
        OSError: If the file can't be read; names it.
        ValueError: If it is not valid JSON (so is NaN), or an entry is huge or deeply nested; names file and entry.
    """
    keys: list[Key] = []
    source = _Source(path)
    try:
        yield from _build(ijson.basic_parse(source, use_float=True, buf_size=_BLOCK), depth, keys, path)
    except (ijson.JSONError, ArithmeticError, UnicodeError) as error:
        reason = ' '.join(str(error).partition('\n')[0].removeprefix("b'").split()) or type(error).__name__
        cut = f'; {CUT_OFF}' if 'EOF' in reason else ''
        raise ValueError(f'{place(path, keys)}: not valid JSON, or not in UTF-8: {reason}{cut}') from error
    finally:
        source.close()


def place(path: str | os.PathLike, keys: tuple[Key, ...] | list[Key]) -> str:
    """Return file and entry for errors, such as ``'data.json', images[3]``."""
    text = ''.join(f'[{key}]' if isinstance(key, int) else f'.{key}'[:80] for key in keys if key != -1)
    return f'{os.fspath(path)!r}, {text.lstrip(".")}' if text else repr(os.fspath(path))


def _build(
    events: Iterator[tuple[str, object]], depth: int, keys: list[Key], path: Path
) -> Iterator[tuple[tuple[Key, ...], object]]:
    """Build the values at a depth from the parser's events; ``keys`` is kept at the position, -1 before a list."""
    top: list | dict | None = None  # the innermost container of the entry that is being built
    name: str | None = None  # the key in it, if it is an object
    outer: list[tuple[list | dict, str | None]] = []
    first = 0
    for number, (event, value) in enumerate(events):
        if top is None:
            if event == 'map_key':
                keys[-1] = value
                continue
            if event in ('end_map', 'end_array'):
                keys.pop()
                continue
            if keys and isinstance(keys[-1], int):
                keys[-1] += 1
            if event == 'start_map' or event == 'start_array':
                if len(keys) < depth:
                    keys.append('' if event == 'start_map' else -1)
                else:
                    top, name, first = ({} if event == 'start_map' else []), None, number
            elif len(keys) == depth:
                yield tuple(keys), value
        elif event == 'map_key':
            name = value
        elif event == 'end_map' or event == 'end_array':
            if outer:
                top, name = outer.pop()
            else:
                yield tuple(keys), top
                top = None
        else:
            if event == 'start_map' or event == 'start_array':
                value = {} if event == 'start_map' else []
            if name is None:
                top.append(value)
            else:
                top[name] = value
            if event == 'start_map' or event == 'start_array':
                outer.append((top, name))
                top, name = value, None
            if number - first > _MOST or len(outer) > _DEEPEST:
                raise ValueError(
                    f'{place(path, keys)} has more than {_DEEPEST} levels or {_MOST} values: no label of a hand'
                )
