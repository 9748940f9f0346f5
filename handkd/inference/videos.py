"""Video files and cameras, read and written frame by frame in constant memory by OpenCV."""

from __future__ import annotations

import math
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import cv2
import numpy as np

from handkd.hints import did_you_mean
from handkd.image_files import MAX_PIXELS
from handkd.reading import open_file

VIDEO_SUFFIXES: tuple[str, ...] = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg', '.wmv', '.3gp')
"""Suffixes of files that are read as videos, in lower case."""
CODECS: dict[str, str] = {'.mp4': 'mp4v', '.avi': 'MJPG'}
"""Suffix of a written video -> four characters of its codec; every build of OpenCV with FFmpeg has both."""
DEFAULT_FPS = 25.0
"""Frames per second of a written video whose source has no rate, such as a list of images."""
_MISSING = 0.02
"""Share of the announced frames that may be missing at the end: some containers state only an estimate."""


class VideoError(OSError):
    """A video or camera can't be read, or breaks off."""


@dataclass(frozen=True)
class VideoInfo:
    """Facts about a video from its header.

    Attributes:
        file: Its path, or 'webcam:0'.
        fps: Frames per second; None if it does not say.
        count: Number of frames, in some containers an estimate; None if it does not say, as for a camera.
    """

    file: str
    fps: float | None = None
    count: int | None = None


class VideoReader:
    """A video file, iterated once or several times as (number, time, pixels), in constant memory.

    - ``number`` (int): From 0.
    - ``time`` (float): s from the start, from the frame's own time stamp where there is one.
    - ``pixels``: BGR, uint8, shape (H, W, 3), upright by the rotation in the file's meta data.

    A file that ends before the frames that its header announces raises a VideoError after the last frame that could
    be read.

    Args:
        path: The file.

    Raises:
        OSError: If it is missing, or no video that OpenCV can read, or its frames are too large; names it.
    """

    def __init__(self, path: str | PathLike) -> None:
        self._path = os.fspath(path)
        with open_file(path):  # errors for missing files, folders and pipes
            pass
        capture = self._open()
        self.info = VideoInfo(self._path, *_rate_and_count(capture))
        capture.release()

    def __iter__(self) -> Iterator[tuple[int, float, np.ndarray]]:
        """Read from the start.

        Raises:
            VideoError: If there is no frame, or the file breaks off.
        """
        capture, number, last = self._open(), 0, -1.0
        try:
            while True:
                with _quiet():
                    found, pixels = capture.read()
                if not found:
                    break
                last = self._time(capture, number, last)
                yield number, last, pixels
                number += 1
        finally:
            capture.release()
        count = self.info.count
        if not number:
            raise VideoError(f'{self._path!r}: no frame of this video can be read; convert it to MP4 (H.264)')
        if count is not None and number < count - max(2, _MISSING * count):
            raise VideoError(
                f'{self._path!r} breaks off after {number} of {count} frames; copy it again, or cut it to these frames'
            )

    def _open(self) -> cv2.VideoCapture:
        with _quiet():
            capture = cv2.VideoCapture(self._path, cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise VideoError(
                f'{self._path!r} is damaged or cut off, or no video that OpenCV can read; convert it to MP4 (H.264)'
            )
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if width * height > MAX_PIXELS:
            capture.release()
            raise VideoError(
                f'{self._path!r} has frames of {width:.0f} x {height:.0f} = {width * height / 1e6:.0f} million pixels, '
                f'at most {MAX_PIXELS / 1e6:.0f} million are read; make it smaller'
            )
        return capture

    def _time(self, capture: cv2.VideoCapture, number: int, last: float) -> float:
        """Return the time of the frame just read, s: of its stamp if that increases, else by the rate."""
        stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if math.isfinite(stamp) and stamp > last:
            return stamp
        return last + 1 / (self.info.fps or DEFAULT_FPS) if number else 0.0


class Webcam:
    """A camera of this machine, iterated as :class:`VideoReader`, with times since the first frame; it never ends.

    Args:
        index: Its number; 0 is the first.

    Raises:
        VideoError: If there is no such camera, or another program uses it.
    """

    def __init__(self, index: int) -> None:
        self._name = f'webcam:{index}'
        with _quiet():
            self._capture = cv2.VideoCapture(index)
        if not self._capture.isOpened():
            raise VideoError(
                f'{self._name}: no such camera, or another program uses it; on Linux, see ls /dev/video*, and whether '
                'your user is in the group video'
            )
        self.info = VideoInfo(self._name, _rate_and_count(self._capture)[0])

    def __iter__(self) -> Iterator[tuple[int, float, np.ndarray]]:
        """Read until the caller stops.

        Raises:
            VideoError: If the camera gives no frame any more.
        """
        start, number = None, 0
        try:
            while True:
                found, pixels = self._capture.read()
                if not found:
                    raise VideoError(f'{self._name} gives no frame after {number}; is it still connected?')
                now = time.monotonic()
                start = now if start is None else start
                yield number, now - start, pixels
                number += 1
        finally:
            self._capture.release()


class VideoWriter:
    """Writer of a video, frame by frame; a context manager.

    The frames go to a temporary file beside the final one, which takes the final name when the writer is closed, also
    after an error or an interrupt in the ``with`` block: a cancelled video is readable, with the frames written so
    far. Without any frame no file is made.

    Args:
        path: The file, .mp4 or .avi; its folder is made if needed. An existing file is replaced on closing.
        fps: Frames per second, as :attr:`VideoInfo.fps` of the source. Defaults to None: :data:`DEFAULT_FPS`.

    Raises:
        ValueError: If the suffix or the rate is not usable.
    """

    def __init__(self, path: str | PathLike, fps: float | None = None) -> None:
        self.path = Path(path)
        self.count = 0
        if self.path.suffix.lower() not in CODECS:
            hint = did_you_mean(self.path.suffix.lower(), CODECS)
            raise ValueError(f'{os.fspath(path)!r}: a video can not be written with this suffix; {hint}')
        self._fps = DEFAULT_FPS if fps is None else float(fps)
        if not 0 < self._fps <= 1000:
            raise ValueError(f'{os.fspath(path)!r}: fps must be above 0 and at most 1000, found {fps!r}')
        self._writer: cv2.VideoWriter | None = None
        self._size: tuple[int, int] | None = None
        # The suffix selects the container, so the temporary name keeps it.
        self._temporary = self.path.with_name(f'.{self.path.stem}.{secrets.token_hex(4)}.tmp{self.path.suffix.lower()}')

    def write(self, frame: np.ndarray) -> None:
        """Append a frame.

        Args:
            frame: BGR, uint8, shape (H, W, 3), the same for all; a last odd row or column is cut off, since codecs
                store even sizes.

        Raises:
            ValueError: If it is not such an image, or of another size than the first.
            OSError: If the file can't be opened.
        """
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or min(frame.shape) < 2:
            raise ValueError(f'a frame must be BGR, uint8, (H, W, 3); found {frame.dtype} {frame.shape}')
        size = frame.shape[1::-1]
        if self._writer is None:
            self._open(size)
        elif size != self._size:
            raise ValueError(f'{str(self.path)!r}: frames must have one size, found {size} after {self._size}')
        height, width = frame.shape[0] // 2 * 2, frame.shape[1] // 2 * 2
        self._writer.write(np.ascontiguousarray(frame[:height, :width]))
        self.count += 1

    def close(self) -> None:
        """Finish the file and give it its name; further calls do nothing.

        Raises:
            OSError: If the frames are not readable afterwards, as on a full disk; the temporary file is removed.
        """
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        try:
            with _quiet():
                capture = cv2.VideoCapture(str(self._temporary), cv2.CAP_FFMPEG)
                readable = capture.isOpened() and capture.grab()
                capture.release()
            if not readable:
                raise OSError(f'{str(self.path)!r}: the video could not be written; free some space on the disk')
            os.replace(self._temporary, self.path)
        finally:
            self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _open(self, size: tuple[int, int]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        code = cv2.VideoWriter.fourcc(*CODECS[self.path.suffix.lower()])
        even = (size[0] // 2 * 2, size[1] // 2 * 2)
        with _quiet():
            writer = cv2.VideoWriter(str(self._temporary), cv2.CAP_FFMPEG, code, self._fps, even)
        if not writer.isOpened():
            self._temporary.unlink(missing_ok=True)
            raise OSError(f'{str(self.path)!r}: the video can not be written; name a writable folder')
        self._writer, self._size = writer, size


def _rate_and_count(capture: cv2.VideoCapture) -> tuple[float | None, int | None]:
    """Return the rate and the number of frames that a header states, None for senseless values."""
    fps, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return (
        float(fps) if math.isfinite(fps) and 0 < fps <= 1000 else None,
        int(count) if math.isfinite(count) and 0 < count < 1e9 else None,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV and FFmpeg from printing what is raised as an error anyway."""
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')  # FFmpeg's AV_LOG_QUIET; read when the library starts
    level = cv2.getLogLevel()
    cv2.setLogLevel(0)
    try:
        yield
    finally:
        cv2.setLogLevel(level)
