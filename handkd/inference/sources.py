"""Inputs of inference: files, folders, URLs, videos, cameras, arrays and streams, as one stream of frames."""

from __future__ import annotations

import glob
import http.client
import os
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handkd.hints import one_line
from handkd.image_files import read_picture

from .videos import VIDEO_SUFFIXES, VideoInfo, VideoReader, Webcam

IMAGE_SUFFIXES: tuple[str, ...] = ('.jpg', '.jpeg', '.mpo', '.png', '.bmp', '.webp', '.tif', '.tiff')
"""Suffixes of the files of a folder that are read as images, in lower case."""
MAX_DOWNLOAD = 1 << 28
"""Largest file that is downloaded, bytes."""
TIMEOUT = 30.0
"""Longest wait for a server, s; a whole download may take ten times as long."""
_CHUNK = 1 << 16
_USER_AGENT = 'handkd'  # some servers refuse Python's own
_GLOB = '*?['

Readable = str | os.PathLike | np.ndarray
"""What a reader of single images takes: a path, or an array."""


@dataclass(frozen=True)
class Frame:
    """One image of a source, or the reason why it could not be read.

    Attributes:
        pixels: BGR, uint8, shape (H, W, 3), or what the source's reader returns; None if it could not be read.
        error: Reason in one line, which names the image; None if it was read.
        file: Path or URL of the image or video, 'webcam:0'; None for an array.
        number: Number of the frame in its video or stream, from 0; None for a single image.
        time: Time from the start of the video, s; None if unknown.
        name: Short text for messages: the file, with the number of the frame in a video.
        video: Rate and length of its video; None for images and streams of arrays.
    """

    pixels: np.ndarray | None
    error: str | None
    file: str | None
    number: int | None
    time: float | None
    name: str
    video: VideoInfo | None = None


class Source:
    """A stream of frames, opened while it is iterated; made by :func:`open_source`.

    Attributes:
        count: Number of frames; None if it is not known before they are read.
    """

    def __init__(self, frames: Callable[[], Iterator[Frame]], count: int | None = None) -> None:
        self._frames = frames
        self.count = count

    def __iter__(self) -> Iterator[Frame]:
        return self._frames()


def open_source(inputs: object, read: Callable[[Readable], np.ndarray] = read_picture) -> Source:
    """Open inputs of any kind as a stream of frames, in constant memory.

    | Input | Frames |
    | --- | --- |
    | path of an image | one |
    | path of a video (:data:`~handkd.inference.videos.VIDEO_SUFFIXES`) | its frames |
    | path of a folder | its files with :data:`IMAGE_SUFFIXES`, sorted by name, without its subfolders |
    | pattern with ``*``, ``?`` or ``[]``, ``**`` for subfolders | the images and videos that match, sorted |
    | ``http://`` or ``https://`` | that image or video, at most :data:`MAX_DOWNLOAD` bytes |
    | ``webcam:0`` | pictures of that camera until the caller stops |
    | array | one |
    | list or tuple | the frames of its items, each of any kind above |
    | any other iterable, such as a generator | numbered frames, each a path or an array |

    An image that can't be read becomes a frame with an error, and the others follow. A video that breaks off gives
    its readable frames, then one with the error.

    Args:
        inputs: The inputs.
        read: Reader of one image, a path or an array; its OSErrors and ValueErrors become those of the frame. Defaults
            to ``read_picture`` of :mod:`handkd.image_files`.

    Raises:
        ValueError: If the input is of no such kind, or a folder or pattern has no image; one line.
    """
    if isinstance(inputs, (list, tuple)):
        items = list(inputs)
        for item in items:
            _check_kind(item)
        return Source(lambda: _of_items(items, read), len(items) if all(map(_is_single, items)) else None)
    if isinstance(inputs, (str, os.PathLike)):
        return _open_text(os.fspath(inputs), read)
    if isinstance(inputs, np.ndarray):
        return Source(lambda: iter([_read(inputs, None, 'the image', read)]), 1)
    if isinstance(inputs, Iterable) and not isinstance(inputs, (bytes, dict, set)):
        return Source(lambda: _of_stream(inputs, read))
    raise ValueError(
        f'images must be a path, a URL, an array, a list, a folder, a video or an iterator of frames; found '
        f'{type(inputs).__name__}'
    )


def _open_text(text: str, read: Callable[[Readable], np.ndarray]) -> Source:
    """Open a path, a pattern, a URL or a camera."""
    if text.startswith('webcam:'):
        index = text.removeprefix('webcam:')
        if not (index.isascii() and index.isdigit()):
            raise ValueError(f"{text!r}: a camera is named by its number, as 'webcam:0'")
        return Source(lambda: _of_video(lambda: Webcam(int(index)), text, read))
    if '://' in text:
        if not text.lower().startswith(('http://', 'https://')):
            raise ValueError(f'{text!r}: only http:// and https:// are downloaded; save the file and give its path')
        return Source(lambda: _of_url(text, read))
    if os.path.isdir(text):
        files = _images_in(text)
        return Source(lambda: _of_files(files, read), len(files))
    if not os.path.exists(text) and any(sign in text for sign in _GLOB):
        files = sorted(file for file in glob.iglob(text, recursive=True) if _is_media(file))
        if not files:
            raise ValueError(f'no image or video matches {text!r}; expected files with {_listed()} or of a video')
        return Source(lambda: _of_files(files, read), None if any(map(_is_video, files)) else len(files))
    return Source(lambda: _of_files([text], read), _frames_in(text) if _is_video(text) else 1)


def _of_files(files: list[str], read: Callable[[Readable], np.ndarray]) -> Iterator[Frame]:
    for file in files:
        if _is_video(file):
            yield from _of_video(lambda file=file: VideoReader(file), file, read)
        else:
            yield _read(file, file, file, read)


def _of_items(items: list, read: Callable[[Readable], np.ndarray]) -> Iterator[Frame]:
    for i, item in enumerate(items):
        if isinstance(item, np.ndarray):
            yield _read(item, None, f'image {i}', read)
            continue
        try:
            source = _open_text(os.fspath(item), read)
        except (ValueError, OSError) as error:  # an empty folder, and so on: the others are still read
            yield _failed(error, os.fspath(item))
            continue
        yield from source


def _of_stream(items: Iterable, read: Callable[[Readable], np.ndarray]) -> Iterator[Frame]:
    for number, item in enumerate(items):
        file = os.fspath(item) if isinstance(item, (str, os.PathLike)) else None
        if file is None and not isinstance(item, np.ndarray):
            raise ValueError(f'frame {number} must be an array or a path, found {type(item).__name__}')
        yield _read(item, file, file or f'frame {number}', read, number)


def _of_video(
    opener: Callable[[], VideoReader | Webcam], file: str, read: Callable[[Readable], np.ndarray]
) -> Iterator[Frame]:
    """Yield the frames of a video or camera, and at the end its error if there is one."""
    try:
        video = opener()
        for number, seconds, pixels in video:
            yield _read(pixels, file, f'{file}, frame {number}', read, number, seconds, video.info)
    except (OSError, ValueError) as error:
        yield _failed(error, file)


def _of_url(url: str, read: Callable[[Readable], np.ndarray]) -> Iterator[Frame]:
    """Download a file into a temporary folder and yield its frames, which have the URL as their file."""
    try:
        with _downloaded(url) as path:
            for frame in _of_files([path], read):
                video = frame.video and VideoInfo(url, frame.video.fps, frame.video.count)
                error = frame.error and frame.error.replace(path, url)
                yield Frame(frame.pixels, error, url, frame.number, frame.time, frame.name.replace(path, url), video)
    except (OSError, ValueError) as error:
        yield _failed(error, url)


@contextmanager
def _downloaded(url: str) -> Iterator[str]:
    """Download a file in constant memory; yields the path of the copy, which is removed afterwards.

    Raises:
        OSError: If the server can't be reached, refuses, is too slow, or the file is too large; names the URL.
    """
    with tempfile.TemporaryDirectory(prefix='handkd-') as folder:
        try:
            # A video is known by its suffix.
            path = os.path.join(folder, 'download' + os.path.splitext(urllib.parse.urlsplit(url).path)[1][:8])
            request = urllib.request.Request(url, headers={'User-Agent': _USER_AGENT})
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response, open(path, 'wb') as file:
                _copy(response, file, url)
        except urllib.error.HTTPError as error:
            raise OSError(f'{url}: the server answers {error.code} {error.reason}; check the address') from None
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError) as error:
            reason = getattr(error, 'reason', None) or error
            raise OSError(f'{url}: was not downloaded: {" ".join(str(reason).split())}; check the address') from None
        yield path


def _copy(response: http.client.HTTPResponse, file: object, url: str) -> None:
    """Copy a response to a file, within the limits of size and time."""
    limit, size = time.monotonic() + 10 * TIMEOUT, 0
    announced = response.headers.get('Content-Length', '')
    expected = int(announced) if announced.isascii() and announced.isdigit() else None
    if expected is not None and expected > MAX_DOWNLOAD:
        raise _too_large(url)
    while chunk := response.read(_CHUNK):
        size += len(chunk)
        if size > MAX_DOWNLOAD:
            raise _too_large(url)
        if time.monotonic() > limit:
            raise OSError(f'{url}: was not downloaded in {10 * TIMEOUT:.0f} s; save the file and give its path')
        file.write(chunk)
    if expected is not None and size < expected:
        raise OSError(f'{url}: the download ended after {size} of {expected} bytes; try again')


def _too_large(url: str) -> OSError:
    return OSError(f'{url}: is larger than {MAX_DOWNLOAD >> 20} MiB; save the file and give its path')


def _read(
    item: Readable,
    file: str | None,
    name: str,
    read: Callable[[Readable], np.ndarray],
    number: int | None = None,
    seconds: float | None = None,
    video: VideoInfo | None = None,
) -> Frame:
    """Read one image, or return its error, which names it."""
    try:
        return Frame(read(item), None, file, number, seconds, name, video)
    except (OSError, ValueError) as error:
        return _failed(error, file, name, number, seconds, video)


def _failed(
    error: Exception,
    file: str | None,
    name: str | None = None,
    number: int | None = None,
    seconds: float | None = None,
    video: VideoInfo | None = None,
) -> Frame:
    """Return a frame with an error, whose text gets the name if it has none."""
    name, text = name or file, one_line(error)
    text = text if (file or name) in text else f'{name}: {text}'
    return Frame(None, text, file, number, seconds, name, video)


def _images_in(folder: str) -> list[str]:
    """Return the images of a folder, sorted by name."""
    files = sorted(
        os.path.join(folder, entry.name)
        for entry in os.scandir(folder)
        if Path(entry.name).suffix.lower() in IMAGE_SUFFIXES and not entry.name.startswith('.') and entry.is_file()
    )
    if not files:
        raise ValueError(f'{folder!r}: no image in this folder; expected files with {_listed()}')
    return files


def _check_kind(item: object) -> None:
    if not isinstance(item, (str, os.PathLike, np.ndarray)):
        raise ValueError(
            f'an item of the list of images must be a path, a URL or an array, found {type(item).__name__}'
        )


def _is_single(item: object) -> bool:
    """Whether an item of a list is certainly one frame."""
    if isinstance(item, np.ndarray):
        return True
    text = os.fspath(item)
    return Path(text).suffix.lower() in IMAGE_SUFFIXES and not any(sign in text for sign in (*_GLOB, '://'))


def _is_video(file: str) -> bool:
    return Path(file).suffix.lower() in VIDEO_SUFFIXES


def _is_media(file: str) -> bool:
    return (Path(file).suffix.lower() in IMAGE_SUFFIXES or _is_video(file)) and os.path.isfile(file)


def _frames_in(file: str) -> int | None:
    try:
        return VideoReader(file).info.count
    except OSError:  # the stream of frames has the error
        return None


def _listed() -> str:
    return ', '.join(IMAGE_SUFFIXES)
