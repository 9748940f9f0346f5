"""Files of inference: a picture and a JSON file per image, a video and a file of JSON lines per video; a window."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from os import PathLike
from pathlib import Path

import cv2
import numpy as np

from handkd.files import write_atomically
from handkd.hand import NUM_JOINTS
from handkd.reading import reading

from .drawing import draw_frame
from .images import InferenceImage
from .records import to_json
from .sources import Frame
from .videos import VideoWriter

LONGEST_NAME = 200
"""Longest name of a file in bytes, so that it stays below the 255 of most file systems."""
_SHOWN = (300.0, 1200.0)
"""Depth that is drawn without a hand, mm."""
_AROUND = 150.0
"""Range of the drawn depth in front of the hand's centre and behind, mm."""
_LEAST_SIDE = 420
"""Least longer side of an image that is drawn, px; smaller ones are enlarged."""


class LinesWriter:
    """Writer of a file of lines, each at once, so that earlier ones survive any end of the program.

    Args:
        path: The file; it is replaced.
    """

    def __init__(self, path: str | PathLike) -> None:
        self._path = path
        self._file = open(path, 'wb', buffering=0)  # noqa: SIM115 (closed by close)
        self.count = 0

    def write(self, line: str) -> None:
        """Write a line.

        Raises:
            OSError: If it can't be written; names the file.
        """
        data = line.encode() + b'\n'
        with reading(self._path):  # a full disk names no file
            if self._file.write(data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.count += 1

    def close(self) -> None:
        """Close the file; further calls do nothing."""
        self._file.close()


class FileNames:
    """Names of the results of images, each after its image, unique without regard to capitals.

    If two images share a stem, the second one gets its format in the name, then its folders', then a number. No name
    contains a folder, so that all files are inside the folder of the results.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, frame: Frame) -> str:
        """Return the name for an image or a video, without suffix; the same for the same file."""
        if frame.file is None:
            number = len(self._names) if frame.number is None else frame.number
            key = f'image_{number:06d}' if frame.number is None else f'frame_{number:06d}'
            path = Path(f'/{key}')
        else:
            key = frame.file if '://' in frame.file else os.path.realpath(frame.file)
            path = Path('/', key.replace(':', '_').strip('/'))
        if key not in self._names:
            self._names[key] = next(name for name in _candidates(path) if name.lower() not in self._taken)
            self._taken.add(self._names[key].lower())
        return self._names[key]


def _candidates(path: Path) -> Iterator[str]:
    """Names for a file, shorter ones first, without end."""
    last, folders = f'{path.stem}_{path.suffix[1:]}', path.parts[1:-1]
    yield from (name for name in (path.stem, last) if len(name.encode()) <= LONGEST_NAME)
    for k in range(1, len(folders) + 1):
        name = '_'.join((*folders[len(folders) - k :], last))
        if len(name.encode()) <= LONGEST_NAME:
            yield name
    short = last.encode()[: LONGEST_NAME - 10].decode(errors='ignore')
    for number in count(2):
        yield f'{short}_{number}'


class ResultFiles:
    """Writes the results of images and videos, as MMPose's inferencers do.

    A picture ``NAME.png`` per image, or a video ``NAME.mp4`` per video or camera, goes to one folder, and ``NAME.json``
    or the JSON lines ``NAME.jsonl`` to the other. Of a video that breaks off or is cancelled, both are readable up to
    there once :meth:`close` is called.

    Args:
        vis_out_dir: Folder of the pictures and videos, which is made. Defaults to None: none are drawn.
        pred_out_dir: Folder of the JSON files, which is made. Defaults to None: none are written.
        show: Whether to show each picture in a window. Defaults to False.

    Raises:
        OSError: If a folder can't be made.

    Attributes:
        pictures: Names of the pictures and videos that were written.
    """

    def __init__(
        self, vis_out_dir: str | PathLike | None = None, pred_out_dir: str | PathLike | None = None, show: bool = False
    ) -> None:
        self._pictures, self._predictions, self._show = vis_out_dir, pred_out_dir, show
        self._names = FileNames()
        self._video: str | None = None
        self._frames: VideoWriter | None = None
        self._lines: LinesWriter | None = None
        self.pictures: set[str] = set()
        for folder in (vis_out_dir, pred_out_dir):
            if folder is not None:
                Path(folder).mkdir(parents=True, exist_ok=True)

    @property
    def draws(self) -> bool:
        """Whether pictures are needed."""
        return self._pictures is not None or self._show

    def write(self, frame: Frame, record: Mapping, picture: np.ndarray | None) -> None:
        """Write the results of an image or frame.

        Args:
            frame: The image or frame.
            record: Its record.
            picture: Its picture, BGR, uint8, shape (H, W, 3), if one is needed and it could be read.

        Raises:
            OSError: If a file can't be written; names it.
        """
        video = frame.file if frame.video is not None else None
        if video != self._video:
            self.close()
        self._video = video
        if self._show and picture is not None:
            _show(picture, wait=1 if video is not None else 0)
        if self._pictures is None and self._predictions is None:
            return  # without a name, which is kept for as long as the stream
        name = self._names.of(frame)
        if self._pictures is not None and picture is not None:
            self._draw(Path(self._pictures), name, frame, picture)
        if self._predictions is not None and frame.pixels is not None:
            self._describe(Path(self._predictions), name, frame, to_json(record))

    def _draw(self, folder: Path, name: str, frame: Frame, picture: np.ndarray) -> None:
        if frame.video is None:
            name = f'{name}_hand.png'
            write_atomically(folder / name, cv2.imencode('.png', picture)[1].tobytes())
        else:
            name = f'{name}_hand.mp4'
            self._frames = self._frames or VideoWriter(folder / name, frame.video.fps)
            self._frames.write(picture)
        self.pictures.add(name)

    def _describe(self, folder: Path, name: str, frame: Frame, text: str) -> None:
        if frame.video is None:
            write_atomically(folder / f'{name}.json', text.encode() + b'\n')
        else:
            self._lines = self._lines or LinesWriter(folder / f'{name}.jsonl')
            self._lines.write(text)

    def close(self) -> None:
        """Finish the files of the present video; further calls do nothing."""
        frames, lines, self._frames, self._lines = self._frames, self._lines, None, None
        if lines is not None:
            lines.close()
        if frames is not None:
            frames.close()


def draw_record(image: InferenceImage, hands: Sequence[Mapping]) -> np.ndarray:
    """Return an image with its hands, and next to it each hand in space, BGR, uint8, shape (H', W', 3).

    A small image is enlarged. Depth is drawn in grey, near is bright, around the depth of the first hand.

    Args:
        image: The image.
        hands: Its hands, with the keys of :data:`.records.HAND_KEYS`.
    """
    pixels = image.pixels
    if image.modality == 'depth':
        near, far = _SHOWN
        if hands and hands[0]['hand_center'] is not None:
            near, far = hands[0]['hand_center'][2] - _AROUND, hands[0]['hand_center'][2] + _AROUND
        bright = 255 * np.clip((far - pixels) / (far - near), 0, 1) * (pixels > 0)
        pixels = np.repeat(bright.astype(np.uint8)[..., None], 3, 2)
    factor = -(-_LEAST_SIDE // max(pixels.shape[:2]))
    if factor > 1:
        pixels = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        hands = [_enlarged(hand, factor) for hand in hands]
    whole = [hand for hand in hands if len(hand['keypoints']) == NUM_JOINTS]
    drawn = draw_frame(pixels, whole)
    for hand in hands:
        if len(hand['keypoints']) != NUM_JOINTS:  # NYU's 14, which have no skeleton
            for x, y in hand['keypoints'].round().astype(int).tolist():
                cv2.circle(drawn, (x, y), max(3, max(pixels.shape) // 100), (0, 140, 255), -1, cv2.LINE_AA)
    return drawn


def _enlarged(hand: Mapping, factor: int) -> dict:
    """Return a hand in px of an image that is enlarged by a whole factor."""
    x, y, width, height = hand['box'] or (0, 0, 0, 0)
    moved = ((x + 0.5) * factor - 0.5, (y + 0.5) * factor - 0.5, width * factor, height * factor)
    box = None if hand['box'] is None else moved
    return dict(hand, keypoints=(hand['keypoints'] + 0.5) * factor - 0.5, box=box)


def _show(picture: np.ndarray, wait: int) -> None:
    """Show a picture in a window, until a key is pressed or for some milliseconds."""
    try:
        cv2.imshow('handkd', picture)
        cv2.waitKey(wait)
    except cv2.error:
        raise OSError(
            'show: this OpenCV has no windows (opencv-python-headless), or there is no display: write pictures instead '
            '(vis_out_dir, --out-dir)'
        ) from None
