"""Large text files with one line per sample: lines by their byte offset, memory-mapped."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

from handkd.reading import BYTE_ORDER_MARKS, open_file, reading

MAX_LINE = 1 << 24
"""Longest line that is read, in bytes: no sample needs more, and a file without line ends is refused."""


def numbered_lines(path: str | os.PathLike) -> Iterator[tuple[int, int, bytes]]:
    """Yield (line number from 1, byte offset, line) of each line that is not blank, without a byte-order mark.

    Raises:
        OSError: If it can't be read, or is not a file.
        ValueError: If the mark is of another encoding than UTF-8, or a line is longer than :data:`MAX_LINE`.
    """
    with open_file(path) as file:
        begin = file.read(4)
        mark = next((mark for mark in BYTE_ORDER_MARKS if begin.startswith(mark)), b'')
        if BYTE_ORDER_MARKS.get(mark, 'utf-8') != 'utf-8':
            raise ValueError(f'{os.fspath(path)!r} is in {BYTE_ORDER_MARKS[mark]}, expected UTF-8: save it as UTF-8')
        offset = len(mark)
        file.seek(offset)
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b''), 1):
            if len(line) == MAX_LINE:
                raise ValueError(f'{os.fspath(path)!r}:{number}: the line is longer than {MAX_LINE} bytes')
            if line.strip():
                yield number, offset, line
            offset += len(line)


class MappedLines:
    """Lines of a file by their byte offset.

    The file is memory-mapped: processes share its pages but, unlike with an open file, no position. A spawned worker
    maps it again.

    Args:
        path: The file; must not be empty.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        with open_file(path) as file, reading(path):
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def at(self, offset: int) -> bytes:
        """Return the line that begins at a byte offset, without its end."""
        end = self._bytes.find(b'\n', offset)
        return self._bytes[offset : len(self._bytes) if end < 0 else end]

    def __reduce__(self) -> tuple:
        return MappedLines, (self.path,)
