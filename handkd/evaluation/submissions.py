"""Files of predictions in the form that the owners of FreiHAND, HO-3D and DexYCB read: reading and writing them.

FreiHAND and HO-3D take JSON, ``[xyz, verts]``: joints (21, 3) and vertices (778, 3) of each frame of the evaluation set
in its order, in metres. FreiHAND's are in its own joint order (handkd's) along the camera's axes; HO-3D's in MANO's,
along OpenGL's axes (x right, y up, hands along negative z). The joints' errors need no vertices, so zeros are written.
The published truth, ``evaluation_xyz.json``, is the first list alone. DexYCB takes text: one row per frame, its number
in the split and 63 numbers in mm, with commas.

Sources: ``eval.py`` and ``pred.py`` of FreiHAND and HO-3D, ``hpe_eval.py`` of DexYCB's toolkit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from handkd.datasets.joint_orders import MANO_JOINTS
from handkd.files import write_atomically
from handkd.hand import JOINTS, NUM_JOINTS
from handkd.hints import check_choice, one_line
from handkd.reading import read_text, shown
from handkd.units import HAND_RANGE, UNITS, hand_size, is_sane

from .joint_files import JointFile, read_joints
from .predictions import HandPredictions
from .protocols import find_protocol

_VERTICES = 778
_SPACE = re.compile(r'\s*')


@dataclass(frozen=True)
class SubmissionForm:
    """Form of one data set's submissions.

    Attributes:
        joints: Names of the joints in their order in the file.
        axes: Signs of x, y and z in the file, those of the camera (x right, y down, z forward) being 1.
        unit: Unit in the file.
        numbered: Whether the file is text with the frames' numbers in front, instead of JSON in the set's order.
        frames: Numbers of frames that the owners expect, one for each version of the set. Defaults to (): any.
    """

    joints: tuple[str, ...]
    axes: tuple[int, int, int]
    unit: str
    numbered: bool = False
    frames: tuple[int, ...] = ()


SUBMISSIONS: dict[str, SubmissionForm] = {
    'freihand': SubmissionForm(JOINTS, (1, 1, 1), 'm', frames=(3960,)),
    'ho3d': SubmissionForm(MANO_JOINTS, (1, -1, -1), 'm', frames=(11524, 20137)),
    'dexycb': SubmissionForm(JOINTS, (1, 1, 1), 'mm', numbered=True),
}
"""Forms of submissions by data set."""


def read_submission(path: str | Path, name: str, role: str = 'pred') -> JointFile:
    """Read the joints of a submission, or the owners' truth of the same data set.

    Args:
        path: The file.
        name: Key of :data:`SUBMISSIONS`.
        role: 'pred' for a submission, 'target' for the owners' truth, such as ``evaluation_xyz.json``; both have the
            same form for 'dexycb'. Defaults to 'pred'.

    Returns:
        The joints in handkd's order, in mm in the camera's frame; for 'dexycb' with ``img_ids``, the frames' numbers.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the form, a frame's shape, the number of vertices, an axis or the unit is wrong, or a coordinate
            is not finite; names the file and what was found and expected.
    """
    check_choice(name, SUBMISSIONS, 'submission')
    path, form = Path(path), SUBMISSIONS[name]
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file of joints')
    ids = None
    if form.numbered:
        ids, joints = _read_rows(path)
    elif role == 'pred':
        joints = _read_lists(path)
    else:
        joints = read_joints(path, role).joints
    if joints.shape[1] != NUM_JOINTS:
        raise ValueError(f'{path}: found {joints.shape[1]} joints per frame, expected {NUM_JOINTS}')
    joints = joints[:, [form.joints.index(joint) for joint in JOINTS]] * form.axes * UNITS[form.unit]
    _check(path, joints, form)
    return JointFile(path, joints, unit=form.unit, img_ids=ids)


def match_frames(pred: JointFile, truth: JointFile) -> JointFile:
    """Return the predictions of the truth's frames, in its order, if both files number their frames.

    A DexYCB submission may hold frames without a hand, which the owners' script leaves out, too.

    Raises:
        ValueError: If a frame is missing; names its number.
    """
    if pred.img_ids is None or truth.img_ids is None:
        return pred
    rows = {int(number): row for row, number in enumerate(pred.img_ids)}
    missing = [int(number) for number in truth.img_ids if int(number) not in rows]
    if missing:
        raise ValueError(
            f'{pred.path} has no frame {missing[0]} ({len(missing)} of the {len(truth.img_ids)} frames of {truth.path} '
            'are missing)'
        )
    index = [rows[int(number)] for number in truth.img_ids]
    return replace(pred, joints=pred.joints[index], img_ids=truth.img_ids)


def write_submission(path: str | Path, predictions: HandPredictions, name: str, source: str | Path) -> None:
    """Write predictions as a submission.

    Args:
        path: The file to write.
        predictions: Joints in mm, in the camera's frame, as ``HandKeypointMetric(root=None, scale='pred')`` dumps them.
        name: Key of :data:`SUBMISSIONS`.
        source: File that the predictions are from, for errors.

    Raises:
        ValueError: If the joints were aligned with the truth, are not the 21, or not finite, or if a frame is missing
            or occurs twice; names the file.
        OSError: If the file can't be written; names it.
    """
    check_choice(name, SUBMISSIONS, 'submission')
    form = SUBMISSIONS[name]
    _check_predictions(predictions, source)
    order = np.argsort(predictions.img_ids, kind='stable')
    ids = predictions.img_ids[order]
    if len(np.unique(ids)) < len(ids):
        raise ValueError(f'{source}: image {ids[:-1][np.diff(ids) == 0][0]} occurs more than once, expected each once')
    if not form.numbered and not np.array_equal(ids, np.arange(len(ids))):
        wrong = int(np.argmax(ids != np.arange(len(ids))))
        raise ValueError(
            f'{source}: expected the images 0 to {len(ids) - 1}, found {ids[wrong]} in place of {wrong}: '
            'predict the whole evaluation set'
        )
    joints = predictions.pred[order].astype(np.float64) * form.axes / UNITS[form.unit]
    joints = joints[:, [JOINTS.index(joint) for joint in form.joints]]
    write_atomically(path, (_rows(ids, joints) if form.numbered else _lists(joints)).encode())


def _check_predictions(predictions: HandPredictions, source: str | Path) -> None:
    """Refuse predictions that are not 21 joints in the camera's frame."""
    protocol = None if predictions.unit == 'px' else find_protocol(predictions.protocol)
    if protocol is None or protocol.alignment != 'absolute' or protocol.joints != JOINTS:
        raise ValueError(
            f'{source}: its joints are stored by {predictions.protocol}, expected camera-space joints (abs_21j): '
            "evaluate with HandKeypointMetric(root=None, scale='pred', dump=...)"
        )
    bad = ~is_sane(predictions.pred).all(-1)
    if bad.any():
        frame, joint = np.argwhere(bad)[0]
        raise ValueError(
            f'{source}: image {predictions.img_ids[frame]}, joint {joint} (from 0) is '
            f'{predictions.pred[frame, joint].tolist()}, expected finite mm'
        )


def _rows(ids: np.ndarray, joints: np.ndarray) -> str:
    lines = (','.join([str(number), *map(repr, frame.ravel().tolist())]) for number, frame in zip(ids, joints))
    return '\n'.join(lines) + '\n'


def _lists(joints: np.ndarray) -> str:
    hand = '[' + ','.join(['[0.0,0.0,0.0]'] * _VERTICES) + ']'
    return f'[{json.dumps(joints.tolist())}, [{",".join([hand] * len(joints))}]]\n'


def _read_rows(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read rows of a frame's number and 63 coordinates."""
    expected = 1 + 3 * NUM_JOINTS
    ids, rows = {}, []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        words = line.split(',')
        if not line.strip():
            continue
        if len(words) != expected:
            raise ValueError(
                f'{path}, line {number}: found {len(words)} numbers with commas, expected {expected}: the image id, '
                f'then x,y,z of {NUM_JOINTS} joints in mm'
            )
        try:
            image, row = int(words[0]), np.array(words[1:], np.float64)
        except (ValueError, OverflowError) as error:
            raise ValueError(f'{path}, line {number}: not an image id and numbers ({one_line(error)})') from error
        if not 0 <= image < 2**63:
            raise ValueError(f'{path}, line {number}: the image id is {shown(image)}, expected 0 or more')
        if image in ids:
            raise ValueError(
                f'{path}, line {number}: image {image} is on line {ids[image]} already, expected each once'
            )
        ids[image] = number
        rows.append(row)
    if not rows:
        raise ValueError(f'{path}: holds no row, expected one per frame')
    return np.array(list(ids)), np.stack(rows).reshape(len(rows), NUM_JOINTS, 3)


def _read_lists(path: Path) -> np.ndarray:
    """Read the first list of ``[xyz, verts]``, and count the second, frame by frame: as a whole they take gigabytes."""
    text = read_text(path)
    form = 'expected [xyz, verts], two lists with one entry per frame'
    frames: list[np.ndarray] = []
    try:
        count, at = _walk(text, _expect(text, 0, '['), lambda values: frames.append(_frame(path, len(frames), values)))
        if _next(text, at) == ']':
            raise ValueError(f'{path}: found one list, {form}')
        vertices, at = _walk(text, _expect(text, at, ','))
        if _next(text, at) == ',':
            raise ValueError(f'{path}: found three lists or more, {form}')
        if _next(text, _expect(text, at, ']')):
            raise ValueError(f'{path}: found text after the lists, {form}')
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f'{path}: {form}; {one_line(error)}') from error
    if vertices != count:
        raise ValueError(f'{path}: found {count} frames of joints and {vertices} of vertices, expected as many of both')
    return np.stack(frames)


def _walk(text: str, at: int, visit: Callable[[object], None] | None = None) -> tuple[int, int]:
    """Visit each item of the JSON list at a place; return their number, and the place after the list."""
    decoder, number = json.JSONDecoder(), 0
    sign = '['
    while number == 0 or _next(text, at) == ',':
        item, at = decoder.raw_decode(text, _SPACE.match(text, _expect(text, at, sign)).end())
        number, sign = number + 1, ','
        if visit is not None:
            visit(item)
    return number, _expect(text, at, ']')


def _next(text: str, at: int) -> str:
    """Return the next sign that is no blank; '' at the end."""
    at = _SPACE.match(text, at).end()
    return text[at : at + 1]


def _expect(text: str, at: int, sign: str) -> int:
    """Return the place after a sign and the blanks before it."""
    at = _SPACE.match(text, at).end()
    if text[at : at + 1] != sign:
        raise json.JSONDecodeError(f'Expecting {sign!r}', text, at)
    return at + 1


def _frame(path: Path, number: int, values: object) -> np.ndarray:
    """Return a frame's joints, shape (21, 3), as in the file."""
    expected = f'expected {NUM_JOINTS} joints of three numbers'
    try:
        frame = np.asarray(values, np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f'{path}: frame {number} (from 0) of the joints is {shown(values)}, {expected}') from error
    if frame.shape != (NUM_JOINTS, 3):
        raise ValueError(f'{path}: frame {number} (from 0) of the joints has shape {frame.shape}, {expected}')
    return frame


def _check(path: Path, joints: np.ndarray, form: SubmissionForm) -> None:
    """Refuse joints that are not finite, in another unit, or behind the camera as a whole."""
    bad = ~np.isfinite(joints).all(-1)
    if bad.any():
        frame, joint = np.argwhere(bad)[0]
        raise ValueError(
            f'{path}: {JOINTS[joint]} of frame {frame} (from 0) is not finite, expected numbers '
            f'({bad.sum()} joints in {bad.any(1).sum()} frames)'
        )
    size, (low, high) = hand_size(joints), HAND_RANGE
    if size > high or low <= size * UNITS['m'] <= high:
        raise ValueError(
            f'{path}: its hands are {size:.3g} mm across, expected {low:g} to {high:g}: '
            f'coordinates must be in {form.unit}'
        )
    if (joints[..., 2] < 0).all():
        away = 'negative' if form.axes[2] < 0 else 'positive'
        raise ValueError(
            f"{path}: all hands are behind the camera, expected them along {away} z (the camera's axes: x right, "
            f'{"y up, OpenGL" if form.axes[1] < 0 else "y down"})'
        )
