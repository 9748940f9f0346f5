"""Storage of a crop's pixels: integer arrays, decoded to the modalities within microseconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handkd.datasets.transforms.batch import empty_arrays

PLANE_MODALITIES = {'img': ('rgb',), 'depth': ('depth',), 'parts': ('mask', 'parts')}
"""Stored array -> the modalities that it holds."""
_LAST_COUNT = 65535


def encode_depth(depth: np.ndarray, unit: float) -> np.ndarray:
    """Return depth as counts of ``unit``, rounded: the error is at most half a unit.

    Values beyond 65535 units (6.55 m at 0.1 mm) become 0, no reading, and so do non-finite and negative ones: no hand
    is that far away, and a wrong distance would be worse than none.

    Args:
        depth: Shape (H, W), float, mm along the optical axis of the crop's camera.
        unit: Millimetres per count.

    Returns:
        Shape (H, W), uint16.
    """
    counts = np.rint(np.nan_to_num(depth, nan=0.0, posinf=0.0, neginf=0.0) / unit)
    return np.where((counts > 0) & (counts <= _LAST_COUNT), counts, 0).astype(np.uint16)


def decode_depth(counts: np.ndarray, unit: float, out: np.ndarray) -> None:
    """Decode the result of :func:`encode_depth`.

    Args:
        counts: Shape (H, W), uint16, of the crop.
        unit: Millimetres per count.
        out: Takes the depth, shape (H, W), float32, mm.
    """
    np.multiply(counts, np.float32(unit), out=out, dtype=np.float32)


def encode_parts(mask: np.ndarray | None, parts: np.ndarray | None) -> np.ndarray:
    """Return the hand's mask and the part labels in one plane: 2 x label + mask, modulo 256.

    Args:
        mask: Mask of the crop, shape (H, W), bool, or None.
        parts: Part labels of the crop, shape (H, W), uint8, below 64, or 255 for unknown; or None.

    Returns:
        Shape (H, W), uint8.

    Raises:
        ValueError: If a label is in 64..254.
    """
    if parts is None:
        return mask.astype(np.uint8)
    if ((parts >= 64) & (parts < 255)).any():
        found = int(parts[(parts >= 64) & (parts < 255)].max())
        raise ValueError(f"'part_seg' has the label {found}, expected labels below 64, or 255 (unknown)")
    plane = parts << np.uint8(1)
    return plane if mask is None else plane | mask.astype(np.uint8)


def decode_mask(plane: np.ndarray, out: np.ndarray) -> None:
    """Decode the mask of :func:`encode_parts`.

    Args:
        plane: Shape (H, W), uint8, of the crop.
        out: Takes the mask, shape (H, W), bool.
    """
    np.bitwise_and(plane, np.uint8(1), out=out.view(np.uint8))


def decode_parts(plane: np.ndarray, out: np.ndarray) -> None:
    """Decode the part labels of :func:`encode_parts`; an arithmetic shift takes 'unknown' back to 255.

    Args:
        plane: Shape (H, W), uint8, of the crop.
        out: Takes the labels, shape (H, W), uint8: parts 0 to 20, or 255 for unknown; no unit.
    """
    np.right_shift(plane.view(np.int8), np.int8(1), out=out.view(np.int8))


def encode_pixels(sample: dict, modalities: tuple[str, ...], unit: float) -> dict[str, np.ndarray]:
    """Return the arrays to store for a sample, with the keys of :data:`PLANE_MODALITIES`."""
    stored = {}
    if 'rgb' in modalities:
        stored['img'] = sample['img']
    if 'depth' in modalities:
        stored['depth'] = encode_depth(sample['depth'], unit)
    if 'mask' in modalities or 'parts' in modalities:
        stored['parts'] = encode_parts(
            sample['hand_mask'] if 'mask' in modalities else None,
            sample['part_seg'] if 'parts' in modalities else None,
        )
    return stored


def decode_pixels(stored: Sequence[dict[str, np.ndarray]], modalities: tuple[str, ...], unit: float) -> dict:
    """Return the pixels of a batch of crops.

    Args:
        stored: Results of :func:`encode_pixels` for N samples, arrays (H, W) or (H, W, 3).
        modalities: Those to return.
        unit: Millimetres per count of the stored depth.

    Returns:
        Lists of N arrays: ``img`` (H, W, 3), uint8, as stored; ``depth`` (H, W), float32, mm; ``hand_mask`` (H, W),
        bool; ``part_seg`` (H, W), uint8.
    """
    shape = (len(stored), *next(iter(stored[0].values())).shape[:2])
    kinds = {'depth': np.float32, 'mask': bool, 'parts': np.uint8}
    made = empty_arrays({name: (shape, kind) for name, kind in kinds.items() if name in modalities})
    for i, planes in enumerate(stored):
        if 'depth' in made:
            decode_depth(planes['depth'], unit, made['depth'][i])
        if 'mask' in made:
            decode_mask(planes['parts'], made['mask'][i])
        if 'parts' in made:
            decode_parts(planes['parts'], made['parts'][i])
    keys = {'depth': 'depth', 'mask': 'hand_mask', 'parts': 'part_seg'}
    images = {'img': [planes['img'] for planes in stored]} if 'rgb' in modalities else {}
    return images | {keys[name]: list(array) for name, array in made.items()}
