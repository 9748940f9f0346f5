"""Files in folders and on HTTP servers, read from beginning to end even over a bad connection."""

from __future__ import annotations

import http.client
import logging
import os
import re
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from mmengine.logging import print_log

from handkd.hints import one_line
from handkd.reading import open_file

_SLOWEST = 1024
"""Bytes per second; a connection that is slower than this during the whole timeout has stalled."""
_PROGRESS = 1 << 16
"""Bytes after which a connection counts as good, and the count of failures is reset."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_TRY_AGAIN = {408, 425, 429}
"""Temporary HTTP statuses below 500."""
_MOST_AT_ONCE = 64 << 20
"""Maximum size in bytes of a file that is read as a whole."""


@dataclass(frozen=True)
class Patience:
    """Timeout and retries for a server.

    Attributes:
        timeout: Seconds for connecting, and seconds without data or with less than 1 KiB per second until a connection
            is given up.
        retries: Number of consecutive reconnections without progress.
    """

    timeout: float = 60.0
    retries: int = 6


class Readable(Protocol):
    """Interface for reading a file."""

    def read(self, count: int) -> bytes:
        """Return 1 to ``count`` bytes; none at the end."""


class RefusedError(OSError):
    """A permanent error of a server, for which a retry is useless."""


@contextmanager
def open_url(url: str, patience: Patience, size: int | None = None) -> Iterator[Readable]:
    """Open a file in a folder or on a server.

    Args:
        url: A path, or a URL of http, https or file.
        patience: Timeout and retries for a server.
        size: Expected size in bytes. Defaults to None: unknown.

    Raises:
        OSError: If it can't be read, or has another size; names it.
    """
    scheme = re.match(r'[A-Za-z][A-Za-z0-9+.-]*(?=://)', url)
    scheme = scheme[0].lower() if scheme else 'file'
    if scheme in ('http', 'https'):
        stream = HttpFile(url, patience, size)
        try:
            yield stream
        finally:
            stream.close()
        return
    if scheme != 'file':
        raise OSError(f'{url}: {scheme}:// is not supported: give an https:// address, or the folder it is mounted at')
    path = url[7:] if url.lower().startswith('file://') else url
    with open_file(path) as file:
        found = os.fstat(file.fileno()).st_size
        if size is not None and found != size:
            raise OSError(f'{url}: expected {size} bytes, found {found}')
        yield file


def read_whole(url: str, patience: Patience) -> bytes:
    """Return the content of a small file.

    Raises:
        OSError: If it can't be read or is too large; names it.
    """
    try:
        with open_url(url, patience) as stream:
            content = bytearray()
            while data := stream.read(1 << 20):
                content += data
                if len(content) > _MOST_AT_ONCE:
                    raise OSError(f'expected at most {_MOST_AT_ONCE} bytes, found more')
            return bytes(content)
    except OSError as error:
        raise OSError(f'{url}: can not be read ({_without(url, error)})') from error


def _without(url: str, error: OSError) -> str:
    """Return an error's message, without the address at its beginning."""
    return one_line(error).removeprefix(f'{url}: ')


class CheckedFile:
    """A file whose size and checksum are verified while it is read.

    Args:
        stream: The file.
        size: Its expected size in bytes.
        checksum: Its expected CRC-32.
    """

    def __init__(self, stream: Readable, size: int, checksum: int) -> None:
        self._stream, self._left, self._expected, self._found = stream, size, checksum, 0

    def read(self, count: int) -> bytes:
        """Return 1 to ``count`` bytes; none at the end.

        Raises:
            OSError: If it ends before its size.
        """
        data = self._stream.read(min(count, self._left)) if self._left else b''
        if self._left and not data:
            raise OSError(f'ends {self._left} bytes before the size with which it was written')
        self._found = zlib.crc32(data, self._found)
        self._left -= len(data)
        return data

    def finish(self) -> None:
        """Read the rest, and compare size and checksum.

        Raises:
            OSError: If it is longer than its expected size, or its checksum differs.
        """
        while self.read(1 << 16):
            pass
        if self._stream.read(1):
            raise OSError('is longer than the size with which it was written')
        if self._found != self._expected:
            raise OSError('its content has changed since it was written (checksum)')


class HttpFile:
    """A file on an HTTP server.

    A connection that is refused, lost, stalled or answered with a temporary status is made again after a pause, each
    twice as long as the one before, and continues at the same byte: by ``Range`` if the server supports it, otherwise
    the bytes already read are read again and discarded. Redirections are followed to http and https only.

    Args:
        url: The address.
        patience: Timeout and retries.
        size: Expected size in bytes. Defaults to None: that given by the server.
    """

    def __init__(self, url: str, patience: Patience, size: int | None = None) -> None:
        self._url, self._patience, self._size = url, patience, size
        self._response: http.client.HTTPResponse | None = None
        self._position = self._failures = self._since = 0
        self._slow_seconds, self._slow_bytes = 0.0, 0

    def read(self, count: int) -> bytes:
        """Return 1 to ``count`` bytes; none at the end.

        Raises:
            OSError: If the server does not deliver them; names the address and the last error.
        """
        while True:
            if self._response is None and self._size is not None and self._position >= self._size:
                return b''
            try:
                if self._response is None:
                    self._connect()
                data = self._take(count)
                if not data and self._size is not None and self._position < self._size:
                    raise OSError(f'the connection ended after {self._position} of {self._size} bytes')
            except RefusedError:
                self.close()
                raise
            except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a malformed answer
                self._failed(error)
                continue
            self._position += len(data)
            self._since += len(data)
            if self._since >= _PROGRESS:
                self._failures = 0
            return data

    def close(self) -> None:
        """End the connection."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def _connect(self) -> None:
        """Request the file from the present position on."""
        headers = {'User-Agent': 'handkd', 'Accept-Encoding': 'identity'}
        if self._position:
            headers['Range'] = f'bytes={self._position}-'
        try:
            request = urllib.request.Request(self._url, headers=headers)
            self._response = _opener().open(request, timeout=self._patience.timeout)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code >= 500 or error.code in _TRY_AGAIN:
                raise
            raise RefusedError(f'{self._url}: the server answers {one_line(error)}') from error
        except (http.client.InvalidURL, UnicodeError) as error:
            raise RefusedError(f'{self._url}: {one_line(error)}') from error
        self._slow_seconds, self._slow_bytes = 0.0, 0
        if self._response.status == 206 and self._position:
            begins = self._response.headers.get('Content-Range', '')
            if not begins.startswith(f'bytes {self._position}-'):
                raise OSError(f'expected bytes from {self._position} on, the server sent {begins!r}')
            return
        if self._response.status != 200:
            raise RefusedError(f'{self._url}: the server answers with status {self._response.status}')
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Compare the size of the whole file, and skip the bytes already read."""
        found = self._response.length
        if self._size is None:
            self._size = found
        elif found is not None and found != self._size:
            raise RefusedError(f'{self._url}: expected {self._size} bytes, the server has {found}')
        left = self._position
        while left:
            data = self._take(min(left, 1 << 16))
            if not data:
                raise OSError(f'the connection ended before byte {self._position}')
            left -= len(data)

    def _take(self, count: int) -> bytes:
        """Return the available bytes of the answer, at most ``count``, unless it stalls."""
        begin = time.monotonic()
        data = self._response.read1(count)
        self._slow_seconds += time.monotonic() - begin
        self._slow_bytes += len(data)
        if self._slow_seconds >= self._patience.timeout:
            if self._slow_bytes < _SLOWEST * self._slow_seconds:
                raise TimeoutError(f'{self._slow_bytes} bytes in {self._slow_seconds:.0f} s')
            self._slow_seconds, self._slow_bytes = 0.0, 0
        return data

    def _failed(self, error: Exception) -> None:
        """Wait before the next try, or raise an error."""
        self.close()
        self._failures += 1
        self._since = 0
        text = one_line(error)
        if self._failures > self._patience.retries:
            raise OSError(
                f'{self._url}: can not be read: {self._failures} consecutive tries failed at byte {self._position}, '
                f'the last one: {text}; check the server, or increase timeout and retries'
            ) from error
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (self._failures - 1))
        print_log(f'{self._url}: {text}; next try in {pause:g} s', 'current', logging.WARNING)
        time.sleep(pause)


class _WebRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections to http and https only, and from https to https only."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # noqa: ANN001, ANN201
        schemes = ('https',) if urlsplit(req.full_url).scheme == 'https' else ('http', 'https')
        if urlsplit(newurl).scheme not in schemes:
            raise urllib.error.HTTPError(req.full_url, code, f'a redirection to {newurl} is not followed', headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener for http and https only, without files, FTP or data URLs."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _WebRedirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
