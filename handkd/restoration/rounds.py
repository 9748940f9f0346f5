"""Rounds of restored maps, the targets of weakly supervised training: a whole set in a folder, piece by piece."""

from __future__ import annotations

import io
import json
import shutil
import zlib
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np

from handkd.array_files import ArrayFileError, read_npz
from handkd.files import write_atomically
from handkd.hand import NUM_JOINTS
from handkd.reading import shown

from .dictionary import check_count, read_state
from .quality import Verdict
from .windows import check_maps

FILE = 'round.json'
VERSION = 2
_MAPS = ('predicted', 'restored')
_VERDICT = {
    'before': (np.float32, (NUM_JOINTS,)),
    'after': (np.float32, (NUM_JOINTS,)),
    'lost': (np.bool_, (NUM_JOINTS,)),
    'labelled': (np.bool_, ()),
    'accepted': (np.bool_, ()),
}
"""Field of :class:`~.quality.Verdict` -> its type, and its shape for one image."""
_MOST_PIECES = 1 << 20


@dataclass(frozen=True)
class RoundSettings:
    """Settings of a round; other weights or numbers make another round.

    Attributes:
        weights: Checksum of the segmentation network's weights.
        images: Number of images to restore.
        made_with: Everything else that decides the maps and their acceptance: the set, the network, the dictionary, the
            window, the quality check; valid JSON.
        piece: Number of images per file.
    """

    weights: int
    images: int
    made_with: dict
    piece: int = 256

    @property
    def digest(self) -> int:
        """CRC-32 of the settings, which identifies their pieces."""
        return zlib.crc32(json.dumps(asdict(self), sort_keys=True).encode())


class Round:
    """Maps of one set predicted by one state of the segmentation network, restored and checked.

    Pieces are written atomically, in any order, by any number of processes: an interrupted round continues with the
    missing ones. Their names contain a digest of their settings, so a process that outlives its training does no harm.

    Args:
        folder: Folder of the round.
        settings: Its settings.
    """

    def __init__(self, folder: str | PathLike, settings: RoundSettings) -> None:
        self.folder, self.settings = Path(folder), settings

    @classmethod
    def begin(cls, folder: str | PathLike, settings: RoundSettings) -> Round:
        """Open a round, or begin it; pieces with other settings are removed."""
        folder = Path(folder)
        if folder.exists() and not cls._holds(folder, settings):
            shutil.rmtree(folder)
        return cls(folder, settings)._described()

    @classmethod
    def _holds(cls, folder: Path, settings: RoundSettings) -> bool:
        """Whether a folder has a round of these settings that this version can read."""
        try:
            return cls.open(folder).settings == settings
        except (ValueError, FileNotFoundError):
            return False

    def remade(self, made_with: dict) -> Round:
        """Begin the round again with the same weights and images and another ``made_with``; other files are kept.

        Args:
            made_with: See :class:`RoundSettings`.
        """
        for path in self.folder.glob('piece_*.npz'):
            path.unlink()
        return Round(self.folder, replace(self.settings, made_with=made_with))._described()

    def _described(self) -> Round:
        """Write the settings of the round, and return the round."""
        content = dict(version=VERSION, **asdict(self.settings))
        write_atomically(self.folder / FILE, json.dumps(content, indent=1).encode() + b'\n')
        return self

    @classmethod
    def open(cls, folder: str | PathLike) -> Round:
        """Open a round that has been begun.

        Raises:
            FileNotFoundError: If it is missing.
            ValueError: If its ``round.json`` is damaged.
        """
        path = Path(folder) / FILE
        if not path.is_file():
            raise FileNotFoundError(f'no {FILE} in {str(folder)!r}: expected a round of restored maps')
        settings = RoundSettings(**read_state(path, VERSION, set(RoundSettings.__dataclass_fields__)))
        for key in ('weights', 'images', 'piece'):
            check_count(path, key, getattr(settings, key))
        if not 0 < settings.images <= settings.piece * _MOST_PIECES:
            raise ValueError(f"{path}: {settings.images} 'images' in pieces of {settings.piece} are not a valid round")
        if not isinstance(settings.made_with, dict):
            raise ValueError(f"{path}: 'made_with' must be a dict, found {shown(settings.made_with)}")
        return cls(folder, settings)

    def indices_of(self, piece: int) -> range:
        """Return the numbers of the images in a piece."""
        first = piece * self.settings.piece
        return range(first, min(first + self.settings.piece, self.settings.images))

    @property
    def missing(self) -> list[int]:
        """Numbers of the missing pieces."""
        return [piece for piece in range(-(-self.settings.images // self.settings.piece)) if not self._exists(piece)]

    @property
    def complete(self) -> bool:
        """Whether all pieces are written."""
        return not self.missing

    def write(self, piece: int, predicted: np.ndarray, restored: np.ndarray, verdict: Verdict) -> None:
        """Write a piece.

        Args:
            piece: Its number.
            predicted: The network's part maps of the crops, shape (B, H, W), uint8.
            restored: The restored maps, of the same shape and type.
            verdict: Result of the quality check.
        """
        content = io.BytesIO()
        distances = (np.float32(verdict.before), np.float32(verdict.after))
        arrays = (predicted, restored, *distances, verdict.lost, verdict.labelled, verdict.accepted)
        np.savez_compressed(content, **dict(zip((*_MAPS, *_VERDICT), arrays)))
        write_atomically(self._path(piece), content.getvalue())

    @cached_property
    def predicted(self) -> np.ndarray:
        """The network's part maps of the crops, shape (N, H, W), uint8."""
        return self._read('predicted')

    @cached_property
    def restored(self) -> np.ndarray:
        """The restored part maps of the crops, shape (N, H, W), uint8."""
        return self._read('restored')

    @cached_property
    def verdict(self) -> Verdict:
        """Result of the quality check for all images."""
        return Verdict(*(self._read(name) for name in _VERDICT))

    def _read(self, name: str) -> np.ndarray:
        """Return an array of all pieces.

        Raises:
            ValueError: If the round is incomplete, or a piece is damaged; names it.
        """
        if self.missing:
            raise ValueError(
                f'{self.folder}: {len(self.missing)} pieces of this round are missing: resume its training'
            )
        arrays = []
        for piece in range(-(-self.settings.images // self.settings.piece)):
            path = self._path(piece)
            try:
                arrays.append(read_npz(path, [name])[name])
                self._check(name, arrays[-1], len(self.indices_of(piece)), arrays[0].shape[1:])
            except ValueError as error:
                fault = error.fault if isinstance(error, ArrayFileError) else error
                raise ValueError(f'{path} is damaged ({fault}): delete it, and it is made again') from error
        return np.concatenate(arrays)

    @staticmethod
    def _check(name: str, array: np.ndarray, images: int, size: tuple[int, ...]) -> None:
        """Check that an array has the form of a piece with this number of images, and maps the size of the others."""
        if name in _MAPS:
            check_maps(array, name)
            form = (np.uint8, size)
        else:
            form = _VERDICT[name]
        if array.dtype != form[0] or array.shape != (images, *form[1]):
            raise ValueError(f'{name!r} is {array.dtype} {array.shape}, expected {images} images of {form[1]}')

    def _exists(self, piece: int) -> bool:
        return self._path(piece).is_file()

    def _path(self, piece: int) -> Path:
        return self.folder / f'piece_{piece:05d}_{self.settings.digest:08x}.npz'


def round_folder(folder: str | PathLike, number: int) -> Path:
    """Return the folder of one round inside the folder of a run's rounds."""
    return Path(folder) / f'round_{number:04d}'


def latest_round(folder: str | PathLike) -> Round:
    """Return the newest complete round.

    Args:
        folder: Folder of a run's rounds, ``restored`` in its work dir.

    Raises:
        FileNotFoundError: If no round is complete.
    """
    for path in sorted(Path(folder).glob('round_*'), reverse=True):
        if (path / FILE).is_file() and (found := Round.open(path)).complete:
            return found
    raise FileNotFoundError(
        f'no complete round of restored maps in {str(folder)!r}: run a weakly supervised training first'
    )
