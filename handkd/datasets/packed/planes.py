"""How the pixels of a crop are stored: arrays of whole numbers, from which the modalities come back in microseconds."""

from __future__ import annotations

import numpy as np

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


def decode_depth(counts: np.ndarray, unit: float) -> np.ndarray:
    """Return depth in mm, float32, from :func:`encode_depth`."""
    return np.multiply(counts, np.float32(unit), dtype=np.float32)


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


def decode_mask(plane: np.ndarray) -> np.ndarray:
    """Return the mask, bool, from :func:`encode_parts`."""
    return (plane & np.uint8(1)).view(bool)


def decode_parts(plane: np.ndarray) -> np.ndarray:
    """Return the part labels, uint8, from :func:`encode_parts`; a shift with sign takes 'unknown' back to 255."""
    return (plane.view(np.int8) >> np.int8(1)).view(np.uint8)


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


def decode_pixels(stored: dict[str, np.ndarray], modalities: tuple[str, ...], unit: float) -> dict[str, np.ndarray]:
    """Return the keys of a sample from what :func:`encode_pixels` made, of the modalities asked for."""
    pixels = {}
    if 'rgb' in modalities:
        pixels['img'] = stored['img']
    if 'depth' in modalities:
        pixels['depth'] = decode_depth(stored['depth'], unit)
    if 'mask' in modalities:
        pixels['hand_mask'] = decode_mask(stored['parts'])
    if 'parts' in modalities:
        pixels['part_seg'] = decode_parts(stored['parts'])
    return pixels
