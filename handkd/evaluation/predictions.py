"""Predictions of one model on one split, with their ground truth, in one file."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from handkd.array_files import ArrayFileError, read_npz
from handkd.files import write_atomically

from .functional import joint_errors
from .protocols import PIXELS

BY_HAND = ('hand_type', 'hand_side')
"""Arrays that a file may have, too: one word per hand."""


@dataclass(frozen=True)
class HandPredictions:
    """Joints that a metric compared: enough to compute every other metric and to redraw every plot.

    Attributes:
        pred: Predicted joints: in space, shape (N, K, 3), mm, camera frame, aligned by ``protocol``; or in the image,
            shape (N, K, 2), px of the original image. Values where ``valid`` is False have no meaning. K is 21, or the
            number of the data set's own joints.
        target: True joints, same shape, unit and frame.
        valid: Which joints count (labelled, and visible if the protocol requires it), shape (N, K), bool.
        img_ids: Id of each image, shape (N,), in the order of the data set.
        protocol: Name of the protocol (:mod:`handkd.evaluation.protocols`), such as 'rel-middle_mcp_gt-scale_21j'
            or 'px_21j'; the number of joints is followed by '-joint0=palm' if joint 0 is the palm's centre.
        hand_type: Type of the hands in each image, 'left', 'right' or 'interacting', shape (N,). Defaults to None: the
            data set does not label it.
        hand_side: Side of each hand, 'left' or 'right', shape (N,). Defaults to None, as ``hand_type``.
    """

    pred: np.ndarray
    target: np.ndarray
    valid: np.ndarray
    img_ids: np.ndarray
    protocol: str
    hand_type: np.ndarray | None = None
    hand_side: np.ndarray | None = None

    @property
    def unit(self) -> str:
        """Unit of the joints and their errors by the protocol: 'px' or 'mm'."""
        return 'px' if self.protocol.startswith(PIXELS) else 'mm'

    @property
    def errors(self) -> np.ndarray:
        """Joint errors in :attr:`unit`, shape (N, K), NaN at joints that do not count."""
        return joint_errors(self.pred, self.target, self.valid)

    def save(self, path: str | Path) -> None:
        """Write an ``.npz`` file atomically, and create its folder.

        Raises:
            OSError: If the file can't be written; names it.
        """
        content = io.BytesIO()
        np.savez_compressed(content, **{name: value for name, value in vars(self).items() if value is not None})
        write_atomically(path, content.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> HandPredictions:
        """Read a file that :meth:`save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is not of this kind (names what is missing), or its joints have no errors: their
                shapes differ, or one that counts is not finite.
        """
        names = [field.name for field in fields(cls) if field.name not in BY_HAND]
        arrays = read_arrays(path, names, 'predictions', 'a metric of joints', BY_HAND)
        loaded = cls(**arrays | {'protocol': str(arrays['protocol'])})
        try:
            _ = loaded.errors
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error
        return loaded


def read_arrays(
    path: str | Path, names: Iterable[str], what: str, writer: str, optional: Iterable[str] = ()
) -> dict[str, np.ndarray]:
    """Return arrays of an ``.npz`` file that a metric wrote.

    Args:
        path: The file.
        names: Names of the arrays.
        what: Content of the file, for errors.
        writer: Class that writes such files, for errors.
        optional: Names of arrays that the file may have, too. Defaults to ().

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not of this kind; names what is missing.
    """
    path, names = Path(path), tuple(names)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file of {what}; {writer}(dump=...) writes one')
    try:
        arrays = read_npz(path)
        missing = [name for name in names if name not in arrays]
        if missing:
            raise ArrayFileError(path, f'has no array {missing[0]!r}, found {sorted(arrays)[:10]}')
        return {name: arrays[name] for name in (*names, *optional) if name in arrays}
    except ArrayFileError as error:
        raise ValueError(f'{path}: not a file of {what}, which holds {names} ({error.fault})') from error
