"""How the pixels of a crop are stored: arrays of whole numbers, from which the modalities come back in microseconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handkd.datasets.transforms.batch import empty_arrays

PLANE_MODALITIES = {'img': ('rgb',), 'depth': ('depth',), 'parts': ('mask', 'parts')}
"""Stored array -> the modalities that it holds."""
_LAST_COUNT = 65535


def encode_depth(depth: np.ndarray, unit: float) -> np.ndarray:
    """Return depth as counts of ``unit``, rounded: at most half a unit off.

    What is farther than 65535 units (6.55 m at 0.1 mm) becomes 0, no reading, as does what is not finite or negative: a
    hand is never there, and a false distance would be worse than none.

    Args:
        depth: Shape (H, W), float, mm.
        unit: Millimetres a count.

    Returns:
        Shape (H, W), uint16.
    """
    counts = np.rint(np.nan_to_num(depth, nan=0.0, posinf=0.0, neginf=0.0) / unit)
    return np.where((counts > 0) & (counts <= _LAST_COUNT), counts, 0).astype(np.uint16)


def decode_depth(counts: np.ndarray, unit: float, out: np.ndarray) -> None:
    """Write depth in mm, float32, from :func:`encode_depth`."""
    np.multiply(counts, np.float32(unit), out=out, dtype=np.float32)


def encode_parts(mask: np.ndarray | None, parts: np.ndarray | None) -> np.ndarray:
    """Return the hand's mask and the part labels in one plane: 2 x label + mask, modulo 256.

    Args:
        mask: Shape (H, W), bool, or None.
        parts: Shape (H, W), uint8, labels below 64, or 255 for unknown; or None.

    Returns:
        Shape (H, W), uint8.

    Raises:
        ValueError: If a label is in 64..254.
    """
    if parts is None:
        return mask.astype(np.uint8)
    if ((parts >= 64) & (parts < 255)).any():
        found = int(parts[(parts >= 64) & (parts < 255)].max())
        raise ValueError(f"'part_seg' has the label {found}; below 64 and 255 (unknown) can be stored")
    plane = parts << np.uint8(1)
    return plane if mask is None else plane | mask.astype(np.uint8)


def decode_mask(plane: np.ndarray, out: np.ndarray) -> None:
    """Write the mask, bool, from :func:`encode_parts`."""
    np.bitwise_and(plane, np.uint8(1), out=out.view(np.uint8))


def decode_parts(plane: np.ndarray, out: np.ndarray) -> None:
    """Write the part labels, uint8, from :func:`encode_parts`; a shift with sign takes 'unknown' back to 255."""
    np.right_shift(plane.view(np.int8), np.int8(1), out=out.view(np.int8))


def encode_pixels(sample: dict, modalities: tuple[str, ...], unit: float) -> dict[str, np.ndarray]:
    """Return the arrays to store of a sample, keys of :data:`PLANE_MODALITIES`."""
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
    """Return the pixels of a batch from what :func:`encode_pixels` made of each sample, of the modalities asked for.

    Images are the stored ones; of the others new arrays (N, H, W) are made, of which lists are returned.
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
