"""Alignment of predicted with true joints before errors are measured: known root, known scale, N-, PA-.

Symbols: N samples, K joints. ``root`` is the index of the root joint, or several indices whose mean is the root
(e.g. the palm's centre from wrist and middle finger). All functions return float64 in the target's unit and frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handkd.geometry.alignment import align_similarity


def root_of(points: np.ndarray, root: int | Sequence[int]) -> np.ndarray:
    """Return each sample's root.

    Args:
        points: Joints, shape (N, K, 3), any unit, any frame.
        root: Index of the root joint, or of the joints whose mean it is.

    Returns:
        Shape (N, 1, 3), float64, unit and frame of ``points``.
    """
    return np.asarray(points, np.float64)[:, np.atleast_1d(root)].mean(1, keepdims=True)


def bone_length(points: np.ndarray, bone: tuple[int, int], whose: str) -> np.ndarray:
    """Return the distance between two joints of each sample.

    Args:
        points: Joints, shape (N, K, 3), any unit, any frame.
        bone: Indices of the two joints.
        whose: 'predicted' or 'true', for the error.

    Returns:
        Shape (N, 1, 1), in the unit of the joints.

    Raises:
        ValueError: If a length is 0 or not finite; names the first such sample.
    """
    start, end = (np.asarray(points, np.float64)[:, joint] for joint in bone)
    length = np.linalg.norm(end - start, axis=-1)
    bad = ~((length > 0) & np.isfinite(length))
    if bad.any():
        sample = int(np.argmax(bad))
        raise ValueError(
            f'sample {sample}: the length of the {whose} scale bone must be positive and finite, found '
            f'{length[sample]:g}'
        )
    return length[:, None, None]


def align_root(points: np.ndarray, target: np.ndarray, root: int | Sequence[int]) -> np.ndarray:
    """Shift each prediction so that its root lies on the true one.

    Args:
        points: Joints, shape (N, K, 3), any unit, axes as those of ``target``.
        target: True joints, of the same shape and unit.
        root: Index of the root joint, or of the joints whose mean it is.
    """
    return points - root_of(points, root) + root_of(target, root)


def align_known_scale(
    points: np.ndarray, target: np.ndarray, root: int | Sequence[int], bone: tuple[int, int]
) -> np.ndarray:
    """Scale normalised, root-relative predictions to the true bone's length and shift them to the true root.

    The predicted root is not moved, so its error counts (PMD-Net, section 4.2; Zimmermann and Brox, ``eval3d``).

    Args:
        points: Joints relative to the root, in units of the bone, shape (N, K, 3).
        target: True joints, of the same shape, any unit (that of the result).
        root: Index of the root joint, or of the joints whose mean it is.
        bone: Indices of the bone's two joints.

    Raises:
        ValueError: If a true bone has no length; names the first such sample.
    """
    return np.asarray(points, np.float64) * bone_length(target, bone, 'true') + root_of(target, root)


def align_bone(points: np.ndarray, target: np.ndarray, root: int | Sequence[int], bone: tuple[int, int]) -> np.ndarray:
    """Shift each prediction's root onto the true one and scale it until a bone has its true length.

    Args:
        points: Joints, shape (N, K, 3), any unit, axes as those of ``target``.
        target: True joints, of the same shape; the result has its unit.
        root: Index of the root joint, or of the joints whose mean it is.
        bone: Indices of the bone's two joints.

    Raises:
        ValueError: If a predicted or true bone has no length; names the first such sample.
    """
    factor = bone_length(target, bone, 'true') / bone_length(points, bone, 'predicted')
    return (points - root_of(points, root)) * factor + root_of(target, root)


def align_best_scale(
    points: np.ndarray, target: np.ndarray, root: int | Sequence[int], valid: np.ndarray | None = None
) -> np.ndarray:
    """Shift each prediction's root onto the true one and scale it by the best factor s = <p, t> / <p, p>.

    The factor may be negative, as in Rhodin et al. (2018): a point-mirrored prediction fits exactly. A prediction whose
    joints all lie on its root has s = 0.

    Args:
        points: Joints, shape (N, K, 3), any unit, axes as those of ``target``.
        target: True joints, of the same shape; the result has its unit.
        root: Index of the root joint, or of the joints whose mean it is.
        valid: Which joints the factor is fitted to, shape (N, K), bool. Defaults to None: all.
    """
    centre = root_of(target, root)
    p, t = points - root_of(points, root), target - centre
    fit_p, fit_t = (p, t) if valid is None else (np.where(valid[..., None], x, 0.0) for x in (p, t))
    energy = (fit_p * fit_p).sum((1, 2))
    scale = (fit_p * fit_t).sum((1, 2)) / np.where(energy > 0, energy, 1.0)
    return scale[:, None, None] * p + centre


def align_procrustes(points: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Align each prediction with its target by the best similarity transform of its labelled joints; never mirror it.

    Args:
        points: Joints, shape (N, K, 3), any unit and frame.
        target: True joints, of the same shape; the result has its unit and frame.
        valid: Which joints have a label, shape (N, K), bool. The others are NaN in the result. Defaults to None: all.

    Raises:
        ValueError: If a sample has fewer than three labelled joints, which any prediction would fit; names it.
    """
    valid = np.ones(np.shape(points)[:2], bool) if valid is None else valid
    few = np.flatnonzero(valid.sum(1) < 3)
    if few.size:
        raise ValueError(
            f'sample {few[0]}: PA needs 3 labelled joints or more, found {valid[few[0]].sum()} '
            f'({few.size} such samples): leave them out, or choose an absolute protocol'
        )
    if valid.all():
        return align_similarity(points, target)
    aligned = np.full(np.shape(points), np.nan)
    patterns, which = np.unique(valid, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        block = np.ix_(which.reshape(-1) == number, pattern)
        aligned[block] = align_similarity(points[block], target[block])
    return aligned
