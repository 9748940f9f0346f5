"""Pseudo-random numbers as a function of seed and position, without a generator or state."""

from __future__ import annotations

_STREAM = 0x9E3779B97F4A7C15  # odd, from the golden ratio: spreads neighbouring numbers over all 64 bits


def mix(seed: int, position: int) -> int:
    """Return a number below 2**32 that depends on both arguments (the finaliser of splitmix64)."""
    z = (seed * 0xD1B54A32D192ED03 + (position + 1) * _STREAM) & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (z ^ (z >> 31)) >> 32
